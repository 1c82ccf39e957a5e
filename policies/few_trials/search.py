"""The search for a controller from one start: propose, roll out, score, learn, keep."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.atomic import write_text_atomically
from tcn_robot.errors import UserError
from tcn_robot.policies.few_trials.config import FewTrialsConfig
from tcn_robot.policies.few_trials.controllers import actions_of, controller_basis
from tcn_robot.policies.few_trials.optimisers.interface import Optimiser
from tcn_robot.policies.few_trials.optimisers.table import OPTIMISERS
from tcn_robot.policies.few_trials.records import (
    CONTROLLER_FILE,
    RESULT_FILE,
    Found,
    Iteration,
    best_of,
    iteration_file,
    load_iterations,
    save_arrays,
    save_iteration,
    write_lines,
)
from tcn_robot.policies.few_trials.rollouts import Rollouts, Stage
from tcn_robot.policies.few_trials.weighting import WEIGHTINGS

# Streams of random numbers of one start and seed.
PROPOSALS, REPLAY_NOISE = 0, 1


@dataclass(frozen=True)
class SearchJob:
    """A search that is to be done.

    Attributes:
        config: The run's options.
        seed: Seed of the search.
        start: Which start, from 0.
        folder: Where it is kept.
        stage: Plays and scores the rollouts.
        name: What it is called in lines of progress.
    """

    config: FewTrialsConfig
    seed: int
    start: int
    folder: Path
    stage: Stage
    name: str


def generator_of(seed: int, start: int, stream: int) -> np.random.Generator:
    """Return the generator of one stream of one start and seed."""
    return np.random.default_rng((seed, start, stream))


def search_start(job: SearchJob) -> dict[str, Any]:
    """Search from one start, going on from the iterations that are there.

    Nothing is learnt from the rollout of the mean after each iteration, which only says whether
    it does the task; it is not rendered and not counted.

    Returns:
        What `result.json` then has.

    Raises:
        UserError: When the recorded iterations are not those of this search.
    """
    config, stage = job.config, job.stage
    basis = controller_basis(config.controller, stage.horizon_steps, config.functions)
    weights = WEIGHTINGS[config.weighting](stage.horizon_steps)
    optimiser = OPTIMISERS[config.optimiser](
        basis,
        stage.action_size,
        config.population,
        config.step_size * stage.horizon_steps,
        generator_of(job.seed, job.start, PROPOSALS),
    )
    iterations = load_iterations(job.folder)[: config.iterations]
    for index, iteration in enumerate(iterations):
        _learn_again(optimiser, iteration, weights, iteration_file(job.folder, index))
    while len(iterations) < config.iterations:
        parameters = optimiser.ask()
        rollouts = stage.play(actions_of(basis, parameters))
        optimiser.tell(parameters, rollouts.rewards * weights)
        mean = stage.play(actions_of(basis, optimiser.mean[None]), score=False)
        iteration = Iteration(parameters, rollouts.rewards, rollouts.success, mean.success[0])
        save_iteration(job.folder, len(iterations), iteration)
        iterations.append(iteration)
        write_lines(job.folder, iterations, weights)
        _tell_progress(job, iterations, weights)
    return _conclude(job, iterations, basis, optimiser.mean, weights)


def _learn_again(
    optimiser: Optimiser, iteration: Iteration, weights: NDArray[np.float64], path: Path
) -> None:
    """Bring an optimiser to where it was after a recorded iteration."""
    parameters = optimiser.ask()
    if not np.array_equal(parameters, iteration.parameters):
        raise UserError(
            f"{path} holds other proposals than this search makes: another version of cma or NumPy "
            "recorded them; choose another --out"
        )
    optimiser.tell(parameters, iteration.rewards * weights)


def _tell_progress(
    job: SearchJob, iterations: list[Iteration], weights: NDArray[np.float64]
) -> None:
    best = best_of(iterations, weights)[-1]
    done = job.config.population * len(iterations)
    sys.stderr.write(
        f"{job.name}: {done}/{job.config.rollouts} rollouts, best return "
        f"{best.weighted_return:.3f} ({_outcome(best.success)}), mean: "
        f"{_outcome(bool(iterations[-1].mean_success[-1]))}\n"
    )
    sys.stderr.flush()


def _outcome(success: bool) -> str:
    return "success" if success else "no success"


def _conclude(
    job: SearchJob,
    iterations: list[Iteration],
    basis: NDArray[np.float64],
    mean: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> dict[str, Any]:
    """Replay the best rollout, the final controller, and write down what came out."""
    best = best_of(iterations, weights)
    final = best[-1]
    parameters = iterations[final.iteration].parameters[final.rollout]
    actions = actions_of(basis, parameters)
    replayed = job.stage.play(actions[None], score=False)
    recorded = iterations[final.iteration].success[final.rollout]
    result = {
        "schema_version": 1,
        "seed": job.seed,
        "start": job.start,
        "rollouts": job.config.rollouts,
        "final": {
            "controller": "best rollout by the reward, replayed",
            "iteration": final.iteration,
            "rollout": final.rollout,
            "weighted_return": final.weighted_return,
            "success": bool(replayed.success[0, -1]),
            "success_any": bool(replayed.success[0].any()),
            "return_dense": _number(replayed.dense[0]),
            "replay_equals_rollout": bool(np.array_equal(replayed.success[0], recorded)),
        },
        "mean": {"success": bool(iterations[-1].mean_success[-1])},
        "iterations": _curves(job.config, iterations, best),
        "noisy_replays": _noisy_replays(job, actions),
    }
    arrays = {"basis": basis, "parameters": parameters, "mean": mean, "actions": actions}
    save_arrays(job.folder / CONTROLLER_FILE, arrays)
    write_text_atomically(job.folder / RESULT_FILE, json.dumps(result, indent=2) + "\n")
    return result


def _curves(
    config: FewTrialsConfig, iterations: list[Iteration], best: list[Found]
) -> dict[str, list[Any]]:
    """Return rollouts and success after each iteration."""
    return {
        "rollouts": [config.population * (index + 1) for index in range(len(iterations))],
        "success_best": [found.success for found in best],
        "success_mean": [bool(iteration.mean_success[-1]) for iteration in iterations],
        "success_share": [float(iteration.success[:, -1].mean()) for iteration in iterations],
    }


def _noisy_replays(job: SearchJob, actions: NDArray[np.float64]) -> dict[str, Any] | None:
    """Return how often the final controller succeeds with noise on its actions; None: not asked."""
    config = job.config
    if not config.replays:
        return None
    generator = generator_of(job.seed, job.start, REPLAY_NOISE)
    noise = config.replay_noise * generator.standard_normal((config.replays, *actions.shape))
    played: Rollouts = job.stage.play(np.clip(actions + noise, -1.0, 1.0), score=False)
    return {
        "replays": config.replays,
        "noise": config.replay_noise,
        "successes": int(played.success[:, -1].sum()),
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
