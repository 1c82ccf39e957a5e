"""`tcn-robot imitate`: trains policies with a learned reward, or the task's own to compare with."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.resumable_jobs import check_workers, run_resumable_jobs

if TYPE_CHECKING:
    from tcn_robot.policies.config import ImitateConfig


@dataclass(frozen=True)
class LearningOptions:
    """How the policy learns and when it is evaluated.

    Attributes:
        num_envs: Envs stepped in turn by one process; updates per transition stay the same.
        horizon: Control steps per episode; the task's own when not given.
        learning_rate: Adam's rate; the algorithm's own when not given, as the next four.
        discount: Discount per control step.
        batch_size: Transitions per update.
        hidden_units: Width of each hidden layer.
        learning_starts: Random control steps before the first update; ppo has none.
        evaluate_every: Control steps between evaluations, rounded to whole episodes.
        checkpoint_every: Control steps between states to resume from, where evaluations are
            further apart; at evaluations only when not given.
        evaluation_starts: Held-out starts per evaluation while training.
        final_starts: Held-out starts of the evaluation at the end.
    """

    num_envs: int = 4
    horizon: int | None = None
    learning_rate: float | None = None
    discount: float | None = None
    batch_size: int | None = None
    hidden_units: tuple[int, ...] | None = None
    learning_starts: int | None = None
    evaluate_every: int = 5000
    checkpoint_every: int | None = None
    evaluation_starts: int = 20
    final_starts: int = 50


@dataclass(frozen=True)
class SeeingOptions:
    """What the policy and its reward see.

    Attributes:
        observation: What the policy sees: the task's own observation, or the embeddings of the
            views with the robot's proprioception. Pixels are never kept.
        views: Views that the learned reward and the embedding see; the demonstrations' first when
            none is given, or the task's.
        scored_views: Cameras that stand in for these views when the policy acts, one each.
        max_demos: Most demonstrations that are used; all when not given.
        gap: How what is learned differs from what was shown: same-body, other-body, other-camera,
            other-simulator, randomised-scene or one-demonstration. Checks the demonstrations and
            sets what follows from it.
        randomise: What every episode draws anew besides where things start: names as for `record`,
            or all.
        training_films: Evaluations between films of training episodes, made of the frames that
            were rendered anyway; 0 makes none.
    """

    observation: Literal["state", "embedding"] = "state"
    views: tuple[str, ...] = ()
    scored_views: tuple[str, ...] = ()
    max_demos: int | None = None
    gap: str | None = None
    randomise: tuple[str, ...] = ()
    training_films: int = 0


# What is called otherwise on the command line than in config.json.
RUN_NAMES = {
    "learning_starts": "learning_starts_steps",
    "evaluate_every": "evaluation_interval_steps",
    "checkpoint_every": "checkpoint_interval_steps",
}
DEFAULT_SEEING = SeeingOptions()
DEFAULT_LEARNING = LearningOptions()


def imitate(
    task: Annotated[str, tyro.conf.Positional],
    /,
    *,
    steps: int,
    out: Path,
    reward: str | None = None,
    encoder: tuple[Path, ...] = (),
    demos: Path | None = None,
    play: tuple[Path, ...] = (),
    algo: str = "sac",
    algo_options: tuple[str, ...] = (),
    seeds: tuple[int, ...] = (0,),
    seeing: SeeingOptions = DEFAULT_SEEING,
    learning: LearningOptions = DEFAULT_LEARNING,
    reward_options: tuple[str, ...] = (),
    workers: int | None = None,
    films: bool = True,
    save_zip: bool = False,
    tensorboard: bool = True,
    resume: bool = False,
) -> None:
    """Train policies from films: the reward is computed from frames, not by the task.

    Rewards shaping and mixture alone add the task's sparse reward to what frames show. With
    --reward sparse or dense the task's own reward is learned from instead, for comparison; then
    nothing is rendered, and options of learned rewards are refused. Success is judged at the last
    step of episodes from held-out starts. Ctrl-C keeps every finished evaluation; --resume goes on
    from the last one.

    Args:
        task: Task id, such as MujocoPush-v0, or module:id for a task of your own.
        steps: Control steps of training per seed; with --algo bc, updates.
        out: Folder of the run.
        reward: progress, trajectory, goal, classifier, shaping or mixture (learned), sparse or
            dense (the task's own); left out with --algo bc only.
        encoder: Run of `tcn-robot train` (learned rewards, and --observation embedding, which sees
            by the first); several make an ensemble.
        demos: Dataset with demonstrations: split train is fitted to, split valid calibrates.
        play: Datasets with unlabelled play of the demonstrations' body and of the task's, to
            calibrate a reward for another body.
        algo: Learning algorithm: sac, ppo, td3, tqc or crossq; bc, behaviour cloning, which needs
            demonstrations with recorded actions.
        algo_options: Further options of that algorithm as name=value; docs/algorithms.md has them.
        seeds: One independent training each.
        seeing: What the policy and its reward see.
        learning: How the policy learns and when it is evaluated.
        reward_options: Options of the learned reward as name=value.
        workers: Processes at a time; default: as many as there are cores and seeds.
        films: Film a held-out episode from every view at the end.
        save_zip: Write Stable-Baselines3's own model.zip too, which executes code when loaded.
        tensorboard: Write TensorBoard events, if TensorBoard is installed.
        resume: Go on with an interrupted run; further --seeds may be added.
    """
    from tcn_robot.policies.config import NO_REWARD, ImitateConfig

    if reward is not None:
        check_reward_name(reward)
    if resume:
        _check_begun(out)
    config = ImitateConfig(
        task=task,
        reward=NO_REWARD if reward is None else reward,
        steps=steps,
        seeds=seeds,
        algo=algo,
        algo_options=parse_options(algo_options, "--algo-options"),
        encoder=str(encoder[0]) if encoder else None,
        further_encoders=tuple(map(str, encoder[1:])),
        demos=str(demos) if demos else None,
        play=tuple(map(str, play)),
        **dataclasses.asdict(seeing),
        reward_options=parse_options(reward_options),
        **_named_as_in_runs(learning),
        films=films,
        save_zip=save_zip,
    )
    run_imitation(out, config, workers, tensorboard, resume)


def _check_begun(out: Path) -> None:
    """Refuse to go on with what was never begun."""
    from tcn_robot.policies.run import CONFIG_FILE

    if not (out / CONFIG_FILE).is_file():
        raise UserError(
            f"{out} holds no run to resume: {CONFIG_FILE} is missing; leave --resume out to start"
        )


def _named_as_in_runs(learning: LearningOptions) -> dict[str, Any]:
    """Return the options of learning under the names that `ImitateConfig` has for them."""
    options = dataclasses.asdict(learning)
    return {RUN_NAMES.get(name, name): value for name, value in options.items()}


def run_imitation(
    out: Path,
    config: ImitateConfig,
    workers: int | None = None,
    tensorboard: bool = True,
    resume: bool = False,
) -> dict[str, Any]:
    """Run all seeds of a run and return its summary.

    Args:
        out: Folder of the run.
        config: The run's options.
        workers: Processes at a time; None: as many as there are cores and seeds.
        tensorboard: Whether TensorBoard events are written.
        resume: Whether to go on with a run that exists.

    Raises:
        UserError: On bad input, before anything is written, or when a seed failed.
    """
    from tcn_robot.policies.processes import Job
    from tcn_robot.workflows.policy_seed import prepare_run, run_seed

    check_workers(workers)
    config = prepare_run(out, config, resume)
    if config.save_zip:
        print(
            "tcn-robot: warning: --save-zip writes model.zip; whoever loads such a file executes "
            "the code in it (pickle), so load it only from where you trust; policy/ has the same "
            "policy without",
            file=sys.stderr,
        )
    jobs = [Job(f"seed {seed}", run_seed, (str(out), seed, tensorboard)) for seed in config.seeds]
    summary = run_resumable_jobs(
        out, jobs, workers, lambda _: _conclude(out, config), lambda: _conclude(out, config)
    )
    print(describe(summary))
    return summary


def _conclude(out: Path, config: ImitateConfig) -> dict[str, Any]:
    """Write what is made of the seeds so far: summary.json and curves.png."""
    from tcn_robot.policies.figures import draw_run_curves
    from tcn_robot.policies.run import CURVES_FILE, write_summary

    draw_run_curves(out, config, out / CURVES_FILE)
    return write_summary(out, config)


def describe(summary: dict[str, Any]) -> str:
    """Return one line that says how good the policies of a run are."""
    from tcn_robot.policies.config import NO_REWARD

    if not summary["seeds"]:
        return "no seed is finished"
    low, high = summary["success_interval"]
    per_seed = ", ".join(f"{share:.0%}" for share in summary["success_per_seed"])
    cloned = summary["reward"] == NO_REWARD
    learned = f"{summary['algo']}, " if cloned else f"reward {summary['reward']}, "
    return (
        f"{summary['task']}, {learned}{summary['steps']:,} {'updates' if cloned else 'steps'}: "
        "success "
        f"{summary['success']:.1%} (95 % interval {low:.1%} to {high:.1%}) over "
        f"{len(summary['seeds'])} seeds ({per_seed}) × {summary['starts']} held-out starts"
    )


def check_reward_name(name: str) -> None:
    """Refuse a reward that is neither learned nor the task's own.

    Raises:
        UserError: With the nearest name.
    """
    from tcn_robot.policies.config import TASK_REWARDS

    if name in TASK_REWARDS:
        return
    from tcn_robot.plugins import known_names
    from tcn_robot.rewards import REWARDS

    known = [*known_names(REWARDS, "tcn_robot.rewards"), *TASK_REWARDS]
    if name not in known and ":" not in name:
        raise unknown_name("reward", name, known)


def parse_options(pairs: tuple[str, ...], option: str = "--reward-options") -> dict[str, Any]:
    """Return {name: value} of texts like "gate=heavy" or "neighbours=5".

    Args:
        pairs: The texts.
        option: What they stand behind, for the error.

    Raises:
        UserError: For a text without "=".
    """
    import json

    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UserError(f"expected {option} name=value, found {pair!r}")
        try:
            options[name] = json.loads(text)
        except json.JSONDecodeError:
            options[name] = text
    return options


def main(arguments: list[str]) -> None:
    """Run the command with these arguments."""
    parse_and_run(imitate, arguments)
