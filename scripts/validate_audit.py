#!/usr/bin/env python3
"""Audits rewards that are known to be good or bad: how many bad ones pass, how many good ones not.

    python scripts/validate_audit.py MujocoPush-v0 --encoder push-tcn --demos data/push \
        --out docs/results/audit/push.json

Writes one JSON file of small lines, one per reward. What was played is played once and shown to all
rewards; the search for cheats is made for the good ones, and for bad ones that nothing else caught.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from planted_rewards import BAD_ORACLES, GOOD_ORACLES, framed_rewards

from tcn_robot.atomic import write_text_atomically
from tcn_robot.audit.auditing import run_audit
from tcn_robot.audit.material import Settings
from tcn_robot.audit.probes.table import PROBES
from tcn_robot.audit.scoring import Scorer
from tcn_robot.audit.stage import Stage
from tcn_robot.audit.verdicts import ROBUST
from tcn_robot.models import load_encoder
from tcn_robot.provenance import commit, versions
from tcn_robot.workflows.learned_reward import fit_reward

UPSETTING = ("body", "occlusion", "camera", "light")
DECIDING = tuple(name for name in PROBES if name not in UPSETTING)
WITHOUT_SEARCH = tuple(name for name in DECIDING if name != "adversary")


def audited_line(
    name: str,
    is_good: bool,
    scorer: Scorer,
    stage: Stage,
    settings: Settings,
    probes: Sequence[str],
) -> dict[str, Any]:
    """Return what an audit says of one reward, on one line of JSON."""
    audit = run_audit(stage, scorer, settings, probes)
    figures = audit.as_json()
    failed = [one.probe for one in audit.findings if one.verdict == "fail"]
    return {
        "reward": name,
        "good": is_good,
        "accepted": figures["accepted"],
        "failed": failed,
        "upset_by": [one.probe for one in audit.findings
                     if one.verdict == "fail" and one.family == ROBUST],
        "score": None if figures["score"] is None else round(figures["score"], 4),
        "excess": {
            one.probe: round(one.excess, 3) for one in audit.findings if one.excess is not None
        },
        "seed": settings.seed,
    }  # fmt: skip


def main() -> None:
    """Audit every reward and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--demos", type=Path)
    parser.add_argument("--episodes", type=int, default=6)
    parser.add_argument("--adversary-rollouts", type=int, default=120)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    lines: list[dict[str, Any]] = []

    def add(line: dict[str, Any]) -> None:
        lines.append(line)
        right = (line["accepted"] is not False) == line["good"]
        print(
            f"{'right' if right else 'WRONG'}  {line['reward']:<42} score {line['score']}  "
            f"failed {', '.join(line['failed']) or 'nothing'}",
            flush=True,
        )
        _write(options, lines)

    for seed in options.seeds:
        settings = Settings(options.episodes, options.adversary_rollouts, seed)
        # Oracles read the simulator: nothing is rendered.
        stage = Stage(options.task, (), 64, seed=seed, keep=True)
        for name, scorer in GOOD_ORACLES.items():
            add(audited_line(name, True, scorer, stage, settings, DECIDING))
        for name, scorer in BAD_ORACLES.items():
            add(audited_line(name, False, scorer, stage, settings, WITHOUT_SEARCH))
        stage.close()
        if options.encoder is not None:
            _audit_framed(options, settings, add)


def _audit_framed(options: argparse.Namespace, settings: Settings, add: Any) -> None:
    reward: Any = fit_reward("progress", options.encoder, options.demos)
    stage = Stage(
        options.task, reward.views, reward.image_size_px, seed=settings.seed, keep=True
    )  # fmt: skip
    good, bad = framed_rewards(stage, load_encoder(options.encoder), options.demos, reward)
    for name, make in good.items():
        add(audited_line(name, True, make(), stage, settings, tuple(PROBES)))
    for name, make in bad.items():
        scorer = make()
        line = audited_line(name, False, scorer, stage, settings, WITHOUT_SEARCH)
        if line["accepted"] is not False:  # the whole audit, before it is said that it missed one
            line = audited_line(name, False, scorer, stage, settings, DECIDING)
        add(line)
    stage.close()


def _write(options: argparse.Namespace, lines: list[dict[str, Any]]) -> None:
    good = [line for line in lines if line["good"]]
    bad = [line for line in lines if not line["good"]]
    head = {
        "schema_version": 1,
        "task": options.task,
        "encoder": options.encoder.name if options.encoder else None,
        "episodes": options.episodes,
        "adversary_rollouts": options.adversary_rollouts,
        "bad": len(bad),
        "bad_caught": sum(line["accepted"] is False for line in bad),
        "good": len(good),
        "false_alarms": sum(line["accepted"] is False for line in good),
        "commit": commit(),
        "versions": versions(),
    }
    rows = ",\n".join("    " + json.dumps(line) for line in lines)
    text = json.dumps(head, indent=2)[:-2] + f',\n  "rewards": [\n{rows}\n  ]\n}}\n'
    json.loads(text)
    write_text_atomically(options.out, text)


if __name__ == "__main__":
    main()
