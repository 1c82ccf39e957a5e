"""What a policy sees: the task's own observation, or what cameras and the robot itself tell.

An observation is laid side by side in this order: the task's numbers, or the robot's
proprioception and the embeddings of the views; then the memory of a reward that has one. Frames
are embedded where they are rendered, so that no replay buffer ever holds a pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError
from tcn_robot.rewards.beginning import begin_episodes
from tcn_robot.rewards.frames import EmbeddedDemo
from tcn_robot.rewards.history import FrameHistory
from tcn_robot.rewards.interface import Embedder, Reward, ViewFrames
from tcn_robot.rewards.memory import memory_of, memory_size_of
from tcn_robot.rewards.wrappers import render_square

SIGHT_LIMIT = 10.0

Frames = dict[str, NDArray[np.uint8]]


@dataclass(frozen=True)
class Filming:
    """What has to be rendered so that a learned reward can score an episode.

    Attributes:
        reward: The fitted reward.
        views: Names of the frames that it scores.
        size_px: Side of the frames.
        cameras: {view: camera that stands in for it}; a view that is missing is a camera.
    """

    reward: Reward
    views: tuple[str, ...]
    size_px: int
    cameras: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> dict[str, str]:
        """{view: camera}, of every view."""
        return {view: self.cameras.get(view, view) for view in self.views}


@dataclass(frozen=True)
class Sight:
    """How frames become numbers of about unit scale that a policy sees.

    (embedding - centre) / scale, cut off at ±10: encoders give vectors of any length. Centre and
    scale are of frames of random play, see `fit_sight`.

    Attributes:
        encoder: Embeds frames, or windows of them if it looks at several.
        cameras: {view: camera}, in the order in which embeddings lie side by side.
        size_px: Side of the frames.
        centre: float32 (V * D,), the mean embedding of each view.
        scale: The root mean square deviation of a single number.
    """

    encoder: Embedder
    cameras: Mapping[str, str]
    size_px: int
    centre: NDArray[np.float32]
    scale: float

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the frames."""
        return tuple(self.cameras)

    def scaled(self, embedded: EmbeddedDemo) -> NDArray[np.float32]:
        """Return embeddings {view: (N, D)} side by side, centred and scaled: float32 (N, V * D)."""
        together = side_by_side(embedded, self.views)
        return np.clip((together - self.centre) / self.scale, -SIGHT_LIMIT, SIGHT_LIMIT)


class Remembering:
    """An encoder that knows its last answer: who asks again for the same frames gets it at once.

    A reward and a policy that look at the same frames then share one forward pass.
    """

    def __init__(self, encoder: Any) -> None:
        """Wrap an encoder; what it has besides is passed on."""
        self._encoder = encoder
        self._asked: dict[str, tuple[NDArray[np.uint8], NDArray[np.float32]]] = {}

    def embed(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed uint8 (N, H, W, 3) frames as float32 (N, D)."""
        return self._answer("embed", frames)

    def embed_windows(self, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed uint8 (N, T, H, W, 3) windows of frames as float32 (N, D)."""
        return self._answer("embed_windows", windows)

    def __getattr__(self, name: str) -> Any:
        """Pass on whatever else is asked of the encoder."""
        return getattr(self._encoder, name)

    def _answer(self, method: str, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        known = self._asked.get(method)
        if known is None or not np.array_equal(known[0], frames):
            embedded = np.asarray(getattr(self._encoder, method)(frames), np.float32)
            # A copy: whoever rendered may draw the next frame into the same memory.
            known = self._asked[method] = (np.array(frames), embedded)
        return known[1].copy()


def side_by_side(embedded: EmbeddedDemo, views: Sequence[str]) -> NDArray[np.float32]:
    """Return the embeddings {view: (N, D)} of some views as (N, V * D), in their order."""
    return np.concatenate([embedded[view] for view in views], axis=1)


class SightOfEnvs:
    """A sight with the past of each of several envs, for encoders that look at several frames."""

    def __init__(self, sight: Sight) -> None:
        """Have seen nothing yet."""
        self._sight = sight
        self._history = FrameHistory(sight.encoder, sight.views)

    def begin(self, mask: NDArray[np.bool_], frames: ViewFrames) -> NDArray[np.float32]:
        """See the first frames of new episodes.

        Args:
            mask: (N,) bool, the M envs that begin one; another N than before is all anew.
            frames: {view: uint8 (M, H, W, 3)} of these.

        Returns:
            float32 (M, V * D).
        """
        self._history.begin(frames, mask)
        return self._sight.scaled(self._history.embed_first(frames))

    def see(self, frames: ViewFrames) -> NDArray[np.float32]:
        """See the next frame of each env, {view: uint8 (N, H, W, 3)} -> float32 (N, V * D)."""
        return self._sight.scaled(self._history.embed(frames))


@dataclass(frozen=True)
class Seeing:
    """All that a policy sees of an env.

    Attributes:
        sight: Makes embeddings, which stand beside the robot's proprioception; None: the task's
            own observation.
        scored: A reward with what it scores; where it has a memory, that is seen too.
        description: What a policy's file says of it, for JSON.
    """

    sight: Sight | None = None
    scored: Filming | None = None
    description: Mapping[str, Any] = field(default_factory=dict)

    @property
    def remembered(self) -> Filming | None:
        """The reward whose memory is seen, if there is one."""
        return self.scored if self.scored and memory_size_of(self.scored.reward) else None

    @property
    def cameras(self) -> dict[str, str]:
        """{name of the frame: camera} of all that has to be rendered; {}: nothing."""
        scored = self.remembered.shown if self.remembered else {}
        return {**(self.sight.cameras if self.sight else {}), **scored}

    @property
    def size_px(self) -> int:
        """Side of the frames, one size for all; 0 where nothing is rendered."""
        if self.sight:
            return self.sight.size_px
        return self.remembered.size_px if self.remembered else 0

    def size_in(self, env: gymnasium.Env) -> int:
        """Return the length of what is seen of an env.

        Raises:
            UserError: When the env has no proprioception, and embeddings are to be seen.
        """
        memory = memory_size_of(self.remembered.reward) if self.remembered else 0
        if self.sight is None:
            return int(np.prod(env.observation_space.shape or ())) + memory
        own = int(np.prod(proprioception_space(env).shape))
        return own + len(self.sight.centre) + memory


STATE_ALONE = Seeing()


class Observer:
    """Makes the observations of several envs that stand outside a VecEnv, as wrappers do inside."""

    def __init__(self, seeing: Seeing, tasks: Sequence[gymnasium.Env]) -> None:
        """Look at envs; each has just been reset when `begin` is called.

        Args:
            seeing: What is seen.
            tasks: The N envs.

        Raises:
            UserError: When an env has no proprioception, and embeddings are to be seen.
        """
        self._seeing, self._tasks = seeing, tasks
        self._sight = SightOfEnvs(seeing.sight) if seeing.sight else None
        for task in tasks if seeing.sight else ():
            proprioception_space(task)

    def begin(self, states: np.ndarray, frames: Sequence[Frames]) -> NDArray[np.float32]:
        """Return what is seen after the reset of all envs.

        Args:
            states: (N, O), the envs' own observations.
            frames: Per env {view: uint8 (H, W, 3)}, as `Seeing.cameras` asks for.
        """
        everyone = np.ones(len(self._tasks), dtype=bool)
        if self._seeing.remembered:
            begin_episodes(self._seeing.remembered.reward, self._scored(frames), everyone)
        seen = self._sight.begin(everyone, stacked(frames)) if self._sight else None
        return self._together(states, seen)

    def see(self, states: np.ndarray, frames: Sequence[Frames]) -> NDArray[np.float32]:
        """Return what is seen after a step; envs that have ended show what they showed last."""
        if self._seeing.remembered:
            self._seeing.remembered.reward.step(self._scored(frames))
        seen = self._sight.see(stacked(frames)) if self._sight else None
        return self._together(states, seen)

    def _together(self, states: np.ndarray, seen: np.ndarray | None) -> NDArray[np.float32]:
        parts = [states] if seen is None else [self._felt(), seen]
        if self._seeing.remembered:
            parts.append(memory_of(self._seeing.remembered.reward, len(self._tasks)))
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _scored(self, frames: Sequence[Frames]) -> ViewFrames:
        views = self._seeing.remembered.views if self._seeing.remembered else ()
        return {view: np.stack([shown[view] for shown in frames]) for view in views}

    def _felt(self) -> NDArray[np.float32]:
        return np.stack([felt(task) for task in self._tasks])


class LoneObserver:
    """An `Observer` of one env that renders for itself."""

    def __init__(self, seeing: Seeing, env: gymnasium.Env) -> None:
        """Look at an env that has just been reset."""
        self._seeing, self._env = seeing, env
        self._observer = Observer(seeing, [env])
        self._begun = False

    def __call__(self, state: np.ndarray) -> NDArray[np.float32]:
        """Return what is seen now, (O,), of the env's own observation (S,); once per step."""
        look = self._observer.see if self._begun else self._observer.begin
        self._begun = True
        return look(np.asarray(state)[None], [rendered(self._seeing, self._env)])[0]


def rendered(seeing: Seeing, env: gymnasium.Env) -> Frames:
    """Return the frames that are needed of an env as it stands; {} where none is."""
    cameras = seeing.cameras
    return render_square(env, cameras, seeing.size_px) if cameras else {}


def stacked(frames: Sequence[Mapping[str, NDArray[np.uint8]]]) -> ViewFrames:
    """Stack one frame per env and view, {view: uint8 (N, H, W, 3)}."""
    return {view: np.stack([shown[view] for shown in frames]) for view in frames[0]}


def felt(env: gymnasium.Env) -> NDArray[np.float32]:
    """Return the proprioception of an env as it stands, float32 (P,)."""
    task: Any = env.unwrapped
    return np.asarray(task.proprioception(), np.float32)


def proprioception_space(env: gymnasium.Env) -> gymnasium.spaces.Box:
    """Return the bounds of an env's proprioception.

    Raises:
        UserError: When the task has none.
    """
    task: Any = env.unwrapped
    space = getattr(task, "proprioception_space", None)
    if space is None:
        name = getattr(task, "task", None)
        shown = name if isinstance(name, str) else type(task).__name__
        raise UserError(
            f"task {shown} has no proprioception (`proprioception_space` and `proprioception()`), "
            "which stands beside embeddings; give --observation state"
        )
    assert isinstance(space, gymnasium.spaces.Box)
    return space


def fit_sight(
    encoder: Embedder, cameras: Mapping[str, str], size_px: int, films: Sequence[ViewFrames]
) -> Sight:
    """Return a sight with centre and scale of some films.

    Args:
        encoder: Embeds frames.
        cameras: {view: camera}.
        size_px: Side of the frames.
        films: {view: uint8 (T, H, W, 3)} each, of the scene in which the policy will act.
    """
    from tcn_robot.rewards.frames import embed_views

    views = tuple(cameras)
    embedded = [side_by_side(embed_views(encoder, film, views), views) for film in films]
    together = np.concatenate(embedded).astype(np.float64)
    centre = together.mean(axis=0)
    scale = float(np.sqrt(np.square(together - centre).mean()))
    # An encoder that gives the same for everything has no scale.
    return Sight(encoder, dict(cameras), size_px, centre.astype(np.float32), scale or 1.0)
