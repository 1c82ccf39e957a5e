"""`tcn-robot audit`: how a reward can be cheated, found before anything learns from it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.audit.auditing import Audit
    from tcn_robot.audit.material import Settings
    from tcn_robot.audit.rollouts import Rollout
    from tcn_robot.audit.stage import Stage
    from tcn_robot.recordings import Episode
    from tcn_robot.rewards import Reward

RECORDED_SPLITS = ("test", "valid", "train")
MARKS = {"pass": "pass", "fail": "FAIL", "not applicable": "n/a"}


@dataclass(frozen=True)
class Audited:
    """What is audited, and how it is called in the record.

    Attributes:
        reward: The fitted reward.
        name: Its name.
        origin: What it was made of, as JSON holds it.
        demos: Dataset whose successes stand in where no expert does the task.
    """

    reward: Reward
    name: str
    origin: dict[str, Any]
    demos: Path | None


def audit(
    *,
    task: str,
    encoder: Path | None = None,
    demos: Path | None = None,
    reward: str = "progress",
    fitted: Path | None = None,
    reward_options: tuple[str, ...] = (),
    views: tuple[str, ...] = (),
    embodiment: str | None = None,
    horizon: int | None = None,
    probes: tuple[str, ...] = (),
    episodes: int = 6,
    adversary_rollouts: int = 240,
    seed: int = 0,
    out: Path | None = None,
    report: Path | None = None,
) -> None:
    """Audit a learned reward before a single step of learning.

    Successes, failures, cheats and an adversary are played in the simulator from starts that
    nobody learns or is evaluated from. Every probe ends in one verdict; a reward is accepted when
    it tells success from failure and no cheat pays. The score in [0, 1] can be compared between
    rewards of one task. docs/audit.md explains probes and thresholds.

    Args:
        task: Task id, such as MujocoPush-v0, or module:id for a task of your own.
        encoder: Run of `tcn-robot train`, or the name of an encoder that ships.
        demos: Dataset with demonstrations: split train is fitted to, split valid calibrates.
        reward: The learned reward to fit: progress, trajectory, goal, …
        fitted: A fitted reward instead: a run of `tcn-robot imitate`, or the folder of its reward.
        reward_options: Options of the reward as name=value.
        views: Views that the reward sees; the demonstrations' first when none is given.
        embodiment: Who acts; the task's own body when not given.
        horizon: Control steps per episode; the task's own when not given.
        probes: Only these probes.
        episodes: Successes, and episodes of each kind of failure.
        adversary_rollouts: Budget of the search for cheats, in episodes; 0: no search.
        seed: Seed of starts, behaviour, looks and search.
        out: JSON file of all figures, written after each probe.
        report: Page with verdicts and films of the worst cheats.
    """
    from tcn_robot.atomic import refuse_unwritable
    from tcn_robot.audit.material import Settings
    from tcn_robot.audit.probes.table import chosen_probes

    settings = Settings(episodes, adversary_rollouts, seed)
    names = chosen_probes(probes)
    if horizon is not None and horizon < 2:
        raise UserError(f"--horizon must be at least 2 control steps, found {horizon}")
    for path, option in ((out, "--out"), (report, "--report")):
        if path is not None:
            refuse_unwritable(path, option)
    if out is not None and report is not None and out.resolve() == report.resolve():
        raise UserError(f"--out and --report are the same file, {out}; name another for the page")
    given = {"embodiment": embodiment, "horizon": horizon, "probes": list(probes)}
    audited = _audited(task, encoder, demos, reward, fitted, reward_options, views, embodiment)
    stage = _stage(task, audited.reward, embodiment, horizon, seed)
    try:
        record = {
            **_described(stage, audited),
            "asked": list(names),
            "given": {name: value for name, value in given.items() if value},
            **_made_with(),
        }
        found = _run(stage, audited, settings, names, record, out)
        _conclude(found, record, out)
        if report is not None:
            _write_page(found, record, stage, report)
    finally:
        stage.close()


def _described(stage: Stage, audited: Audited) -> dict[str, Any]:
    """Return what the record says of the task and the reward."""
    return {
        "task": stage.task,
        "reward": audited.name,
        "embodiment": str(getattr(stage.env, "embodiment", "")),
        "views": list(stage.views),
        "horizon": stage.horizon,
        **audited.origin,
    }


def _audited(
    task: str,
    encoder: Path | None,
    demos: Path | None,
    reward: str,
    fitted: Path | None,
    reward_options: tuple[str, ...],
    views: tuple[str, ...],
    embodiment: str | None,
) -> Audited:
    """Fit or load the reward.

    Raises:
        UserError: Neither a fitted reward nor what it takes to fit one, or both.
    """
    from tcn_robot.policies.environments import full_task_id
    from tcn_robot.provenance import sha256_of_files
    from tcn_robot.workflows.learned_reward import check_demos_task, fit_reward

    task = full_task_id(task)
    if demos is not None:
        check_demos_task(demos, task)
    if fitted is not None:
        if encoder is not None or reward_options or views:
            raise UserError(
                "--fitted is a reward as it stands: leave --encoder, --views and --reward-options "
                "out"
            )
        from tcn_robot.rewards import load_reward
        from tcn_robot.rewards.storage import read_document
        from tcn_robot.workflows.given_reward import fitted_folder

        folder = fitted_folder(fitted)
        known = {"fitted": fitted.name, "fitted_sha256": sha256_of_files(folder)}
        return Audited(load_reward(folder), read_document(folder)[0], known, demos)
    if encoder is None or demos is None:
        raise UserError(
            "expected --encoder and --demos to fit a reward with, or --fitted FOLDER; name one "
            "of the two"
        )
    from tcn_robot.workflows.imitate import check_reward_name, parse_options
    from tcn_robot.zoo import find_encoder_folder

    check_reward_name(reward)
    if reward in ("sparse", "dense"):
        raise UserError(f"{reward} is the task's own reward; name a learned one, such as progress")
    options = parse_options(reward_options)
    made = fit_reward(reward, encoder, demos, views, options, embodiment or "")
    made_from = find_encoder_folder(encoder)
    inner = made_from / "encoder" if (made_from / "encoder").is_dir() else made_from
    origin: dict[str, Any] = {
        "encoder": encoder.name,
        "encoder_sha256": sha256_of_files(inner),
        "demos": demos.name,
        "reward_options": options,
    }
    return Audited(made, reward, origin, demos)


def _stage(
    task: str, reward: Reward, embodiment: str | None, horizon: int | None, seed: int
) -> Stage:
    from tcn_robot.audit.stage import Stage

    return Stage(
        task, reward.views, reward.image_size_px,
        embodiment=embodiment, horizon=horizon, seed=seed,
    )  # fmt: skip


def _made_with() -> dict[str, Any]:
    from tcn_robot.provenance import commit, machine, versions

    return {"versions": versions(), "commit": commit(), "machine": machine()}


def _run(
    stage: Stage,
    audited: Audited,
    settings: Settings,
    names: Sequence[str],
    record: dict[str, Any],
    out: Path | None,
) -> Audit:
    """Make the probes; each is told and written as soon as it is done."""
    from tcn_robot.audit.auditing import count_episodes, run_audit
    from tcn_robot.audit.scoring import FilmScorer
    from tcn_robot.progress import Progress

    def tell(found: Audit) -> None:
        last = found.findings[-1]
        print(f"{MARKS[last.verdict]:<4}  {last.probe:<10}  {last.reason}", flush=True)
        _write(found, record, out)

    with Progress(count_episodes(stage, settings, names), "audit", "episodes") as shown:
        try:
            return run_audit(
                stage,
                FilmScorer(audited.reward),
                settings,
                names,
                recorded=lambda: _recorded(audited.demos, stage),
                advance=shown.advance,
                found=tell,
            )
        except KeyboardInterrupt:
            if out is not None and out.is_file():
                print(f"stopped; the probes that were done are in {out}", file=sys.stderr)
            raise


def _recorded(demos: Path | None, stage: Stage) -> list[Rollout]:
    """Return recorded successes, those that the reward has not seen first."""
    from tcn_robot.audit.rollouts import Rollout
    from tcn_robot.audit.stage import recorded_seeds
    from tcn_robot.recordings import open_recording
    from tcn_robot.workflows.shown_demonstrations import load_frames

    if demos is None:
        return []
    good = [episode for episode in open_recording(demos) if episode.success is not False]
    ranked = sorted(good, key=lambda episode: RECORDED_SPLITS.index(episode.split))[:20]
    films = load_frames(ranked, stage.views)
    rollouts = []
    for start, film, episode in zip(recorded_seeds(len(films)), films, ranked, strict=True):
        count = min(len(frames) for frames in film.values())
        cut = {view: frames[:count] for view, frames in film.items()}
        rollouts.append(Rollout("demonstration", start, cut, _recorded_labels(episode, count)))
    return rollouts


def _recorded_labels(episode: Episode, count: int) -> tuple[dict[str, Any], ...]:
    """Return what a simulated recording says of each frame; nothing for plain films."""
    steps = episode.steps or {}
    known = {name: steps[name] for name in ("progress", "success") if name in steps}
    return tuple(
        {name: column[row] for name, column in known.items() if row < len(column)}
        for row in range(count)
    )


def _write(found: Audit, record: dict[str, Any], out: Path | None) -> None:
    from tcn_robot.atomic import write_text_atomically

    if out is not None:
        text = json.dumps({**found.as_json(), **record}, indent=2, default=_plain)
        write_text_atomically(out, text + "\n")


def _plain(value: Any) -> Any:
    """Return what JSON holds of a NumPy number."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"cannot write {type(value)}")


def _conclude(found: Audit, record: dict[str, Any], out: Path | None) -> None:
    figures = found.as_json()
    for note in figures["notes"]:
        print(f"note: {note}")
    score = figures["score"]
    words = {True: "accepted", False: "not accepted", None: "not decided"}[figures["accepted"]]
    if missing := figures["not_tried"]:
        words += f" (not tried: {', '.join(missing)})"
    searched = "without" if "adversary" in missing else "with"
    counted = (
        f"score {score:.2f} {searched} the adversary"
        if score is not None
        else "no score (separation, order missing)"
    )
    print(f"{record['reward']} on {record['task']}: {words}, {counted}")
    if out is not None:
        print(f"written to {out}")


def _write_page(found: Audit, record: dict[str, Any], stage: Stage, report: Path) -> None:
    from tcn_robot.report.audit_page import write_audit_page
    from tcn_robot.workflows.report_audit import audit_evidence

    write_audit_page(audit_evidence(found, record, stage), report)
    print(f"{report} ({report.stat().st_size / 1e6:.1f} MB)")


def main(arguments: list[str]) -> None:
    """Run the command with these arguments."""
    parse_and_run(audit, arguments)
