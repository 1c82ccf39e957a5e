"""The simulator as the audit uses it: plays scripted behaviour, actions and changed states."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from tcn_robot.audit.rollouts import Rollout
from tcn_robot.envs import make_task, task_id
from tcn_robot.envs.scripted import policies_of
from tcn_robot.errors import UserError, unknown_name

# Beside the ranges that policies are trained, evaluated and replayed from.
AUDIT_START_SEED = 4_000_000
# Recorded episodes began somewhere else: behind all starts of audits.
RECORDED_START_SEED = AUDIT_START_SEED + 1000 * 1000
STILL = "still"

Policy = Callable[[Any, np.random.Generator], Iterator[np.ndarray]]


class Stage:
    """One environment with what is filmed of it; every episode lasts `horizon` steps.

    The same seed and start give the same rollout, whatever was played before.

    Attributes:
        env: The task, unwrapped.
        task: Its full id.
        views: What is rendered.
        horizon: Control steps per episode.
    """

    def __init__(
        self,
        task: str,
        views: Sequence[str],
        size_px: int,
        *,
        embodiment: str | None = None,
        horizon: int | None = None,
        seed: int = 0,
        keep: bool = False,
    ) -> None:
        """Make the environment.

        Args:
            task: Task id, with or without `tcn_robot/`.
            views: Cameras to render.
            size_px: Height and width of the pictures.
            embodiment: Who acts; the task's own body when None.
            horizon: Control steps per episode; the task's own when None.
            seed: Seed of all scripted behaviour.
            keep: Keep what was played and shown again, for auditing several rewards in turn.

        Raises:
            UserError: An unknown task, body or view, an environment that nothing films or whose
                actions are not continuous.
        """
        options = {"embodiment": embodiment, "horizon": horizon}
        given = {name: value for name, value in options.items() if value is not None}
        self.task = task_id(task)
        made = make_task(self.task, **given)
        self.env: Any = made.unwrapped
        self.views, self.seed, self._size = tuple(views), seed, (size_px, size_px)
        self._size_px, self._keep = size_px, keep
        self._kept: dict[tuple[str, int], Rollout] = {}
        self._others: dict[str, Stage] = {}
        limit = made.spec.max_episode_steps if made.spec is not None else None
        own = int(getattr(self.env, "horizon", 0) or limit or 0)
        self.horizon = horizon if horizon is not None else own
        try:
            self._check(made)
        except UserError:
            made.close()
            raise

    def _check(self, made: gymnasium.Env) -> None:
        if not hasattr(self.env, "render_views") or not getattr(self.env, "view_names", ()):
            raise UserError(
                f"task {self.task} has no camera: a learned reward is audited on frames; give the "
                "environment `view_names` and `render_views`"
            )
        for view in self.views:
            if view not in self.env.view_names:
                raise unknown_name(f"view of {self.task}", view, self.env.view_names)
        if self.horizon < 1:
            raise UserError(
                f"task {self.task} does not say how long an episode is; name it with --horizon"
            )
        if not isinstance(made.action_space, gymnasium.spaces.Box):
            raise UserError(
                f"task {self.task} has actions {made.action_space}; the audit plays continuous "
                "ones (Box) only"
            )

    @property
    def policies(self) -> dict[str, Policy]:
        """The scripted behaviour of the task by name."""
        return policies_of(self.task)

    @property
    def failure_kinds(self) -> tuple[str, ...]:
        """Names of the scripted failures, without the one that draws any of them."""
        return tuple(name for name in self.policies if name.startswith("failure-"))

    @property
    def has_things(self) -> bool:
        """Whether things can be put elsewhere: a task of our own description."""
        return hasattr(self.env, "world") and hasattr(self.env, "task")

    @property
    def rest(self) -> NDArray[np.float32]:
        """The action that holds still: zero, or the nearest allowed one."""
        space = self.env.action_space
        return np.clip(np.zeros(space.shape, np.float32), space.low, space.high).astype(np.float32)

    def with_body(self, embodiment: str) -> Stage:
        """Return the stage on which another body acts; it is closed with this one."""
        if embodiment not in self._others:
            self._others[embodiment] = Stage(
                self.task, self.views, self._size_px, embodiment=embodiment,
                horizon=self.horizon, seed=self.seed, keep=self._keep,
            )  # fmt: skip
        return self._others[embodiment]

    def generator(self, kind: str, start_seed: int) -> np.random.Generator:
        """Return the randomness of one kind of behaviour from one start."""
        return np.random.default_rng([self.seed, zlib.crc32(kind.encode()), start_seed])

    def play(self, kind: str, start_seed: int) -> Rollout:
        """Play scripted behaviour of the task, then hold still until the horizon.

        Args:
            kind: A name of `policies`, or "still".
            start_seed: Seed of the start.
        """
        known = self._kept.get((kind, start_seed))
        if known is not None:
            return known
        if kind == STILL:
            actions: Iterator[np.ndarray] = iter(())
        else:
            actions = self._chosen_by(self.policies[kind], self.generator(kind, start_seed))
        return self._kept_if_asked(self._run(actions, kind, start_seed))

    def _chosen_by(self, policy: Policy, randomness: np.random.Generator) -> Iterator[np.ndarray]:
        yield from policy(self.env, randomness)  # begins to look once the episode has begun

    def _kept_if_asked(self, rollout: Rollout) -> Rollout:
        if self._keep:
            self._kept[rollout.kind, rollout.start_seed] = rollout
        return rollout

    def act(self, actions: NDArray[np.floating], start_seed: int, kind: str) -> Rollout:
        """Do given actions, (T, A), then hold still until the horizon."""
        return self._run(iter(actions), kind, start_seed)

    def _run(self, actions: Iterator[np.ndarray], kind: str, start_seed: int) -> Rollout:
        _, info = self.env.reset(seed=start_seed)
        pictures, infos, states, done = [self._look()], [info], [self._state()], []
        for _ in range(self.horizon):
            chosen = next(actions, None)
            action = np.asarray(self.rest if chosen is None else chosen, np.float32).reshape(-1)
            *_, info = self.env.step(action)
            pictures.append(self._look())
            infos.append(info)
            states.append(self._state())
            done.append(action)
        kept = None if states[0] is None else np.stack([np.asarray(one) for one in states])
        frames = self._stacked(pictures)
        return Rollout(kind, start_seed, frames, tuple(infos), states=kept, actions=np.stack(done))

    def replay(
        self,
        rollout: Rollout,
        kind: str,
        arrange: Callable[[int], None] | None = None,
        look: dict[str, Any] | None = None,
    ) -> Rollout:
        """Show the states of a rollout again, with things put elsewhere or in another look.

        Nothing is simulated: the body goes exactly the same way.

        Args:
            rollout: Played on this stage, with states.
            kind: What the new one is called; with the old kind and the start it says which it is.
            arrange: Called with the index of each moment once its state is set.
            look: What is set in the model instead of what was drawn for the episode.

        Raises:
            UserError: For a rollout without states.
        """
        if rollout.states is None:
            raise UserError(f"{self.task} has no states that could be shown again")
        kind = f"{kind} of {rollout.kind}"
        known = self._kept.get((kind, rollout.start_seed))
        if known is not None:
            return known
        self.env.reset(seed=rollout.start_seed)  # what a task remembers of its start
        if look is not None:
            self.env.world.apply(look)
        pictures, infos = [], []
        for moment, state in enumerate(rollout.states):
            self.env.set_state(state)
            if arrange is not None:
                arrange(moment)
                infos.append(self._labels())
            pictures.append(self._look())
        labels = tuple(infos) if arrange is not None else rollout.infos
        return self._kept_if_asked(
            Rollout(
                kind,
                rollout.start_seed,
                self._stacked(pictures),
                labels,
                index=rollout.index,
                states=rollout.states,
                actions=rollout.actions,
            )
        )

    def close(self) -> None:
        """Free the simulator."""
        for other in self._others.values():
            other.close()
        self.env.close()

    def _look(self) -> dict[str, NDArray[np.uint8]]:
        pictures: dict[str, NDArray[np.uint8]] = self.env.render_views(self.views, self._size)
        return pictures

    def _labels(self) -> dict[str, Any]:
        labels = self.env.task.labels()
        return {
            **labels,
            "reward_sparse": float(labels["success"]),
            "reward_dense": float(self.env.task.dense_reward()),
        }

    def _state(self) -> NDArray[np.float64] | None:
        return self.env.get_state() if self.has_things else None

    def _stacked(
        self, pictures: Sequence[dict[str, NDArray[np.uint8]]]
    ) -> dict[str, NDArray[np.uint8]]:
        return {view: np.stack([moment[view] for moment in pictures]) for view in self.views}


def start_seeds(count: int, seed: int) -> list[int]:
    """Return the seeds of an audit's starts, beside those of training and evaluation.

    Args:
        count: How many.
        seed: Seed of the audit; every seed has a range of its own.
    """
    first = AUDIT_START_SEED + 1000 * (seed % 1000)
    return [first + index for index in range(count)]


def recorded_seeds(count: int) -> list[int]:
    """Return what recorded episodes have for a seed: starts of their own, which nobody plays."""
    return [RECORDED_START_SEED + index for index in range(count)]
