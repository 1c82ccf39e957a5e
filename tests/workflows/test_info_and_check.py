"""`tcn-robot info` shows a dataset on one screen, `tcn-robot check` names its faults."""

from pathlib import Path

import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.recordings import DatasetWriter


def noise(*seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (32, 48, 3), dtype=np.uint8)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "d"
    with DatasetWriter(path, "pouring", kind="film") as writer:
        for split, length in (("train", 6), ("train", 4), ("test", 5)):
            with writer.episode(10.0) as episode:
                episode.metadata.update(split=split, success=split == "train")
                for index in range(length):
                    time_seconds = index / 10 + (0.3 if index == 5 else 0.0)
                    episode.add_frames(time_seconds, {"left": noise(episode.id, index)})
    return path


def test_info_fits_one_screen(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(dataset)]) == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) <= 24
    assert max(map(len, text.splitlines()[1:])) <= 80
    assert "episodes   3 (ids 0-2)" in text
    assert "splits     test 1, train 2" in text
    assert "success    2 of 3" in text
    view = text.splitlines()[-1].split()
    assert view == ["left", "3", "48x32", "15", "4-6", "6.25-10.00", "1", "3"]


def test_check_of_a_whole_dataset(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(dataset)]) == 0
    assert "3 episodes checked, 0 faulty" in capsys.readouterr().out


@pytest.mark.parametrize("quick", [[], ["--quick"]])
def test_check_names_faults_and_ends_with_2(
    dataset: Path, capsys: pytest.CaptureFixture[str], quick: list[str]
) -> None:
    path = dataset / "episode_000001" / "left.mp4"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", str(dataset), *quick])
    assert ended.value.code == 2
    text = capsys.readouterr().out
    assert "episode 1:" in text
    assert "left.mp4" in text
    assert "3 episodes checked, 1 faulty" in text


@pytest.mark.parametrize("command", ["info", "check"])
def test_no_dataset_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert cli.main([command, str(tmp_path)]) == 2
    assert "is no dataset" in capsys.readouterr().err
