"""`tcn-robot evaluate`: how good saved policies are, on fixed starts that nobody trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.policies.config import ImitateConfig
    from tcn_robot.policies.evaluation import Filming


def evaluate(
    run: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    starts: int = 50,
    learned_return: bool = True,
    out: Path | None = None,
) -> None:
    """Evaluate every saved policy of a run on held-out starts, the same for every run.

    Prints success with its 95 % interval and the returns under the task's rewards, and under the
    learned reward where there is one; writes them to RUN/evaluation.json.

    Args:
        run: Run of `tcn-robot imitate`.
        starts: Number of held-out starts.
        learned_return: Render the episodes and score them with the learned reward, if there is one.
        out: File for the figures; default RUN/evaluation.json.
    """
    if starts < 1:
        raise UserError(f"--starts must be at least 1, found {starts}")
    figures = evaluate_run(run, starts, learned_return)
    from tcn_robot.atomic import write_text_atomically

    target = out or run / "evaluation.json"
    write_text_atomically(target, json.dumps(figures, indent=2) + "\n")
    print(f"{figures['task']}, reward {figures['reward']}, {starts} held-out starts per seed")
    for seed in figures["per_seed"]:
        print(f"  seed {seed['seed']}: {describe(seed['final'])}")
    print(f"  together: {describe(figures)}")
    print(f"written to {target}")


def evaluate_run(run: Path, starts: int, learned_return: bool = True) -> dict[str, Any]:
    """Return the figures of all policies of a run.

    Args:
        run: Run of `tcn-robot imitate`.
        starts: Number of held-out starts.
        learned_return: Whether episodes are rendered and scored by the learned reward.

    Raises:
        UserError: When the folder is no run, or holds no policy.
    """
    from tcn_robot.policies.config import load_config
    from tcn_robot.policies.environments import final_start_seeds, make_env
    from tcn_robot.policies.evaluation import evaluate as play
    from tcn_robot.policies.evaluation import summarise
    from tcn_robot.policies.policy import find_policies, load_policy
    from tcn_robot.policies.run import pool_seeds

    config = load_config(run)
    filming = _filming(run, config) if learned_return else None
    per_seed = []
    for folder in find_policies(run):
        policy = load_policy(folder)
        results = play(policy.act, lambda: make_env(config), final_start_seeds(starts), filming)
        per_seed.append(
            {"seed": policy.metadata["seed"], "final": summarise(results), "seconds": None}
        )
    pooled = pool_seeds(per_seed)
    del pooled["seconds"]
    return {
        "schema_version": 1,
        "task": config.task,
        "reward": config.reward,
        "steps": config.steps,
        **pooled,
        "per_seed": [{"seed": seed["seed"], "final": seed["final"]} for seed in per_seed],
    }


def _filming(run: Path, config: ImitateConfig) -> Filming | None:
    """Return the run's learned reward with what it has to see; None: the task's own reward."""
    if not config.learned:
        return None
    from tcn_robot.policies.evaluation import Filming
    from tcn_robot.policies.run import REWARD_FOLDER
    from tcn_robot.rewards import load_reward

    reward = load_reward(run / REWARD_FOLDER)
    return Filming(reward, config.views, reward.image_size_px)


def describe(figures: dict[str, Any]) -> str:
    """Return success, its interval and the returns as one line."""
    low, high = figures["success_interval"]
    line = (
        f"success {figures['success']:.1%} (95 % interval {low:.1%} to {high:.1%}), at any step "
        f"{figures['success_any']:.1%}; return sparse {figures['return_sparse']:.2f}, dense "
        f"{figures['return_dense']:.2f}"
    )
    if "return_learned" in figures:
        line += f", learned {figures['return_learned']:.2f}"
    return line


def main(arguments: list[str]) -> None:
    """Run the command with these arguments."""
    parse_and_run(evaluate, arguments)
