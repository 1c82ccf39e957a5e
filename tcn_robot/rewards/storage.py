"""Fitted rewards on disk: JSON and safetensors beside their encoder, nothing that runs on load."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.rewards.interface import Embedder, Reward

SCHEMA_VERSION = 1
CONFIG_FILE = "reward.json"
ARRAYS_FILE = "reward.safetensors"
ENCODER_FOLDER = "encoder"
#: Where a reward that is made of another one keeps that.
INNER_FOLDER = "inner"
#: Name of several rewards joined to one, which is loaded but not fitted by a name.
ENSEMBLE = "ensemble"


def save_fitted(
    folder: Path,
    name: str,
    encoder: Embedder | None,
    options: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    parts: Mapping[str, Reward] | None = None,
) -> None:
    """Write a fitted reward into a folder, whole or not at all.

    Args:
        folder: Replaced if it exists.
        name: The reward's name in the table.
        encoder: Written into `folder/encoder` if it can `save`; otherwise it has to be handed
            to `load` again. None where the parts have theirs.
        options: What JSON can hold.
        arrays: {name: array}.
        parts: Rewards that it is made of, written into folders of their own within.
    """
    from safetensors.numpy import save

    document = {
        "schema_version": SCHEMA_VERSION,
        "reward": name,
        "encoder_sha256": None if encoder is None else encoder_hash(encoder),
        "options": options,
    }
    with atomic_folder(Path(folder)) as partial:
        # An ordinary write: on a full disk it fails as one.
        contiguous = {key: np.ascontiguousarray(value) for key, value in arrays.items()}
        (partial / ARRAYS_FILE).write_bytes(save(contiguous))
        (partial / CONFIG_FILE).write_text(json.dumps(document, indent=2) + "\n", "utf-8")
        save_encoder = getattr(encoder, "save", None)
        if save_encoder is not None:
            save_encoder(partial / ENCODER_FOLDER)
        for part, reward in (parts or {}).items():
            reward.save(partial / part)


def encoder_hash(encoder: Embedder) -> str | None:
    """Return the SHA-256 of an encoder's config and weights, 64 hexadecimal digits.

    None for one that is not of `tcn_robot.models` and has no `sha256()` of its own.
    """
    own = getattr(encoder, "sha256", None)
    if callable(own):
        return str(own())
    if not hasattr(encoder, "state_dict"):
        return None
    from tcn_robot.models import Encoder, encoder_sha256

    return encoder_sha256(encoder) if isinstance(encoder, Encoder) else None


def replace_encoder(folder: Path, encoder: Embedder) -> None:
    """Give a saved reward another encoder of the same space, such as another body's statistics.

    Only for encoders whose embeddings are known to be comparable: the demonstrations stay as the
    encoder that the reward was fitted with has embedded them. Of a reward that is made of another
    one, that one has the encoder, and nothing else is written.

    Args:
        folder: A saved reward; left as it is if anything goes wrong.
        encoder: Has a `save`.

    Raises:
        UserError: No reward there, an ensemble, or an encoder of another dimension.
    """
    if read_document(folder)[0] == ENSEMBLE:
        raise UserError(
            f"{folder} holds an ensemble: expected one reward; replace the encoder of each member"
        )
    name, options, arrays = read_fitted(folder)
    if (inner := Path(folder) / INNER_FOLDER).is_dir():
        replace_encoder(inner, encoder)
        return
    _check_dimension(folder, encoder, arrays)
    save_fitted(folder, name, encoder, options, arrays)


def where_fitted_with(
    folder: Path, encoder: Embedder, sha256: str
) -> Embedder | list[Embedder | None] | None:
    """Return what to hand to `load_reward` so that an encoder is used wherever it is the same.

    Args:
        folder: A saved reward.
        encoder: What embeds elsewhere already.
        sha256: Its SHA-256, which is known even where it is wrapped.

    Returns:
        The encoder, if the reward was fitted with it; None where another was, or nobody knows;
        for an ensemble a list of these, one per member.

    Raises:
        UserError: No reward there, one of a newer version, or a damaged one.
    """
    name, options, known = read_document(folder)
    if name == ENSEMBLE:
        # Reading the members tells of a number that is none.
        count = options.get("members")
        members = range(count) if isinstance(count, int) else ()
        each = [
            where_fitted_with(Path(folder) / member_folder(m), encoder, sha256) for m in members
        ]
        return [one if not isinstance(one, list) else None for one in each] if each else None
    if (inner := Path(folder) / INNER_FOLDER).is_dir():
        return where_fitted_with(inner, encoder, sha256)
    return encoder if known is not None and known == sha256 else None


def member_folder(index: int) -> str:
    """Return the name of the folder of an ensemble's member, within the ensemble's."""
    return f"member_{index}"


def read_document(folder: Path) -> tuple[str, dict[str, Any], str | None]:
    """Read (name, options, SHA-256 of the encoder) of a fitted reward.

    The last is None where nobody knows it: rewards from before it was kept, and encoders that
    cannot be hashed.

    Raises:
        UserError: No reward there, one of a newer version, or a damaged one.
    """
    path = Path(folder) / CONFIG_FILE
    if not path.is_file():
        raise UserError(f"expected a fitted reward in {folder}, found no {CONFIG_FILE}; fit one")
    try:
        document = json.loads(path.read_text("utf-8"))
        version = int(document["schema_version"])
        name, options = str(document["reward"]), dict(document["options"])
        known = document.get("encoder_sha256")
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise UserError(f"{path} is damaged ({error}); fit the reward again") from error
    if version > SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema version {version}, this tcn_robot reads up to "
            f"{SCHEMA_VERSION}; update tcn_robot"
        )
    return name, options, None if known is None else str(known)


def read_fitted(folder: Path) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]]]:
    """Read (name, options, arrays) of a fitted reward.

    Raises:
        UserError: No reward there, one of a newer version, or a damaged one.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    name, options, _ = read_document(folder)
    try:
        arrays = load_file(str(Path(folder) / ARRAYS_FILE))
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{Path(folder) / ARRAYS_FILE} is missing or damaged; fit the reward again"
        ) from error
    return name, options, arrays


def stored_encoder(
    folder: Path, encoder: Embedder | None, arrays: Mapping[str, NDArray[Any]]
) -> Embedder:
    """Return the encoder handed in, or the one stored with the reward.

    Args:
        folder: The fitted reward.
        encoder: What was handed in.
        arrays: The reward's arrays; those of floats end in the embeddings' dimension.

    Raises:
        UserError: Neither is there, or it is another one than the reward was fitted with, as far
            as can be told: by its SHA-256, else by its dimension.
    """
    found = encoder if encoder is not None else _encoder_of(folder)
    _check_dimension(folder, found, arrays)
    expected, hashed = read_document(folder)[2], encoder_hash(found)
    if expected and hashed and hashed != expected:
        where = "the encoder handed in" if encoder is not None else f"{folder}/{ENCODER_FOLDER}"
        raise UserError(
            f"the reward in {folder} was fitted with an encoder of SHA-256 {expected[:12]}…, "
            f"{where} has {hashed[:12]}…: its weights have changed; restore them, or fit the "
            "reward again"
        )
    return found


def _check_dimension(folder: Path, encoder: Embedder, arrays: Mapping[str, NDArray[Any]]) -> None:
    dimensions = {
        array.shape[-1] for array in arrays.values() if array.dtype == np.float32 and array.ndim
    }
    dimension = getattr(encoder, "dimension", None)
    if dimension is not None and dimensions and {int(dimension)} != dimensions:
        raise UserError(
            f"the reward in {folder} was fitted in dimension {sorted(dimensions)[0]}, the encoder "
            f"has dimension {dimension}; pass the one that it was fitted with"
        )


def _encoder_of(folder: Path) -> Embedder:
    if not (Path(folder) / ENCODER_FOLDER).is_dir():
        raise UserError(f"{folder} holds no encoder; pass the one that the reward was fitted with")
    from tcn_robot.models import load_encoder

    loaded: Embedder = load_encoder(Path(folder))
    return loaded


def load_reward(
    folder: Path, encoder: Embedder | Sequence[Embedder | None] | None = None
) -> Reward:
    """Load any fitted reward that `save` has written.

    A file never has code imported: a reward of a name like `module:Class` loads where that module
    has been imported already, by you or because you named the reward.

    Args:
        folder: Where it lies.
        encoder: The encoder it was fitted with, a sequence of them for an ensemble; the stored
            one when None.

    Raises:
        UserError: Nothing usable there, a reward of an unknown name, or another encoder than the
            reward was fitted with.
    """
    from tcn_robot.rewards.ensemble import EnsembleReward
    from tcn_robot.rewards.table import reward_class

    name, _, _ = read_document(folder)
    several = isinstance(encoder, Sequence)
    if name == ENSEMBLE:
        if encoder is not None and not isinstance(encoder, Sequence):
            raise UserError(
                f"{folder} holds an ensemble: expected a sequence of encoders, one per member, "
                "found a single one"
            )
        return EnsembleReward.load(Path(folder), encoder)
    _refuse_unnamed_code(folder, name)
    if several:
        raise UserError(f"{folder} holds one {name} reward: expected one encoder, found several")
    return reward_class(name).load(Path(folder), encoder)  # type: ignore[arg-type]


def _refuse_unnamed_code(folder: Path, name: str) -> None:
    module, colon, _ = name.partition(":")
    if colon and module not in sys.modules:
        raise UserError(
            f"the reward in {folder} is of the code {name!r}, which is not imported because a file "
            f"says so; if you trust it, import {module} first, or make it an entry point of "
            "tcn_robot.rewards"
        )
