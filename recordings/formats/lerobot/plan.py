"""Which row of a LeRobot dataset shows what: the order of episodes, their views and frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.recordings.format import SPLITS
from tcn_robot.recordings.formats.alignment import Rows, common_rate, plan_rows
from tcn_robot.recordings.formats.exporting import chosen_views
from tcn_robot.recordings.formats.foreign import WriteOptions
from tcn_robot.recordings.reader import Episode, Recording


@dataclass(frozen=True)
class DatasetPlan:
    """Where everything stands in the dataset that an export writes.

    Attributes:
        episodes: In its order: `episode_index` is the position. Those of one split together.
        views: By id of an episode, its views; the first is the one that steps belong to.
        rate_hz: Frames per second.
        rows: By id of an episode, its rows; `index` counts them on from episode to episode.
    """

    episodes: tuple[Episode, ...]
    views: Mapping[int, tuple[str, ...]]
    rate_hz: int
    rows: Mapping[int, Rows]


def plan_dataset(recording: Recording, options: WriteOptions) -> DatasetPlan:
    """Plan an export; nothing is decoded.

    Args:
        recording: The dataset.
        options: As the export is asked for.

    Raises:
        UserError: If it cannot stand in this format as asked.
    """
    for episode in recording:
        if episode.split not in SPLITS:
            raise unknown_name(f"split of episode {episode.id}", episode.split, SPLITS)
    episodes = tuple(sorted(recording, key=lambda one: (SPLITS.index(one.split), one.id)))
    views = _views_in_one_order(episodes, options)
    if options.rate_hz is not None and options.rate_hz != int(options.rate_hz):
        raise UserError(f"LeRobot's rate is a whole number, found --rate {options.rate_hz:g}")
    rate_hz = int(options.rate_hz or common_rate(episodes, views))
    rows = {one.id: plan_rows(one, views[one.id], rate_hz, options.resample) for one in episodes}
    return DatasetPlan(episodes, views, rate_hz, rows)


def _views_in_one_order(
    episodes: Sequence[Episode], options: WriteOptions
) -> dict[int, tuple[str, ...]]:
    """Return the views of each episode, in the order of the first one: rows have one for all."""
    views = {one.id: chosen_views(one, options.views) for one in episodes}
    first = views[episodes[0].id] if episodes else ()
    rank = {view: at for at, view in enumerate(first)}
    return {
        id: tuple(sorted(own, key=lambda view: rank.get(view, len(rank))))
        for id, own in views.items()
    }
