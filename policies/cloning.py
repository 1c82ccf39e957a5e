"""Training of one seed without a reward: the actions of demonstrations, by regression."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tcn_robot.errors import UserError
from tcn_robot.policies.environments import make_env, periodic_start_seeds
from tcn_robot.policies.evaluation import evaluate, summarise
from tcn_robot.policies.learner import SeedJob, finish_seed, write_evaluations
from tcn_robot.policies.policy import Policy, action_bounds
from tcn_robot.policies.training_log import Say, print_line
from tcn_robot.provenance import commit


@dataclass(frozen=True)
class Pairs:
    """What demonstrators saw and did.

    Attributes:
        observations: float32 (M, O), as the policy will see them.
        actions: float32 (M, A), as the env takes them.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.float32]


def clone_seed(
    job: SeedJob, pairs: Pairs, held_out: Pairs | None = None, say: Say | None = None
) -> dict[str, Any]:
    """Train one seed and return its figures; `steps` of the config are updates.

    The mean squared error of actions, no noise, no weights chosen by success. Where a seed that is
    stopped half way begins anew: all of it takes a minute. The same options and seed give the same
    figures, bit for bit, on the same machine.

    Args:
        job: What to train and where.
        pairs: Of the demonstrations.
        held_out: Of withheld ones; only their error is reported.
        say: Takes lines of progress; default: standard error.

    Raises:
        UserError: When the demonstrations' observations or actions have another length than the
            task's.
    """
    say = say or print_line
    torch.set_num_threads(1)
    commit()  # remembered now: the checkout may move on while this trains
    config = job.config
    policy = _fresh_policy(job, pairs)
    options = config.cloning
    optimiser = torch.optim.Adam(policy.parameters(), lr=options.learning_rate)
    generator = np.random.default_rng(job.seed)
    starts = periodic_start_seeds(config.evaluation_starts)
    evaluations: list[dict[str, Any]] = []
    start_seconds = time.monotonic()
    for first in range(0, config.steps, config.evaluation_interval_steps):
        stop = min(first + config.evaluation_interval_steps, config.steps)
        error = _update(policy, optimiser, pairs, generator, stop - first, options.batch_size)
        results = evaluate(policy.eval().act, lambda: make_env(config), starts, seeing=job.seeing)
        figures = {"steps": stop, **summarise(results), "action_error": error}
        if held_out is not None:
            figures["held_out_action_error"] = action_error(policy, held_out)
        evaluations.append(figures | {"seconds": round(time.monotonic() - start_seconds, 2)})
        write_evaluations(job.folder, evaluations)
        say(f"{job.name}: {stop:,}/{config.steps:,} updates, success {figures['success']:.2f}")
    return finish_seed(job, policy.eval(), config.steps, config.steps, evaluations)


def _fresh_policy(job: SeedJob, pairs: Pairs) -> Policy:
    """Return a network of the task's sizes, its weights drawn by the seed."""
    env = make_env(job.config)
    try:
        needed = (job.seeing.size_in(env), int(np.prod(env.action_space.shape or ())))
        bounds = action_bounds(env.action_space)
    finally:
        env.close()
    found = (pairs.observations.shape[1], pairs.actions.shape[1])
    if found != needed:
        raise UserError(
            f"task {job.config.task} has observations of length {needed[0]} and actions of length "
            f"{needed[1]}, the demonstrations have {found[0]} and {found[1]}; record some of this "
            "task"
        )
    torch.manual_seed(job.seed)
    return Policy(*needed, job.config.cloning.hidden_units, action_range=bounds)


def _update(
    policy: Policy,
    optimiser: torch.optim.Optimizer,
    pairs: Pairs,
    generator: np.random.Generator,
    updates: int,
    batch_size: int,
) -> float:
    """Do some updates; return their mean error."""
    policy.train()
    observations = torch.from_numpy(pairs.observations)
    actions = torch.from_numpy(pairs.actions)
    errors = []
    for _ in range(updates):
        batch = torch.from_numpy(generator.integers(len(observations), size=batch_size))
        error = torch.nn.functional.mse_loss(policy(observations[batch]), actions[batch])
        optimiser.zero_grad()
        error.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        errors.append(float(error.detach()))
    return float(np.mean(errors))


def action_error(policy: Policy, pairs: Pairs) -> float:
    """Return the mean squared error of a policy's actions on some pairs."""
    return float(np.square(policy.eval().act(pairs.observations) - pairs.actions).mean())
