"""`tcn-robot evaluate`: how good saved policies are, on fixed starts that nobody trained on."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    import gymnasium

    from tcn_robot.policies.policy import Policy
    from tcn_robot.policies.seeing import Seeing


def evaluate(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    *,
    starts: int = 50,
    task: str | None = None,
    embodiment: str | None = None,
    learned_return: bool = True,
    out: Path | None = None,
    curves: Path | None = None,
) -> None:
    """Evaluate every saved policy of one run or several on held-out starts, the same for all.

    Prints success with its 95 % interval and the returns under the task's rewards, and under the
    learned reward where there is one; writes them to RUN/evaluation.json, or to
    RUN/evaluation-TASK-BODY.json for another task or body. Several runs get a table too: the
    interquartile mean over seeds, with an interval for which seeds and starts are drawn again, and
    the same over tasks where a method was tried on several.

    Args:
        runs: Runs of `tcn-robot imitate`.
        starts: Number of held-out starts.
        task: Another task than the run's, such as the same one in another simulator.
        embodiment: Another body than the one that learned.
        learned_return: Render the episodes and score them with the learned reward, if there is one.
        out: File for the figures; of several runs, for all of them together.
        curves: PNG of success over training steps, the runs of a task in one panel.
    """
    from tcn_robot.atomic import write_text_atomically
    from tcn_robot.workflows.evaluate_together import compare, draw_curves, table_of

    _check_request(runs, starts)
    _check_targets(out, curves)
    elsewhere = [name.rpartition("/")[2] for name in (task, embodiment) if name is not None]
    file_name = f"{'-'.join(['evaluation', *elsewhere])}.json"
    evaluated = []
    for run in runs:
        figures = evaluate_run(run, starts, learned_return, task, embodiment)
        target = out if out and len(runs) == 1 else run / file_name
        write_text_atomically(target, json.dumps(figures, indent=2) + "\n")
        _show(figures, target)
        evaluated.append(figures)
    if len(runs) > 1:
        comparison = compare(runs, evaluated)
        print(table_of(comparison))
        if out is not None:
            write_text_atomically(out, json.dumps(comparison, indent=2) + "\n")
            print(f"written to {out}")
    if curves is not None:
        draw_curves(runs, curves)
        print(f"drawn into {curves}")


def _check_request(runs: tuple[Path, ...], starts: int) -> None:
    """Refuse what cannot be evaluated before anything is.

    Raises:
        UserError: No run, the same one twice, a folder that is none, or no start.
    """
    from tcn_robot.policies.config import load_config
    from tcn_robot.policies.policy import find_policies

    if not runs:
        raise UserError("expected a run of `tcn-robot imitate` or more, found none")
    if starts < 1:
        raise UserError(f"--starts must be at least 1, found {starts}")
    if len({run.resolve() for run in runs}) < len(runs):
        raise UserError("the same run is named twice; name each once")
    for run in runs:
        load_config(run)
        find_policies(run)


def _check_targets(out: Path | None, curves: Path | None) -> None:
    """Refuse files that could not be written, before anything is played.

    Raises:
        UserError: A file that cannot be written, curves that are no PNG, or both in one file.
    """
    from tcn_robot.atomic import refuse_unwritable

    for path, option in ((out, "--out"), (curves, "--curves")):
        if path is not None:
            refuse_unwritable(path, option)
    if curves is not None and curves.suffix != ".png":
        raise UserError(f"--curves must end with .png, found {curves}")
    if out is not None and curves is not None and out.resolve() == curves.resolve():
        raise UserError(f"--out and --curves are the same file, {out}; name another for one")


def _show(figures: dict[str, Any], target: Path) -> None:
    """Print what was found of one run."""
    cloned = figures["reward"] == "none"
    taught_by = "behaviour cloning" if cloned else f"reward {figures['reward']}"
    body = f" by {figures['embodiment']}" if "embodiment" in figures else ""
    print(f"{figures['task']}{body}, {taught_by}, {figures['starts']} held-out starts per seed")
    for seed in figures["per_seed"]:
        print(f"  seed {seed['seed']}: {describe(seed['final'])}")
    print(f"  together: {describe(figures)}")
    print(f"written to {target}")


def evaluate_run(
    run: Path,
    starts: int,
    learned_return: bool = True,
    task: str | None = None,
    embodiment: str | None = None,
) -> dict[str, Any]:
    """Return the figures of all policies of a run.

    Args:
        run: Run of `tcn-robot imitate`.
        starts: Number of held-out starts.
        learned_return: Whether episodes are rendered and scored by the learned reward.
        task: Another task than the run's.
        embodiment: Another body than the task's own.

    Raises:
        UserError: When the folder is no run, or holds no policy, or the policy does not fit the
            other task.
    """
    from tcn_robot.policies.config import load_config
    from tcn_robot.policies.environments import final_start_seeds, make_env
    from tcn_robot.policies.evaluation import evaluate as play
    from tcn_robot.policies.evaluation import summarise
    from tcn_robot.policies.policy import find_policies, load_policy
    from tcn_robot.policies.run import pool_seeds
    from tcn_robot.provenance import commit
    from tcn_robot.workflows.policy_sight import load_filming, seeing_of

    config = load_config(run)
    trained_on = config.task
    if task is not None:
        config = dataclasses.replace(config, task=task)
    filming = load_filming(run, config) if learned_return else None
    per_seed = []
    for folder in find_policies(run):
        policy = load_policy(folder)
        with contextlib.closing(make_env(config, embodiment=embodiment)) as env:
            seeing = seeing_of(folder, policy)
            _check_fit(policy, seeing, env, config.task)
        results = play(
            policy.act,
            lambda: make_env(config, embodiment=embodiment),
            final_start_seeds(starts),
            filming,
            seeing,
        )
        per_seed.append(
            {
                "seed": policy.metadata["seed"],
                "final": summarise(results, per_episode=True),
                "seconds": None,
            }
        )
    pooled = pool_seeds(per_seed)
    del pooled["seconds"]
    return {
        "schema_version": 1,
        "task": config.task,
        "trained_on": trained_on,
        **({} if embodiment is None else {"embodiment": embodiment}),
        "reward": config.reward,
        "steps": config.steps,
        "commit": commit(),
        **pooled,
        "per_seed": [{"seed": seed["seed"], "final": seed["final"]} for seed in per_seed],
    }


def _check_fit(policy: Policy, seeing: Seeing, env: gymnasium.Env, task: str) -> None:
    """Raise a UserError when a policy cannot act in an env."""
    found = (policy.observation_size, policy.action_size)
    needed = seeing.size_in(env), (env.action_space.shape or (0,))[0]
    if found != needed:
        raise UserError(
            f"{task} has observations of length {needed[0]} and actions of length {needed[1]}, the "
            f"policy has {found[0]} and {found[1]}; choose a task that looks and acts the same"
        )


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
