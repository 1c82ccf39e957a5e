"""What a test does with the page in a browser: open, wait, press keys, ask what is shown."""

from __future__ import annotations

import json
from typing import Any

from tests.report.browser import Browser
from tests.viewer.numbered import READ_NUMBER

# Resolves once a condition holds, or with false after some seconds of frames.
_UNTIL = """new Promise(done => {{
  const poll = left => ({condition}) || !left ? done(left > 0) : setTimeout(poll, 25, left - 1);
  poll(400);
}})"""
SETTLED = (
    "typeof viewer !== 'undefined' && viewer.data !== null && viewer.opening === viewer.data.id"
    " && viewer.films.every(film => !film.view.film || film.isHidden || film.video.error"
    " || film.isReady && !film.video.seeking"
    " && (clock.playing || !film.isRunning"
    " && film.frameShown() === nearest(film.times, clock.time)))"
)


def until(browser: Browser, condition: str) -> None:
    assert browser.evaluate(_UNTIL.format(condition=condition)), f"never: {condition}"


def look(browser: Browser, address: str, width_px: int = 1200, dark: bool = False) -> None:
    """Open the page and wait for its first episode."""
    browser.events.clear()
    browser.go(address, width_px, 900, dark)
    until(browser, SETTLED)


def press(browser: Browser, key: str, shift: bool = False) -> None:
    """Press a key as a person does and wait until every view shows what it should."""
    text = {"text": key} if len(key) == 1 else {}
    for kind in ("keyDown", "keyUp"):
        parameters = {**text, "modifiers": 8 if shift else 0} if kind == "keyDown" else {}
        browser.call("Input.dispatchKeyEvent", type=kind, key=key, **parameters)
    until(browser, SETTLED)


def numbers_shown(browser: Browser) -> dict[str, int]:
    """Return the number that each view's picture carries, read from its pixels."""
    return browser.evaluate(
        "Object.fromEntries(viewer.films.filter(film => !film.isHidden)"
        f".map(film => [film.name, {READ_NUMBER}(film.video)]))"
    )


def now(browser: Browser) -> float:
    return float(browser.evaluate("clock.time"))


def told(browser: Browser) -> dict[str, list[str]]:
    """Return what stands below each view: its frame, and how far its time is off."""
    return browser.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done("
        "Object.fromEntries(viewer.films.map("
        "film => [film.name, [film.frameText.textContent, film.errorText.textContent]]))))))"
    )


def asked_for(browser: Browser, part: str = "") -> list[str]:
    """Return the addresses that the page has asked for, those below one of its folders."""
    addresses = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    return [address for address in addresses if not part or f"/{part}/" in address]


def quiet(browser: Browser) -> list[Any]:
    """Return what the browser complained about, but for what it says of missing stills."""
    return [text for text in browser.complaints() if "posters/" not in text]


def choose(browser: Browser, name: str, value: str) -> list[int]:
    """Set one filter and return the ids that are left."""
    browser.evaluate(
        f"(box => {{ box.value = {json.dumps(value)}; box.dispatchEvent(new Event('input')); }})"
        f"(document.getElementById('filter-{name}'))"
    )
    return browser.evaluate("list.shown.map(number => list.value('id', number))")
