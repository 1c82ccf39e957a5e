"""Figures and composed films: what they show, at the right pixel, the same each time."""

import io

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.look import DARK, LIGHT, drawing
from tcn_robot.metrics import alignment_error
from tcn_robot.plots.colours import choose_colouring
from tcn_robot.plots.grid import Cell, grid_film
from tcn_robot.plots.moving_point import RIMS, TRAIL_FRAMES, draw_ground, point_film
from tcn_robot.plots.neighbour_film import Target, located, neighbour_film
from tcn_robot.plots.neighbours import find_neighbours
from tcn_robot.plots.painting import PAPER, RIGHT_COLOUR, WRONG_COLOUR
from tcn_robot.plots.plane import Plane, plane_figure
from tcn_robot.plots.played import PlayedFilm, Shelf
from tcn_robot.plots.projection import Projection, project_pca
from tcn_robot.plots.reward import (
    Trace,
    check_traces,
    draw_curve_ground,
    reward_figure,
    reward_film,
    trace_colours,
)
from tcn_robot.plots.similarity import compare, similarity_figure
from tcn_robot.plots.tracks import stacked
from tests.plots.made_tracks import made_frames, made_track

SIZE_PX = 200
LENGTH = 12


def pixels(draw, look=LIGHT):
    with drawing(look):
        buffer = io.BytesIO()
        draw(look).savefig(buffer, format="png", dpi=60)
    return buffer.getvalue()


def words_of(figure):
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]


@pytest.fixture
def tracks():
    return [made_track("a", phase=["x"] * 12), made_track("b", "left", seed=1, phase=["y"] * 12)]


@pytest.fixture
def plane(tracks):
    return Plane("ours", project_pca(stacked(tracks)))


def test_a_plane_has_a_panel_per_encoder_and_a_legend(tracks, plane):
    collapsed = Plane("flat", Projection(np.zeros((24, 2)), ("", ""), "collapsed: …", True))
    colouring = choose_colouring(tracks, "phase")
    with drawing(DARK):
        figure = plane_figure([plane, collapsed], tracks, colouring, DARK)
        words = words_of(figure)
    assert len(figure.axes) == 2
    assert {"ours", "flat", "x", "y", "front", "left", "collapsed: …"} <= set(words)
    (first, second) = figure.axes[0].collections
    np.testing.assert_array_equal(first.get_offsets(), plane.projection.points[:12])
    np.testing.assert_array_equal(second.get_offsets(), plane.projection.points[12:])


def test_figures_are_the_same_each_time(tracks, plane):
    colouring = choose_colouring(tracks, "time")
    first, second = (
        pixels(lambda look: plane_figure([plane], tracks, colouring, look)) for _ in "ab"
    )
    assert first == second


def ground_of(tracks, plane):
    colouring = choose_colouring(tracks, "time")
    return draw_ground(plane, tracks, colouring, [(0, tracks[0].times_seconds)], SIZE_PX)


def test_the_ground_knows_the_pixels_of_its_points(tracks, plane):
    """The panel is the whole picture: a square around all points with a margin of 8 %."""
    ground = ground_of(tracks, plane)
    points = plane.projection.points
    low, high = points.min(axis=0), points.max(axis=0)
    side = (high - low).max() * 1.16
    corner = (low + high) / 2 - side / 2
    share = (points[:12] - corner) / side
    expected = np.stack([share[:, 0] * SIZE_PX - 0.5, (1 - share[:, 1]) * SIZE_PX - 0.5], axis=1)
    np.testing.assert_allclose(ground.places[0], expected, atol=1e-6)


def test_the_points_lie_where_the_ground_says(tracks, plane):
    """A dot that is drawn by matplotlib alone has its centre there."""
    one = Projection(np.array([[0.0, 0.0], [4.0, 1.0], [1.5, 4.0]]), ("", ""), "")
    track = made_track(length=3)
    ground = ground_of([track], Plane("", one))
    changed = np.abs(ground.picture.astype(int) - np.array(PAPER)).sum(axis=2)
    for column, row in ground.places[0]:
        around = changed[round(row) - 3 : round(row) + 4, round(column) - 3 : round(column) + 4]
        assert around[2:5, 2:5].min() > 30


def test_the_moving_point_sits_at_its_pixel(tracks, plane):
    ground = ground_of(tracks, plane)
    film = PlayedFilm("a", tracks[0].times_seconds, made_frames())
    frames = list(point_film([film], [ground]))
    assert len(frames) == LENGTH
    assert len({frame.shape for frame in frames}) == 1
    height, width = frames[0].shape[:2]
    assert (height % 2, width % 2) == (0, 0)
    left = 8 + SIZE_PX + 8  # margin, the film's panel, gap
    for index, frame in enumerate(frames):
        panel = frame[8 : 8 + SIZE_PX, left : left + SIZE_PX].astype(int)
        white = (panel > 235).all(axis=2)  # the rim
        rows, columns = np.nonzero(white)
        centre = np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2
        np.testing.assert_allclose(centre, ground.places[0][index], atol=1.1)


def test_each_of_several_points_has_the_colour_of_its_films_title(tracks, plane):
    ground = ground_of(tracks, plane)
    apart = [np.full((LENGTH, 2), 30.0), np.full((LENGTH, 2), 90.0)]
    several = type(ground)("", np.zeros_like(ground.picture), apart)
    times = tracks[0].times_seconds
    films = [PlayedFilm("WWWW", times, made_frames()) for _ in "ab"]
    frame = next(point_film(films, [several]))
    half = frame.shape[1] - 8 * 3 - SIZE_PX
    panel = frame[8:, 8 + half + 8 :]
    for place, rim in zip((30, 90), RIMS, strict=False):
        around = panel[place - 9 : place + 10, place - 9 : place + 10].reshape(-1, 3)
        assert (around == rim).all(axis=1).sum() > 8
        other = next(one for one in RIMS[:2] if one != rim)
        assert not (around == other).all(axis=1).any()
        titles = frame[8:, 8 : 8 + half].reshape(-1, 3)
        assert (titles == rim).all(axis=1).any()


def test_four_films_move_and_frames_can_be_left_out(tracks, plane):
    ground = ground_of(tracks, plane)
    several = type(ground)("", ground.picture, ground.places * 3)
    times = tracks[0].times_seconds
    films = [PlayedFilm(name, times, made_frames()) for name in "abc"]
    assert len(list(point_film(films, [several, several], every=5))) == 3
    assert TRAIL_FRAMES > 0


def test_neighbour_films_show_what_was_found():
    embeddings = np.arange(LENGTH)[:, None] * np.ones((1, 2))
    found = located("ours", find_neighbours(embeddings, embeddings[::-1]), [LENGTH])
    times = np.arange(LENGTH) / 10
    query = PlayedFilm("query", times, made_frames())
    for synchronised, colour in ((True, WRONG_COLOUR), (False, None)):
        target = Target("other", times, synchronised)
        query = PlayedFilm("query", times, made_frames())
        shelf = Shelf(made_frames(), 64)
        frames = list(neighbour_film(query, [found, found], [target], {0: shelf}, 64))
        assert len(frames) == LENGTH
        assert frames[0].shape[1] == 8 * 4 + 3 * 64
        shown = frames[2]
        assert shown[8 + 20 + 30, 8 + 30].tolist() == [10 + 15 * 2] * 3
        assert shown[8 + 20 + 30, 8 + 64 + 8 + 30].tolist() == [10 + 15 * 9] * 3
        bar = shown[8 + 20 + 64 + 3, 8 + 64 + 8]
        assert (bar == (colour or (155, 149, 141))).all()


def test_the_right_moment_is_green():
    embeddings = np.arange(LENGTH)[:, None] * np.ones((1, 2))
    found = located("", find_neighbours(embeddings, embeddings), [LENGTH])
    times = np.arange(LENGTH) / 10
    targets = [Target("other", times, True)]
    query = PlayedFilm("query", times, made_frames())
    frames = neighbour_film(query, [found], targets, {0: Shelf(made_frames(), 64)}, 64, every=4)
    bars = [frame[8 + 20 + 64 + 3, 8 + 64 + 8] for frame in frames]
    assert [bar.tolist() for bar in bars] == [list(RIGHT_COLOUR)] * 3


def test_a_grid_plays_in_step_and_marks_its_reference():
    times = np.arange(LENGTH) / 10
    straight, back = np.arange(LENGTH), np.arange(LENGTH)[::-1]
    cells = [
        Cell(str(i), times, row, Shelf(made_frames(), 64))
        for i, row in enumerate([straight, back, back])
    ]
    frames = list(grid_film(cells, 1, "by nobody", 64))
    assert len(frames) == LENGTH
    top = 8 + 20 + 4
    for index, frame in enumerate(frames):
        assert frame[top + 30, 8 + 30, 0] == 10 + 15 * index
        assert frame[top + 30, 8 + 64 + 8 + 30, 0] == 10 + 15 * (LENGTH - 1 - index)
        assert (frame[top, 8 + 64 + 8 + 30] == RIGHT_COLOUR).all()
        assert not (frame[top, 8 + 30] == RIGHT_COLOUR).all()


def test_similarity_says_error_and_order():
    generator = np.random.default_rng(0)
    u = generator.normal(size=(20, 4)).cumsum(axis=0)
    v = u + 0.3 * generator.normal(size=u.shape)
    times = np.arange(20) / 10
    one = compare("ours", u, v, (times, times))
    expected = alignment_error(u, v, times_u=times, times_v=times)
    assert one.words == f"alignment error {100 * expected:.1f} % (chance 33 %)"
    assert np.median(one.distances) == pytest.approx(1)
    assert "τ_b 1.00" in compare("", u, u).words
    flat = compare("flat", np.ones((20, 4)), np.ones((20, 4)))
    assert not flat.distances.any()
    assert "τ_b 0.00" in flat.words
    with drawing(LIGHT):
        figure = similarity_figure([one, flat], ("a", "b"), (times, times), LIGHT)
    assert len(figure.axes) == 3  # a panel each, and the bar
    assert {f"ours\n{one.words}", "b (s)", "a (s)"} <= set(words_of(figure))
    with drawing(LIGHT):
        counted = similarity_figure([one], ("a", "b"), (times, times), LIGHT, ("frame", "frame"))
    assert "b (frame)" in words_of(counted)
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), one.distances)


def trace(title, kind, length=LENGTH, last=1.0):
    shots = np.stack(made_frames(8, 32, 32))
    return Trace(title, kind, np.arange(length) / 10, np.linspace(0, last, length), shots)


def test_a_reward_figure_has_a_curve_and_a_strip_for_each():
    traces = [trace("good", "success"), trace("bad", "failure", 7, 0.2), trace("aimless", "play")]
    assert len(set(trace_colours(traces, dark=False))) == 3
    with drawing(LIGHT):
        figure = reward_figure(traces, "progress", LIGHT)
    curves, *strips = figure.axes
    assert len(curves.lines) == 3
    assert len(strips) == 3
    assert "bad\nends at 0.20" in words_of(figure)
    np.testing.assert_array_equal(curves.lines[1].get_ydata(), traces[1].reward)


def test_the_mark_moves_along_its_curve():
    traces = [trace("good", "success"), trace("bad", "failure", 6, 0.2)]
    ground = draw_curve_ground(traces, "progress", 420, 180)
    films = [PlayedFilm(t.title, t.times_seconds, made_frames(len(t.reward))) for t in traces]
    frames = list(reward_film(films, traces, ground, 96))
    assert len(frames) == LENGTH
    assert np.all(np.diff(ground.places[0][:, 1]) < 0)  # the reward rises, rows go down
    top = 8 + 20 + 96 + 20 + 8
    panel = frames[-1][top : top + 180, 8 : 8 + 420].astype(int)
    rows, columns = np.nonzero((panel > 235).all(axis=2)[:60])  # the rim of the higher mark
    centre = np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2
    np.testing.assert_allclose(centre, ground.places[0][-1], atol=1.6)


def test_too_many_or_broken_rewards_are_told():
    with pytest.raises(UserError, match="at most 8"):
        check_traces([trace("x", "other")] * 9)
    broken = Trace(
        "x", "other", np.zeros(2), np.array([0.0, np.nan]), np.zeros((1, 2, 2, 3), np.uint8)
    )
    with pytest.raises(UserError, match="not finite"):
        check_traces([broken])
