"""Which frame of each view stands in which row, where a format has one row for all views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.matching import nearest_frames
from tcn_robot.recordings.capture.resampling import common_grid
from tcn_robot.recordings.reader import Episode

# By how much of its time an episode may differ from the rate without being resampled; a frame is
# always allowed.
RATE_SHARE = 0.05


@dataclass(frozen=True)
class Rows:
    """The rows of an episode.

    Attributes:
        frames: By view, int64 (T,): index of the frame that each row shows.
        times_seconds: By view, float64 (T,): when that frame was seen.
        grid_seconds: float64 (T,): the instants at an even rate that the format has instead.
        lengths: By view, how many frames the episode has.
    """

    frames: Mapping[str, np.ndarray]
    times_seconds: Mapping[str, np.ndarray]
    grid_seconds: np.ndarray
    lengths: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.grid_seconds)

    @property
    def worst_error_seconds(self) -> float:
        """Largest distance of a frame from its instant."""
        errors = [np.abs(times - self.grid_seconds).max() for times in self.times_seconds.values()]
        return float(max(errors))

    def repeated_and_left_out(self, view: str) -> tuple[int, int]:
        """Return how many rows show the frame before again, and how many frames are in no row.

        Among these are the frames before and after the time that all views share.
        """
        frames = self.frames[view]
        left_out = self.lengths[view] - len(np.unique(frames))
        return int((np.diff(frames) == 0).sum()), left_out


def common_rate(episodes: Sequence[Episode], views: Mapping[int, Sequence[str]]) -> int:
    """Return the whole number of frames per second that a dataset has, as measured.

    Raises:
        UserError: If that is below 1.
    """
    asked, measured = [], []
    for episode in episodes:
        for view in views[episode.id]:
            entry = episode.metadata["views"][view]
            asked.append(_number(entry.get("fps_asked") or episode.metadata.get("fps_asked")))
            measured.append(_rate(episode.timestamps(view)) or asked[-1])
    rate, wanted = float(np.median(measured)), float(np.median(asked))
    if abs(rate - wanted) <= RATE_SHARE * wanted:
        rate = wanted  # what was measured scatters around it
    if round(rate) < 1:
        raise UserError(
            f"frames come {rate:.3g} times per second, less than once; say a rate with --rate and "
            "--resample"
        )
    return round(rate)


def _number(value: object) -> float:
    """Return a rate as somebody may have written it; 0 where it is none."""
    return float(value) if isinstance(value, (int, float)) and 0 < value < np.inf else 0.0


def _rate(times_seconds: np.ndarray) -> float | None:
    """Return frames per second from first to last, None for one frame."""
    if len(times_seconds) < 2:
        return None
    return (len(times_seconds) - 1) / float(times_seconds[-1] - times_seconds[0])


def plan_rows(episode: Episode, views: Sequence[str], rate_hz: int, is_resampled: bool) -> Rows:
    """Return the rows of an episode.

    Frame i of each view stands in row i where that is the same moment in all of them; else rows
    are instants of a grid and each shows the nearest frame of each view, if that was asked for.

    Raises:
        UserError: If views have to be brought onto a grid and that was not asked for.
    """
    times = {view: episode.timestamps(view) for view in views}
    lengths = {view: len(own) for view, own in times.items()}
    if is_resampled:
        grid = common_grid(times, rate_hz)
        if not grid.size:
            raise UserError(f"episode {episode.id}: its views have no time in common")
        frames = {view: nearest_frames(grid, own) for view, own in times.items()}
        seen = {view: times[view][frames[view]] for view in views}
        return Rows(frames, seen, grid, lengths)
    why = _why_not_by_index(times, rate_hz)
    if why is not None:
        raise UserError(
            f"episode {episode.id}: {why}; --resample shows the nearest frame of each view at "
            f"every instant of {rate_hz} per second, and says what that repeats and leaves out"
        )
    length = len(times[views[0]])
    start = float(times[views[0]][0])
    index = np.arange(length)
    return Rows(dict.fromkeys(views, index), times, start + index / rate_hz, lengths)


def _why_not_by_index(times: Mapping[str, np.ndarray], rate_hz: int) -> str | None:
    lengths = {view: len(own) for view, own in times.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{view} {length}" for view, length in lengths.items())
        return f"its views have different lengths ({said} frames), a row has one frame of each"
    first, reference = next(iter(times.items()))
    for view, own in times.items():
        expected_seconds = (len(own) - 1) / rate_hz
        drift_seconds = abs(float(own[-1] - own[0]) - expected_seconds)
        if drift_seconds > max(RATE_SHARE * expected_seconds, 1 / rate_hz):
            return f"view {view!r} has {_rate(own):.4g} frames per second, asked for {rate_hz}"
    for view, own in times.items():
        apart = np.abs(own - reference)
        if apart.max() > 0.5 / rate_hz:
            at = int(np.argmax(apart))
            return (
                f"frame {at} of views {first!r} and {view!r} lies {apart[at]:.3f} s apart, a row "
                "has one moment"
            )
    return None
