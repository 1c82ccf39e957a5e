import os
import signal
import subprocess
import sys
import time

import pytest

from tcn_robot.errors import UserError
from tcn_robot.policies.processes import Job, run_jobs
from tests.policies import jobs


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_fails_does_not_stop_the_others(workers, tmp_path, capfd):
    todo = [
        Job("first", jobs.fail_with_a_line, ()),
        Job("second", jobs.write_process_id, (str(tmp_path / "second"),)),
        Job("third", jobs.write_process_id, (str(tmp_path / "third"),)),
    ]
    done = []
    with pytest.raises(UserError, match="first failed"):
        run_jobs(todo, workers, lambda job: done.append(job.name))
    assert sorted(done) == ["second", "third"]
    assert "first: the film is torn; record it again\n" in capfd.readouterr().err
    ids = {int((tmp_path / name).read_text()) for name in done}
    assert (os.getpid() in ids) == (workers == 1)


def test_a_fault_of_ours_keeps_its_traceback(capfd):
    with pytest.raises(UserError, match="crash failed"):
        run_jobs([Job("crash", jobs.crash, ()), Job("crash", jobs.crash, ())], 2)
    assert "RuntimeError: a fault of ours" in capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_processes_end_cleanly_with_the_one_that_started_them(how, tmp_path, root):
    program = (
        "from tcn_robot.policies.processes import Job, run_jobs\n"
        "from tests.policies import jobs\n"
        "import sys\n"
        "if __name__ == '__main__':\n"
        "    run_jobs([Job(n, jobs.sleep_until_stopped, (n,)) for n in sys.argv[1:]], 2)\n"
    )
    (tmp_path / "program.py").write_text(program)
    files = [tmp_path / "a", tmp_path / "b"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, str(tmp_path / "program.py"), *map(str, files)]
    parent = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: all(file.exists() and file.read_text() for file in files))
    parent.send_signal(how)
    wait_for(lambda: all(file.with_suffix(".cleaned").exists() for file in files))
    parent.communicate(timeout=60)
