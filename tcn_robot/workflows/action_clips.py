"""The films of an action-recognition set: which there are, and how those of one scene are made."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.atomic import write_text_atomically

VIDEO_FOLDER = "videos"
RECORD_FOLDER = ".clips"
"""One JSON file for each film that is whole."""
QUANTISER = 3
"""Of MPEG-4, from 1 (finest) to 31; the films look untouched."""


@dataclass(frozen=True)
class ActionsRequest:
    """What settles every byte of a set.

    Attributes:
        classes: Names of actions, in their order.
        scenes: Number of scenes; the n-th is UCF101's group n.
        clips: Films of each class in each scene.
        embodiments: Bodies, mixed evenly.
        views: Cameras, mixed evenly.
        size_px: Width and height of the films.
        randomise: What each scene draws anew.
        moving_cameras: Whether cameras drift as if held by hand.
        seed: Seed of the set.
    """

    classes: tuple[str, ...]
    scenes: int
    clips: int
    embodiments: tuple[str, ...]
    views: tuple[str, ...]
    size_px: int
    randomise: tuple[str, ...]
    moving_cameras: bool
    seed: int


@dataclass(frozen=True)
class PlannedClip:
    """One film: its class, its group (scene) and number, both from 1, who does it, who films."""

    action: str
    group: int
    number: int
    embodiment: str
    view: str

    @property
    def name(self) -> str:
        """The film's name without its ending, as UCF101 has it."""
        return f"v_{self.action}_g{self.group:02d}_c{self.number:02d}"

    @property
    def path(self) -> str:
        """Where the film lies in the folder of films."""
        return f"{self.action}/{self.name}.avi"


def scene_seed(request: ActionsRequest, group: int) -> int:
    """Return the seed of a scene: where things start in it and how it looks."""
    return int(np.random.SeedSequence((request.seed, group)).generate_state(1)[0])


def planned_clips(request: ActionsRequest, group: int) -> list[PlannedClip]:
    """Return the films of a scene; bodies and views take turns in an order of each class's own."""
    clips = []
    for action in request.classes:
        generator = _generator(request, action, group, 0)
        bodies = generator.permutation(request.embodiments)
        views = generator.permutation(request.views)
        clips += [
            PlannedClip(
                action,
                group,
                number,
                str(bodies[(number - 1) % len(bodies)]),
                str(views[(number - 1) % len(views)]),
            )
            for number in range(1, request.clips + 1)
        ]
    return clips


def is_whole(out: Path, clip: PlannedClip) -> bool:
    """Whether a film is there."""
    return _record_path(out, clip).is_file() and (out / VIDEO_FOLDER / clip.path).is_file()


def read_record(out: Path, clip: PlannedClip) -> dict[str, Any]:
    """Return what is known of a whole film."""
    record: dict[str, Any] = json.loads(_record_path(out, clip).read_text("utf-8"))
    return record


def record_scene(
    out: str, request: ActionsRequest, group: int, after_clip: Callable[[], object] | None = None
) -> None:
    """Record what is missing of a scene; each film is whole when it appears.

    Args:
        out: Folder of the set, as text: this may run in a process of its own.
        request: What is wanted.
        group: The scene.
        after_clip: Called after each film.

    Raises:
        UserError: When an action is not achieved in many attempts, or nothing renders here.
    """
    missing = [clip for clip in planned_clips(request, group) if not is_whole(Path(out), clip)]
    for clip, film, record in _filmed(request, group, missing):
        target = Path(out) / VIDEO_FOLDER / clip.path
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            write_avi(partial, film, float(record["frame_rate_hz"]))
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        write_text_atomically(_record_path(Path(out), clip), json.dumps(record, sort_keys=True))
        if after_clip is not None:
            after_clip()


def _filmed(
    request: ActionsRequest, group: int, clips: list[PlannedClip]
) -> Iterator[tuple[PlannedClip, np.ndarray, dict[str, Any]]]:
    """Yield each film with what is to be written down of it; one environment is open at a time."""
    from tcn_robot.envs import make_task, task_id
    from tcn_robot.envs.actions import ACTIONS, film_clip

    env: Any = None
    opened: tuple[str, str] | None = None
    try:
        for clip in sorted(clips, key=lambda one: (ACTIONS[one.action].task, one.embodiment)):
            action = ACTIONS[clip.action]
            task = task_id(f"Mujoco{action.task}-v0")
            if opened != (task, clip.embodiment):
                if env is not None:
                    env.close()
                options = {"randomise": request.randomise, "moving_cameras": request.moving_cameras}
                env = make_task(task, embodiment=clip.embodiment, **options).unwrapped
                opened = (task, clip.embodiment)
            seed = scene_seed(request, group)
            generator = _generator(request, clip.action, group, clip.number)
            size = (request.size_px, request.size_px)
            film = film_clip(env, action, seed, generator, clip.view, size)
            yield (
                clip,
                film.frames,
                {
                    "file": clip.path,
                    "class": clip.action,
                    "group": group,
                    "clip": clip.number,
                    "task": task,
                    "simulator": env.simulator,
                    "embodiment": clip.embodiment,
                    "view": clip.view,
                    "scene_seed": seed,
                    "frames": len(film.frames),
                    "frame_rate_hz": env.control_hz,
                    "attempts": film.attempts,
                    "randomisation": film.randomisation,
                },
            )
    finally:
        if env is not None:
            env.close()


def write_avi(path: Path, frames: np.ndarray, frame_rate_hz: float) -> None:
    """Write a film as MPEG-4 in AVI, what UCF101's readers look for.

    Args:
        path: File to write.
        frames: uint8 (T, H, W, 3), RGB.
        frame_rate_hz: Frames per second, whole.
    """
    import av

    with av.open(str(path), "w", format="avi", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("mpeg4", rate=round(frame_rate_hz))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = 1  # the same frames give the same bytes
        context.qmin = context.qmax = QUANTISER
        context.options = {"flags": "+bitexact"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def _record_path(out: Path, clip: PlannedClip) -> Path:
    return out / RECORD_FOLDER / f"{clip.name}.json"


def _generator(
    request: ActionsRequest, action: str, group: int, number: int
) -> np.random.Generator:
    """Return the randomness of a film: other classes in the set do not change it."""
    key = (request.seed, group, zlib.crc32(action.encode()), number)
    return np.random.default_rng(np.random.SeedSequence(key))
