"""Which films show the same moments, and what of them training has not seen."""

import numpy as np
import pytest

from tcn_robot.benchmarks.alignment.comparison import Shown, ordinary
from tcn_robot.benchmarks.alignment.figures.figure import measured
from tcn_robot.benchmarks.alignment.seen import Seen, seen_from_summary, summary_of_training
from tcn_robot.benchmarks.alignment.splits import families, originals, splits, unpaired
from tcn_robot.benchmarks.alignment.suite import suite_figures
from tests.benchmarks.alignment.made_episodes import VIEWS, line, made

SEEN = Seen(frozenset({"robot"}), frozenset({"front", "left"}))


def recorded(number, **options):
    return made(hashes=(f"clean {number}",), task="Pour", simulator="mujoco", **options)


def rendered(number, generation, **options):
    """Return an episode that was rendered from a recorded one, perhaps over others."""
    hashes = (f"{generation} {number}", f"between {number}", f"clean {number}")
    return made(hashes=hashes, task="Pour", simulator="mujoco", **options)


def test_families_follow_hashes_also_where_what_lies_between_is_missing():
    episodes = [rendered(0, "tongs"), recorded(1), recorded(0), rendered(1, "hand"), made()]
    assert families(episodes) == [[2, 0], [1, 3], [4]]
    assert originals(episodes)[:1] == [[1, 2]]


def test_bodies_of_one_recording_are_measured_together():
    both = [made(hashes=(f"{body}",), body=body, recording="both") for body in ("hand", "robot")]
    other = made(hashes=("other",), body="tongs", recording="other")
    assert originals([*both, other]) == [[0, 1], [2]]


def test_two_renditions_of_an_episode_that_is_not_there_belong_together():
    looks, tongs = rendered(0, "looks"), rendered(0, "tongs")
    assert families([looks, tongs]) == [[0, 1]]


def test_the_hard_split_is_body_camera_and_scene():
    hard = {"views": ("top",), "body": "tongs", "scene": "drawn"}
    episodes = [
        *(recorded(n) for n in range(3)),
        *(rendered(n, "hard", **hard) for n in range(3)),
        *(rendered(n, "hand", body="hand") for n in range(3)),
        *(rendered(n, "looks", scene="drawn") for n in range(3)),
        *(rendered(n, "corner", views=("top",)) for n in range(3)),
    ]
    found = splits(episodes, SEEN)
    assert [one.unseen for one in found] == [
        *[("body", "camera", "scene"), ("body",), ("scene",), ("camera",)]
    ]
    assert found[0].is_hard
    assert found[0].name == "unseen body + camera + scene (tongs: top)"
    compared = found[0].comparison
    assert compared.queries == tuple((Shown(3 + n, "top"),) for n in range(3))
    assert compared.targets == tuple((Shown(n, "front"), Shown(n, "left")) for n in range(3))
    assert len(compared.simultaneous(0)) == 2
    assert found[1].comparison.queries[0] == (Shown(6, "front"), Shown(6, "left"))


def test_several_bodies_are_one_hard_split_and_one_each():
    hard = {"views": ("top",), "scene": "drawn"}
    episodes = [
        *(recorded(n) for n in range(2)),
        *(rendered(n, "tongs", body="tongs", **hard) for n in range(2)),
        *(rendered(n, "hand", body="hand", **hard) for n in range(2)),
    ]
    found = splits(episodes, SEEN)
    assert [one.bodies for one in found] == [("hand", "tongs"), ("tongs",), ("hand",)]
    assert found[0].comparison.queries[0] == (Shown(2, "top"), Shown(4, "top"))


def test_a_camera_that_training_has_not_seen_needs_no_rendering():
    episodes = [recorded(n, views=("front", "top")) for n in range(2)]
    [found] = splits(episodes, SEEN)
    assert found.unseen == ("camera",)
    assert found.comparison.queries == ((Shown(0, "top"),), (Shown(1, "top"),))
    assert found.comparison.targets == ((Shown(0, "front"),), (Shown(1, "front"),))


def test_without_knowledge_of_the_training_it_is_said_what_differs():
    episodes = [recorded(0), rendered(0, "hand", body="hand", views=("top",))]
    [found] = splits(episodes, None)
    assert found.unseen is None
    assert found.differs == ("body", "camera")
    assert not found.is_hard
    assert found.name.startswith("other body + camera")


def test_a_hard_film_without_anything_seen_is_no_hard_split():
    episodes = [made(hashes=(f"{n}",), body="hand", views=("top",), scene="drawn") for n in (0, 1)]
    assert splits(episodes, SEEN) == []


def test_scenes_that_training_has_seen_are_not_unseen():
    seen = Seen(SEEN.bodies, SEEN.views, frozenset({"", "drawn"}))
    episodes = [recorded(0), rendered(0, "looks", scene="drawn"), rendered(0, "new", scene="new")]
    found = {one.unseen: one.differs for one in splits(episodes, seen)}
    assert found == {(): ("scene",), ("scene",): ("scene",)}


def test_other_simulators_are_compared_by_order_alone():
    bullet = [made(hashes=(f"b{n}",), task="Pour", simulator="pybullet") for n in range(2)]
    episodes = [*(recorded(n) for n in range(3)), *bullet]
    groups = originals(episodes)
    assert groups == [[0, 1, 2], [3, 4]]
    compared = unpaired(episodes, groups[1], groups[0])
    figures = suite_figures((1,), ())
    films = [{view: line(30, seed=i) for view in one.frames} for i, one in enumerate(episodes)]
    found = measured(episodes, films, figures, compared)
    assert found["error"] is None
    assert found["tau_a"].shape == (2, 3)
    assert found["tau_a"].min() == pytest.approx(1.0)


def test_paired_films_are_measured_against_their_moments():
    """An embedding that is right for the hand finds every moment; one that is late does not."""
    episodes = [recorded(0), recorded(1), *(rendered(n, "hand", body="hand") for n in (0, 1))]
    [split] = splits(episodes, SEEN)
    way = line(30)
    late = np.roll(way, 6, axis=0)
    figures = suite_figures((1,), ())
    # Six frames late and round the end: 24 frames lie 6 away, and 6 lie 24 away, of 30.
    for of_hand, error in ((way, 0.0), (late, 2 * 24 * 6 / 30**2)):
        films = [dict.fromkeys(VIEWS, way)] * 2 + [dict.fromkeys(VIEWS, of_hand)] * 2
        found = measured(episodes, films, figures, split.comparison)
        np.testing.assert_allclose(found["error"], error, atol=1e-12)
    assert ordinary(episodes).is_within


class Trained:
    """What a summary reads of an episode."""

    def __init__(self, split="train", body="robot", views=("front",), look=None, policy="expert"):
        self.split, self.embodiment, self.views = split, body, views
        self.metadata = {"task": "t", "policy": policy, "randomisation": look or {}}


def test_a_summary_of_the_training_says_what_is_no_test_of_it():
    look = {"light": {"ambient": 0.4}, "skin": [1, 2, 3]}
    episodes = [Trained(), Trained("valid", "hand", ("top",), look), Trained("test", "tongs")]
    said = summary_of_training(episodes)
    assert (said["bodies"], said["views"]) == (["hand", "robot"], ["front", "top"])
    assert said["drawn"] == ["light", "skin"]
    assert len(said["scenes"]) == 2
    assert said["episodes"] == 2
    seen = seen_from_summary(said, "the run")
    assert seen.unseen(made(body="hand", views=("top",)), "top") == ()
    assert seen.unseen(made(body="tongs"), "left") == ("body", "camera")
    assert seen_from_summary({}, "nowhere") is None
    assert summary_of_training(episodes, ["left"])["views"] == ["left"]
