"""The suite from end to end on films whose answers are known: rows, marks, splits, headline."""

import json

import numpy as np
import pytest

from tcn_robot.benchmarks.alignment.arrays import (
    EmbeddedRecording,
    compare_embeddings,
    compare_recordings,
)
from tcn_robot.benchmarks.alignment.comparison import ordinary
from tcn_robot.benchmarks.alignment.controls import frame_counter
from tcn_robot.benchmarks.alignment.figures.figure import EmbeddedEpisodes
from tcn_robot.benchmarks.alignment.figures.probed import probe_figures
from tcn_robot.benchmarks.alignment.headline import headline
from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode, Origin, thinned
from tcn_robot.benchmarks.alignment.marks import REACHED, mark
from tcn_robot.benchmarks.alignment.probes import phase_progression, phase_starts
from tcn_robot.benchmarks.alignment.results import suite_result
from tcn_robot.benchmarks.alignment.seen import Seen
from tcn_robot.benchmarks.alignment.suite import (
    Controls,
    RunToMeasure,
    SuiteInput,
    measure_run,
    num_steps,
    suite_figures,
)
from tcn_robot.benchmarks.alignment.summary import mean
from tcn_robot.benchmarks.alignment.table import suite_table
from tcn_robot.errors import UserError
from tests.benchmarks.alignment.made_episodes import line

SPEEDS = (1.0, 2.0, 0.6, 1.5, 0.8)
SEEN = Seen(frozenset({"robot"}), frozenset({"front", "left"}), source="the test")


def filmed(number, body="robot", views=("front", "left"), scene="", generation="clean"):
    """Return an episode in whose films a bright column is as far right as the task is done."""
    progress = np.linspace(0, 1, 26) ** SPEEDS[number]
    film = np.full((26, 8, 32, 3), 20, np.uint8)
    for t, done in enumerate(progress):
        film[t, :, round(31 * done)] = 250
    hashes = (f"{generation} {number}", f"clean {number}")
    return HeldOutEpisode(
        name=f"{generation} episode {number}",
        # Each view has its own picture of the same moment.
        frames={view: film if view == "front" else film[:, :, ::-1] for view in views},
        times_seconds={view: np.arange(26) / 10 for view in views},
        observation=progress[:, None],
        progress=progress,
        embodiment=body,
        labels={"contact": progress > 0.5, "phase_index": (3 * progress).astype(int).clip(0, 2)},
        origin=Origin(
            "r", "Toy", "test", hashes if generation != "clean" else hashes[1:], scene, "mujoco"
        ),
    )


def column(film):
    """Return where the column is, from 0 to 1."""
    return film[:, 0, :, 0].argmax(axis=1)[:, None] / (film.shape[2] - 1)


def sees_all(noise=0.0, seed=0):
    """Embed by the place of the column, from whichever side it is filmed."""
    draw = np.random.default_rng(seed)

    def embed(film, body):
        place = column(film)
        mirrored = place[0] > place[-1]
        done = 1 - place if mirrored else place
        noisy = done + noise * draw.normal(size=done.shape)
        return np.concatenate([noisy, 2 * noisy], axis=1).astype(np.float32)

    return embed


def knows_the_robot(film, body):
    """As `sees_all`, but other bodies are noise to it."""
    draw = np.random.default_rng(7)
    return sees_all()(film, body) if body == "robot" else draw.normal(size=(len(film), 2))


def untrained(film, body):
    return np.random.default_rng(len(film)).normal(size=(len(film), 2))


@pytest.fixture(scope="module")
def episodes():
    numbers = range(len(SPEEDS))
    hard = {"body": "tongs", "views": ("top",), "scene": "drawn", "generation": "hard"}
    return [*(filmed(n) for n in numbers), *(filmed(n, **hard) for n in numbers)]


def suite(runs, episodes, labelled=()):
    figures = suite_figures((0, 1), (0.1,), labelled)
    given = SuiteInput(episodes, [], figures)
    controls = Controls(given)
    return suite_result([measure_run(run, given, controls) for run in runs], given)


@pytest.fixture(scope="module")
def result(episodes):
    labelled = episodes[: len(SPEEDS)]
    return suite([RunToMeasure("run", knows_the_robot, {"u": untrained}, SEEN)], episodes, labelled)


def test_rows_stand_as_before_and_the_rest_is_described(result):
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    for row in ("trained", "untrained", "collapsed", "frame_counter", "pixels", "pixel_pca"):
        for figure in ("error", "accuracy_1", "tau_a", "tau_b", "ties", "progress_error"):
            assert isinstance(result[row][figure], float)
            low, high = result[row][f"{figure}_interval"]
            assert low <= result[row][figure] <= high
    assert set(result["trained"]) | set(result["published"]["trained"]) >= set(result["figures"])
    assert not any(name.startswith("published") for name in result["trained"])
    assert result["episodes"] == len(SPEEDS)


def test_the_hard_split_is_the_headline(result):
    [hard] = [split for split in result["splits"] if split["is_hard"]]
    assert hard["unseen"] == ["body", "camera", "scene"]
    assert hard["rows"]["trained"]["error"] > 0.2 > 20 * result["trained"]["error"]
    assert hard["rows"]["frame_counter"]["error"] == 0.0
    sentence = result["headline"]["sentence"]
    assert result["headline"]["state"] == "measured"
    assert sentence.startswith("hard split (tongs from top in drawn scenes, all unseen): error ")
    assert "chance 33." in sentence
    assert "frame counter 0.0 %" in sentence
    assert suite_table(result).startswith("hard split")


def test_only_simulated_recordings_are_said_to_be_rendered_again():
    for is_simulated in (True, False):
        found = headline([], SEEN, "data/pour", is_simulated)
        assert found["state"] == "missing"
        assert ("tcn-robot rerender data/pour" in found["sentence"]) == is_simulated


def test_unpaired_films_are_not_said_to_show_the_same_moments(result):
    heading = "other films, against the same moments of ordinary ones"
    assert f"\n{heading}\n" in suite_table(result)
    rows = {"trained": {"error": None, "tau_a": 0.4}}
    unpaired = {"name": "unpaired (pybullet)", "episodes": 2, "rows": rows, "reached_by": {}}
    told = suite_table({**result, "splits": [*result["splits"], unpaired]})
    assert f"{heading} (unpaired: no moment in common, order and progress alone)\n" in told


def test_marks_where_a_control_does_as_well(result):
    reached = result["reached_by"]
    assert "frame_counter" in reached["error"]
    assert reached["progress_error"] == []
    [hard] = [split for split in result["splits"] if split["is_hard"]]
    assert "untrained" in hard["reached_by"]["error"]
    line_of_error = next(
        line for line in suite_table(result).splitlines() if line.startswith("error %")
    )
    # Untrained is the same noise in every view here, and so has no error either.
    assert "≈" in line_of_error
    of_the_clock = [name for name, found in reached.items() if mark(found) == "°"]
    assert of_the_clock
    assert {tuple(reached[name]) for name in of_the_clock} == {("frame_counter",)}
    assert mark(hard["reached_by"]["error"]) == REACHED
    [told] = [line for line in suite_table(result).splitlines() if line.startswith("° ")]
    own, counter = (100 * result[row]["progress_error"] for row in ("trained", "frame_counter"))
    assert told.endswith(f"tells the two apart: {own:.1f} %, frame counter {counter:.1f} %")
    assert mark([]) == ""


def test_without_hard_films_it_says_how_to_make_them(episodes):
    ordinary = episodes[: len(SPEEDS)]
    known = suite([RunToMeasure("run", sees_all(), seen=SEEN)], ordinary)["headline"]
    assert known["state"] == "missing"
    assert "tcn-robot rerender" in known["sentence"]
    assert "\n" not in known["sentence"]
    unknown = suite([RunToMeasure("run", sees_all())], episodes)["headline"]
    assert unknown["state"] == "unknown"
    assert "--seen-bodies" in unknown["sentence"]


def test_seeds_are_pooled_and_other_encoders_compared(episodes):
    def run(objective, seed, noise):
        options = {"objective": objective, "seed": seed}
        name = f"{objective}-{seed}"
        return RunToMeasure(name, sees_all(noise, seed), {"u": untrained}, SEEN, options)

    runs = [run("tcn", 0, 0.02), run("tce", 0, 0.3), run("tcn", 1, 0.05)]
    result = suite(runs, episodes)
    assert [seed["run"] for seed in result["seeds"]] == ["tcn-0", "tcn-1"]
    both = [seed["trained"]["error"] for seed in result["seeds"]]
    assert result["trained"]["error"] == pytest.approx(np.mean(both))
    [other] = result["encoders"]
    assert other["name"] == "tce-0"
    [gap] = result["differences"]
    assert gap["ordinary"]["error"] == pytest.approx(
        result["trained"]["error"] - other["trained"]["error"]
    )
    low, high = gap["ordinary"]["error_interval"]
    assert low <= gap["ordinary"]["error"] <= high < 0
    assert gap["hard"]["error"] < 0
    text = suite_table(result)
    assert "tcn-0 and 1 more seeds less tce-0" in text


def test_progression_has_an_interval_over_episodes(result):
    rows = {**result["trained"], **result["published"]["trained"]}
    names = ("progression_r2", "progression_beyond_clock", "published_progression_r2")
    for name in (*names, "published_phase"):
        low, high = rows[f"{name}_interval"]
        assert low <= rows[name] <= high
        assert low < high or rows[name] == 1.0


def test_scores_of_progression_are_those_of_the_probe(episodes):
    training, asked = [filmed(n) for n in (0, 1, 2)], [filmed(n) for n in (1, 2, 3, 4)]
    embed = sees_all(0.1)
    films = [[{v: embed(f, "") for v, f in one.frames.items()} for one in side]
             for side in (training, asked)]  # fmt: skip
    everything = EmbeddedEpisodes(asked, films[1], ordinary(asked), training, films[0])
    sides = [
        (
            [film for views in embedded for film in views.values()],
            [phase_starts(one.labels["phase_index"], 3) for one in side for _ in one.frames],
        )
        for side, embedded in zip((training, asked), films, strict=True)
    ]
    expected = phase_progression(*sides[0], *sides[1], np.random.default_rng(0))
    found = {f.name: f.measure(everything) for f in probe_figures(asked, 3)}
    assert mean(found["progression_r2"]) == pytest.approx(expected.r2, abs=1e-9)
    assert mean(found["progression_beyond_clock"]) == pytest.approx(expected.beyond_clock, abs=1e-6)


def test_untrained_encoders_of_several_runs_are_embedded_once(episodes):
    calls = []

    def counted(film, body):
        calls.append(len(film))
        return untrained(film, body)

    runs = [RunToMeasure(name, sees_all(), {"same": counted}, SEEN) for name in "ab"]
    both = suite(runs, episodes)
    assert len(calls) == sum(len(one.frames) for one in episodes)
    assert both["encoders"][0]["untrained"] == both["untrained"]


def test_steps_are_counted_for_the_display(episodes):
    told = []
    figures = suite_figures((1,), ())
    given = SuiteInput(episodes, [], figures, tell=told.append)
    run = RunToMeasure("run", sees_all(), {"u": untrained}, SEEN)
    measure_run(run, given, Controls(given))
    assert len(told) == num_steps(run, given)


def test_a_thinned_episode_keeps_its_labels_and_its_clock():
    whole = filmed(1)
    thin = thinned(whole, 4)
    np.testing.assert_array_equal(thin.frames["left"], whole.frames["left"][::4])
    assert thin.frames["left"].base is None  # the other frames are given up
    np.testing.assert_array_equal(thin.progress, whole.progress[::4])
    np.testing.assert_array_equal(thin.labels["phase_index"], whole.labels["phase_index"][::4])
    np.testing.assert_array_equal(frame_counter(thin)["front"], frame_counter(whole)["front"][::4])
    assert thinned(whole, 1) is whole


def test_arrays_of_whole_episodes():
    films = [{"front": line(20 + n), "left": line(20 + n) + 1e-9} for n in range(4)]
    figures = suite_figures((0, 1), ())
    halves = [EmbeddedRecording("a", films[:2]), EmbeddedRecording("b", films[2:])]
    found = compare_recordings(halves, figures)
    assert found["trained"]["error"] == 0.0
    assert found["trained"]["error_interval"] == [0.0, 0.0]
    assert found["trained"]["tau_a"] > 0.8
    assert (found["episodes"], found["views"]) == (4, ["front", "left"])
    with pytest.raises(UserError, match="1 view of 1 episode"):
        compare_recordings([EmbeddedRecording("a", [{"front": line(20)}])], figures)
    with pytest.raises(UserError, match="2 embeddings or more"):
        compare_embeddings(line(20))


def test_three_arrays_have_intervals():
    arrays = [line(20, noise=0.02, seed=seed) for seed in range(3)]
    found = compare_embeddings(*arrays)
    low, high = found["trained"]["tau_a_interval"]
    assert low <= found["trained"]["tau_a"] <= high
    assert found["frames"] == [20, 20, 20]
    assert found["trained"]["error"] < 0.2
