"""The page as a folder: works from the disk, with the dataset beside it or without."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tcn_robot.errors import UserError
from tcn_robot.viewer.films import PreviewCache
from tcn_robot.viewer.folder import write_folder
from tests.report.browser import Browser
from tests.viewer.looking import asked_for, look, press, quiet, told, until


def write(dataset: Path, out: Path, **options: object) -> int:
    cache = PreviewCache(dataset.parent / "cache")
    return write_folder(dataset, out, cache=cache, **options)  # type: ignore[arg-type]


def frames_shown(browser: Browser) -> list[int]:
    return browser.evaluate("viewer.films.map(film => film.frameShown())")


def test_it_works_from_the_disk(cameras: Path, tmp_path: Path, browser: Browser) -> None:
    out = tmp_path / "a page #1"
    assert write(cameras, out) == 2
    assert {path.name for path in out.iterdir()} == {"index.html", "data", "posters"}
    look(browser, (out / "index.html").as_uri())
    assert browser.evaluate("byId('checking').textContent").startswith("checked")
    press(browser, "ArrowRight")
    assert frames_shown(browser) == [1, 0, 0]
    press(browser, "n")
    assert browser.evaluate("viewer.data.id") == 1
    press(browser, "End")
    assert frames_shown(browser) == [59, 59, 9]
    assert told(browser)["right"] == ["59 / 59", "0.0 ms"]
    assert all(address.startswith(("file:", "about:", "data:")) for address in asked_for(browser))
    assert len(asked_for(browser, "data")) == 2
    assert not quiet(browser)


def test_with_its_films_it_can_be_moved(lossless: Path, tmp_path: Path, browser: Browser) -> None:
    dataset = tmp_path / "gone"
    shutil.copytree(lossless, dataset)
    write(dataset, tmp_path / "page", copy=True, check="full")
    shutil.rmtree(dataset)
    moved = (tmp_path / "page").rename(tmp_path / "elsewhere")
    assert (moved / "films" / "episode_000000" / "left.mp4").is_file()
    look(browser, (moved / "index.html").as_uri())
    press(browser, "End")
    assert frames_shown(browser) == [29]
    until(browser, "byId('checking').textContent === 'checked: no faults'")
    assert not quiet(browser)


def test_without_its_films_a_moved_page_says_so(
    cameras: Path, tmp_path: Path, browser: Browser
) -> None:
    write(cameras, tmp_path / "below" / "page")
    moved = (tmp_path / "below" / "page").rename(tmp_path / "page")
    look(browser, (moved / "index.html").as_uri())
    until(browser, "viewer.films.every(film => film.message.textContent.includes('--copy'))")


def test_films_that_browsers_do_not_play_come_with_the_page(
    lossless: Path, cameras: Path, tmp_path: Path
) -> None:
    write(lossless, tmp_path / "page")
    assert (tmp_path / "page" / "films" / "episode_000000" / "left.mp4").is_file()
    write(cameras, tmp_path / "page")
    assert not (tmp_path / "page" / "films").exists()


def test_some_episodes_and_a_page_that_is_replaced(cameras: Path, tmp_path: Path) -> None:
    out = tmp_path / "page"
    assert write(cameras, out) == 2
    assert write(cameras, out, episodes=(1,)) == 1
    assert [path.name for path in (out / "data").iterdir()] == ["episode_000001.js"]
    assert '"id":[1]' in (out / "index.html").read_text()


def test_no_file_of_somebody_else_is_replaced(cameras: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(UserError, match="something else"):
        write(cameras, tmp_path / "mine")
    for out in (cameras, cameras / "page", cameras.parent):
        with pytest.raises(UserError, match="lie in each other"):
            write(cameras, out)
    with pytest.raises(UserError, match="no episode 7"):
        write(cameras, tmp_path / "page", episodes=(7,))
    with pytest.raises(UserError, match="no dataset"):
        write(tmp_path / "nothing", tmp_path / "page")
    assert not (tmp_path / "page").exists()
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "x"
    names = {path.name for path in cameras.iterdir()} - {".lock"}
    assert names == {"dataset.json", "episode_000000", "episode_000001"}


@pytest.mark.parametrize(
    "theirs",
    [
        "data/measurements.csv",
        "data/episode_000000.js",
        "index.html",
        "written/data/measurements.csv",
        "written/films/holiday.mp4",
        "written/films/episode_000000/notes.txt",
        "written/posters/conference.pdf",
    ],
)
def test_only_a_page_of_ours_is_replaced(cameras: Path, tmp_path: Path, theirs: str) -> None:
    """Names that a page also has make no folder ours, nor does a page that more was put into."""
    write(cameras, tmp_path / "written")
    file = tmp_path / theirs if theirs.startswith("written") else tmp_path / "project" / theirs
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    out = tmp_path / file.relative_to(tmp_path).parts[0]
    with pytest.raises(UserError, match="something else"):
        write(cameras, out)
    assert file.read_text() == "mine"


def test_a_file_is_refused_and_a_link_stays_one(cameras: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        write(cameras, tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    (tmp_path / "link").symlink_to(tmp_path / "there")
    for _ in range(2):
        assert write(cameras, tmp_path / "link") == 2
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "index.html").is_file()


def test_what_is_interrupted_leaves_nothing(
    cameras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("tcn_robot.viewer.folder.episode_poster", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(cameras, tmp_path / "below" / "page")
    assert not any((tmp_path / "below").iterdir())
