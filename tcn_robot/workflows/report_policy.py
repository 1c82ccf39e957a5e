"""What a report shows about policies: runs of `imitate` and lines of studies, side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.report.evidence import Evidence
from tcn_robot.report.media import Film, film_from_file
from tcn_robot.report.policy_evidence import MethodOverTasks, PolicyRun, SuccessCurve
from tcn_robot.workflows.report_sources import Sources

if TYPE_CHECKING:
    from tcn_robot.metrics.aggregates import Aggregate
    from tcn_robot.policies.config import ImitateConfig
    from tcn_robot.policies.tables import RunResults

Evaluations = Mapping[int, Sequence[Mapping[str, Any]]]


@dataclasses.dataclass(frozen=True)
class FoundRun:
    """A run as it was found, in a folder or in lines.

    Attributes:
        results: Its finished seeds.
        options: Its options.
        evaluations: Those of each seed that has begun, while training.
        folder: Its folder, None for lines.
    """

    results: RunResults
    options: ImitateConfig
    evaluations: Evaluations
    folder: Path | None = None


def add_policies(
    evidence: Evidence, sources: Sources, results: Path, figures_only: bool = False
) -> None:
    """Add the runs and studies that were named.

    Args:
        evidence: What there is to show.
        sources: What was named.
        results: Folder of the lines of studies.
        figures_only: Leave films out.

    Raises:
        UserError: One of them is damaged, or is none.
    """
    from tcn_robot.policies.tables import describe_origin, group_runs, in_order, methods_over_tasks
    from tcn_robot.workflows.report_studies import find_studies

    studies = find_studies(sources.studies, sources.results, results)
    found = [read_run(run) for run in sources.policies]
    found = [_told_apart(run, found) for run in found]
    tasks = group_runs(studies.lines)
    found += [_of_lines(run) for runs in tasks.values() for run in runs]
    by_task: dict[str, list[FoundRun]] = {}
    for run in found:
        by_task.setdefault(run.results.task, []).append(run)
    for _, runs in sorted(by_task.items()):
        order = in_order([run.results for run in runs])
        runs.sort(key=lambda run: order.index(run.results))
        _add_runs(evidence, runs, figures_only)
    if len(by_task) == 1:
        evidence.task = evidence.task or found[0].options.task
    evidence.over_tasks = [
        MethodOverTasks(name, names, mean.num_scores if mean else 0, _pair(mean))
        for name, names, mean in methods_over_tasks(
            {task: [run.results for run in runs if run.results.lines]
             for task, runs in by_task.items()}
        )
    ]  # fmt: skip
    evidence.studies = studies.names
    evidence.description = " ".join(studies.descriptions)
    evidence.missing += studies.missing
    if studies.lines:
        evidence.origin.append(describe_origin(studies.lines))
        if not figures_only:
            evidence.missing.append("Films of studies: lines of results hold figures alone.")
    evidence.repeat = [
        *studies.commands,
        *(run.command for run, one in zip(evidence.runs, _in_order(by_task), strict=True)
          if one.folder is not None),
    ]  # fmt: skip


def _in_order(by_task: Mapping[str, Sequence[FoundRun]]) -> list[FoundRun]:
    return [run for _, runs in sorted(by_task.items()) for run in runs]


def read_run(folder: Path) -> FoundRun:
    """Return a run of `tcn-robot imitate` as far as it is.

    Raises:
        UserError: Its options, or the figures of a seed, are damaged.
    """
    from tcn_robot.policies.config import load_config
    from tcn_robot.policies.learner import read_evaluations
    from tcn_robot.policies.run import read_result, seed_folder
    from tcn_robot.policies.tables import RunResults, short_task

    config = load_config(folder)
    options = dataclasses.asdict(config)
    evaluations, lines = {}, []
    for seed in config.seeds:
        evaluations[seed] = read_evaluations(seed_folder(folder, seed))
        result = read_result(folder, seed)
        if result is not None:
            figures = {"final": result["final"], "evaluations": evaluations[seed]}
            lines.append({"seed": seed, "seconds": result["seconds"], "figures": figures})
    name = folder.resolve().name
    task = short_task(config.task)
    results = RunResults(task, name, config.reward, config.steps, tuple(lines), options)
    return FoundRun(results, config, evaluations, folder)


def _told_apart(run: FoundRun, others: Sequence[FoundRun]) -> FoundRun:
    """Return a run under its whole path where another folder has the same name."""
    if sum(one.results.name == run.results.name for one in others) == 1:
        return run
    return dataclasses.replace(run, results=dataclasses.replace(run.results, name=str(run.folder)))


def _of_lines(run: RunResults) -> FoundRun:
    from tcn_robot.workflows.report_studies import config_of_line

    evaluations = {line["seed"]: line["figures"]["evaluations"] for line in run.lines}
    return FoundRun(run, config_of_line(run.lines[0]), evaluations)


def _add_runs(evidence: Evidence, runs: Sequence[FoundRun], figures_only: bool) -> None:
    """Add the runs of one task."""
    from tcn_robot.policies.tables import names_of_runs

    names = names_of_runs([run.results for run in runs])
    for name, run in zip(names, runs, strict=True):
        if run.folder is not None:
            _name_unfinished(evidence, name, run)
        films = _films(run) if run.folder is not None and not figures_only else {}
        if run.folder is not None and not films and not figures_only:
            evidence.missing.append(
                f"A film of the policy trained with reward {name}: none in {run.folder}."
            )
        evidence.runs.append(_shown(name, run, films, figures_only))


def _name_unfinished(evidence: Evidence, name: str, run: FoundRun) -> None:
    finished = {line["seed"] for line in run.results.lines}
    if not finished:
        evidence.missing.append(
            f"Final success with reward {name}: {run.folder} is not finished; go on with --resume."
        )
    elif lacking := [str(seed) for seed in run.options.seeds if seed not in finished]:
        evidence.missing.append(
            f"Seed {', '.join(lacking)} with reward {name}: {run.folder} is not finished; go on "
            "with --resume."
        )


def _shown(name: str, run: FoundRun, films: dict[str, Film], figures_only: bool) -> PolicyRun:
    from tcn_robot.policies.changed_options import changed_options
    from tcn_robot.workflows.imitate_command import imitate_command
    from tcn_robot.workflows.study_policies import shown_path

    results = run.results
    seeds = list(run.evaluations)
    config = dataclasses.asdict(run.options)
    config = {key: _without_machine(value) for key, value in config.items()}
    portable = dataclasses.replace(run.options, **config)
    out = shown_path(str(run.folder)) if run.folder else f"runs/{results.study}/{results.name}"
    return PolicyRun(
        name=name,
        task=results.task,
        reward=results.reward,
        origin=str(out) if run.folder else f"{results.study}: {results.name}",
        study=results.study,
        figures=_figures(results) if results.lines else None,
        curve=None if figures_only else _curve(run),
        films=films,
        options={key: in_words(one) for key, one in changed_options(portable).items()},
        config={key: in_words(one) for key, one in {**config, "seeds": seeds}.items()},
        command=imitate_command(portable, seeds, str(out)),
        reward_digests=_reward_digests(run),
    )


def _reward_digests(run: FoundRun) -> tuple[str, ...]:
    from tcn_robot.policies.run import REWARD_FOLDER
    from tcn_robot.provenance import sha256_of_files

    if run.folder is None:
        known = [line.get("reward_sha256") for line in run.results.lines]
        return tuple(dict.fromkeys(digest for digest in known if digest))
    fitted = run.folder / REWARD_FOLDER
    return (sha256_of_files(fitted),) if fitted.is_dir() else ()


def _without_machine(value: Any) -> Any:
    from tcn_robot.workflows.study_policies import shown_path

    return tuple(map(shown_path, value)) if isinstance(value, (list, tuple)) else shown_path(value)


def in_words(value: Any) -> str:
    """Return the value of an option as a page shows it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}={in_words(one)}" for name, one in value.items()) or "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(in_words, value)) or "–"
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)


def _figures(results: RunResults) -> dict[str, Any]:
    """Return what the finished seeds have reached together."""
    from tcn_robot.policies.tables import figures_of_run, steps_to_success_text

    found = figures_of_run(results)
    return {
        **{name: found[name] for name in ("success", "success_interval", "success_per_seed")},
        **{name: found[name] for name in ("success_any", "starts", "minutes")},
        "seeds": len(found["seeds"]),
        "seed_numbers": found["seeds"],
        "steps": results.steps,
        "iqm": _pair(found["iqm"]),
        "true_return": _pair(found["true_return"]),
        "steps_to_success": steps_to_success_text(found["steps_to_success"]),
    }


def _pair(found: Aggregate | None) -> tuple[float, tuple[float, float] | None] | None:
    return None if found is None else (found.value, found.interval)


def _films(run: FoundRun) -> dict[str, Film]:
    """Return the films of the first seed that has begun."""
    from tcn_robot.policies.run import seed_folder

    assert run.folder is not None
    folders = [seed_folder(run.folder, seed) for seed in run.evaluations]
    first = [folder for folder in folders if folder.is_dir()][:1]
    return {
        path.stem: film_from_file(path.read_bytes())
        for folder in first
        for path in sorted((folder / "films").glob("*.mp4"))
    }


def _curve(run: FoundRun) -> SuccessCurve | None:
    """Return success over steps; seeds that were evaluated at other steps are filled with NaN."""
    from tcn_robot.policies.comparison import success_while_training

    seeds = [evaluations for evaluations in run.evaluations.values() if evaluations]
    if not seeds:
        return None
    steps = sorted({line["steps"] for evaluations in seeds for line in evaluations})
    success = np.full((len(seeds), len(steps)), np.nan)
    for row, evaluations in enumerate(seeds):
        for line in evaluations:
            success[row, steps.index(line["steps"])] = line["success"]
    middle, interval = np.full(len(steps), np.nan), np.full((len(steps), 2), np.nan)
    for at, found in success_while_training(seeds).items():
        middle[steps.index(at)] = found.value
        interval[steps.index(at)] = found.interval or np.nan
    return SuccessCurve(
        np.array(steps, float), success, middle, interval, int(seeds[0][-1].get("starts", 0)),
        run.options.clones,
    )  # fmt: skip
