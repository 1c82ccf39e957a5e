"""Missing packages and wrong versions are told in one line with the command that helps."""

import importlib.metadata
import sys
from collections.abc import Callable

import pytest
from packaging.requirements import Requirement

from tcn_robot import cli, envs
from tcn_robot.envs.adapters.requirements import COMMON_MUJOCO, EXTRAS, check_extra
from tcn_robot.errors import UserError
from tests.support.source_files import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TASKS = {
    "metaworld": "metaworld/drawer-open-v3",
    "gymnasium-robotics": "gymnasium_robotics/FetchPush-v4",
    "panda-gym": "panda_gym/PandaPush-v3",
}
FITTING = {
    "metaworld": "3.1.1",
    "gymnasium-robotics": "1.4.2",
    "panda-gym": "3.0.7",
    "mujoco": "3.3.0",
    "pybullet": "3.2.7",
}
Installed = Callable[..., None]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Pretend that these versions are installed; None is a missing package."""

    def pretend(**versions: str | None) -> None:
        found = {**FITTING, **{name.replace("_", "-"): v for name, v in versions.items()}}

        def version(name: str) -> str:
            if found.get(name) is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return str(found[name])

        monkeypatch.setattr(importlib.metadata, "version", version)

    return pretend


@pytest.mark.parametrize("extra", TASKS)
def test_what_fits_is_let_through(extra: str, installed: Installed) -> None:
    installed()
    check_extra(extra, TASKS[extra])


@pytest.mark.parametrize("extra", TASKS)
def test_a_missing_package_names_the_command(
    extra: str, installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))
    installed(**{extra: None})
    with pytest.raises(UserError) as caught:
        envs.task_id(TASKS[extra])
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"task {TASKS[extra]} needs the package {EXTRAS[extra].distribution} (")
    assert line.endswith(f"pip install 'tcn-robot[{extra}]'")


@pytest.mark.parametrize("extra", TASKS)
def test_a_wrong_version_names_both(extra: str, installed: Installed) -> None:
    installed(**{extra: "0.5"})
    with pytest.raises(UserError) as caught:
        envs.task_id(TASKS[extra])
    line = str(caught.value)
    assert EXTRAS[extra].versions in line
    assert "found" in line
    assert "0.5" in line
    assert f"pip install 'tcn-robot[{extra}]'" in line


def test_a_conflict_says_which_extra_needs_which_mujoco(installed: Installed) -> None:
    installed(mujoco="3.10.0")
    check_extra("gymnasium-robotics", TASKS["gymnasium-robotics"])
    with pytest.raises(UserError) as caught:
        envs.task_id(TASKS["metaworld"])
    line = str(caught.value)
    assert "metaworld 3.1.1 needs mujoco ==3.3.0, found mujoco 3.10.0" in line
    assert "pip install 'tcn-robot[metaworld]' mujoco==3.3.0" in line
    assert "gymnasium-robotics needs mujoco >=3.3,<3.11" in line
    installed(mujoco="3.13.0")
    with pytest.raises(UserError, match=r"gymnasium-robotics 1\.4\.2 needs mujoco >=3\.3,<3\.11"):
        check_extra("gymnasium-robotics", TASKS["gymnasium-robotics"])


def test_pybullet_has_no_packages_for_later_pythons(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    installed(panda_gym=None, pybullet=None)
    with pytest.raises(UserError, match=r"Python below 3\.12 only, found Python 3\.13"):
        check_extra("panda-gym", TASKS["panda-gym"])


def test_the_command_line_says_it_in_one_line_and_ends_with_2(
    installed: Installed, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    installed(metaworld=None)
    out = tmp_path / "d"
    assert cli.main(["record", TASKS["metaworld"], "--out", str(out), "--episodes", "1"]) == 2
    error = capsys.readouterr().err.strip()
    assert error.count("\n") == 0
    assert "pip install 'tcn-robot[metaworld]'" in error
    assert not out.exists()


def test_the_extras_ask_for_what_is_checked() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = config["project"]["optional-dependencies"]
    for name, extra in EXTRAS.items():
        asked = {req.name: req for req in map(Requirement, extras[name])}
        assert str(asked[extra.distribution].specifier) == str(
            Requirement(extra.distribution + extra.versions).specifier
        )
        if "mujoco" in extra.companions:
            wanted = Requirement("mujoco" + extra.companions["mujoco"])
            assert asked["mujoco"].specifier == wanted.specifier
            assert wanted.specifier.contains(COMMON_MUJOCO)
    (whole,) = map(Requirement, extras["adapters"])
    assert whole.extras == set(EXTRAS)
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert f"\nmujoco=={COMMON_MUJOCO}\n" in pins
