"""What this machine has: graphics cards, processor, memory, disk, and which parts are installed.

Nothing here imports a heavy package; versions are read from what pip wrote down.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from tcn_robot.errors import UserError

DISTRIBUTION = "tcn-robot"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NEED_SYSTEM_LIBRARIES = ("av", "cv2", "pyarrow", "scipy")
_PCI_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


@dataclass(frozen=True)
class Card:
    """One graphics card: its maker, its name and its driver's version, as far as known."""

    maker: str
    name: str
    driver: str = ""

    @property
    def label(self) -> str:
        """Maker and name, as a person says them."""
        return self.name if self.name.startswith(self.maker) else f"{self.maker} {self.name}"


@dataclass(frozen=True)
class Part:
    """One required or optional distribution.

    Attributes:
        name: Its name on the package index.
        extra: The extra that asks for it; empty when tcn_robot needs it always.
        wanted: The range that is accepted, such as ">=3.3,<4".
        installed: The installed version; empty when it is missing.
        tested: The version that was tested; empty when unknown.
    """

    name: str
    extra: str
    wanted: str
    installed: str
    tested: str

    @property
    def fits(self) -> bool:
        """Whether an accepted version is installed."""
        accepted = Requirement(f"{self.name}{self.wanted}").specifier
        return bool(self.installed) and accepted.contains(self.installed, prereleases=True)

    @property
    def is_tested_version(self) -> bool:
        """Whether the installed version is the tested one; a local label like "+cpu" may differ."""
        return self.installed.partition("+")[0] == self.tested


def cards() -> list[Card]:
    """Return the graphics cards that the system knows of, whether or not GL can use them."""
    return _nvidia_cards() or _drm_cards()


def _nvidia_cards() -> list[Card]:
    """Ask nvidia-smi, then the NVIDIA driver's folder, then look for its device files."""
    tool = shutil.which("nvidia-smi")
    if tool:
        query = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
        try:
            answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            answer = None
        if answer is not None and answer.returncode == 0:
            rows = [line.split(", ") for line in answer.stdout.splitlines() if ", " in line]
            return [Card("NVIDIA", row[0], row[-1]) for row in rows]
    driver = Path("/proc/driver/nvidia/version")
    version = re.search(r"\b(\d+\.\d+[\d.]*)\b", driver.read_text()) if driver.exists() else None
    folders = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    models = [re.search(r"Model:\s*(.*)", folder.read_text()) for folder in folders]
    names = [model[1] if model else "unnamed card" for model in models]
    if not names and Path("/dev/nvidia0").exists():
        names = ["unnamed card"]
    return [Card("NVIDIA", name, version[1] if version else "") for name in names]


def _drm_cards() -> list[Card]:
    """Look for render nodes of any maker."""
    found = []
    for node in sorted(Path("/sys/class/drm").glob("renderD*")):
        vendor = node / "device" / "vendor"
        maker = _PCI_VENDORS.get(vendor.read_text().strip(), "") if vendor.exists() else ""
        if maker:
            found.append(Card(maker, node.name))
    return found


def nvidia_egl_remedy() -> str:
    """Return what makes EGL use an NVIDIA card that the system knows of."""
    try:
        ctypes.CDLL("libEGL_nvidia.so.0")
    except OSError:
        return (
            "the driver's OpenGL part is missing: install libnvidia-gl-<driver version> (Ubuntu) "
            "or libegl-nvidia0 (Debian); in a container run it with "
            "NVIDIA_DRIVER_CAPABILITIES=all"
        )
    folders = ("/usr/share/glvnd/egl_vendor.d", "/etc/glvnd/egl_vendor.d")
    if not any(path for folder in folders for path in Path(folder).glob("*nvidia*.json")):
        description = (
            '{"file_format_version": "1.0.0", "ICD": {"library_path": "libEGL_nvidia.so.0"}}'
        )
        return (
            f"EGL is not told of the driver: sudo mkdir -p {folders[0]} && echo "
            f"'{description}' | sudo tee {folders[0]}/10_nvidia.json"
        )
    return (
        "unset MUJOCO_GL, MUJOCO_EGL_DEVICE_ID and __EGL_VENDOR_LIBRARY_FILENAMES, "
        "and see that /dev/nvidia0 may be read"
    )


def processor() -> tuple[str, int]:
    """Return the processor's name and the number of cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return _cpuinfo("model name") or platform.processor() or platform.machine(), cores


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 by itself (AVX512-BF16 or AMX)."""
    described = Path("/proc/cpuinfo")
    flags = (
        re.search(r"^flags\s*: (.*)", described.read_text(), re.M) if described.exists() else None
    )
    return bool(flags and _BF16_FLAGS & set(flags[1].split()))


def torch_devices() -> str:
    """Return what PyTorch computes on, asked in a process of its own because it imports slowly."""
    question = (
        "import torch\n"
        "if torch.cuda.is_available(): print(torch.cuda.get_device_name(), 'CUDA', "
        "torch.version.cuda, 'bf16' if torch.cuda.is_bf16_supported() else 'no bf16')\n"
        "elif torch.backends.mps.is_available(): print('Apple GPU (mps)')\n"
        "else: print('CPU' if torch.version.cuda is None else 'CPU; its CUDA finds no card')\n"
    )
    try:
        answer = subprocess.run(
            [sys.executable, "-c", question],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "no answer within 120 s"
    if answer.returncode:
        return f"fails to import: {(answer.stderr.strip().splitlines() or ['no message'])[-1]}"
    return answer.stdout.strip()


def broken_imports() -> dict[str, str]:
    """Return the compiled packages that are installed but do not load, and what each lacks.

    Their wheels bring no system libraries: OpenCV's, for one, needs those of X11.
    """
    question = (
        "import importlib\n"
        f"for name in {NEED_SYSTEM_LIBRARIES}:\n"
        "    try: importlib.import_module(name)\n"
        "    except ModuleNotFoundError: pass\n"
        "    except (ImportError, OSError) as error: print(name, error, sep=': ')\n"
    )
    command = [sys.executable, "-c", question]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    lines = [line.partition(": ") for line in answer.stdout.splitlines()]
    return {name: reason for name, separator, reason in lines if separator}


def tested_versions() -> dict[str, str]:
    """Return the tested version of each distribution on this Python, by normalised name."""
    beside_checkout = Path(__file__).resolve().parents[2] / "constraints.txt"
    candidates = [beside_checkout]
    for file in _distribution().files or []:
        if file.name == "constraints.txt":
            candidates.append(Path(str(file.locate())))
    for path in candidates:
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
            return {
                _normalised(pin.name): next(iter(pin.specifier)).version
                for pin in pins
                if pin.marker is None or pin.marker.evaluate()
            }
    return {}


def parts() -> list[Part]:
    """Return every distribution that tcn_robot or one of its extras asks for on this Python."""
    tested = tested_versions()
    found = []
    for line in _distribution().requires or []:
        requirement = Requirement(line)
        extra_match = re.search(r"""extra == ["']([\w-]+)["']""", line)
        extra = extra_match[1] if extra_match else ""
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            installed = ""
        found.append(
            Part(
                requirement.name,
                extra,
                str(requirement.specifier),
                installed,
                tested.get(_normalised(requirement.name), ""),
            )
        )
    return found


def _distribution() -> importlib.metadata.Distribution:
    """Return tcn_robot as it was installed.

    A checkout's root may hold an old `*.egg-info` of an earlier build, which comes first on the
    path of `python -m`; only what pip installed has a file METADATA.
    """
    found = list(importlib.metadata.distributions(name=DISTRIBUTION))
    installed = [one for one in found if one.read_text("METADATA")]
    if not installed:
        raise UserError("tcn_robot is not installed: run `make install` or pip install -e .")
    return installed[0]


def browser() -> str:
    """Return the path of a Chromium-like browser, or the empty string."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), "")


def _cpuinfo(key: str) -> str:
    """Return the first value of a key in Linux's description of the processor, or nothing."""
    described = Path("/proc/cpuinfo")
    found = (
        re.search(rf"^{key}\s*: (.*)", described.read_text(), re.M) if described.exists() else None
    )
    return found[1].strip() if found else ""


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
