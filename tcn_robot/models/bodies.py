"""Encoders with statistics per body, as a film of one body has to be embedded by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.models.encoder import Encoder, seeded_generator
from tcn_robot.models.norms import BodyBatchNorm
from tcn_robot.models.table import build_encoder


def embed_film(encoder: Any, frames: np.ndarray, embodiment: str) -> np.ndarray:
    """Embed the frames of one film by the statistics of its body, where an encoder has such.

    Args:
        encoder: An `Encoder`, or anything with its `embed`.
        frames: uint8 (N, H, W, 3).
        embodiment: The film's body, "" where the recording names none.

    Returns:
        float32 (N, D).

    Raises:
        UserError: If the encoder does not know the body.
    """
    if not getattr(encoder, "bodies", ()):
        return encoder.embed(frames)  # type: ignore[no-any-return]
    return encoder.embed(frames, body=embodiment or None)  # type: ignore[no-any-return]


def film_embedder(encoder: Any) -> Callable[[np.ndarray, str], np.ndarray]:
    """Return `embed_film` of one encoder: (frames, embodiment) to embeddings."""
    return partial(embed_film, encoder)


def body_indices(bodies: Sequence[str], embodiments: Sequence[str]) -> np.ndarray:
    """Return the place of each episode's body among an encoder's, int64 (E,).

    Raises:
        UserError: If the encoder does not know one.
    """
    unknown = sorted({body or "no named body" for body in embodiments if body not in bodies})
    if unknown:
        raise UserError(
            f"the encoder has statistics of --bodies {' '.join(bodies)}, found episodes of "
            f"{', '.join(unknown)}; name every body of the recordings"
        )
    return np.array([bodies.index(body) for body in embodiments], np.int64)


def for_body(encoder: Encoder, body: str) -> Encoder:
    """Return an encoder as it embeds films of one body: it knows no other and need not be told.

    Args:
        encoder: Left as it is. One without statistics per body is returned itself.
        body: One of `encoder.bodies`.

    Raises:
        UserError: If the encoder has statistics per body, and none of this one.
    """
    if not encoder.bodies:
        return encoder
    if body not in encoder.bodies:
        raise unknown_name("body of the encoder", body, encoder.bodies)
    index = encoder.bodies.index(body)
    shape = replace(encoder.config, bodies=(body,), weights="")
    alone = build_encoder(encoder.kind, shape, seeded_generator(0)).to(encoder.device)
    per_body = [name for name, m in encoder.named_modules() if isinstance(m, BodyBatchNorm)]
    theirs = {f"{name}.{kept}" for name in per_body for kept in BodyBatchNorm.STATISTICS}
    alone.load_state_dict(
        {
            name: _row(value, index) if name in theirs else value
            for name, value in encoder.state_dict().items()
        }
    )
    alone.foreground = encoder.foreground
    return alone.train(encoder.training)


def _row(value: torch.Tensor, index: int) -> torch.Tensor:
    return value[index : index + 1]  # (1, C)
