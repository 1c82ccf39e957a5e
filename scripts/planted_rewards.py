"""Rewards that are known to be good or bad, to audit the audit with.

A scorer gives a rollout one number per step. Those that read the simulator are oracles; the others
see frames only, as a learned reward does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.audit.rollouts import Rollout
from tcn_robot.audit.scoring import FilmScorer, Scorer
from tcn_robot.audit.stage import Stage
from tcn_robot.envs.segments import BODY
from tcn_robot.envs.stored_model import open_stored_model
from tcn_robot.errors import UserError
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.recordings import open_recording
from tcn_robot.recordings.states import stored_model
from tcn_robot.rewards import GoalReward, ProgressReward
from tcn_robot.workflows.learned_reward import successful_demos
from tcn_robot.workflows.shown_demonstrations import load_frames

DELAY_STEPS = 20
GREY = 127


# Oracles: what the simulator says ---------------------------------------------------------------


def true_progress(rollout: Rollout) -> np.ndarray:
    """The simulator's own progress."""
    progress = rollout.progress
    if progress is None:
        raise UserError("expected a task that says how far it has come")
    return progress


def _label(name: str) -> Scorer:
    def scorer(rollout: Rollout) -> np.ndarray:
        values = rollout.labels(name)
        assert values is not None
        return values

    return scorer


def noisy_progress(rollout: Rollout) -> np.ndarray:
    """True progress with noise of a tenth of its range, the same for the same moment."""
    noise = np.random.default_rng(rollout.start_seed).normal(0.0, 0.1, len(rollout.infos))
    return true_progress(rollout) + noise[rollout.index]


GOOD_ORACLES: dict[str, Scorer] = {
    "true progress": true_progress,
    "true progress, scaled and shifted": lambda rollout: 40.0 * true_progress(rollout) - 70.0,
    "true progress, squared": lambda rollout: true_progress(rollout) ** 2,
    "true progress with noise": noisy_progress,
    "hand-written dense reward": _label("reward_dense"),
}
BAD_ORACLES: dict[str, Scorer] = {
    "constant": lambda rollout: np.full(len(rollout), 0.7),
    "frame counter": lambda rollout: np.arange(len(rollout), dtype=np.float64),
    "true progress, negated": lambda rollout: -true_progress(rollout),
    "true progress, paid in full from 40 % on": lambda rollout: np.minimum(
        true_progress(rollout) / 0.4, 1.0
    ),
    "true progress, never forgotten": lambda rollout: np.maximum.accumulate(true_progress(rollout)),
    "true progress, 20 steps late": lambda rollout: _late(true_progress(rollout)),
    "noise": lambda rollout: np.random.default_rng(
        [rollout.start_seed, len(rollout.kind), int(rollout.index.sum())]
    ).uniform(size=len(rollout)),
}


def _late(rewards: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(DELAY_STEPS), rewards])[: len(rewards)]


# What sees frames -------------------------------------------------------------------------------


class _Collapsed:
    """An encoder that gives every frame the same embedding."""

    image_size_px = 64
    dimension = 8

    def embed(self, frames: np.ndarray) -> np.ndarray:
        return np.ones((len(frames), self.dimension), dtype=np.float32)


def ungated(reward: ProgressReward) -> Scorer:
    """Progress of the nearest demonstration frames, its gate always open."""
    return lambda rollout: reward.explain(rollout.film()).progress


def motion_energy(rollout: Rollout) -> np.ndarray:
    """How much the picture changes from one step to the next."""
    film = next(iter(rollout.film().values())).astype(np.float64)
    changes = np.abs(np.diff(film, axis=0)).mean(axis=(1, 2, 3))
    return np.concatenate([[0.0], changes])


def brightness(rollout: Rollout) -> np.ndarray:
    """How bright the picture is."""
    return next(iter(rollout.film().values())).mean(axis=(1, 2, 3))


def random_network(size_px: int, seed: int) -> Scorer:
    """One output of a network that nobody trained."""
    config = ConvolutionalConfig(image_size_px=size_px)
    encoder = ConvolutionalEncoder(config, seeded_generator(seed))
    return lambda rollout: encoder.embed(next(iter(rollout.film().values())))[:, 0]


def body_alone(frames: np.ndarray, classes: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Grey out all that is not the body: uint8 (N, H, W, 3), classes uint8 (N, H, W)."""
    return np.where((classes == names.index(BODY))[..., None], frames, np.uint8(GREY))


class EffectorOnly:
    """`progress` on frames in which exact masks leave the body alone: it cannot see an object."""

    def __init__(self, stage: Stage, encoder: Any, demos: Path, views: Sequence[str]) -> None:
        recording = open_recording(demos)
        fitting, withheld = successful_demos(recording)
        self._views = tuple(views)
        masked = [self._masked_demo(recording, episode) for episode in (*fitting, *withheld)]
        self._reward = ProgressReward.fit(
            encoder, masked[: len(fitting)], calibration=masked[len(fitting) :] or None
        )
        self._model: Any = open_stored_model(stage.env.model_xml)

    def _masked_demo(self, recording: Any, episode: Any) -> dict[str, np.ndarray]:
        model: Any = open_stored_model(stored_model(recording, episode))
        frames = {view: episode.frames(view) for view in self._views}
        try:
            return self._masked(model, frames, episode.steps["state"])
        finally:
            model.close()

    def _masked(
        self, model: Any, frames: Mapping[str, np.ndarray], states: Sequence[np.ndarray]
    ) -> dict[str, np.ndarray]:
        size = next(iter(frames.values())).shape[1:3]
        seen: dict[str, list[np.ndarray]] = {view: [] for view in frames}
        for state in states:
            model.set_state(np.asarray(state))
            for view, classes in model.segment_views(tuple(frames), size).items():
                seen[view].append(classes)
        return {
            view: body_alone(frames[view], np.stack(classes), model.segment_names)
            for view, classes in seen.items()
        }

    def __call__(self, rollout: Rollout) -> np.ndarray:
        """Return the reward of what is shown of the body, (T,)."""
        assert rollout.states is not None
        masked = self._masked(self._model, rollout.frames, rollout.states)
        shown = {view: frames[rollout.index] for view, frames in masked.items()}
        return self._reward.score_episode(shown)

    def close(self) -> None:
        """Free the simulator."""
        self._model.close()


def framed_rewards(
    stage: Stage, encoder: Any, demos: Path, reward: ProgressReward
) -> tuple[dict[str, Callable[[], Scorer]], dict[str, Callable[[], Scorer]]]:
    """Return good and bad rewards that see frames, by name; each is made when it is called.

    Args:
        stage: Where they are audited.
        encoder: A trained one.
        demos: The demonstrations.
        reward: `progress`, fitted on them.
    """
    fitting, _ = successful_demos(open_recording(demos))
    size_px = reward.image_size_px
    learned = FilmScorer(reward)
    good: dict[str, Callable[[], Scorer]] = {"progress": lambda: learned}

    def films() -> list[dict[str, np.ndarray]]:
        return load_frames(fitting, reward.views)

    bad: dict[str, Callable[[], Scorer]] = {
        "progress, collapsed encoder": lambda: FilmScorer(
            ProgressReward.fit(_Collapsed(), films())
        ),
        "progress, effector-only encoder": lambda: EffectorOnly(
            stage, encoder, demos, reward.views
        ),
        "goal distance": lambda: FilmScorer(GoalReward.fit(encoder, films())),
        "progress, no gate": lambda: ungated(reward),
        "progress, negated": lambda: lambda rollout: -learned(rollout),
        "progress, never forgotten": lambda: (
            lambda rollout: np.maximum.accumulate(learned(rollout))
        ),
        "progress, 20 steps late": lambda: lambda rollout: _late(learned(rollout)),
        "motion energy": lambda: motion_energy,
        "brightness": lambda: brightness,
        "darkness": lambda: lambda rollout: -brightness(rollout),
        **{
            f"random network {seed}": (lambda seed=seed: random_network(size_px, seed))
            for seed in range(3)
        },
    }
    return good, bad
