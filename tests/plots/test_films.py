"""Films as files and the frames in them: numbers, sizes, order, and points at the right pixel."""

import av
import numpy as np
import pytest
from PIL import Image

from tcn_robot.errors import UserError
from tcn_robot.plots import film_files, painting
from tcn_robot.plots.film_files import write_film
from tcn_robot.plots.played import PlayedFilm, Shelf, frames_at, in_step, rate_of
from tests.plots.made_tracks import made_frames


def decoded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        facts = (stream.codec_context.name, stream.pix_fmt, float(stream.average_rate))
        return facts, [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]


def test_an_mp4_plays_in_browsers_and_has_every_frame(tmp_path):
    assert write_film(tmp_path / "a.mp4", made_frames(), 12.5) == 12
    facts, frames = decoded(tmp_path / "a.mp4")
    assert facts == ("h264", "yuv420p", 12.5)
    assert len(frames) == 12
    assert frames[0].shape == (16, 20, 3)
    assert np.all(np.diff([frame.mean() for frame in frames]) > 10)


def test_odd_sizes_are_made_even(tmp_path):
    write_film(tmp_path / "a.mp4", made_frames(height_px=15, width_px=17), 10)
    assert decoded(tmp_path / "a.mp4")[1][0].shape == (16, 18, 3)


def test_a_gif_has_every_frame(tmp_path):
    assert write_film(tmp_path / "a.gif", made_frames(), 10) == 12
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 12
        assert gif.size == (20, 16)
        assert gif.info["duration"] == 100
        assert gif.info["loop"] == 0
        for index, frame in enumerate(made_frames()):
            gif.seek(index)
            shown = np.asarray(gif.convert("RGB")).astype(int)
            assert np.abs(shown - frame).max() <= 4


def test_a_gif_stores_no_noise_and_follows_what_drifts(tmp_path):
    generator = np.random.default_rng(0)
    still = generator.integers(0, 255, (64, 64, 3)).astype(np.int16)
    noise = generator.integers(-4, 5, (8, 64, 64, 3))
    noisy = (still + noise).clip(0, 255).astype(np.uint8)
    write_film(tmp_path / "one.gif", noisy[:1], 10)
    write_film(tmp_path / "eight.gif", noisy, 10)
    assert (tmp_path / "eight.gif").stat().st_size < 2 * (tmp_path / "one.gif").stat().st_size
    drifting = [np.full((16, 16, 3), 4 * i, np.uint8) for i in range(40)]
    write_film(tmp_path / "drift.gif", drifting, 10)
    with Image.open(tmp_path / "drift.gif") as gif:
        gif.seek(gif.n_frames - 1)
        shown = np.asarray(gif.convert("RGB")).astype(int)
    assert np.abs(shown - 4 * 39).max() <= 20


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_the_same_frames_give_the_same_bytes(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (9, 16, 16, 3)).astype(np.uint8)
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        write_film(path, iter(noise), 10)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_no_film_is_said(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="found none"):
        write_film(tmp_path / "a.mp4", [], 10)
    with pytest.raises(UserError, match="ending with"):
        write_film(tmp_path / "a.avi", made_frames(), 10)
    monkeypatch.setattr(film_files, "MOST_GIF_FRAMES", 5)
    with pytest.raises(UserError, match="--every 2"):
        write_film(tmp_path / "a.gif", made_frames(), 10)


def test_frames_are_held_until_the_next_one_is_asked_for():
    taken = [int(frame[0, 0, 0]) for frame in frames_at(made_frames(5), [0, 0, 2, 2, 4])]
    assert taken == [10, 10, 40, 40, 70]
    with pytest.raises(UserError, match="damaged or cut short"):
        list(frames_at(made_frames(3), [0, 3]))


def test_films_play_in_step_by_their_times():
    slow = PlayedFilm("slow", np.array([0.0, 0.2, 0.4]), made_frames(3))
    fast = PlayedFilm("fast", np.array([0.0, 0.1, 0.2]), made_frames(3))
    pairs = list(in_step([slow, fast], np.array([0.0, 0.1, 0.2, 0.4])))
    shown = [[int(frame[0, 0, 0]) for frame in pair] for pair in pairs]
    assert shown == [[10, 10], [10, 25], [25, 40], [40, 40]]


def test_a_shelf_gives_frames_in_any_order():
    shelf = Shelf(iter(made_frames(4, height_px=32, width_px=64)), height_px=16)
    assert len(shelf) == 4
    assert shelf[3].shape == (16, 32, 3)
    assert [int(shelf[i][0, 0, 0]) for i in (3, 0, 2)] == [55, 10, 40]
    with pytest.raises(UserError, match="found none"):
        Shelf(iter([]))


def test_the_rate_follows_times_speed_and_what_is_left_out():
    times = np.arange(5) / 20
    assert rate_of(times, 1.0) == pytest.approx(20)
    assert rate_of(times, 0.5, every=2) == pytest.approx(5)
    assert rate_of(times[:1], 1.0) == 10


def test_a_dot_lies_where_it_is_asked_for():
    picture = painting.blank(40, 60)
    painting.paint_dot(picture, np.array([20.25, 30.5]), 5.0, (255, 0, 0))
    weight = (picture[..., 0].astype(float) - 27).clip(0)
    rows, columns = np.mgrid[0:40, 0:60]
    assert (weight * columns).sum() / weight.sum() == pytest.approx(20.25, abs=0.1)
    assert (weight * rows).sum() / weight.sum() == pytest.approx(30.5, abs=0.1)


def test_panels_keep_the_shape_of_frames():
    wide = painting.fitted(np.full((10, 40, 3), 200, np.uint8), 64, 64)
    assert wide.shape == (64, 64, 3)
    assert (wide[24:40] == 200).all()
    assert (wide[:24] == painting.PAPER).all()
    assert painting.fitted(np.zeros((10, 40, 3), np.uint8), 20).shape == (20, 80, 3)


def test_words_that_are_too_long_are_cut():
    short = painting.caption("frame 3", 200)
    long = painting.caption("a very long title " * 9, 200)
    assert short.shape == long.shape == (painting.LINE_PX, 200, 3)
    assert (long[:, -2:] == painting.PAPER).all()
    assert short.max() > 180


def test_clocks_say_place_and_truth():
    bar = painting.clock(100, 0.25, True)
    assert (bar[3, :25] == painting.RIGHT_COLOUR).all()
    assert (bar[3, 25:] == painting.TRACK_COLOUR).all()
    assert (painting.clock(100, 0.5, False)[3, 0] == painting.WRONG_COLOUR).all()


def test_pages_have_even_sides():
    page = painting.on_page(painting.below([painting.blank(3, 5), painting.blank(4, 9)], 1))
    assert page.shape[0] % 2 == 0
    assert page.shape[1] % 2 == 0
