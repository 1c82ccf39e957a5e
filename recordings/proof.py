"""The proof that stored states still give the recorded pictures: one view is rendered again.

It is encoded again as it was, so that equal pictures give equal bytes, whatever the codec. Where
bytes differ the decoded pictures are compared, and the difference with what encoding alone loses.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings.format import file_hash, video_name
from tcn_robot.recordings.reader import Episode
from tcn_robot.recordings.states import StateRenderer, stored_states
from tcn_robot.recordings.video import TICKS_PER_SECOND, VideoEncoder, iterate_video

# Two encodings of one picture differ far in single pixels, above all in colours at edges (4:2:0),
# but little in their mean over a block: by up to 6.5 of 255 where preset or key frames are others,
# up to 8.7 where a cut film was encoded a second time (scripts/measure_encoding_loss.py).
BLOCK_PX = 8
LOSS_LEVELS = 10.0


@dataclass(frozen=True)
class Proof:
    """How a recorded view compares with the same view rendered again.

    Attributes:
        view: The view.
        frames: How many pictures were compared.
        max_difference: Largest difference of a colour value, 0 to 255.
        mean_difference: Mean difference over all colour values.
        is_identical: Whether every picture is the same to the last bit.
        is_within_encoding_loss: Whether it differs by no more than what encoding loses, as where
            another version encoded it or the film was cut; also true where it is identical. A
            lossless film loses nothing.
    """

    view: str
    frames: int
    max_difference: int
    mean_difference: float
    is_identical: bool
    is_within_encoding_loss: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as `episode.json` has it."""
        return asdict(self)


def proof_of(metadata: dict[str, Any]) -> Proof | None:
    """Return the proof that an `episode.json` holds, None if it holds none."""
    content = (metadata.get("rerendered_from") or {}).get("proof") or {}
    names = [one.name for one in fields(Proof)]
    return Proof(**{name: content[name] for name in names}) if content.keys() >= {*names} else None


def prove(
    episode: Episode, renderer: StateRenderer, after_state: Callable[[], None] = lambda: None
) -> Proof | None:
    """Render the first recorded view that the model has a camera for, and compare it.

    Args:
        episode: With stored states.
        renderer: Of the episode's model; it shows the recorded look afterwards.
        after_state: Called after each state was set; may raise to give up.

    Returns:
        None when no recorded view is a camera of the model.

    Raises:
        UserError: If the episode has no states, or not as many as frames, or the film is damaged.
    """
    view = next((view for view in episode.views if view in renderer.view_names), None)
    if view is None:
        return None
    film, frames = episode.path / video_name(view), episode.length(view)
    with tempfile.TemporaryDirectory(prefix="tcn_robot-") as folder:
        again = Path(folder) / video_name(view)
        _encode_again(episode, view, _rendered(episode, view, renderer, after_state), again)
        if film.is_file() and file_hash(film) == file_hash(again):
            return Proof(view, frames, 0, 0.0, True, True)
        pictures = itertools.zip_longest(
            (picture for _, picture in iterate_video(film)),
            (picture for _, picture in iterate_video(again)),
        )
        try:
            return _compared(episode, view, pictures)
        except UserError as error:  # the film's fault; the states may be whole all the same
            raise UserError(f"{error}; --no-proof renders without looking at it") from error


def _rendered(
    episode: Episode, view: str, renderer: StateRenderer, after_state: Callable[[], None]
) -> Iterator[np.ndarray]:
    """Yield a view of each stored state in the recorded look and size."""
    entry = episode.metadata["views"][view]
    size = (int(entry["height_px"]), int(entry["width_px"]))
    renderer.apply(episode.metadata.get("randomisation", {}))
    for _, state in stored_states(episode):
        renderer.set_state(state)
        after_state()
        yield renderer.render_views((view,), size)[view]


def _encode_again(episode: Episode, view: str, pictures: Iterable[np.ndarray], path: Path) -> None:
    """Encode pictures as the recorder encoded those of the view."""
    entry = episode.metadata["views"][view]
    times = episode.timestamps(view)
    if len(times) != len(episode.steps["time_seconds"] if episode.steps else ()):
        raise UserError(
            f"{episode.path}: view {view!r} has {len(times)} frames, not one for each of its "
            "states; `tcn-robot check` tells what is wrong"
        )
    origin = float(episode.metadata["video_origin_seconds"])
    rate_hz = float(episode.metadata["fps_asked"])
    encoder = VideoEncoder(path, entry["width_px"], entry["height_px"], episode.codec, rate_hz)
    try:
        for time_seconds, picture in zip(times, pictures, strict=True):
            encoder.write(picture, round((time_seconds - origin) * TICKS_PER_SECOND))
    except BaseException:
        encoder.abort()
        raise
    encoder.close()


def _compared(
    episode: Episode, view: str, pictures: Iterable[tuple[np.ndarray | None, np.ndarray | None]]
) -> Proof:
    """Compare the pictures of a film with those encoded again, uint8 (H, W, 3), one by one."""
    frames, largest, total, of_block = 0, 0, 0.0, 0.0
    for film, again in pictures:
        if film is None or again is None or film.shape != again.shape:
            raise UserError(
                f"{episode.path / video_name(view)} does not hold the pictures that episode.json "
                "names: it is damaged; `tcn-robot check` tells what is wrong"
            )
        difference = np.abs(film.astype(np.int16) - again)
        frames, total = frames + 1, total + float(difference.mean())
        largest = max(largest, int(difference.max()))
        of_block = max(of_block, block_difference(film, again))
    return Proof(
        view=view,
        frames=frames,
        max_difference=largest,
        mean_difference=round(total / frames, 6),
        is_identical=largest == 0,
        is_within_encoding_loss=largest == 0
        or (episode.codec != "lossless" and of_block <= LOSS_LEVELS),
    )


def block_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Return the largest difference of the mean colour value of a block of 8 x 8 pixels.

    Args:
        first: uint8 (H, W, 3).
        second: The same.
    """
    difference = first.astype(np.float64) - second
    rows, columns = (np.arange(0, length, BLOCK_PX) for length in difference.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(difference, rows, axis=0), columns, axis=1)
    heights, widths = (
        np.diff(np.append(starts, length))
        for starts, length in zip((rows, columns), difference.shape[:2], strict=True)
    )
    return float(np.abs(sums / (heights[:, None, None] * widths[None, :, None])).max())
