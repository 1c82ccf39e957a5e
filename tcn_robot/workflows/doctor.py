"""`tcn-robot doctor`: what renders, how fast, on what; what is missing and the command for it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tcn_robot import __version__
from tcn_robot.errors import UserError
from tcn_robot.workflows import doctor_machine as machine
from tcn_robot.workflows.doctor_render import Renderer, probe
from tcn_robot.workflows.options import parse_and_run

Verdict = Literal["ok", "note", "warning", "fault"]

SLOW_FPS = 100.0
LEAST_FREE_GIB = 5.0
LEAST_MEMORY_GIB = 6.0
_GIB = 2**30
_COLOURS = {"ok": "32", "note": "36", "warning": "33", "fault": "31"}
_TEXT_COLUMNS = 100


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        section: Heading it stands under.
        name: What was looked at.
        verdict: "fault" when tcn_robot cannot work, "warning" when it works badly, "note" for
            an optional part that is missing.
        text: What was found.
        remedy: The command or change that mends it; empty when there is nothing to mend.
    """

    section: str
    name: str
    verdict: Verdict
    text: str
    remedy: str = ""


def doctor(*, json: bool = False) -> None:
    """Tell what renders, how fast and on what, and what is missing with the command for it.

    Ends with exit code 0 when tcn_robot can work here (warnings included) and 2 when it cannot.

    Args:
        json: Print one JSON object instead of the page.
    """
    _refuse_an_unknown_backend()
    renderer = probe()
    torch_text = machine.torch_devices()  # afterwards: rendering is measured while nothing runs
    cards = machine.cards()
    parts = machine.parts()
    findings = [
        *_rendering(renderer, cards),
        *_graphics_cards(cards, torch_text),
        *_computer(),
        *_installed(parts),
        *_loadable(machine.broken_imports()),
    ]
    print(_as_json(findings, renderer, cards, parts) if json else _page(findings))
    faults = [finding for finding in findings if finding.verdict == "fault"]
    if faults:
        mend = f"; {faults[0].remedy}" if faults[0].remedy else ""
        raise UserError(f"{faults[0].name}: {faults[0].text}{mend}")


def main(arguments: list[str]) -> None:
    """Run `tcn-robot doctor`."""
    parse_and_run(doctor, arguments)


def _refuse_an_unknown_backend() -> None:
    """Raise a UserError when MUJOCO_GL names no backend at all."""
    try:
        import tcn_robot.envs.rendering  # noqa: F401
    except UserError as error:
        raise UserError(f"{error}; unset MUJOCO_GL to have one chosen") from error


def _rendering(renderer: Renderer, cards: list[machine.Card]) -> list[Finding]:
    """Judge the renderer, first of all whether it leaves a graphics card idle."""
    section = "Rendering"
    backend = renderer.backend or "MuJoCo's default"
    if not renderer.works:
        return [Finding(section, "renderer", "fault", *_why_nothing_renders(renderer))]
    kind = "SOFTWARE" if renderer.is_software else "hardware"
    text = f"{renderer.name} · {kind} · MUJOCO_GL={backend} · {renderer.version}"
    findings = [Finding(section, "renderer", "ok", text)]
    if renderer.is_software and cards:
        findings = [
            Finding(
                section,
                "renderer",
                "warning",
                f"SOFTWARE RENDERING ALTHOUGH THERE IS A GPU: {renderer.name} draws on the CPU, "
                f"{cards[0].label} stands idle",
                _idle_card_remedy(cards[0]),
            )
        ]
    speeds = " · ".join(f"{size} px {fps:.0f} fps" for size, fps in renderer.fps.items())
    slow = min(renderer.fps.values()) < SLOW_FPS
    return [
        *findings,
        Finding(
            section,
            "speed",
            "warning" if slow else "ok",
            f"{speeds} (one view of MujocoPush, one process)",
            "other programs may be busy; measure again when they are done" if slow else "",
        ),
    ]


def _idle_card_remedy(card: machine.Card) -> str:
    if os.environ.get("MUJOCO_GL", "").lower() == "osmesa":
        return "unset MUJOCO_GL (OSMesa always draws on the CPU)"
    if card.maker == "NVIDIA":
        return machine.nvidia_egl_remedy()
    return (
        "sudo apt-get install -y libgl1-mesa-dri; and let your user open /dev/dri: "
        "sudo usermod -aG render,video $USER, then log in again"
    )


def _why_nothing_renders(renderer: Renderer) -> tuple[str, str]:
    """Return what is wrong, and the remedy, after trying the backend that needs no display."""
    from tcn_robot.envs.rendering import system_packages_command

    install = system_packages_command()
    backend = renderer.backend.lower()
    chosen = f"MUJOCO_GL={backend}" if backend else "the GL backend that was chosen"
    text = f"nothing renders with {chosen}: {renderer.fault}"
    platform_asked = os.environ.get("PYOPENGL_PLATFORM", "")
    if platform_asked and platform_asked != (backend or "egl"):
        return f"{text} (PYOPENGL_PLATFORM={platform_asked})", "unset PYOPENGL_PLATFORM"
    if backend in ("off", "disable", "disabled", "false", "0"):
        return f"MUJOCO_GL={backend} switches rendering off", "unset MUJOCO_GL"
    if not sys.platform.startswith("linux"):
        return text, "unset MUJOCO_GL"
    if backend == "glfw" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        text = "MUJOCO_GL=glfw needs a screen and there is none (no DISPLAY)"
    for other in ("egl", "osmesa"):
        if other != backend and probe(other).works:
            return text, f"export MUJOCO_GL={other}, which renders here"
    if os.environ.get("__EGL_VENDOR_LIBRARY_FILENAMES"):
        return text, "unset __EGL_VENDOR_LIBRARY_FILENAMES, which hides the installed drivers"
    return text, install


def _graphics_cards(cards: list[machine.Card], torch_text: str) -> list[Finding]:
    """Name the graphics cards and what PyTorch computes on."""
    section = "Machine"
    named = [card.label + (f", driver {card.driver}" if card.driver else "") for card in cards]
    findings = [Finding(section, "graphics card", "ok", " · ".join(named) or "none found")]
    has_nvidia = any(card.maker == "NVIDIA" for card in cards)
    if torch_text.startswith(("fails", "no answer")):
        remedy = "pip install --force-reinstall torch"
        findings.append(Finding(section, "PyTorch", "fault", torch_text, remedy))
    elif has_nvidia and torch_text.startswith("CPU"):
        findings.append(
            Finding(
                section,
                "PyTorch",
                "warning",
                f"computes on the {torch_text}, though there is an NVIDIA card",
                "pip install --force-reinstall torch, a CUDA build that your driver supports",
            )
        )
    else:
        findings.append(Finding(section, "PyTorch", "ok", f"computes on {torch_text}"))
    return findings


def _computer() -> list[Finding]:
    """Describe processor, memory, disk and Python."""
    import psutil

    section = "Machine"
    name, cores = machine.processor()
    bf16 = "bf16 in hardware" if machine.has_bf16() else "no bf16 (training uses fp32)"
    memory_gib = psutil.virtual_memory().total / _GIB
    free_gib = shutil.disk_usage(Path.cwd()).free / _GIB
    little_memory = memory_gib < LEAST_MEMORY_GIB
    little_disk = free_gib < LEAST_FREE_GIB
    return [
        Finding(section, "processor", "ok", f"{name} · {cores} cores · {bf16}"),
        Finding(
            section,
            "memory",
            "warning" if little_memory else "ok",
            f"{memory_gib:.1f} GiB",
            f"`tcn-robot demo` may need {LEAST_MEMORY_GIB:.0f} GiB" if little_memory else "",
        ),
        Finding(
            section,
            "disk",
            "warning" if little_disk else "ok",
            f"{free_gib:.1f} GiB free here",
            "free some space, or choose another --out" if little_disk else "",
        ),
        Finding(
            section,
            "system",
            "ok",
            f"Python {platform.python_version()} · {platform.platform(terse=True)}",
        ),
    ]


def _installed(parts: list[machine.Part]) -> list[Finding]:
    """Judge the installed distributions against what is required and what was tested."""
    section = "Parts"
    required = [part for part in parts if not part.extra]
    findings = [Finding(section, "tcn_robot", "ok", __version__)]
    for part in required:
        if not part.fits:
            text = f"{part.installed or 'missing'}, needed: {part.wanted}"
            remedy = f"pip install '{part.name}{part.wanted}'"
            findings.append(Finding(section, part.name, "fault", text, remedy))
    fitting = [part for part in required if part.fits]
    shown = " · ".join(f"{part.name} {part.installed}" for part in fitting)
    findings.append(Finding(section, "required", "ok", shown))
    other = [part for part in fitting if part.tested and not part.is_tested_version]
    if other:
        text = ", ".join(f"{part.name} {part.installed} (tested {part.tested})" for part in other)
        remedy = "pip install -c constraints.txt -e . in a checkout, if something misbehaves"
        findings.append(Finding(section, "not as tested", "note", text, remedy))
    for extra in sorted({part.extra for part in parts} - {""}):
        lacking = [part.name for part in parts if part.extra == extra and not part.fits]
        text = f"missing: {', '.join(lacking)}" if lacking else "installed"
        findings.append(
            Finding(
                section,
                f"extra {extra!r}",
                "note" if lacking else "ok",
                text,
                f"pip install 'tcn-robot[{extra}]'" if lacking else "",
            )
        )
    if sys.version_info >= (3, 12):
        text = "PyBullet has no wheel for this Python: Bullet tasks are not available"
        remedy = "use Python 3.10 or 3.11 for them"
        findings.append(Finding(section, "pybullet", "note", text, remedy))
    path = machine.browser()
    text = path or "missing: only the test that looks at a report needs one"
    remedy = "" if path else "sudo apt-get install -y chromium"
    return [*findings, Finding(section, "browser", "ok" if path else "note", text, remedy)]


def _loadable(broken: dict[str, str]) -> list[Finding]:
    """Turn packages that lack a system library into faults."""
    from tcn_robot.envs.rendering import system_packages_command

    install = system_packages_command()
    return [
        Finding("Parts", name, "fault", f"does not load: {reason}", install)
        for name, reason in broken.items()
    ]


def _page(findings: list[Finding]) -> str:
    """Return the report for a terminal, or without colours for a log."""
    width = max(len(finding.name) for finding in findings)
    lines = [f"tcn-robot doctor · {__version__}"]
    section = ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            lines += ["", section]
        lines += _lines(finding, width)
    return "\n".join([*lines, "", _summary(findings)])


def _lines(finding: Finding, name_columns: int) -> list[str]:
    """Return one finding, wrapped; its verdict in colour on a terminal."""
    columns = max(60, min(_TEXT_COLUMNS, shutil.get_terminal_size().columns))
    margin = " " * (name_columns + 13)
    texts = [finding.text] + ([f"-> {finding.remedy}"] if finding.remedy else [])
    body = [
        line
        for text in texts
        for line in textwrap.wrap(
            text, columns - len(margin), break_long_words=False, break_on_hyphens=False
        )
    ]
    verdict = f"{finding.verdict:<7}"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        verdict = f"\x1b[{_COLOURS[finding.verdict]}m{verdict}\x1b[0m"
    first = f"  {verdict}  {finding.name:<{name_columns}}  {body[0]}"
    return [first, *(margin + line for line in body[1:])]


def _summary(findings: list[Finding]) -> str:
    counts = {
        verdict: sum(finding.verdict == verdict for finding in findings)
        for verdict in ("fault", "warning", "note")
    }
    told = [f"{count} {verdict}{'s' * (count > 1)}" for verdict, count in counts.items() if count]
    state = "NOT FIT: mend the faults first" if counts["fault"] else "Fit."
    return f"{state}{' (' + ', '.join(told) + ')' if told else ''}"


def _as_json(
    findings: list[Finding],
    renderer: Renderer,
    cards: list[machine.Card],
    parts: list[machine.Part],
) -> str:
    report: dict[str, Any] = {
        "fit": not any(finding.verdict == "fault" for finding in findings),
        "renderer": {**asdict(renderer), "software": renderer.is_software},
        "graphics_cards": [asdict(card) for card in cards],
        "versions": {
            "tcn_robot": __version__,
            "python": platform.python_version(),
            **{part.name: part.installed for part in parts if part.installed},
        },
        "parts": [asdict(part) for part in parts],
        "findings": [asdict(finding) for finding in findings],
    }
    return json.dumps(report, indent=2)
