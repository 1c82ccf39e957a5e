"""`tcn-robot doctor`, run for real here and under the faults that users meet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tcn_robot.workflows import doctor_machine as machine
from tcn_robot.workflows.doctor import (
    Finding,
    _graphics_cards,
    _installed,
    _loadable,
    _page,
    _rendering,
)
from tcn_robot.workflows.doctor_render import PICTURE_SIZES_PX, Renderer, is_software, probe

SOFTWARE = Renderer("egl", "llvmpipe (LLVM 15, 256 bits)", "4.5", {"64": 600.0, "224": 300.0})
HARDWARE = replace(SOFTWARE, name="NVIDIA H200/PCIe/SSE2")
CARD = machine.Card("NVIDIA", "NVIDIA H200", "570.86")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="GL backends of Linux")
NO_DRIVER = {"MUJOCO_GL": "egl", "__EGL_VENDOR_LIBRARY_FILENAMES": "/nonexistent.json"}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the doctor without a screen, in an environment that differs as given."""
    # What other tests of this process have settled for themselves is no user's setting.
    dropped = ("DISPLAY", "MUJOCO_GL", "PYOPENGL_PLATFORM")
    settings = {name: value for name, value in os.environ.items() if name not in dropped}
    return subprocess.run(
        [sys.executable, "-m", "tcn_robot", "doctor", *arguments],
        capture_output=True,
        text=True,
        env={**settings, **environment},
    )


@linux_only
def test_here() -> None:
    done = run("--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["fit"] is True
    renderer = report["renderer"]
    assert renderer["name"]
    assert renderer["software"] == is_software(renderer["name"])
    assert set(renderer["fps"]) == {str(size) for size in PICTURE_SIZES_PX}
    assert min(renderer["fps"].values()) > 1
    assert {"torch", "mujoco", "gymnasium", "stable-baselines3"} <= set(report["versions"])
    assert {finding["section"] for finding in report["findings"]} == {
        *("Rendering", "Machine", "Parts")
    }


@linux_only
@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"MUJOCO_GL": "nonsense"}, "unknown MUJOCO_GL backend 'nonsense'"),
        pytest.param(NO_DRIVER, "unset __EGL_VENDOR_LIBRARY_FILENAMES", marks=pytest.mark.slow),
        pytest.param(
            {"MUJOCO_GL": "glfw"},
            "MUJOCO_GL=glfw needs a screen and there is none (no DISPLAY); export MUJOCO_GL=",
            marks=pytest.mark.slow,
        ),
        pytest.param({"MUJOCO_GL": "off"}, "switches rendering off; unset", marks=pytest.mark.slow),
        pytest.param(
            {"MUJOCO_GL": "", "PYOPENGL_PLATFORM": "glx"},
            "unset PYOPENGL_PLATFORM",
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda value: value.get("MUJOCO_GL") if isinstance(value, dict) else "",
)
def test_where_nothing_renders_one_line_says_what_to_do(
    environment: dict[str, str], told: str
) -> None:
    done = run(**environment)
    assert done.returncode == 2
    assert done.stderr.startswith("tcn-robot: error: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@linux_only
def test_a_broken_backend_is_a_fault_of_the_probe_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NO_DRIVER.items():
        monkeypatch.setenv(name, value)
    renderer = probe()
    assert not renderer.works
    assert renderer.fault == "no EGL driver could be started"
    assert not renderer.fps


@pytest.mark.parametrize(
    ("name", "software"),
    [
        ("llvmpipe (LLVM 15.0.6, 256 bits)", True),
        ("softpipe", True),
        ("Google SwiftShader", True),
        ("Mesa OffScreen", False),
        ("NVIDIA H200/PCIe/SSE2", False),
        ("Mesa Intel(R) UHD Graphics 620 (KBL GT2)", False),
        ("AMD Radeon RX 6800 (radeonsi, navi21, LLVM 15.0.6)", False),
        ("Apple M2", False),
        ("Apple Software Renderer", True),
    ],
)
def test_software_is_known_by_its_name(name: str, software: bool) -> None:
    assert is_software(name) is software


def test_software_rendering_beside_a_card_is_called_out() -> None:
    (renderer, speed) = _rendering(SOFTWARE, [CARD])
    assert renderer.verdict == "warning"
    assert "SOFTWARE RENDERING ALTHOUGH THERE IS A GPU" in renderer.text
    assert "NVIDIA H200 stands idle" in renderer.text
    assert renderer.remedy
    assert speed.verdict == "ok"


def test_software_rendering_without_a_card_and_hardware_are_fine() -> None:
    assert _rendering(SOFTWARE, [])[0].verdict == "ok"
    assert "SOFTWARE" in _rendering(SOFTWARE, [])[0].text
    assert _rendering(HARDWARE, [CARD])[0].verdict == "ok"
    assert "hardware" in _rendering(HARDWARE, [CARD])[0].text


def test_osmesa_beside_a_card_is_the_users_own_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    assert "unset MUJOCO_GL" in _rendering(SOFTWARE, [CARD])[0].remedy


def test_slow_rendering_is_a_warning() -> None:
    slow = replace(SOFTWARE, fps={"64": 120.0, "224": 30.0})
    assert _rendering(slow, [])[1].verdict == "warning"


def test_a_card_that_pytorch_cannot_use_is_called_out() -> None:
    (_, torch) = _graphics_cards([CARD], "CPU")
    assert torch.verdict == "warning"
    assert "though there is an NVIDIA card" in torch.text
    assert _graphics_cards([], "CPU")[1].verdict == "ok"
    assert _graphics_cards([CARD], "NVIDIA H200 CUDA 13.0 bf16")[1].verdict == "ok"
    assert _graphics_cards([], "fails to import: no libgomp")[1].verdict == "fault"


@linux_only
def test_nvidia_smi_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H200, 570.86.15'\necho 'NVIDIA H200, 570.86.15'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert machine.cards() == [machine.Card("NVIDIA", "NVIDIA H200", "570.86.15")] * 2


def test_required_parts_are_installed_here() -> None:
    parts = machine.parts()
    required = [part for part in parts if not part.extra]
    assert len(required) > 10
    assert all(part.fits for part in required)
    assert {part.extra for part in parts} >= {"", "dev"}


def test_missing_old_and_untested_parts_are_named_with_a_command() -> None:
    missing = machine.Part("av", "", ">=14", "", "18.1.0")
    old = machine.Part("torch", "", ">=2.6", "2.5.1", "2.13.0")
    other = machine.Part("numpy", "", ">=1.26", "2.5.0", "2.4.6")
    local = machine.Part("mujoco", "", ">=3.3", "3.3.0+own", "3.3.0")
    optional = machine.Part("pytest", "dev", ">=8", "", "9.2.0")
    found = {
        finding.name: finding for finding in _installed([missing, old, other, local, optional])
    }
    assert found["av"].verdict == found["torch"].verdict == "fault"
    assert found["av"].remedy == "pip install 'av>=14'"
    assert "needed: >=2.6" in found["torch"].text
    assert found["not as tested"].text == "numpy 2.5.0 (tested 2.4.6)"
    assert found["extra 'dev'"].remedy == "pip install 'tcn-robot[dev]'"


def test_a_package_without_its_system_library_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libxcb.so.1: cannot open')\n")
    assert machine.broken_imports() == {}
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    broken = machine.broken_imports()
    assert broken == {"cv2": "libxcb.so.1: cannot open"}
    (finding,) = _loadable(broken)
    assert finding.verdict == "fault"
    assert "apt-get install" in finding.remedy


def test_tested_versions_are_found() -> None:
    assert machine.tested_versions()["mujoco"] == "3.3.0"


def test_the_page_is_narrow_and_ends_with_a_verdict() -> None:
    fine = Finding("Rendering", "renderer", "ok", "a long text of many words " * 20)
    page = _page([fine, Finding("Parts", "av", "fault", "missing", "pip install av")])
    assert max(map(len, page.splitlines())) <= 100
    assert "-> pip install av" in page
    assert page.splitlines()[-1] == "NOT FIT: mend the faults first (1 fault)"
    assert _page([fine]).splitlines()[-1] == "Fit."
