"""A person as demonstrator: `tcn-robot record TASK --policy keyboard|gamepad`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.workflows.recording_job import (
    EpisodeSummary,
    RecordingJob,
    open_source,
    record_one,
)
from tcn_robot.workflows.teleoperation_keys import (
    FINGERS,
    FINGERS_BUTTON,
    HeldSpeeds,
    action_of,
    directions_of,
    gamepad_speeds,
    tip_task_of,
)

DEVICES = ("keyboard", "gamepad")
KEEP, AGAIN, END = "return", "backspace", "escape"
HELP = "arrows or wasd move, r f up and down, q e turn, space fingers"
LOOK_SECONDS = 0.02


class Window(Protocol):
    """Shows views, and says which keys are pressed and held; see `view_window.ViewWindow`."""

    def show(self, frames: Mapping[str, np.ndarray], status: Mapping[str, str]) -> list[str]:
        """Show frames and texts; return the keys pressed since."""
        ...

    def held(self) -> frozenset[str]:
        """Return the keys held down now."""
        ...

    def gamepad(self) -> Any:
        """Return what the gamepad says; None without one."""
        ...

    def close(self) -> None:
        """Close the window."""
        ...


class ThrownAway(Exception):
    """The person wants to do this episode again."""


class Ended(Exception):
    """The person has had enough."""


class Teleoperator:
    """A policy that shows the views, waits for the clock, and turns keys into actions.

    Args:
        window: Where it is shown, and heard from.
        device: "keyboard" or "gamepad".
        views: Views that are recorded; the first one settles what is right and what is away.
        size_px: Their size.
        title: What the bottom line says before the step.
        clock: Seconds; given by tests.
        sleep: Waits; given by tests.
    """

    def __init__(
        self,
        window: Window,
        device: str,
        views: Sequence[str],
        size_px: int,
        title: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._window = window
        self._device = device
        self._views = tuple(views)
        self._size = (size_px, size_px)
        self._title = title
        self._clock = clock
        self._sleep = sleep
        self.late_steps = 0

    def __call__(self, source: Any, randomness: np.random.Generator) -> Iterator[np.ndarray]:
        """Yield an action per control step, in real time, until Enter keeps the episode.

        Raises:
            ThrownAway: After Backspace.
            Ended: After Escape, or when the window was closed.
        """
        task = tip_task_of(source)
        directions = directions_of(source.camera_parameters(self._views[0], self._size))
        period_seconds = 1.0 / float(source.control_hz)
        speeds, closes, was_down = HeldSpeeds(), False, False
        self._wait_for_start(source)
        due_seconds = self._clock() + period_seconds
        for step in range(source.horizon):
            pressed = self._show(source, f"step {step} of {source.horizon}   {HELP}")
            if KEEP in pressed:
                return
            if pressed.count(FINGERS) % 2:
                closes = not closes
            wanted = speeds.update(self._window.held(), period_seconds)
            if self._device == "gamepad":
                pad = self._pad()
                is_down = FINGERS_BUTTON in pad.buttons
                closes, was_down = closes != (is_down and not was_down), is_down
                sticks = gamepad_speeds(pad.axes)
                wanted = {name: wanted[name] or sticks[name] for name in wanted}
            yield action_of(task, wanted, directions, closes)
            left_seconds = due_seconds - self._clock()
            if left_seconds > 0:
                self._sleep(left_seconds)
            else:
                self.late_steps += 1
            due_seconds = max(due_seconds + period_seconds, self._clock())

    def _wait_for_start(self, source: Any) -> None:
        print(f"{self._title}: Enter in the window starts", file=sys.stderr, flush=True)
        while True:
            pressed = self._show(source, f"Enter starts   {HELP}")
            if self._device == "gamepad":
                self._pad()  # not only when the first step needs it
            if KEEP in pressed:
                return
            self._sleep(LOOK_SECONDS)

    def _show(self, source: Any, text: str) -> list[str]:
        frames = source.render_views(self._views, self._size)  # those that are recorded
        pressed = self._window.show(frames, {"state": f"{self._title}   {text}"})
        if AGAIN in pressed:
            raise ThrownAway
        if END in pressed:
            raise Ended
        return pressed

    def _pad(self) -> Any:
        pad = self._window.gamepad()
        if pad is None:
            raise UserError("no gamepad is connected; plug one in, or use --policy keyboard")
        return pad


def teleoperate(job: RecordingJob, ids: Sequence[int], window: Window) -> Iterator[EpisodeSummary]:
    """Let a person do episodes one after the other; each is whole on disk when it is yielded.

    An episode that is thrown away starts again under its id, from the same start. The caller holds
    the dataset's lock.
    """
    source = open_source(job.task, job.embodiment, job.policy, job.randomise, job.moving_cameras)
    done = 0
    try:
        while done < len(ids):
            title = f"episode {done + 1} of {len(ids)}"
            person = Teleoperator(window, job.policy, job.views, job.size_px, title)
            try:
                summary = record_one(job, source, person, ids[done])
            except ThrownAway:
                print(f"episode {ids[done]}: thrown away", file=sys.stderr)
                continue
            except Ended:
                return
            done += 1
            if person.late_steps:
                print(f"episode {summary.id}: {person.late_steps} steps late", file=sys.stderr)
            yield summary
    finally:
        source.close()
        window.close()
