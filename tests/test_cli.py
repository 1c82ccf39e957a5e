"""The command line: every command is found, helps, and refuses bad input in one line."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tcn_robot import __version__, cli
from tcn_robot.errors import UserError
from tests.support.source_files import ROOT

COMMAND = [sys.executable, "-m", "tcn_robot"]


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, **options)  # type: ignore[call-overload, no-any-return]


def stand_in(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the command `record` end with an error."""

    def run_command(name: str, arguments: list[str]) -> None:
        raise error

    monkeypatch.setattr(cli, "run_command", run_command)


def test_help_lists_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in cli.COMMANDS)
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_no_arguments_is_bad_input_but_helps() -> None:
    done = run()
    assert done.returncode == 2
    assert "commands:" in done.stdout


def test_version() -> None:
    assert run("--version").stdout == f"tcn-robot {__version__}\n"


def test_the_console_script_is_the_same() -> None:
    script = Path(sys.executable).with_name("tcn-robot")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"tcn-robot {__version__}\n"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, tcn_robot.cli\n"
        "assert tcn_robot.cli.main(['--help']) == 0\n"
        "heavy = {'numpy', 'torch', 'tyro', 'mujoco', 'gymnasium', 'av', 'cv2', 'tqdm'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_unknown_command_names_the_nearest() -> None:
    done = run("recrod")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "unknown command 'recrod'; did you mean 'record'?" in done.stderr


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert stop.value.code in (0, None)
    shown = capsys.readouterr().out
    assert f"usage: tcn-robot {name}" in shown
    assert "--help" in shown


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_refuses_an_unknown_option_in_one_line(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([name, "--no-such-option"]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("tcn-robot: error: ")
    assert complaint.count("\n") == 1
    assert "--no-such-option" in complaint


def test_a_user_error_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, UserError("a message\n  of two lines"))
    assert cli.main(["record"]) == 2
    assert capsys.readouterr().err == "tcn-robot: error: a message of two lines\n"


def test_an_interruption_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, KeyboardInterrupt())
    assert cli.main(["record"]) == 130
    assert capsys.readouterr().err == "tcn-robot: error: interrupted\n"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, OSError(number, os.strerror(number), "data/push/film.mp4"))
    assert cli.main(["record"]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("tcn-robot: error: the disk is full while writing data/push/film")
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EISDIR])
def test_a_path_that_cannot_be_used_is_one_line(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, OSError(number, os.strerror(number), "data/push"))
    assert cli.main(["record"]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("tcn-robot: error: cannot read or write data/push (")
    assert "name another path" in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("command", ["record MujocoReach-v0 --episodes 1", "report no_run"])
def test_an_output_below_a_file_is_one_line(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    out = ["--out", str(tmp_path / "file" / "below")]
    done = subprocess.run([*COMMAND, *command.split(), *out], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_missing_system_library_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    why = "libGL.so.1: cannot open shared object file: No such file or directory"
    stand_in(monkeypatch, ImportError(why))
    assert cli.main(["train"]) == 2
    complaint = capsys.readouterr().err
    assert "libGL.so.1" in complaint
    assert "tcn-robot doctor" in complaint


@pytest.mark.parametrize(
    "fault", [PermissionError(errno.EACCES, "denied"), ImportError("no name 'x'"), OSError("odd")]
)
def test_other_faults_keep_their_traceback(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, fault)
    with pytest.raises(type(fault)):
        cli.main(["record"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_really_full_device() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "the disk is full" in done.stderr


def test_a_reader_that_went_away_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*COMMAND, "--help"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr == ""


def test_the_readme_lists_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"`tcn-robot {name}" in readme for name in cli.COMMANDS)
