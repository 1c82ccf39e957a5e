"""The page of an audit: one verdict per probe, films of the worst cheats, how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tcn_robot.atomic import write_text_atomically
from tcn_robot.report.audit_evidence import AuditedFilm, AuditEvidence
from tcn_robot.report.audit_films import audit_film
from tcn_robot.report.figures_audit import cheats_figure, cheats_of
from tcn_robot.report.filling import fill_template
from tcn_robot.report.pictures import draw_in_looks, film_sources
from tcn_robot.report.section import Drawing

FAMILIES = {
    "tells": (
        "Does it tell good from bad?",
        "A reward that does not order the frames of a success, or pays failures as much, leads "
        "nowhere.",
    ),
    "cheat": (
        "Can it be cheated?",
        "Each cheat may earn what its true progress is worth, as the simulator knows it, and a "
        "little more. 0 is the return of standing still, 1 that of a success.",
    ),
    "robust": (
        "What upsets it?",
        "These do not decide: a reward that is upset by another camera is a good one as long as "
        "the camera stays where it is.",
    ),
}
# Which of the two orders counts, by what the probe calls it.
ORDERS = {
    "voc": "order along a success (VOC)",
    "stopping": "order of the moments to stop a success at (counts here, not VOC)",
}
VERDICT_WORDS = {"pass": "pass", "fail": "fail", "not applicable": "not applicable"}
NOT_FACTS = {
    *("probes", "notes", "score", "accepted", "not_tried", "complete", "schema_version"),
    *("versions", "machine", "settings", "asked", "given"),
}


def write_audit_page(evidence: AuditEvidence, path: Path) -> None:
    """Write the page as one HTML file, whole or not at all.

    Args:
        evidence: What there is to show.
        path: Where the page goes; folders are made as needed.
    """
    write_text_atomically(path, render_audit_page(evidence))


def render_audit_page(evidence: AuditEvidence) -> str:
    """Return the page as text."""
    record = evidence.record
    return fill_template(
        "audit.html.j2",
        title=f"{record['reward']} on {_short(record['task'])}: audit",
        lead=audit_lead(record),
        headlines=audit_headlines(record),
        families=audit_families(evidence),
        cheats=cheats_picture(record),
        success=_film(evidence.success, evidence) if evidence.success else None,
        films=[_film(film, evidence) for film in evidence.films],
        facts=_facts(record),
        notes=record["notes"],
        command=audit_command(record),
    )


def _short(task: str) -> str:
    return task.rpartition("/")[2]


def audit_lead(record: Mapping[str, Any]) -> str:
    """Return what the audit found in a sentence or two."""
    decided = [probe for probe in record["probes"].values() if probe["verdict"] != "not applicable"]
    failed = [
        probe["probe"]
        for probe in decided
        if probe["verdict"] == "fail" and probe["family"] != "robust"
    ]
    text = (
        f"The reward {record['reward']} was probed without learning from it: "
        f"{len(decided)} probes, each with one verdict."
    )
    if not record["complete"]:
        return f"{text} The audit is not finished."
    if failed:
        return f"{text} It is not accepted, because of {_listed(failed)}."
    untried = f" Not tried: {_listed(record['not_tried'])}." if record["not_tried"] else ""
    if record["accepted"] is None:
        return f"{text} Whether it is accepted is not decided.{untried}"
    return f"{text} It tells success from failure, and no cheat that was tried pays.{untried}"


def _searched(record: Mapping[str, Any]) -> str:
    """Say whether the adversary is part of the score."""
    return f"{'without' if 'adversary' in record['not_tried'] else 'with'} the adversary"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def audit_headlines(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the few figures that a reader should see first."""
    probes, items = record["probes"], []
    if record["score"] is not None:
        items.append(
            {
                "figure": f"{record['score']:.2f}",
                "meaning": "score, in [0, 1]",
                "against": f"separation × order × (1 − worst excess), {_searched(record)}",
                "accent": True,
            }
        )
    separation = probes.get("separation", {}).get("figures")
    if separation:
        items.append(
            {
                "figure": f"{separation['auc_last']:.2f}",
                "meaning": "a success ends above a failure (ROC-AUC)",
                "against": _interval(separation["auc_last_interval"]),
                "accent": False,
            }
        )
    order = probes.get("order", {}).get("figures")
    if order:
        items.append(
            {
                "figure": f"{order['order']:.2f}",
                "meaning": ORDERS[order["counted"]],
                "against": _interval(order["order_interval"]),
                "accent": False,
            }
        )
    cheats = [probe for probe in probes.values() if probe["excess"] is not None]
    if cheats:
        worst = max(cheats, key=lambda probe: probe["excess"])
        items.append(
            {
                "figure": f"{worst['excess']:.0%}",
                "meaning": f"of a success's return, earned beyond its progress: {worst['probe']}",
                "against": "the worst of all cheats",
                "accent": False,
            }
        )
    return items


def _interval(ends: list[float] | None) -> str:
    """Return an interval in words; draws that are all alike have none."""
    if ends is None:
        return "95 % interval – (all draws alike)"
    return f"95 % interval {ends[0]:.2f} to {ends[1]:.2f}"


def audit_families(evidence: AuditEvidence) -> list[dict[str, Any]]:
    """Return the findings, family by family, with what each probe asks and its limits."""
    groups = []
    for key, (title, words) in FAMILIES.items():
        rows = [
            {**probe, "asks": evidence.asks.get(name, ""), "limits": _limits(probe["thresholds"])}
            for name, probe in evidence.record["probes"].items()
            if probe["family"] == key
        ]
        if rows:
            groups.append({"key": key, "title": title, "words": words, "rows": rows})
    return groups


def _limits(thresholds: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in thresholds.items())


def cheats_picture(record: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the figure of what cheats earn, None where none was tried."""
    if not cheats_of(record):
        return None
    return draw_in_looks(
        Drawing(
            partial(cheats_figure, record),
            "Share of a success's return that each cheat earns",
            "Bars: what each cheat earns, orange where it is too much. Stroke: what its true "
            "progress is worth. Dotted: the most that passes.",
        )
    )


def _film(film: AuditedFilm, evidence: AuditEvidence) -> dict[str, Any]:
    sources = film_sources(audit_film(film, evidence.record["reward"], evidence.steps_per_second))
    verdict = evidence.record["probes"].get(film.probe, {}).get("verdict", "")
    return {"probe": film.probe, "title": film.title, "verdict": verdict, **sources}


def _facts(record: Mapping[str, Any]) -> dict[str, str]:
    facts = {
        name.replace("_", " "): _text(value)
        for name, value in record.items()
        if name not in NOT_FACTS and value not in (None, "", {}, [])
    }
    facts |= {name.replace("_", " "): str(value) for name, value in record["settings"].items()}
    return {**facts, **{name: str(text) for name, text in record["versions"].items()}}


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={part}" for name, part in value.items())
    return str(value)[:16] if isinstance(value, str) and len(value) >= 40 else str(value)


def audit_command(record: Mapping[str, Any]) -> str:
    """Return the command that makes the audit again."""
    words = ["tcn-robot audit --task", _short(record["task"])]
    if "fitted" in record:
        words.append(f"--fitted {record['fitted']}")
    else:
        words.append(f"--encoder {record['encoder']} --demos {record['demos']}")
        words.append(f"--reward {record['reward']}")
        pairs = " ".join(f"{name}={value}" for name, value in record["reward_options"].items())
        words += [f"--reward-options {pairs}"] if pairs else []
    words.append(f"--views {' '.join(record['views'])}" if "fitted" not in record else "")
    settings = record["settings"]
    words += [f"--{name.replace('_', '-')} {value}" for name, value in settings.items()]
    words += [f"--{name} {_words(value)}" for name, value in record["given"].items()]
    return " ".join(word for word in words if word)


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
