"""`tcn-robot relabel`: a learned reward of every frame of a dataset, in one Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from tcn_robot.atomic import refuse_unwritable
from tcn_robot.errors import UserError
from tcn_robot.progress import say
from tcn_robot.workflows.folders import refuse_nested
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.recordings import Episode, Recording
    from tcn_robot.recordings.formats.lerobot.plan import DatasetPlan
    from tcn_robot.rewards import Reward

SUFFIX = ".parquet"
DEFAULT_ENDING = "_progress.parquet"


def relabel(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    out: Path | None = None,
    fitted: Path | None = None,
    encoder: tuple[Path, ...] = (),
    demos: Path | None = None,
    reward: str = "progress",
    reward_options: tuple[str, ...] = (),
    reward_views: tuple[str, ...] = (),
    views: tuple[str, ...] = (),
    rate: float | None = None,
    resample: bool = False,
) -> None:
    """Score every frame of every episode with a learned reward.

    The Parquet file has one row per row of `tcn-robot export lerobot-v3` of this dataset, with its
    `index`, and the columns that LeRobot's reward-aware training reads. The dataset is only read.

    Args:
        dataset: Folder of the dataset.
        out: File to write (.parquet), or the folder of the exported dataset, which is checked to
            have the same rows; without, DATASET_progress.parquet beside the dataset.
        fitted: A run of `tcn-robot imitate`, or the folder of its reward.
        encoder: Without --fitted: run of `tcn-robot train`; several make an ensemble.
        demos: Without --fitted: dataset with the demonstrations that the reward is fitted to.
        reward: Without --fitted: progress, trajectory, goal, classifier, shaping or mixture.
        reward_options: Options of the reward as name=value.
        reward_views: Views that the reward looks through; without, the first of the demos.
        views: Views that the export has; default: all.
        rate: Frames per second that the export has; default: as measured.
        resample: Whether the export brings views onto one grid.
    """
    from tcn_robot.recordings import open_recording
    from tcn_robot.recordings.formats.foreign import WriteOptions
    from tcn_robot.recordings.formats.lerobot import progress_files
    from tcn_robot.recordings.formats.lerobot.plan import plan_dataset
    from tcn_robot.workflows.given_reward import given_reward
    from tcn_robot.workflows.imitate import parse_options

    if rate is not None and not 0.001 <= rate <= 1_000:
        raise UserError(f"--rate must lie between 0.001 and 1000 frames per second, found {rate}")
    recording = open_recording(dataset)
    target = _target(dataset, out)
    plan = plan_dataset(recording, WriteOptions(rate, resample, "as-needed", views or None))
    if target.parent == out:
        progress_files.refuse_other_export(out, plan)
    options = parse_options(reward_options)
    by_body = given_reward(fitted, encoder, demos, reward, reward_views, options)
    seen = _views_seen(plan, by_body)
    scores = _scores(plan, by_body, seen)
    used = [by_body(body) for body in dict.fromkeys(one.embodiment for one in plan.episodes)]
    why_not = why_no_progress(used, scores)
    if why_not:
        say(f"no column {progress_files.PROGRESS_COLUMN}, which LeRobot reads: {why_not}")
    facts = _facts(recording, plan, used, reward if fitted is None else "", seen)
    table = progress_files.progress_table(plan, scores, not why_not, facts)
    progress_files.write_progress(target, table)
    print(f"{table.num_rows} frames of {len(plan.episodes)} episodes: {target}")


def _target(dataset: Path, out: Path | None) -> Path:
    """Return the file to write.

    Raises:
        UserError: One that is there, that cannot be written, or that lies in the dataset.
    """
    from tcn_robot.recordings.formats.lerobot.progress_files import PROGRESS_FILE

    if out is None:
        whole = dataset.resolve()
        target = whole.with_name(whole.name + DEFAULT_ENDING)
    elif out.is_dir():
        target = out / PROGRESS_FILE
    elif out.suffix != SUFFIX:
        raise UserError(f"--out must end with {SUFFIX} or be the folder of an export, found {out}")
    else:
        target = out
    refuse_nested(dataset, target)
    refuse_unwritable(target)
    if target.exists() or target.is_symlink():
        raise UserError(f"{target} is there already; remove it, or name another file with --out")
    return target


def _views_seen(plan: DatasetPlan, by_body: Callable[[str], Reward]) -> dict[int, tuple[str, ...]]:
    """Return through which views each episode is scored; what is missing is said.

    Raises:
        UserError: An episode has none of those that the reward looks through.
    """
    seen: dict[int, tuple[str, ...]] = {}
    fewer: list[int] = []
    for episode in plan.episodes:
        wanted = by_body(episode.embodiment).views
        own = tuple(view for view in wanted if view in plan.views[episode.id])
        if not own:
            raise UserError(
                f"the reward looks through {', '.join(wanted)}, episode {episode.id} has "
                f"{', '.join(plan.views[episode.id])}; choose other --reward-views or --views"
            )
        seen[episode.id] = own
        fewer += [episode.id] if len(own) < len(wanted) else []
    if fewer:
        say(
            f"{len(fewer)} episodes lack a view that the reward looks through, episode {fewer[0]} "
            f"first; they are scored through {', '.join(seen[fewer[0]])} alone"
        )
    return seen


def _scores(
    plan: DatasetPlan, by_body: Callable[[str], Reward], seen: Mapping[int, tuple[str, ...]]
) -> dict[int, np.ndarray]:
    """Return the score of each row of each episode, float32 (T,) by id."""
    from tcn_robot.progress import Progress
    from tcn_robot.rewards.relabelling import score_film

    total = sum(map(len, plan.rows.values()))
    scores: dict[int, np.ndarray] = {}
    with Progress(total, "scoring", "frames") as display:
        for episode in plan.episodes:
            rows = plan.rows[episode.id]
            films = {v: _shown(episode, v, rows.frames[v]) for v in seen[episode.id]}
            own = score_film(by_body(episode.embodiment), films, len(rows))
            if not np.isfinite(own).all():
                raise UserError(f"episode {episode.id}: the reward gave NaN; fit it again")
            scores[episode.id] = own
            display.advance(len(rows))
    return scores


def _shown(episode: Episode, view: str, frames: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the frame that each row shows; only one is decoded at a time.

    Args:
        episode: The episode.
        view: Its view.
        frames: int64 (T,), ascending, maybe with repetitions: which frames.

    Raises:
        UserError: A film that has not as many frames as times were recorded.
    """
    from tcn_robot.recordings.formats.exporting import refuse_other_length

    counts = np.bincount(frames, minlength=episode.length(view))
    num_frames = 0
    for num_frames, picture in enumerate(episode.iterate_frames(view), start=1):
        if num_frames <= len(counts):
            yield from repeat(picture, int(counts[num_frames - 1]))
    refuse_other_length(episode, view, num_frames)


def why_no_progress(rewards: list[Reward], scores: Mapping[int, np.ndarray]) -> str:
    """Return why scores are no progress from 0 to 1, in words; empty where they are.

    LeRobot compares how much the progress rises over some frames with a fixed threshold, so
    distances and differences would not be understood.
    """
    if any(getattr(one, "shaping_discount", None) is not None for one in rewards):
        return "shaping pays differences; give its potential as --reward"
    low = min(float(own.min()) for own in scores.values())
    high = max(float(own.max()) for own in scores.values())
    if low < 0.0 or high > 1.0:
        return f"scores from {low:.3g} to {high:.3g} are no progress from 0 to 1"
    return ""


def _facts(
    recording: Recording,
    plan: DatasetPlan,
    rewards: list[Reward],
    name: str,
    seen: Mapping[int, tuple[str, ...]],
) -> dict[str, Any]:
    """Return what the file says of itself."""
    from tcn_robot.provenance import versions
    from tcn_robot.rewards.storage import encoder_hash

    encoders = [encoder_hash(one.encoder) for one in rewards if hasattr(one, "encoder")]
    return {
        "format": "tcn_robot.progress",
        "format_version": 1,
        "task": recording.task,
        "reward": name or sorted({type(one).__name__ for one in rewards}),
        "encoder_sha256": [one for one in encoders if one],
        "views": sorted({view for own in seen.values() for view in own}),
        "rate_hz": plan.rate_hz,
        "episodes": {str(one.id): one.content_hash for one in plan.episodes},
        "versions": versions(),
    }


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(relabel, arguments)
