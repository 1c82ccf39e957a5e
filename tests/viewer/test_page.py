"""The page in a real browser: thousands of episodes, filters, faults, hostile names, two looks."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.viewer.server import ViewerServer
from tests.report.browser import Browser
from tests.support.corpus import edit_episode, edit_table
from tests.viewer.conftest import START
from tests.viewer.looking import SETTLED, asked_for, choose, look, press, quiet, until
from tests.viewer.numbered import write_numbered

Serve = Callable[..., ViewerServer]
MANY = 3000
SPLITS = ("train", "train", "valid", "test")
POLICIES = ("expert", "play", "random")
HOSTILE = (
    """<img src=x onerror="document.title='owned'"> </script><script>owned()</script> "q" 'ü日"""
)


@pytest.fixture(scope="module")
def many(clean_datasets: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thousands of episodes that share the files of one."""
    source = clean_datasets["simulated"] / "episode_000000"
    path = tmp_path_factory.mktemp("many") / "many"
    path.mkdir()
    shutil.copy(source.parent / "dataset.json", path)
    shutil.copytree(source.parent / "assets", path / "assets")
    metadata = json.loads((source / "episode.json").read_text())
    names = [file.name for file in source.iterdir() if file.name != "episode.json"]
    for id in range(MANY):
        folder = path / f"episode_{id:06d}"
        folder.mkdir()
        for name in names:
            os.link(source / name, folder / name)
        metadata |= {"id": id, "split": SPLITS[id % 4], "policy": POLICIES[id % 3]}
        metadata["success"] = (True, False, None)[id % 3]
        (folder / "episode.json").write_text(json.dumps(metadata))
    return path


def test_thousands_of_episodes_load_what_is_looked_at(
    served: Serve, many: Path, browser: Browser
) -> None:
    look(browser, served(many, depth="none").url)
    assert browser.evaluate("list.length") == MANY
    assert len(asked_for(browser, "data")) == 1
    assert browser.evaluate("document.querySelectorAll('.row').length") < 40
    browser.evaluate("list.frame.scrollTo(0, 1e6)")
    until(browser, f"document.querySelector('[data-number=\"{MANY - 1}\"] img[src]')")
    assert len(asked_for(browser, "posters")) < 60
    browser.evaluate(f"document.querySelector('[data-number=\"{MANY - 1}\"]').click()")
    until(browser, f"viewer.data.id === {MANY - 1} && {SETTLED}")
    press(browser, "p")
    assert browser.evaluate("viewer.data.id") == MANY - 2
    assert len(asked_for(browser, "data")) == 3
    assert len({address.partition("?")[0] for address in asked_for(browser, "films")}) == 6
    assert not quiet(browser)


def order(browser: Browser, value: str) -> list[int]:
    """Set the order of the list and return the ids in it."""
    browser.evaluate(
        f"(box => {{ box.value = {json.dumps(value)}; box.dispatchEvent(new Event('input')); }})"
        "(document.getElementById('order'))"
    )
    return browser.evaluate("list.shown.map(number => list.value('id', number))")


def test_filters(served: Serve, many: Path, browser: Browser) -> None:
    look(browser, served(many, depth="none").url)
    ids = range(MANY)
    assert choose(browser, "split", "valid") == [id for id in ids if id % 4 == 2]
    assert choose(browser, "policy", "play") == [id for id in ids if id % 4 == 2 and id % 3 == 1]
    assert choose(browser, "success", "true") == []
    assert browser.evaluate("byId('count').textContent") == "0 of 3,000 episodes"
    assert choose(browser, "success", "false") == [id for id in ids if id % 12 == 10]
    for name in ("split", "policy", "success"):
        choose(browser, name, "")
    assert choose(browser, "text", "#77") == [77]
    choose(browser, "text", "")
    browser.evaluate("list.learn([[40, 1, 0], [7, 0, 2], [9, 2, 0]])")
    assert order(browser, "findings")[:4] == [9, 40, 7, 0]
    assert choose(browser, "found", "faulty") == [9, 40]
    assert order(browser, "id") == [9, 40]
    choose(browser, "found", "")
    assert choose(browser, "text", "test 123 PLAY") == [
        id for id in ids if id % 4 == 3 and id % 3 == 1 and "123" in str(id)
    ]
    assert browser.evaluate("list.beside(1)") == choose(browser, "text", "test 123 PLAY")[0]


def test_what_is_faulty_is_found_marked_and_jumped_to(
    served: Serve, cameras: Path, tmp_path: Path, browser: Browser
) -> None:
    path = tmp_path / "faulty"
    shutil.copytree(cameras, path)

    def late(columns: dict[str, list]) -> None:
        columns["time_seconds"] = [
            time + (1.5 if time > START + 2 else 0.0) for time in columns["time_seconds"]
        ]

    edit_table(path, "frames.parquet", late, 1)
    (path / "notes.txt").write_text("x")
    look(browser, served(path).url)
    until(browser, "byId('checking').textContent.startsWith('checked')")
    assert browser.evaluate("byId('dataset-findings').textContent").startswith("1 finding")
    assert choose(browser, "found", "notes") == [0, 1]
    browser.evaluate("open(1)")
    until(browser, f"viewer.data.id === 1 && viewer.data.findings && {SETTLED}")
    gaps = browser.evaluate("viewer.data.findings.filter(one => one.kind === 'long-gap')")
    assert {gap["view"] for gap in gaps} == {"left", "right", "slow"}
    text = browser.evaluate("byId('details').textContent")
    assert "long-gap" in text
    assert str(tmp_path) not in text
    browser.evaluate("seek(1.9)")
    press(browser, "f")
    assert browser.evaluate("clock.time") == pytest.approx(
        min(gap["time_seconds"] for gap in gaps if gap["time_seconds"] > START + 1.9) - START
    )
    browser.evaluate("document.querySelector('.findings .go').click()")
    assert browser.evaluate("clock.time") == pytest.approx(gaps[0]["time_seconds"] - START, abs=2)
    assert not quiet(browser)


def test_what_was_deleted_is_not_counted_as_checked(
    served: Serve, cameras: Path, tmp_path: Path, browser: Browser
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(cameras, path)
    (path / "episode_000001" / "left.mp4").unlink()
    look(browser, served(path, depth="none").url)
    browser.evaluate("globalThis.fetch = async () => ({ json: async () => globalThis.answer })")
    ask = "(answer => { globalThis.answer = answer; return followChecks(0); })"
    browser.evaluate(f"{ask}({{ news: [[7, 1, 0], [0, 0, 0]], done: 2 }})")
    assert browser.evaluate("byId('checking').textContent") == "checking: 1 of 2 episodes"
    browser.evaluate(f"{ask}({{ news: [[1, 1, 0]], done: 3 }})")
    assert browser.evaluate("byId('checking').textContent").endswith(": 1 faulty")


def test_damaged_episodes_open(
    served: Serve, cameras: Path, tmp_path: Path, browser: Browser
) -> None:
    path = tmp_path / "damaged"
    shutil.copytree(cameras, path)
    (path / "episode_000000" / "left.mp4").unlink()
    (path / "episode_000001" / "episode.json").write_text("{")
    look(browser, served(path, depth="full").url)
    assert browser.evaluate("viewer.films.map(film => film.isReady)") == [False, True, True]
    assert "missing" in browser.evaluate("document.querySelector('.message').textContent")
    press(browser, "ArrowRight")
    press(browser, "End")
    press(browser, "ArrowDown")
    assert browser.evaluate("viewer.data.id") == 1
    assert "episode.json" in browser.evaluate("byId('problems').textContent")
    press(browser, " ")
    until(browser, "byId('checking').textContent.includes('2 faulty')")
    assert choose(browser, "found", "faulty") == [0, 1]
    assert not quiet(browser)


def test_names_are_text_and_never_markup(served: Serve, tmp_path: Path, browser: Browser) -> None:
    path = tmp_path / "<b>ünï 日本"
    row = {"phase": HOSTILE, HOSTILE: 1.0, "success": True}
    rows = [{"time_seconds": START + 0.1 * i, **row} for i in range(3)]
    times = {"left": [START, START + 0.1]}
    write_numbered(
        path, times, steps=rows, policy=HOSTILE, embodiment=HOSTILE, task=HOSTILE,
        demonstration={"failure": HOSTILE, HOSTILE: HOSTILE}, capture={"marks": [HOSTILE]},
    )  # fmt: skip
    look(browser, served(path).url)
    until(browser, "byId('checking').textContent.startsWith('checked')")
    assert browser.evaluate("document.title") == "0 · <b>ünï 日本"
    assert browser.evaluate("byId('dataset-line').textContent") == HOSTILE
    assert HOSTILE in browser.evaluate("byId('chips').textContent")
    assert (
        browser.evaluate("document.querySelectorAll('main img, main b b, main script').length") == 0
    )
    assert not quiet(browser)


def test_the_timeline_tells_values_and_a_click_goes_there(
    served: Serve, lossless: Path, browser: Browser
) -> None:
    look(browser, served(lossless).url)
    labels = browser.evaluate("timeline.lanes.map(lane => lane.label)")
    assert labels == ["left", "joints 0", "joints 1", "joints 2"]
    values = browser.evaluate("timeline.lanes.map(lane => lane.at(0.65))")
    assert values[0] == "frame 13, 0 ms"
    assert [float(value.replace("−", "-")) for value in values[1:]] == pytest.approx(
        [np.sin(50), 50, -1], abs=1e-3
    )
    place = browser.evaluate(
        "(box => [box.left + timeline.x(0.7), box.top + 30])"
        "(timeline.cursorCanvas.getBoundingClientRect())"
    )
    for kind in ("mousePressed", "mouseReleased"):
        browser.call(
            "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left",
            clickCount=1,
        )  # fmt: skip
    until(browser, SETTLED)
    assert browser.evaluate("clock.time") == pytest.approx(0.7, abs=0.01)
    assert browser.evaluate("viewer.films[0].frameShown()") == 14
    browser.evaluate("document.querySelector('#lane-buttons button').click()")
    assert browser.evaluate("timeline.lanes.length") == 1
    browser.evaluate("document.querySelector('#lane-buttons button').click()")
    before = browser.evaluate("timeline.stop - timeline.start")
    press(browser, "[")
    assert browser.evaluate("timeline.stop - timeline.start") == pytest.approx(before / 2)


def test_delays_can_be_taken_off(
    served: Serve, cameras: Path, tmp_path: Path, browser: Browser
) -> None:
    path = tmp_path / "delayed"
    shutil.copytree(cameras, path)
    offsets = {"right": {"offset_seconds": 0.11, "std_seconds": 0.004}, "slow": None}
    edit_episode(path, lambda content: content.update(capture={"offsets": offsets}))
    look(browser, served(path).url)
    browser.evaluate("seek(1)")
    press(browser, "Shift")
    assert browser.evaluate("viewer.films.map(film => film.frameShown())")[:2] == [20, 18]
    press(browser, "c")
    assert browser.evaluate("viewer.films.map(film => film.frameShown())")[:2] == [20, 20]


def test_with_delays_taken_off_the_first_frame_is_reached(
    served: Serve, cameras: Path, tmp_path: Path, browser: Browser
) -> None:
    path = tmp_path / "delayed"
    shutil.copytree(cameras, path)
    offsets = {"left": {"offset_seconds": 0.3, "std_seconds": 0.004}, "right": None, "slow": None}
    edit_episode(path, lambda content: content.update(capture={"offsets": offsets}))
    look(browser, served(path).url)
    until(browser, "viewer.data.findings")
    finding = {"kind": "x", "is_fault": True, "view": "left", "time_seconds": START + 0.5}
    browser.evaluate(f"viewer.data.findings = [{json.dumps({**finding, 'message': 'm'})}]")
    browser.evaluate("details(); showTimeline(true)")
    press(browser, "c")
    assert browser.evaluate("timeline.start") == pytest.approx(-0.3)
    press(browser, "Home")
    assert browser.evaluate("clock.time") == pytest.approx(-0.3)
    assert browser.evaluate("viewer.films[0].frameShown()") == 0
    press(browser, "ArrowRight")
    assert browser.evaluate("viewer.films[0].frameShown()") == 1
    until(browser, "location.hash === '#0@-0.25'")
    # What was found at frame 10 stays at frame 10: its mark, its button and its key lead there.
    assert browser.evaluate("timeline.lanes[0].marks[0].time") == pytest.approx(0.2)
    press(browser, "f")
    assert browser.evaluate("[clock.time, viewer.films[0].frameShown()]") == [
        pytest.approx(0.2), 10,
    ]  # fmt: skip
    press(browser, "Home")
    browser.evaluate("document.querySelector('.findings .go').click()")
    press(browser, "Shift")
    assert browser.evaluate("viewer.films[0].frameShown()") == 10
    press(browser, "Home")
    press(browser, "c")
    assert browser.evaluate("[clock.time, timeline.start]") == [0, 0]
    assert not quiet(browser)


def test_no_episode_is_left(served: Serve, cameras: Path, tmp_path: Path, browser: Browser) -> None:
    """Those that were asked for can all be deleted while somebody looks."""
    path = tmp_path / "copy"
    shutil.copytree(cameras, path)
    server = served(path, episodes=(1,))
    shutil.rmtree(path / "episode_000001")
    browser.events.clear()
    browser.go(server.url, 1200, 900)
    until(browser, "typeof list !== 'undefined' && byId('heading').textContent === 'No episodes'")
    for key in (" ", "ArrowRight", "ArrowLeft", "n", "f", "c", "End", "[", "1", "l"):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key[0])
    until(browser, "byId('checking').textContent === 'nothing to check'")
    assert not quiet(browser)


def test_why_a_film_cannot_be_given_is_told(
    served: Serve, lossless: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "preview.mp4")

    monkeypatch.setattr("tcn_robot.viewer.films.write_preview", full)
    look(browser, served(lossless, depth="none").url)
    until(browser, "viewer.films[0].message.textContent.startsWith('the disk is full')")


def test_an_address_leads_to_a_moment(served: Serve, cameras: Path, browser: Browser) -> None:
    url = served(cameras).url
    look(browser, f"{url}#1@1.25")
    assert browser.evaluate("viewer.data.id") == 1
    assert browser.evaluate("viewer.films[0].frameShown()") == 25
    press(browser, "ArrowRight")
    until(browser, "location.hash === '#1@1.3'")
    press(browser, "p")
    until(browser, "location.hash === '#0'")
    for address in ("#77", "#nonsense", "#1@x"):
        look(browser, url + address)
        assert browser.evaluate("viewer.data.id") == 0
    assert not quiet(browser)


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (1000, True), (390, False)])
def test_every_screen_shows_it(
    served: Serve, cameras: Path, browser: Browser, width: int, dark: bool
) -> None:
    look(browser, served(cameras).url, width, dark)
    shown = browser.evaluate(
        """({
          wide: document.documentElement.scrollWidth,
          inside: [...document.querySelectorAll(".view, #transport, #timeline, #play")].map(
            part => part.getBoundingClientRect()).every(
            box => box.width > 20 && box.left >= 0 && box.right <= innerWidth),
          background: getComputedStyle(document.body).backgroundColor,
          canvas: timeline.size.width,
        })"""
    )
    assert shown["wide"] <= width
    assert shown["inside"]
    assert shown["canvas"] > 300
    assert (shown["background"] == "rgb(20, 21, 24)") is dark
    press(browser, "?")
    assert browser.evaluate("byId('help').open")
    assert not quiet(browser)
