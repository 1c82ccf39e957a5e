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


# For each frame when it comes to the screen: how much later that is than when it should.
PRESENTED = """new Promise(done => {
  const late = viewer.films.map(() => []);
  viewer.films.forEach((film, index) => {
    const come = (_, frame) => {
      if (!clock.playing) return;
      const time = clock.time + (frame.expectedDisplayTime - clock.last) / 1000 * clock.speed;
      const number = nearest(film.filmTimes, frame.mediaTime - film.shift);
      if (clock.time > 0.6) late[index].push(time - film.edges(number)[0]);
      film.video.requestVideoFrameCallback(come);
    };
    film.video.requestVideoFrameCallback(come);
  });
  const end = () => clock.playing ? requestAnimationFrame(end) : done(late);
  requestAnimationFrame(end);
})"""


def test_it_plays_in_step(page: Browser) -> None:
    """No view is behind another; how far all are behind the clock depends on the machine."""
    press(page, " ")
    behind = {}
    for view, late_seconds in zip(TIMES, page.evaluate(PRESENTED), strict=True):
        assert len(late_seconds) > (3 if view == "slow" else 10), view
        behind[view] = float(np.median(late_seconds))
    assert max(behind.values()) - min(behind.values()) < OFFSET_SECONDS / 2, behind
    assert max(map(abs, behind.values())) < 0.5, behind  # of a film of 3 s
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
    sizes = browser.evaluate(
        "[viewer.films[0].video.videoWidth, viewer.films[0].video.videoHeight]"
    )
    assert sizes == [98, 72]
    assert not quiet(browser)
