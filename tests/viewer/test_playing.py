"""Views in step: what a real browser shows, read back from its pixels, is nearest in time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.report.browser import Browser
from tests.viewer.conftest import CAMERAS, OFFSET_SECONDS, START
from tests.viewer.looking import look, now, numbers_shown, press, quiet, told, until

TIMES = {view: np.asarray(times) - START for view, times in CAMERAS.items()}


def nearest_frames(time_seconds: float) -> dict[str, int]:
    return {view: int(np.argmin(np.abs(times - time_seconds))) for view, times in TIMES.items()}


@pytest.fixture
def page(served: Callable[..., object], cameras: Path, browser: Browser) -> Browser:
    look(browser, served(cameras).url)
    return browser


def test_every_view_shows_the_frame_nearest_in_time(page: Browser) -> None:
    assert numbers_shown(page) == {"left": 0, "right": 0, "slow": 0}
    for time_seconds in (0.0, 0.31, 1.234, 0.98, 2.26, 2.95, 3.06):
        page.evaluate(f"seek({time_seconds})")
        press(page, "Shift")  # no key of the page: waits until all is shown
        assert numbers_shown(page) == nearest_frames(time_seconds), time_seconds
    assert not quiet(page)


def test_an_offset_of_110_ms_is_not_seen(page: Browser) -> None:
    page.evaluate("seek(1.5)")
    press(page, "Shift")
    assert numbers_shown(page)["left"] == 30
    assert numbers_shown(page)["right"] == round((1.5 - OFFSET_SECONDS) * 20)
    assert told(page)["right"] == ["28 / 59", "+10.0 ms"]


def test_arrows_go_from_frame_to_frame(page: Browser) -> None:
    for number in range(1, 25):
        press(page, "ArrowRight")
        shown = numbers_shown(page)
        assert shown["left"] == number
        assert shown == nearest_frames(float(TIMES["left"][number]))
    press(page, "ArrowLeft")
    assert numbers_shown(page)["left"] == 23
    press(page, "ArrowRight", shift=True)
    assert now(page) == pytest.approx(TIMES["left"][23] + 1)
    press(page, "End")
    assert numbers_shown(page) == {"left": 59, "right": 59, "slow": 9}
    assert told(page)["left"][1] == "has ended"
    press(page, "ArrowLeft")
    assert numbers_shown(page)["left"] == 59  # the last frame before the end of the longer view
    press(page, "Home")
    assert numbers_shown(page) == {"left": 0, "right": 0, "slow": 0}
    assert told(page)["slow"][1] == "not filmed yet"


def test_it_plays_in_step(page: Browser) -> None:
    """What is shown while it plays is the nearest frame or its neighbour."""
    press(page, " ")
    samples = page.evaluate(
        """new Promise(done => {
          const found = [];
          const sample = () => {
            if (!clock.playing || found.length > 150) { done(found); return; }
            if (clock.time > 0.5)
              found.push([clock.time, ...viewer.films.slice(0, 2).map(film => film.frameShown())]);
            requestAnimationFrame(sample);
          };
          sample();
        })"""
    )
    assert len(samples) > 20
    off = [
        abs(frame - nearest_frames(time)[view])
        for time, *frames in samples
        for view, frame in zip(("left", "right"), frames, strict=True)
    ]
    assert np.median(off) <= 1
    until(page, "!clock.playing")
    press(page, "Shift")
    assert now(page) == pytest.approx(TIMES["right"][-1])
    assert numbers_shown(page) == {"left": 59, "right": 59, "slow": 9}
    assert not quiet(page)


def test_pausing_shows_the_frames_of_one_moment(page: Browser) -> None:
    press(page, " ")
    until(page, "clock.time > 0.8")
    press(page, " ")
    assert 0.8 < now(page) < 3.0
    assert numbers_shown(page) == nearest_frames(now(page))


def test_speed_and_one_view_alone(page: Browser) -> None:
    press(page, "-")
    assert page.evaluate("clock.speed") == 0.5
    press(page, "+")
    press(page, "+")
    assert page.evaluate("clock.speed") == 1.5
    press(page, "2")
    assert set(numbers_shown(page)) == {"right"}
    press(page, "ArrowRight")
    press(page, "ArrowRight")
    press(page, "2")
    assert numbers_shown(page) == nearest_frames(0.1)


def test_a_lossless_film_with_an_odd_side_plays(
    served: Callable[..., object], lossless: Path, browser: Browser
) -> None:
    look(browser, served(lossless).url)
    assert browser.evaluate("viewer.films[0].view.is_preview")
    for number in (1, 2):
        press(browser, "ArrowRight")
        assert numbers_shown(browser) == {"left": number}
    press(browser, "End")
    assert numbers_shown(browser) == {"left": 29}
    sizes = browser.evaluate("[viewer.films[0].video.videoWidth, viewer.films[0].video.videoHeight]")
    assert sizes == [98, 72]
    assert not quiet(browser)
