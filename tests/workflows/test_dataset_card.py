"""A dataset card says what a stranger needs, with a picture; `info --json` the same as values."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.recordings import DatasetWriter, open_recording
from tcn_robot.workflows.dataset_card import GAP_PX, PICTURE_HEIGHT_PX, picture_strip
from tests.support.films import moving_square


def test_the_card_of_a_simulation(clean_datasets: dict[str, Path], tmp_path: Path) -> None:
    card = tmp_path / "new" / "card of ü.md"
    assert cli.main(["info", str(clean_datasets["simulated"]), "--card", str(card)]) == 0
    text = card.read_text(encoding="utf-8")
    assert "| Episodes | 2," in text
    assert "mujoco" in text
    assert "nothing" in text
    assert "in the order of time](card%20of%20%C3%BC.png)" in text
    picture = cv2.imdecode(np.fromfile(card.with_suffix(".png"), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[0] == 2 * (PICTURE_HEIGHT_PX + GAP_PX) - GAP_PX


def test_the_card_tells_what_is_wrong(film_dataset: Path, tmp_path: Path) -> None:
    (film_dataset / "episode_000001" / "left.mp4").unlink()
    (film_dataset / "notes.txt").write_text("mine")
    card = tmp_path / "card.md"
    assert cli.main(["info", str(film_dataset), "--card", str(card)]) == 0
    wrong = card.read_text(encoding="utf-8").split("## What is known to be wrong")[1]
    assert "- episode 1:" in wrong
    assert "left.mp4" in wrong
    assert "notes.txt" in wrong


def test_names_cannot_break_the_card(tmp_path: Path) -> None:
    path = tmp_path / "d"
    dataset = DatasetWriter(path, "a|b `c` <script>", kind="film")
    with dataset as writer, writer.episode(10.0) as episode:
        episode.metadata.update(policy="x | y <img src=1> [z](http://a)")
        for frame, picture in enumerate(moving_square(3)):
            episode.add_frames(frame / 10, {"left": picture})
    card = tmp_path / "card.md"
    assert cli.main(["info", str(path), "--card", str(card)]) == 0
    text = card.read_text(encoding="utf-8")
    assert r"x \| y \<img src=1\> \[z\]" in text
    assert "| Task | `a/b  c  <script>` |" in text


def test_the_strip_shows_each_view_at_the_same_times(film_dataset: Path) -> None:
    episode = open_recording(film_dataset)[3]  # left has 9 frames, right 5
    strip = picture_strip(episode)
    height, width = episode.frames("left").shape[1:3]
    column = round(width * PICTURE_HEIGHT_PX / height) + GAP_PX
    assert strip.shape == (2 * PICTURE_HEIGHT_PX + GAP_PX, 6 * column - GAP_PX, 3)
    shown = strip[:PICTURE_HEIGHT_PX, -column + GAP_PX :]
    expected = cv2.resize(
        episode.frames("left")[-1], shown.shape[1::-1], interpolation=cv2.INTER_AREA
    )
    assert np.array_equal(shown, expected)


def test_json_on_the_terminal_and_in_a_file(
    film_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["edit", str(film_dataset), "delete", "--ids", "0"]) == 0
    capsys.readouterr()
    assert cli.main(["info", str(film_dataset), "--json", "-"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["episodes"] == {"count": 3, "ids": "1-3", "deleted_ids": "0"}
    assert facts["views"]["left"]["length_frames"] == [7, 9]
    assert facts["clocks"] == {"monotonic": 3}
    assert facts["seconds"] == pytest.approx(0.6 + 0.7 + 0.8)
    assert len(facts["history"]) == 1
    assert cli.main(["info", str(film_dataset), "--json", str(tmp_path / "f.json")]) == 0
    assert json.loads((tmp_path / "f.json").read_text()) == facts


def test_marks_of_an_episode_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "d"
    with DatasetWriter(path, "pouring", kind="film") as writer:
        for _ in range(2):
            with writer.episode(10.0) as episode:
                episode.metadata["capture"] = {"marks": ["left: 9 % of its frames missing", "b"]}
                episode.add_frames(0.0, {"left": moving_square(1)[0]})
    assert cli.main(["info", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "marked     episode 0: left: 9 % of its frames missing" in shown
    assert "and 1 more" in shown


def test_a_card_of_a_dataset_that_is_partly_lost(film_dataset: Path, tmp_path: Path) -> None:
    (film_dataset / "episode_000000" / "frames.parquet").unlink()
    card = tmp_path / "card.md"
    assert cli.main(["info", str(film_dataset), "--card", str(card)]) == 0
    assert "frames.parquet" in card.read_text(encoding="utf-8")
    assert card.with_suffix(".png").is_file()


def test_a_card_may_lie_in_the_dataset(
    film_dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["info", str(film_dataset), "--card", str(film_dataset / "README.md")]) == 0
    assert cli.main(["check", str(film_dataset)]) == 0
    assert "note" not in capsys.readouterr().out.split("checked")[1]


@pytest.mark.parametrize("name", ["card.png", ".", "card"])
def test_a_card_is_markdown(
    film_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert cli.main(["info", str(film_dataset), "--card", str(tmp_path / name)]) == 2
    assert "ends in .md" in capsys.readouterr().err
