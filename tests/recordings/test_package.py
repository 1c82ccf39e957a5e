"""The package's public names, and what importing it costs."""

import subprocess
import sys
from pathlib import Path

import pytest

import tcn_robot.recordings


@pytest.mark.parametrize("name", tcn_robot.recordings.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert callable(getattr(tcn_robot.recordings, name)) or name.isupper() or name == "Policy"


def test_submodules_do_not_hide_public_names() -> None:
    """A module called like a function would replace it once it is imported."""
    folder = Path(tcn_robot.recordings.__file__).parent
    assert not {path.stem for path in folder.glob("*.py")} & set(tcn_robot.recordings.__all__)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="open_recordin"):
        tcn_robot.recordings.open_recordin  # noqa: B018


def test_importing_loads_no_codec_and_no_simulator() -> None:
    code = (
        "import sys, tcn_robot.recordings\n"
        "heavy = {'av', 'cv2', 'pyarrow', 'numpy', 'mujoco', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "tcn_robot.recordings.record_episode, tcn_robot.recordings.rerender\n"
        "print(sorted({'mujoco', 'torch', 'gymnasium'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"


def test_the_folder_cannot_be_imported_by_its_short_name(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import recordings"], capture_output=True, text=True, cwd=root
    )
    assert "import tcn_robot.recordings, not recordings" in done.stderr
