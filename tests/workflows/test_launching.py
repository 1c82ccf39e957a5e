"""Seeds as processes with a device each, and as jobs of submitit's clusters that need no Slurm."""

import os
import time

import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.policies.processes import Job
from tcn_robot.recordings.format import read_json
from tcn_robot.workflows import cluster_jobs, study
from tcn_robot.workflows.cluster_jobs import (
    Cluster,
    KeptJob,
    Resumed,
    check_cluster,
    parse_parameters,
    run_on_cluster,
)
from tcn_robot.workflows.launching import Launch, launch_jobs, visible_devices
from tests.policies import jobs


@pytest.fixture
def cluster(tmp_path, monkeypatch, root):
    monkeypatch.setenv("PYTHONPATH", str(root))
    return Cluster("local", tmp_path / "submitit")


def kept(folder, name, target=jobs.write_result, arguments=None):
    result = folder / name / "result.json"
    job = Job(name, target, (str(result),) if arguments is None else arguments)
    return KeptJob(job, result, folder / f"{name}-job.json")


def has_words(path):
    return path.exists() and path.read_text() != ""


def wait_until_it_runs(started, submitted):
    while not has_words(started):
        assert submitted._process.poll() is None, submitted.stderr()
        time.sleep(0.05)


def test_each_process_sees_one_device(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert visible_devices() == ["0", "1"]
    names = ["a", "b", "c", "d"]
    todo = [
        kept(tmp_path, name, jobs.write_device, (str(tmp_path / f"{name}.txt"),)) for name in names
    ]
    done = []
    launch_jobs(todo, Launch(), tmp_path, lambda job: done.append(job.name))
    assert sorted(done) == names
    seen = [(tmp_path / f"{name}.txt").read_text() for name in names]
    assert set(seen[:2]) == {"0", "1"}
    assert set(seen) == {"0", "1"}


@pytest.mark.parametrize(
    ("variable", "expected"), [("", []), ("-1", []), ("3", ["3"]), ("1, GPU-8f", ["1", "GPU-8f"])]
)
def test_devices_that_were_taken_away_are_not_dealt_out(variable, expected, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert visible_devices() == expected


def test_jobs_of_the_local_cluster_leave_their_results(tmp_path, cluster, capfd):
    todo = [kept(tmp_path, name) for name in ("a", "b")]
    todo.insert(1, kept(tmp_path, "torn", jobs.fail_with_a_line, ()))
    done = []
    with pytest.raises(UserError, match="torn failed; the end of the log stands above, the rest"):
        run_on_cluster(todo, cluster, 2, lambda job: done.append(job.name))
    assert sorted(done) == ["a", "b"]
    said = capfd.readouterr().err
    assert "torn: failed, see " in said
    assert "the film is torn; record it again" in said
    assert not list(tmp_path.glob("*-job.json"))


def test_a_job_that_still_runs_is_waited_for_and_not_submitted_again(
    tmp_path, cluster, capfd, monkeypatch
):
    one = kept(tmp_path, "slow", jobs.write_result_when_asked)
    (tmp_path / "slow").mkdir()
    submitted = cluster_jobs._submit(one, cluster_jobs._executor(cluster))
    submitted_id = read_json(one.note)["job_id"]
    started = one.result.with_name("result.json-started")
    wait_until_it_runs(started, submitted)
    process_id = started.read_text()
    done, pause = [], time.sleep

    def let_it_end(seconds):  # not before it was found
        one.result.with_name("result.json-end").touch()
        pause(seconds)

    monkeypatch.setattr(cluster_jobs.time, "sleep", let_it_end)
    run_on_cluster([one], cluster, None, lambda job: done.append(job.name))
    assert done == ["slow"]
    assert started.read_text() == process_id
    assert f"slow: job {submitted_id} is still running" in capfd.readouterr().err
    submitted._process.wait()


def test_a_job_that_has_finished_since_is_taken_over_and_not_submitted_again(
    tmp_path, cluster, capfd
):
    one = kept(tmp_path, "a")
    cluster_jobs._submit(one, cluster_jobs._executor(cluster))._process.wait()
    assert one.result.is_file()
    capfd.readouterr()
    done = []
    run_on_cluster([one], cluster, None, lambda job: done.append(job.name))
    assert done == ["a"]
    assert capfd.readouterr().err == ""
    assert not one.note.exists()


def test_a_number_that_another_process_got_is_no_running_job(tmp_path, cluster):
    one = kept(tmp_path, "a")
    one.note.write_text(f'{{"job_id": "{os.getpid()}", "cluster": "local"}}')
    run_on_cluster([one], cluster, None, lambda _: None)
    assert one.result.is_file()


def test_ctrl_c_cancels(tmp_path, cluster, capfd, monkeypatch):
    one = kept(tmp_path, "slow", jobs.write_result_when_asked)
    (tmp_path / "slow").mkdir()
    started = one.result.with_name("result.json-started")

    def interrupt_once_it_runs(_):
        if has_words(started):
            monkeypatch.undo()
            raise KeyboardInterrupt

    monkeypatch.setattr(cluster_jobs.time, "sleep", interrupt_once_it_runs)
    with pytest.raises(KeyboardInterrupt):
        run_on_cluster([one], cluster, None, lambda _: None)
    assert "1 jobs are cancelled" in capfd.readouterr().err
    assert not one.note.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_ctrl_c_cancels_what_an_earlier_call_submitted(tmp_path, cluster):
    one = kept(tmp_path, "slow", jobs.write_result_when_asked)
    (tmp_path / "slow").mkdir()
    submitted = cluster_jobs._submit(one, cluster_jobs._executor(cluster))
    started = one.result.with_name("result.json-started")
    wait_until_it_runs(started, submitted)
    found = cluster_jobs._found_again(one, cluster)
    assert found is not None
    cluster_jobs._stop([(one, found)], cluster)
    submitted._process.wait()
    assert not one.note.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_jobs_are_left_to_slurm_if_asked_for(tmp_path, capfd):
    one = kept(tmp_path, "far")
    one.note.write_text("{}")
    cluster_jobs._stop([(one, None)], Cluster("slurm", tmp_path, leave_running=True))
    assert "1 jobs are left to the cluster; call again to collect" in capfd.readouterr().err
    assert one.note.exists()


def test_jobs_of_slurm_are_submitted_and_cancelled_by_its_own_programs(tmp_path, monkeypatch):
    """Programs that stand for Slurm's: what they are given, and that a job is found again."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in (
        ("sbatch", "echo Submitted batch job 42"),
        ("sacct", "echo 'JobID|State\\n42|RUNNING'"),
        ("scancel", ":"),
        ("srun", ":"),
    ):
        text = f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/called\nprintf \'%b\\n\' "$({words})"\n'
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    slurm = Cluster("slurm", tmp_path / "jobs", {"partition": "gpu", "gpus_per_node": 1})
    one = kept(tmp_path, "far")
    submitted = cluster_jobs._submit(one, cluster_jobs._executor(slurm))
    assert read_json(one.note) == {"cluster": "slurm", "job_id": "42"}
    [script] = (tmp_path / "jobs").glob("42_*.sh")
    assert "#SBATCH --partition=gpu" in script.read_text()
    assert "#SBATCH --gpus-per-node=1" in script.read_text()
    found = cluster_jobs._found_again(one, slurm)
    assert found.job_id == submitted.job_id == "42"
    cluster_jobs._stop([(one, found)], slurm)
    assert "scancel 42" in (tmp_path / "called").read_text()


def test_the_debug_cluster_runs_here(tmp_path, capfd):
    todo = [
        kept(tmp_path, "good"),
        kept(tmp_path, "torn", jobs.fail_with_a_line, ()),
    ]
    with pytest.raises(UserError, match="torn failed"):
        run_on_cluster(todo, Cluster("debug", tmp_path / "jobs"), 1, lambda _: None)
    assert todo[0].result.is_file()
    assert "UserError: the film is torn" in capfd.readouterr().err


def test_a_job_whose_time_is_over_is_queued_again_as_it_was():
    queued = Resumed(jobs.write_result).checkpoint("a")
    assert queued.args == ("a",)
    assert queued.function._target is jobs.write_result


def test_parameters_are_submitits(tmp_path):
    assert parse_parameters(["partition=gpu", "gpus-per-node=2", "mem_gb=1.5"]) == {
        "partition": "gpu",
        "gpus_per_node": 2,
        "mem_gb": 1.5,
    }
    check_cluster(Cluster("local", tmp_path, {"partition": "gpu", "timeout_min": 5}))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--slurm", "partition=gpu"], "belong to --launcher submitit"),
        (["--launcher", "submitit"], "expected Slurm's sbatch"),
        (
            ["--launcher", "submitit", "--cluster", "local", "--slurm", "gpu"],
            "expected --slurm NAME=VALUE",
        ),
        (
            ["--launcher", "submitit", "--cluster", "local", "--slurm", "partitoin=a"],
            "Unknown argument 'partitoin'",
        ),
        (
            ["--launcher", "submitit", "--cluster", "local", "--slurm", "timeout_min=long"],
            '"timeout_min" expected type',
        ),
        (
            ["--launcher", "submitit", "--cluster", "local", "--leave-running"],
            "--leave-running is for Slurm",
        ),
    ],
)
def test_bad_launches_are_told_before_anything_is_recorded(arguments, words, tmp_path, monkeypatch):
    from tests.workflows.test_study_tasks import write_plan

    monkeypatch.setattr(cluster_jobs.shutil, "which", lambda _: None)
    places = ["--data", tmp_path / "data", "--runs", tmp_path / "runs", "--results", tmp_path]
    with pytest.raises(UserError, match=words) as caught:
        study.main([str(write_plan(tmp_path)), *map(str, places), *arguments])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()
