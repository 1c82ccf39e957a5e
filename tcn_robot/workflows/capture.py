"""`tcn-robot capture`: films demonstrations with real cameras, streams or video files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tcn_robot.errors import UserError
from tcn_robot.workflows.capture_options import requests_of, split_of
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.recordings import DatasetWriter
    from tcn_robot.recordings.capture.reader import SourceReader
    from tcn_robot.recordings.capture.report import Limits
    from tcn_robot.recordings.capture.robot_link import RobotLink
    from tcn_robot.recordings.capture.session import EpisodeFilming, Preview
    from tcn_robot.recordings.capture.source_table import SourceRequest

FIRST_FRAME_SECONDS = 10.0
USUAL_RATE_HZ = 30.0  # what the films' headers say where no source knows its rate
QUIT, DISCARD, TOGGLE = ("q", "escape"), ("backspace",), ("space", "return")


def capture(
    *,
    sources: tuple[str, ...],
    out: Path,
    task: str = "demonstration",
    episodes: int | None = None,
    seconds: float | None = None,
    start: Literal["key", "now"] | None = None,
    rate: float | None = None,
    size: str | None = None,
    crop: tuple[str, ...] = (),
    rotate: tuple[str, ...] = (),
    warmup_seconds: float = 1.0,
    split: str = "train",
    split_shares: tuple[float, float, float] | None = None,
    seed: int = 0,
    codec: Literal["h264", "h264-fast", "lossless"] = "h264-fast",
    embodiment: str = "hand",
    robot: str | None = None,
    preview: Literal["none", "window", "page"] = "none",
    preview_address: str = "127.0.0.1:8765",
    maximum_missing: float = 0.01,
    maximum_skew_seconds: float = 0.05,
    maximum_offset_seconds: float = 0.05,
) -> None:
    """Film demonstrations with several cameras at once.

    Space or Enter starts and ends an episode, Backspace throws the running one away, q quits.
    An episode is whole on disk when its lines are printed: rate, missing frames and skew of each
    view, how late each camera stamps. Beyond a limit it is marked, not hidden.

    Args:
        sources: Cameras by number, http or rtsp addresses, films, folders; NAME=SOURCE names one.
        out: Folder of the dataset; it may exist, episodes are added.
        task: What is shown.
        episodes: End after so many; without it q or Ctrl-C ends.
        seconds: Length of an episode; without it a key ends it, or the end of the files.
        start: Begin an episode by key or at once; default: by key where there is a keyboard.
        rate: Frames per second of each source; more are thinned out.
        size: Size of the films, WIDTHxHEIGHT; default: the source's.
        crop: VIEW=LEFT,TOP,WIDTH,HEIGHT in pixels of the turned picture.
        rotate: VIEW=DEGREES clockwise: 90, 180 or 270.
        warmup_seconds: Leave that much out after opening: exposure and white balance settle.
        split: train, valid or test.
        split_shares: Draw the split of each episode instead, such as 0.8 0.1 0.1.
        seed: Of that drawing.
        codec: h264-fast costs least; h264 gives smaller files; lossless keeps every pixel.
        embodiment: Who acts: hand, or a robot's name.
        robot: Joints and actions alongside: udp:HOST:PORT or module:function@HZ.
        preview: Show the views in a window or on a local page.
        preview_address: Where the page is.
        maximum_missing: Mark episodes with a larger share of missing frames in a view.
        maximum_skew_seconds: Mark those whose views lie further apart (99th percentile).
        maximum_offset_seconds: Mark those with a camera that stamps later than this.
    """
    from tcn_robot.recordings import DatasetWriter
    from tcn_robot.recordings.capture.report import Limits

    for name, value in (("episodes", episodes), ("seconds", seconds)):
        if value is not None and value <= 0:
            raise UserError(f"--{name} must be above 0, found {value}")
    plan = Plan(
        requests=requests_of(sources, rate, size, crop, rotate),
        task=task,
        episodes=episodes,
        seconds=seconds,
        starts_by_key=(start or ("key" if sys.stdin.isatty() else "now")) == "key",
        split=split_of(split, split_shares, seed),
        embodiment=embodiment,
        limits=Limits(maximum_missing, maximum_skew_seconds, maximum_offset_seconds),
    )
    with ExitStack() as stack:
        readers = _open_readers(plan.requests, stack)
        link = _open_robot(robot, stack)
        shown = _open_preview(preview, preview_address, stack)
        _warm_up(readers, warmup_seconds)
        keys = stack.enter_context(_keys(shown, readers))
        writer = stack.enter_context(DatasetWriter(out, task, codec, kind="film"))
        Filming(plan, writer, readers, link, keys).run()


@dataclass(frozen=True)
class Plan:
    """What was asked for."""

    requests: list[SourceRequest]
    task: str
    episodes: int | None
    seconds: float | None
    starts_by_key: bool
    split: Callable[[int], str]
    embodiment: str
    limits: Limits


class Filming:
    """Films one episode after the other until it shall end."""

    def __init__(
        self,
        plan: Plan,
        writer: DatasetWriter,
        readers: list[SourceReader],
        robot: RobotLink | None,
        keys: Callable[[str], list[str]],
    ) -> None:
        from tcn_robot.recordings.capture.clock import measure_utc_anchor

        self._plan = plan
        self._writer = writer
        self._readers = readers
        self._robot = robot
        self._keys = keys
        self._is_live = any(reader.source.is_live for reader in readers)
        self._anchor = measure_utc_anchor() if self._is_live else None
        self._kept = 0
        self._is_over = False

    def run(self) -> None:
        """Film until the wanted number is kept, a key quits, or the sources have ended."""
        wanted = self._plan.episodes or (None if self._is_live else 1)
        while not self._is_over and (wanted is None or self._kept < wanted):
            self._wait_for_start()
            if not self._is_over:
                self._film()
            if any(reader.ended is not None for reader in self._readers):
                break
        if wanted is not None and self._kept < wanted and not self._is_over:
            gone = next(reader for reader in self._readers if reader.ended is not None)
            raise UserError(
                f"{gone.view!r} gives no more frames ({gone.ended}): {self._kept} of {wanted} "
                f"episodes are whole in {self._writer.path}; the same command adds the rest"
            )
        print(f"{self._writer.path}: {self._kept} episodes filmed", file=sys.stderr)

    def _wait_for_start(self) -> None:
        import time

        if not self._plan.starts_by_key:
            return
        print(
            f"episode {self._writer.next_id()}: space or Enter starts, q quits",
            file=sys.stderr,
            flush=True,
        )
        while True:
            keys = self._keys("ready")
            if any(key in QUIT for key in keys):
                self._is_over = True
                return
            if any(key in TOGGLE for key in keys):
                return
            ended = [reader for reader in self._readers if reader.ended is not None]
            if ended and self._is_live:
                raise UserError(f"{ended[0].view!r} gives no more frames: {ended[0].ended}")
            time.sleep(0.02)

    def _film(self) -> None:
        from tcn_robot.recordings.capture.session import EpisodeFilming

        id = self._writer.next_id()
        rates_hz = [r.source.frame_rate_hz for r in self._readers if r.source.frame_rate_hz]
        rate_hz = max(rates_hz, default=USUAL_RATE_HZ)
        try:
            with self._writer.episode(rate_hz, id) as episode:
                filming = EpisodeFilming(self._readers, self._plan.requests, episode, self._robot)
                filming.run(lambda: self._should_stop(filming))
                self._describe(filming)
                described = episode.metadata["capture"]
        except Discarded:
            print(f"episode {id}: thrown away", file=sys.stderr)
            return
        self._kept += 1
        for line in report_lines(id, described):
            print(line, flush=True)

    def _should_stop(self, filming: EpisodeFilming) -> bool:
        from tcn_robot.recordings.capture.clock import now_seconds

        lasted = now_seconds() - filming.begin_seconds
        if self._is_live:
            state = f"recording {lasted:.1f} s"
            if self._plan.seconds is not None and lasted >= self._plan.seconds:
                return True
        else:
            state = "reading files"
        keys = self._keys(state)
        if any(key in DISCARD for key in keys):
            raise Discarded
        if any(key in QUIT for key in keys):
            self._is_over = True
            return True
        return any(key in TOGGLE for key in keys)

    def _describe(self, filming: EpisodeFilming) -> None:
        from tcn_robot.recordings.capture.session import clock_entry, source_entry

        episode, plan = filming.episode, self._plan
        described = filming.describe(plan.limits)
        episode.metadata.update(
            task=plan.task,
            policy="demonstrator",
            split=plan.split(episode.id),
            success=None,
            clock=clock_entry(self._anchor),
            embodiment=plan.embodiment,
            cameras={request.view: source_entry(request) for request in plan.requests},
            capture=described,
        )


class Discarded(Exception):
    """The person threw the running episode away."""


def report_lines(id: int, capture: dict[str, Any]) -> list[str]:
    """Return what is said of an episode: a line each for it, its views and its marks."""
    lines = [f"episode {id}:"]
    for view, figures in capture["views"].items():
        rate = figures["fps_measured"]
        line = (
            f"  {view}: {figures['frames']} frames, "
            f"{'one frame' if rate is None else f'{rate:.2f} per s'}, "
            f"{figures['late_frames']} late, {figures['missing_frames']} missing"
        )
        if figures["dropped_frames"]:
            line += f" ({figures['dropped_frames']} of them arrived and found the queue full)"
        skew = capture["skew"].get(view, {})
        if skew.get("p99_seconds") is not None:
            line += (
                f", skew {1e3 * skew['median_seconds']:.0f} ms (99 %: "
                f"{1e3 * skew['p99_seconds']:.0f})"
            )
        offset = capture["offsets"].get(view)
        if offset is not None:
            line += (
                f", stamped {1e3 * offset['offset_seconds']:+.0f} ± "
                f"{1e3 * offset['std_seconds']:.0f} ms late"
            )
        lines.append(line)
    return lines + [f"  marked: {mark}" for mark in capture["marks"]]


def _open_readers(requests: list[SourceRequest], stack: ExitStack) -> list[SourceReader]:
    """Open and start every source; all that were opened are closed again after an error."""
    from tcn_robot.recordings.capture.reader import SourceReader
    from tcn_robot.recordings.capture.source_table import open_source

    readers = []
    for request in requests:
        source = open_source(request)
        reader = SourceReader(request.view, source, request.frame_rate_hz)
        stack.callback(reader.close)
        reader.start()
        readers.append(reader)
    if len({reader.source.is_live for reader in readers}) > 1:
        raise UserError(
            "films and folders of pictures have times of their own and cannot be captured together "
            "with cameras; give one kind"
        )
    for reader in readers:
        reader.wait_for_first(FIRST_FRAME_SECONDS)
    return readers


def _warm_up(readers: list[SourceReader], warmup_seconds: float) -> None:
    import time

    if readers[0].source.is_live and warmup_seconds > 0:
        time.sleep(warmup_seconds)


def _open_robot(text: str | None, stack: ExitStack) -> RobotLink | None:
    from tcn_robot.recordings.capture.robot_link import open_robot_link

    if text is None:
        return None
    link = open_robot_link(text)
    stack.callback(link.close)
    link.start()
    return link


def _open_preview(kind: str, address: str, stack: ExitStack) -> Preview | None:
    if kind == "none":
        return None
    shown: Preview
    if kind == "page":
        from tcn_robot.recordings.capture.preview_page import PreviewPage

        page = PreviewPage(address)
        print(f"preview: {page.url}", file=sys.stderr, flush=True)
        shown = page
    else:
        from tcn_robot.workflows.view_window import ViewWindow

        shown = ViewWindow("tcn-robot capture")
    stack.callback(shown.close)
    return shown


@contextmanager
def _keys(
    preview: Preview | None, readers: list[SourceReader]
) -> Iterator[Callable[[str], list[str]]]:
    """Give a function that shows the state and returns the keys pressed since its last call."""
    from tcn_robot.recordings.capture.clock import now_seconds
    from tcn_robot.recordings.capture.session import PREVIEW_HZ

    with ExitStack() as stack:
        pressed: Callable[[], list[str]] = list
        if sys.stdin.isatty():
            from tcn_robot.recordings.capture.terminal_keys import terminal_keys

            pressed = stack.enter_context(terminal_keys())
        next_show_seconds = [0.0]

        def look(state: str) -> list[str]:
            keys = pressed()
            if preview is not None and now_seconds() >= next_show_seconds[0]:
                next_show_seconds[0] = now_seconds() + 1.0 / PREVIEW_HZ
                frames = {r.view: r.latest for r in readers if r.latest is not None}
                keys += preview.show(frames, {"state": state, **_counts(readers)})
            return keys

        yield look


def _counts(readers: list[SourceReader]) -> dict[str, str]:
    return {
        reader.view: f"{reader.counts.arrived} frames, {len(reader.counts.dropped_seconds)} dropped"
        for reader in readers
    }


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(capture, arguments)
