"""Fits a reward on an encoder and the demonstrations of a dataset."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.errors import UserError, unknown_name

if TYPE_CHECKING:
    from tcn_robot.models import Encoder
    from tcn_robot.recordings import Episode, Recording
    from tcn_robot.rewards import Reward

FITTING_SPLIT = "train"
CALIBRATION_SPLIT = "valid"


def fit_reward(
    name: str,
    encoder: Path,
    demos: Path,
    views: tuple[str, ...] = (),
    options: dict[str, Any] | None = None,
    acting: str = "",
    max_demos: int | None = None,
) -> Reward:
    """Fit a learned reward: demonstrations of split "train", calibrated on split "valid".

    Episodes known to have failed are left out. The split "valid" is withheld from the training of
    encoders, so distances on it are those of films never seen.

    Args:
        name: A name of `tcn_robot.rewards.REWARDS`.
        encoder: Run or folder with the encoder.
        demos: Dataset with the demonstrations.
        views: Views that the reward sees; empty: the first of the dataset.
        options: Further options of the reward's `fit`.
        acting: The body that will be scored, "" for that of the demonstrations. An encoder with
            statistics per body sees each by its own.
        max_demos: Most demonstrations of either split; with 1 none is left to calibrate on.

    Raises:
        UserError: Unknown reward or view, no encoder, no demonstrations.
    """
    from tcn_robot.models import for_body, load_encoder
    from tcn_robot.recordings import open_recording
    from tcn_robot.recordings.pairing import refuse_paired
    from tcn_robot.rewards import reward_class

    reward = reward_class(name)
    recording = open_recording(demos)
    refuse_paired(recording, "fitting a reward")
    fitting, calibration = chosen_demos(recording, max_demos)
    if max_demos == 1:
        print(
            f"one demonstration, episode {fitting[0].id} of {demos}: nothing is left to calibrate "
            "on; the reward's scale is its fallback, and its gate may be too strict",
            file=sys.stderr,
        )
    elif not calibration:
        print(
            f"{demos} has no episode of split {CALIBRATION_SPLIT!r}: the reward is calibrated on "
            "what the encoder was trained on, and its gate may be too strict",
            file=sys.stderr,
        )
    views = views or fitting[0].views[:1]
    seeing = load_encoder(encoder)
    fitted = reward.fit(
        _for_their_body(seeing, [*fitting, *calibration]),
        load_frames(fitting, views),
        calibration=load_frames(calibration, views) or None,
        views=views,
        **(options or {}),
    )
    return _seen_by(fitted, for_body(seeing, acting)) if acting and seeing.bodies else fitted


def _seen_by(reward: Reward, encoder: Encoder) -> Reward:
    """Return a fitted reward that embeds what it scores by another encoder of the same space."""
    from tcn_robot.rewards import load_reward

    with tempfile.TemporaryDirectory() as folder:
        reward.save(Path(folder) / "reward")
        return load_reward(Path(folder) / "reward", encoder)


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


def load_frames(episodes: Sequence[Episode], views: Sequence[str]) -> list[dict[str, np.ndarray]]:
    """Return {view: uint8 (T, H, W, 3)} of each episode.

    Raises:
        UserError: When an episode lacks a view.
    """
    for episode in episodes:
        for view in views:
            if view not in episode.views:
                raise unknown_name(f"view of demonstration {episode.id}", view, episode.views)
    return [{view: episode.frames(view) for view in views} for episode in episodes]


def check_demos_task(demos: Path, task: str) -> None:
    """Refuse demonstrations of another task.

    Args:
        demos: Dataset with the demonstrations.
        task: Full id of the task the policy learns.

    Raises:
        UserError: When the dataset says that it shows another task, or holds nothing.
    """
    from tcn_robot.recordings import open_recording

    recording = open_recording(demos)
    shown = recording.task
    if shown and shown.rpartition("/")[2] != task.rpartition("/")[2]:
        raise UserError(
            f"{demos} shows task {shown}, the policy is to learn {task}; "
            "name demonstrations of the same task"
        )
