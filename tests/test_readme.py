"""The README's first task of one's own, as it stands there, with the installed command."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.support.source_files import ROOT

TASK = "my_task:my/HighReach-v0"
# A console script, unlike `python -m`, does not have the working folder on its path.
COMMAND = Path(sys.executable).with_name("tcn-robot")
SMALL = "--steps 64 --num-envs 2 --learning-starts 32 --evaluation-starts 2 --final-starts 2"


def run(folder: Path, arguments: str) -> str:
    done = subprocess.run(
        [str(COMMAND), *arguments.split()], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_first_task_of_ones_own(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?my/HighReach-v0.*?)```", text, re.S)
    (tmp_path / "my_task.py").write_text(code)
    assert text.count(TASK) >= 3
    expert = f"record {TASK} --policy my_task:expert --out data --size 32"
    assert "success in 2 of 2" in run(tmp_path, f"{expert} --episodes 2 --workers 2")
    run(tmp_path, f"{expert} --episodes 1 --split valid")
    run(tmp_path, "train data --negatives all --steps 3 --image-size-px 32 --out tcn")
    learned = "--encoder tcn --demos data --reward progress"
    run(tmp_path, f"imitate {TASK} {learned} {SMALL} --no-films --out policy")
    assert TASK in run(tmp_path, "evaluate policy --starts 2")
