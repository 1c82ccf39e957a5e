"""Writes one episode: frames into films, steps and times into tables, and what was measured."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.background import BackgroundEncoder, EncodingThread
from tcn_robot.recordings.tables import copy_steps_table, write_frames_table, write_steps_table
from tcn_robot.recordings.timing import measure_timing
from tcn_robot.recordings.video import TICKS_PER_SECOND, VideoEncoder, describe_film

# Films of fewer pixels are encoded in one thread together.
SMALL_PICTURE_PX = 160 * 160


class EpisodeWriter:
    """Takes the frames and steps of one episode; `DatasetWriter.episode` makes one.

    Attributes:
        id: The episode's id.
        metadata: What `episode.json` shall say besides what is measured; add to it freely with
            values that JSON knows.
    """

    def __init__(
        self, folder: Path, dataset_path: Path, episode_id: int, codec: str, frame_rate_hz: float
    ) -> None:
        self.id = episode_id
        self.metadata: dict[str, Any] = {}
        self._folder = folder
        self._dataset_path = dataset_path
        self._codec = codec
        self._frame_rate_hz = frame_rate_hz
        self._encoders: dict[str, BackgroundEncoder] = {}
        self._shared_thread: EncodingThread | None = None
        self._threads: list[EncodingThread] = []
        self._shapes: dict[str, tuple[int, int, int]] = {}
        self._times_seconds: dict[str, list[float]] = {}
        self._steps: dict[str, list[Any]] = {}
        self._num_steps = 0
        self._origin_seconds: float | None = None
        self._order: dict[str, int] = {}
        self._rates_hz: dict[str, float] = {}

    def begin(self, origin_seconds: float, views: Sequence[str]) -> None:
        """Settle when the films' own times are zero, and the order of the views.

        Otherwise the first frame added settles both, which will not do for views that come one by
        one: one that is added later may have been seen earlier.

        Args:
            origin_seconds: A time on the episode's clock, not after any frame.
            views: Names in order.
        """
        self._origin_seconds = origin_seconds
        self._order = {view: rank for rank, view in enumerate(views)}

    def set_rate(self, view: str, frame_rate_hz: float) -> None:
        """Say at which rate frames of one view are expected, where it is not the episode's."""
        self._rates_hz[view] = frame_rate_hz

    def add_frames(self, time_seconds: float, frames: Mapping[str, np.ndarray]) -> None:
        """Add one frame to each of some views, all seen at the same time.

        Args:
            time_seconds: Measured time on the episode's clock, larger than the view's last one.
            frames: uint8 (H, W, 3) RGB by view; copied, so that the caller may use the memory
                again. A view's first frame settles its size.
        """
        if not math.isfinite(time_seconds):
            raise ValueError(f"a frame's time must be finite, found {time_seconds}")
        if self._origin_seconds is None:
            self._origin_seconds = time_seconds
        ticks = round((time_seconds - self._origin_seconds) * TICKS_PER_SECOND)
        for view, frame in frames.items():
            if view not in self._encoders:
                self._open_view(view, frame)
            if frame.shape != self._shapes[view] or frame.dtype != np.uint8:
                raise ValueError(
                    f"view {view!r}: expected uint8 {self._shapes[view]}, "
                    f"found {frame.dtype} {frame.shape}"
                )
            times = self._times_seconds[view]
            # Closer than the film's clock can tell apart: no camera does that, a broken clock does.
            if times and time_seconds - times[-1] < 2.0 / TICKS_PER_SECOND:
                raise UserError(
                    f"view {view!r}: frame {len(times)} has time {time_seconds} s, not after "
                    f"{times[-1]} s; the source's clock must run forward"
                )
            times.append(float(time_seconds))
            self._encoders[view].write(frame, ticks)

    def film_path(self, view: str) -> Path:
        """Return where the film of a view lies while the episode is written.

        Raises:
            UserError: If the view's name cannot be a file's.
        """
        if not dataset_format.VIEW_PATTERN.fullmatch(view):
            raise UserError(
                f"view name {view!r} cannot be a file name; use letters, digits, '_' and '-'"
            )
        return self._folder / dataset_format.video_name(view)

    def copy_film(self, view: str, path: Path, times_seconds: np.ndarray) -> None:
        """Take over a film of another episode byte for byte; `begin` must have its origin.

        Args:
            view: Name of the view.
            path: The film, whose frames are not looked at; or `film_path`, if it is there already.
            times_seconds: float64 (T,), one for each of its frames.
        """
        film = describe_film(path)
        if path != self.film_path(view):
            shutil.copyfile(path, self.film_path(view))
        self._shapes[view] = (film.height_px, film.width_px, 3)
        self._times_seconds[view] = [float(time) for time in times_seconds]

    def keep_encoding(self) -> None:
        """Say in `episode.json` that films were taken over in the encoding that they had."""
        self._codec = dataset_format.ORIGINAL_CODEC

    def add_step(self, values: Mapping[str, Any]) -> None:
        """Add one row of `steps.parquet`: numbers, text, truth values, 1-D arrays or None."""
        if self._num_steps and values.keys() != self._steps.keys():
            raise ValueError(f"expected columns {sorted(self._steps)}, found {sorted(values)}")
        for name, value in values.items():
            self._steps.setdefault(name, []).append(value)
        self._num_steps += 1

    def copy_steps(
        self,
        path: Path,
        replaced: Mapping[str, Sequence[Any]] | None = None,
        rows: slice | None = None,
        has_last_action: bool = True,
    ) -> None:
        """Take over the `steps.parquet` of another episode instead of adding rows.

        Args:
            path: That file.
            replaced: Values by column that take the place of its own, one for each row.
            rows: Which of them; all when None.
            has_last_action: Keep the action of the last row that is taken over.
        """
        target = self._folder / dataset_format.STEPS_FILE
        self._num_steps = copy_steps_table(path, target, replaced, rows, has_last_action)
        self._steps.clear()

    def add_table(self, name: str, columns: Mapping[str, Any]) -> None:
        """Store a further table as `<name>.parquet`: columns of numbers or text, of one length."""
        write_steps_table(self._folder / f"{name}.parquet", columns)

    def add_asset(self, text: str, suffix: str) -> str:
        """Store a text, such as the simulator's model, once per dataset; return its name."""
        return dataset_format.store_asset(self._dataset_path, text, suffix)

    def _open_view(self, view: str, frame: np.ndarray) -> None:
        path = self.film_path(view)
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise ValueError(
                f"view {view!r}: expected uint8 (H, W, 3), found {frame.dtype} {frame.shape}"
            )
        height_px, width_px, _ = frame.shape
        self._shapes[view] = (height_px, width_px, 3)
        self._times_seconds[view] = []
        codec = dataset_format.encoding_codec(self._codec)
        encoder = VideoEncoder(path, width_px, height_px, codec, self._frame_rate_hz)
        self._encoders[view] = BackgroundEncoder(encoder, self._thread_for(width_px * height_px))

    def _thread_for(self, picture_px: int) -> EncodingThread:
        """Return a thread of its own for large pictures, one for all small ones."""
        is_small = picture_px < SMALL_PICTURE_PX
        if is_small and self._shared_thread is not None:
            return self._shared_thread
        thread = EncodingThread()
        self._threads.append(thread)
        if is_small:
            self._shared_thread = thread
        return thread

    def finish(self) -> None:
        """Write everything that belongs to the episode into its (still hidden) folder."""
        if not self._times_seconds:
            raise UserError(f"episode {self.id} has no frame; the source gave none")
        for encoder in self._encoders.values():
            encoder.finish()  # while the tables are written
        by_order = sorted(self._times_seconds, key=lambda view: self._order.get(view, 0))
        self._times_seconds = {view: self._times_seconds[view] for view in by_order}
        write_frames_table(self._folder / dataset_format.FRAMES_FILE, self._times_seconds)
        if self._steps:
            write_steps_table(self._folder / dataset_format.STEPS_FILE, self._steps)
        views = {
            view: {
                "width_px": self._shapes[view][1],
                "height_px": self._shapes[view][0],
                "frames": len(times),
                **({"fps_asked": self._rates_hz[view]} if view in self._rates_hz else {}),
                **measure_timing(np.array(times), self._rates_hz.get(view, self._frame_rate_hz)),
            }
            for view, times in self._times_seconds.items()
        }
        for encoder in self._encoders.values():
            encoder.close()
        self._stop_threads()
        files = {
            path.name: {"bytes": path.stat().st_size, "sha256": dataset_format.file_hash(path)}
            for path in sorted(self._folder.iterdir())
        }
        content = {
            "id": self.id,
            **{name: value for name, value in self.metadata.items() if name != "id"},
            "codec": self._codec,
            "fps_asked": self._frame_rate_hz,
            "video_origin_seconds": self._origin_seconds,
            "views": views,
            "steps": self._num_steps,
            "files": files,
        }
        text = dataset_format.json_text(content)
        (self._folder / dataset_format.EPISODE_FILE).write_text(text, encoding="utf-8")

    def abort(self) -> None:
        """Stop the encoders; nothing of the episode will be seen."""
        for encoder in self._encoders.values():
            encoder.abort()
        self._stop_threads()

    def _stop_threads(self) -> None:
        for thread in self._threads:
            thread.stop()
