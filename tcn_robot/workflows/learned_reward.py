"""Fits a reward on an encoder and the demonstrations of a dataset."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.workflows.shown_demonstrations import (
    Demonstrations,
    play_films,
    reward_lines,
    tell_of_views,
)

if TYPE_CHECKING:
    from tcn_robot.models import Encoder
    from tcn_robot.recordings import Episode, Recording
    from tcn_robot.rewards import Reward

FITTING_SPLIT = "train"
CALIBRATION_SPLIT = "valid"


def fit_reward(
    name: str,
    encoder: Path | Sequence[Path],
    demos: Path,
    views: tuple[str, ...] = (),
    options: dict[str, Any] | None = None,
    acting: str = "",
    play: tuple[Path, ...] = (),
    max_demos: int | None = None,
) -> Reward:
    """Fit a learned reward: demonstrations of split "train", calibrated on split "valid".

    Episodes known to have failed are left out. The split "valid" is withheld from the training of
    encoders, so distances on it are those of films never seen. What the reward has to say about
    the demonstrations is printed, a line each, with their ids.

    Args:
        name: A name of `tcn_robot.rewards.REWARDS`.
        encoder: Run or folder with the encoder. Several make an `EnsembleReward`.
        demos: Dataset with the demonstrations.
        views: Views that the reward sees; empty: the first of the dataset.
        options: Further options of the reward's `fit`; for an ensemble those of
            `EnsembleOptions` too.
        acting: The body that will be scored, "" for that of the demonstrations. An encoder with
            statistics per body sees each by its own.
        play: Datasets with unlabelled play of the demonstrations' body and of the acting one,
            for rewards whose `fit` takes `play`.
        max_demos: Most demonstrations of either split; with 1 none is left to calibrate on.

    Raises:
        UserError: Unknown reward or view, no encoder, no demonstrations, or play of no use.
    """
    from tcn_robot.recordings import open_recording
    from tcn_robot.recordings.pairing import refuse_paired
    from tcn_robot.rewards import EnsembleReward, reward_class

    encoders = [encoder] if isinstance(encoder, Path) else list(encoder)
    reward_options, joining = _divided_options(name, dict(options or {}), len(encoders))
    reward = reward_class(name)
    recording = open_recording(demos)
    refuse_paired(recording, "fitting a reward")
    fitting, calibration = chosen_demos(recording, max_demos)
    if max_demos == 1:
        print(
            f"one demonstration, episode {fitting[0].id} of {demos}: nothing is left to calibrate "
            "on; the reward's scale is its fallback",
            file=sys.stderr,
        )
    elif not calibration:
        print(
            f"{demos} has no episode of split {CALIBRATION_SPLIT!r}: the reward is calibrated on "
            "what the encoder was trained on, and its gate may be too strict",
            file=sys.stderr,
        )
    shown = Demonstrations(fitting, calibration, views or fitting[0].views[:1])
    films = play_films(reward, name, play, shown, acting) if play else None
    told: set[str] = set()
    members = [
        _fit_on(reward, path, shown, reward_options, acting, films, told) for path in encoders
    ]
    return members[0] if len(members) == 1 else EnsembleReward(members, **joining)


def _divided_options(
    name: str, options: dict[str, Any], count: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of each reward and those that join several.

    Raises:
        UserError: No encoder, or options of an ensemble that is none.
    """
    from tcn_robot.rewards.ensemble import EnsembleOptions

    if count == 0:
        raise UserError(f"reward {name!r} is learned: expected 1 encoder or more, found none")
    of_ensemble = {field.name for field in dataclasses.fields(EnsembleOptions)} & set(options)
    if of_ensemble and count == 1:
        raise UserError(
            f"reward option {sorted(of_ensemble)[0]!r} joins the rewards of several encoders, "
            "found one; name further ones behind --encoder"
        )
    joining = {option: options.pop(option) for option in sorted(of_ensemble)}
    return options, joining


def _fit_on(
    reward: Any,
    path: Path,
    shown: Demonstrations,
    options: dict[str, Any],
    acting: str,
    films: dict[str, list[dict[str, np.ndarray]]] | None,
    told: set[str],
) -> Reward:
    """Fit one reward on one encoder and print what it has to say that is not among `told`."""
    from tcn_robot.models import for_body, load_encoder

    seeing = load_encoder(path)
    tell_of_views(path, seeing, shown)
    by_acting = for_body(seeing, acting) if acting and seeing.bodies else None
    given = dict(options)
    if films is not None:
        given |= {"play": films, "acting_encoder": by_acting}
    with reward_lines([f"episode {episode.id}" for episode in shown.fitting], told):
        fitted: Reward = reward.fit(
            _for_their_body(seeing, [*shown.fitting, *shown.calibration]),
            shown.frames(),
            calibration=shown.calibration_frames() or None,
            views=shown.views,
            **given,
        )
    if note := getattr(fitted, "calibration_note", ""):
        print(note, file=sys.stderr)
    return fitted if by_acting is None or films is not None else _seen_by(fitted, by_acting)


def _seen_by(reward: Reward, encoder: Encoder) -> Reward:
    """Return a fitted reward that embeds what it scores by another encoder of the same space."""
    from tcn_robot.rewards import load_reward
    from tcn_robot.rewards.storage import replace_encoder

    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "reward"
        reward.save(saved)
        replace_encoder(saved, encoder)
        return load_reward(saved)


def _for_their_body(encoder: Encoder, demos: Sequence[Episode]) -> Encoder:
    """Return an encoder as it embeds the one body of demonstrations; see `for_body`.

    Raises:
        UserError: If it has statistics per body, and the demonstrations are of several or none.
    """
    from tcn_robot.models import for_body

    if not encoder.bodies:
        return encoder
    shown = sorted({demo.embodiment for demo in demos})
    if len(shown) > 1 or not shown[0]:
        found = ", ".join(body or "no named one" for body in shown)
        raise UserError(
            f"this encoder has statistics of {', '.join(encoder.bodies)}: expected demonstrations "
            f"of one of them, found {found}; name a dataset of one body"
        )
    return for_body(encoder, shown[0])


def successful_demos(recording: Recording) -> tuple[list[Episode], list[Episode]]:
    """Return the demonstrations to fit on and those to calibrate on.

    Raises:
        UserError: When no episode of split "train" remains.
    """
    good = [episode for episode in recording if episode.success is not False]
    fitting = [episode for episode in good if episode.split == FITTING_SPLIT]
    calibration = [episode for episode in good if episode.split == CALIBRATION_SPLIT]
    if not fitting:
        raise UserError(
            f"{recording.path} holds no demonstration of split {FITTING_SPLIT!r} that succeeded "
            f"({len(recording)} episodes in all); record some with `tcn-robot record --policy "
            "expert`"
        )
    return fitting, calibration


def chosen_demos(
    recording: Recording, max_demos: int | None
) -> tuple[list[Episode], list[Episode]]:
    """Return the demonstrations to fit on and those to calibrate on, at most so many of each.

    With one demonstration none is left to calibrate on.

    Raises:
        UserError: When no episode of split "train" remains.
    """
    fitting, calibration = successful_demos(recording)
    return fitting[:max_demos], [] if max_demos == 1 else calibration[:max_demos]


def check_demos_task(demos: Path, task: str) -> None:
    """Refuse demonstrations of another task; those of the same one in another simulator are fine.

    Args:
        demos: Dataset with the demonstrations.
        task: Full id of the task the policy learns.

    Raises:
        UserError: When the dataset says that it shows another task, or holds nothing.
    """
    from tcn_robot.envs.table import NAMESPACE, is_same_task
    from tcn_robot.recordings import open_recording

    recording = open_recording(demos)
    shown = recording.task
    if not shown or shown.rpartition("/")[2] == task.rpartition("/")[2]:
        return
    if not is_same_task(f"{NAMESPACE}{shown.removeprefix(NAMESPACE)}", task):
        raise UserError(
            f"{demos} shows task {shown}, the policy is to learn {task}; "
            "name demonstrations of the same task"
        )
