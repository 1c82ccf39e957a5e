"""`tcn-robot report` on single runs: what there is is shown, what is missing is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.policies.config import ImitateConfig
from tcn_robot.policies.run import write_summary
from tcn_robot.provenance import sha256_of_files
from tcn_robot.training.config import make_config
from tcn_robot.workflows import report as report_command
from tcn_robot.workflows.record import record
from tcn_robot.workflows.report import gather_evidence
from tcn_robot.workflows.report_embedding import closeness, nearest, principal_plane, shown_episodes
from tcn_robot.workflows.train import train
from tests.report.synthetic import AUDIT_RECORD


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A dataset, one-view test episodes, and a run trained for two steps on the dataset."""
    root = tmp_path_factory.mktemp("runs")
    data, single, run = root / "data", root / "single", root / "run"
    record("MujocoReach-v0", out=data, episodes=2, views=("front", "left"), size=32)
    record("MujocoReach-v0", out=single, episodes=1, views=("top",), size=32, split="test")
    train([data], run, make_config(steps=2, image_size_px=32, batch_frames=32))
    return data, single, run


def test_an_embedding_alone(
    folders: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pages" / "report.html"
    report_command.main([str(folders[2]), "--out", str(out)])
    text = out.read_text("utf-8")
    for section in ("views", "found", "similarity", "embedding", "training", "made", "missing"):
        assert f'<section id="{section}"' in text
    for section in ("alignment", "policy", "films", "reward"):
        assert f'<section id="{section}"' not in text
    assert "The encoder was trained on this very episode." in text
    printed = capsys.readouterr().out
    assert "not shown: The alignment table: `tcn-robot bench alignment" in printed
    assert "not shown: A policy" in printed


def test_named_recordings_come_first_and_one_view_has_no_other(
    folders: tuple[Path, Path, Path],
) -> None:
    evidence = gather_evidence([folders[2]], [folders[1]])
    assert evidence.strip is not None
    assert evidence.strip.episode == "held-out episode 0"
    assert tuple(evidence.strip.frames) == ("top",)
    assert evidence.retrieval is None
    assert any("one view only" in line for line in evidence.missing)


def test_figures_alone_need_no_frames(folders: tuple[Path, Path, Path]) -> None:
    evidence = gather_evidence([folders[2]], figures_only=True)
    assert evidence.strip is None
    assert {"torch", "python"} <= set(evidence.versions)


def test_no_run_is_refused() -> None:
    with pytest.raises(UserError, match="expected a run to report on"):
        gather_evidence([])


def test_held_out_episodes_are_preferred(folders: tuple[Path, Path, Path]) -> None:
    data, single, _ = folders
    assert [one.trained_on for one in shown_episodes([data])] == [True, True]
    assert [one.name for one in shown_episodes([data, single])] == ["held-out episode 0"]
    assert shown_episodes([]) == []


def test_nearest_equals_a_loop() -> None:
    generator = np.random.default_rng(0)
    queries, library = generator.normal(size=(20, 5)), generator.normal(size=(30, 5))
    expected = [int(np.argmin([((q - k) ** 2).sum() for k in library])) for q in queries]
    assert nearest(queries, library).tolist() == expected


def test_closeness_has_no_unit_and_survives_a_collapse() -> None:
    rows = np.array([[0.0, 0.0], [3.0, 4.0]], np.float32)
    columns = np.array([[0.0, 0.0], [0.0, 4.0], [6.0, 8.0]], np.float32)
    distances = np.array([[0, 4, 10], [5, 3, 5]])
    np.testing.assert_allclose(closeness(rows, columns), np.exp(-distances / 4.5), rtol=1e-6)
    np.testing.assert_allclose(closeness(100 * rows, 100 * columns), closeness(rows, columns))
    np.testing.assert_array_equal(closeness(0 * rows, 0 * columns), np.ones((2, 3)))


def test_the_principal_plane_keeps_what_lies_in_a_plane() -> None:
    generator = np.random.default_rng(0)
    flat = generator.normal(size=(50, 2)) * [5.0, 1.0]
    points = flat @ np.linalg.qr(generator.normal(size=(7, 2)))[0].T + 3.0
    mean, axes, shares = principal_plane(points)
    np.testing.assert_allclose((points - mean) @ axes.T @ axes + mean, points)
    assert shares.sum() == pytest.approx(1.0)
    assert shares[0] > shares[1]


def policy_run(folder: Path, success: list[list[float]], finished: bool = True) -> Path:
    """Write what a run of `tcn-robot imitate` leaves behind, without films."""
    folder.mkdir()
    config = ImitateConfig("tcn_robot/MujocoReach-v0", "sparse", 200, tuple(range(len(success))))
    (folder / "config.json").write_text(config.to_json())
    for seed, values in enumerate(success):
        lines = [
            {"steps": 100 * (k + 1), "success": value, "starts": 4}
            for k, value in enumerate(values)
        ]
        (folder / f"seed_{seed}").mkdir()
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"seed_{seed}" / "evaluations.jsonl").write_text(text)
        if finished:
            final = {"starts": 4, "success": values[-1], "success_any": values[-1]}
            result = {"seed": seed, "seconds": 1.0, "final": final}
            (folder / f"seed_{seed}" / "result.json").write_text(json.dumps(result))
    write_summary(folder, config)
    return folder


def test_two_runs_of_one_reward_are_both_shown(tmp_path: Path) -> None:
    first = policy_run(tmp_path / "first", [[0.0, 0.5], [0.5, 1.0]])
    second = policy_run(tmp_path / "second", [[0.25]])
    evidence = gather_evidence([first, second])
    runs = {run.name: run for run in evidence.runs}
    assert set(runs) == {"sparse (first)", "sparse (second)"}
    shown = runs["sparse (first)"]
    assert shown.figures is not None
    assert shown.figures["success"] == pytest.approx(0.75)
    assert (shown.figures["seeds"], shown.figures["starts"]) == (2, 4)
    assert shown.figures["success_per_seed"] == [0.5, 1.0]
    assert shown.figures["iqm"][0] == pytest.approx(0.75)
    assert evidence.task == "tcn_robot/MujocoReach-v0"
    assert shown.curve is not None
    np.testing.assert_array_equal(shown.curve.success, [[0.0, 0.5], [0.5, 1.0]])
    np.testing.assert_allclose(shown.curve.middle, [0.25, 0.75])
    assert (shown.curve.interval[:, 0] < shown.curve.middle).all()
    # Nothing was learned from films: that there are none is not missing.
    assert not any("demonstration" in line or "fitted" in line for line in evidence.missing)


@pytest.mark.parametrize("inner", ["", "encoder"])
def test_a_policy_brings_the_run_of_its_encoder(
    folders: tuple[Path, Path, Path], tmp_path: Path, inner: str
) -> None:
    run = policy_run(tmp_path / "run", [[0.5]])
    described = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**described, "encoder": str(folders[2] / inner)}))
    versions = gather_evidence([run], figures_only=True).versions
    assert "torch_threads" in versions  # only a training says that


def test_a_run_that_is_not_finished_says_so_and_shows_how_far_it_is(tmp_path: Path) -> None:
    run = policy_run(tmp_path / "run", [[0.0, 0.5], [0.5]], finished=False)
    evidence = gather_evidence([run])
    (shown,) = evidence.runs
    assert shown.figures is None
    assert any("is not finished; go on with --resume" in line for line in evidence.missing)
    assert shown.curve is not None
    np.testing.assert_array_equal(shown.curve.success, [[0.0, 0.5], [0.5, np.nan]])
    np.testing.assert_array_equal(shown.curve.middle, [0.25, np.nan])


def test_a_seed_that_is_not_finished_is_named(tmp_path: Path) -> None:
    run = policy_run(tmp_path / "run", [[0.5], [1.0]])
    (run / "seed_1" / "result.json").unlink()
    evidence = gather_evidence([run])
    assert any(line.startswith("Seed 1 with reward sparse: ") for line in evidence.missing)
    assert evidence.runs[0].figures is not None
    assert evidence.runs[0].figures["seed_numbers"] == [0]


def test_nothing_finished_is_refused(tmp_path: Path) -> None:
    run = policy_run(tmp_path / "run", [[]], finished=False)
    with pytest.raises(UserError, match=r"nothing is finished yet in .*run \(Final success"):
        gather_evidence([run])


def test_an_audit_in_a_run_belongs_to_whom_learned_from_that_reward(tmp_path: Path) -> None:
    run = policy_run(tmp_path / "run", [[0.5]])
    (run / "reward").mkdir()
    (run / "reward" / "reward.json").write_text("{}")
    assert any(line.startswith("An audit of") for line in gather_evidence([run]).missing)
    digest = sha256_of_files(run / "reward")
    (run / "audit.json").write_text(json.dumps({**AUDIT_RECORD, "fitted_sha256": digest}))
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**AUDIT_RECORD, "fitted_sha256": "0" * 64}))
    evidence = gather_evidence([run, other])
    assert [(audit.source, list(audit.runs)) for audit in evidence.audits] == [
        (str(run / "audit.json"), ["sparse (MujocoReach-v0)"]), (str(other), []),
    ]  # fmt: skip
    assert "separation" in evidence.audits[0].evidence.asks
    assert not any(line.startswith("An audit of") for line in evidence.missing)
