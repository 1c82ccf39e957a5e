"""What pictures are drawn from: tracks thinned and put together, and what their colours say."""

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.plots.colours import TIME_COLOURS, choose_colouring, class_colours, scale_colours
from tcn_robot.plots.tracks import kept_frames, split_back, stacked, thinned
from tests.plots.made_tracks import made_track


def test_thinning_is_even_and_keeps_the_ends():
    kept = kept_frames([100, 50, 1], 30)
    assert [len(frames) for frames in kept] == [19, 9, 1]
    assert kept[0][[0, -1]].tolist() == [0, 99]
    assert set(np.diff(kept[0])) <= {5, 6}
    assert [frames.tolist() for frames in kept_frames([3, 2], 5)] == [[0, 1, 2], [0, 1]]
    assert sum(map(len, kept_frames([10] * 7, 3))) == 7


def test_a_thinned_track_keeps_what_belongs_to_its_frames():
    track = made_track(length=10, phase=list("aaaabbbbcc"))
    (thin,) = thinned([track], 4)
    assert thin.times_seconds.tolist() == [0.0, 0.3, 0.6, 0.9]
    assert thin.labels["phase"].tolist() == ["a", "a", "b", "c"]
    np.testing.assert_array_equal(thin.embeddings, track.embeddings[[0, 3, 6, 9]])
    np.testing.assert_allclose(thin.share, [0, 1 / 3, 2 / 3, 1])


def test_tracks_are_stacked_and_split_back():
    tracks = [made_track("a", length=4), made_track("b", length=3, seed=1)]
    rows = stacked(tracks)
    assert rows.shape == (7, 6)
    for track, part in zip(tracks, split_back(rows, tracks), strict=True):
        np.testing.assert_array_equal(part, track.embeddings)
    with pytest.raises(UserError, match="found 6 in a · front and 5 in b · front"):
        stacked([made_track("a"), made_track("b", dimension=5)])


def test_time_is_the_share_of_the_film():
    colouring = choose_colouring([made_track(length=5)], "time")
    assert not colouring.classes
    np.testing.assert_allclose(colouring.values[0], [0, 0.25, 0.5, 0.75, 1])
    assert colouring.colours(0).shape == (5, 4)
    assert TIME_COLOURS == "plasma"


def test_classes_have_a_colour_each_the_same_in_all_films():
    first = made_track("a", length=3, phase=["reach", "lift", "lift"])
    second = made_track("b", length=2, phase=["lift", "done"])
    colouring = choose_colouring([first, second], "phase")
    assert colouring.classes == ("reach", "lift", "done")
    assert [values.tolist() for values in colouring.values] == [[0, 1, 1], [1, 2]]
    np.testing.assert_array_equal(colouring.colours(0)[1], colouring.colours(1)[0])
    for count in (5, 12, 20):
        for dark in (False, True):
            assert len(set(class_colours(count, dark))) == count


def test_films_stand_in_their_natural_order():
    tracks = [made_track(f"episode {i}", length=2) for i in (10, 2, 1)]
    assert choose_colouring(tracks, "film").classes == ("episode 1", "episode 2", "episode 10")


def test_many_numbers_are_a_scale_and_few_are_classes():
    metres = np.linspace(3, 5, 12)
    scale = choose_colouring([made_track(metres=metres, count=[0] * 6 + [1] * 6)], "metres")
    assert scale.limits == (3, 5)
    np.testing.assert_allclose(scale.colours(0)[-1], scale_colours(np.ones(1), (0, 1))[0])
    tracks = [made_track(metres=metres, count=[0] * 6 + [1] * 6)]
    assert choose_colouring(tracks, "count").classes == ("0", "1")


def test_what_cannot_be_coloured_by_is_told():
    one = made_track("a", phase=["x"] * 12)
    with pytest.raises(UserError, match=r"unknown colour 'phas'; did you mean 'phase'\?"):
        choose_colouring([one], "phas")
    with pytest.raises(UserError, match="b · front has no such label"):
        choose_colouring([one, made_track("b")], "phase")
    names = [made_track(str(i), length=2) for i in range(30)]
    with pytest.raises(UserError, match="30 values, more than 24 colours"):
        choose_colouring(names, "film")
