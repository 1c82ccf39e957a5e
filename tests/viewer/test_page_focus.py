"""What is focused can be worked by keys, and what is open is announced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tcn_robot.viewer.server import ViewerServer
from tests.report.browser import Browser
from tests.viewer.looking import SETTLED, choose, look, press, quiet, until

Serve = Callable[..., ViewerServer]


def test_the_space_bar_works_what_is_focused(
    served: Serve, lossless: Path, browser: Browser
) -> None:
    look(browser, served(lossless).url)
    browser.evaluate("document.querySelector('#lane-buttons button').focus()")
    before = browser.evaluate("timeline.lanes.length")
    press(browser, " ")
    assert browser.evaluate("timeline.lanes.length") != before
    assert not browser.evaluate("clock.playing")
    browser.evaluate("byId('loop').focus()")
    press(browser, " ")
    assert browser.evaluate("byId('loop').checked")
    assert not browser.evaluate("clock.playing")
    place = browser.evaluate(
        "(box => [box.left + 4, box.top + 4])(byId('loop').parentElement.getBoundingClientRect())"
    )
    for kind in ("mousePressed", "mouseReleased"):
        browser.call(
            "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left",
            clickCount=1,
        )  # fmt: skip
    until(browser, "!byId('loop').checked && document.activeElement === document.body")
    browser.call("Input.dispatchKeyEvent", type="keyDown", key=" ", text=" ")
    assert browser.evaluate("clock.playing")  # what was clicked with the mouse has no focus


def test_enter_opens_the_first_that_was_found(
    served: Serve, cameras: Path, browser: Browser
) -> None:
    look(browser, served(cameras).url)
    choose(browser, "text", "#1")
    browser.evaluate("globalThis.isSame = true; byId('filter-text').focus()")
    for kind in ("keyDown", "keyUp"):
        text = {"text": "\r"} if kind == "keyDown" else {}
        browser.call(
            "Input.dispatchKeyEvent", type=kind, key="Enter", windowsVirtualKeyCode=13, **text
        )
    until(browser, f"globalThis.isSame && viewer.data.id === 1 && {SETTLED}")
    assert browser.evaluate("byId('filter-text').value") == "#1"
    assert not quiet(browser)


def test_a_screen_reader_hears_which_episode_is_open(
    served: Serve, cameras: Path, browser: Browser
) -> None:
    look(browser, served(cameras, depth="none").url)
    open_row = "document.getElementById(list.frame.getAttribute('aria-activedescendant'))"
    about = "(row => [row.dataset.number, row.ariaSelected, row.ariaPosInSet, row.ariaSetSize])"
    assert browser.evaluate(f"{about}({open_row})") == ["0", "true", "1", "2"]
    press(browser, "n")
    assert browser.evaluate(f"{about}({open_row})") == ["1", "true", "2", "2"]
    choose(browser, "text", "#0")
    assert not browser.evaluate("list.frame.hasAttribute('aria-activedescendant')")
    choose(browser, "text", "")
    browser.evaluate("globalThis.rows = new Map(list.made); list.learn([[1, 1, 0]])")
    kept = browser.evaluate("[0, 1].map(number => list.made.get(number) === rows.get(number))")
    assert kept == [True, False]
    assert browser.evaluate(f"{about}({open_row})") == ["1", "true", "2", "2"]
