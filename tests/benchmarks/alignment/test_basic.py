"""The rows of the alignment benchmark on episodes whose answers are known."""

import json

import numpy as np
import pytest

from tcn_robot.benchmarks import (
    AlignmentOptions,
    HeldOutEpisode,
    alignment_table,
    benchmark_alignment,
    compare_embeddings,
    held_out_episodes,
)
from tcn_robot.errors import UserError
from tcn_robot.metrics import chance_alignment_accuracy, chance_alignment_error

ROWS = ("trained", "untrained", "collapsed", "frame_counter", "chance", "ceiling")
ALL_ROWS = (*ROWS, "simulator_state")
FIGURES = ("error", "accuracy_1", "tau_a", "tau_b")


def grey(levels):
    levels = np.asarray(levels, dtype=np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (len(levels), 4, 4, 3)).copy()


def episode(levels, name="episode", labelled=True, views=("front", "left")):
    """An episode whose every view shows how far it is as its brightness."""
    seconds = np.arange(len(levels)) / 10
    done = np.asarray(levels, dtype=float)
    return HeldOutEpisode(
        name=name,
        frames={view: grey(levels) for view in views},
        times_seconds=dict.fromkeys(views, seconds),
        observation=done[:, None] if labelled else None,
        progress=done / 250 if labelled else None,
    )


def brightness(frames, embodiment):
    return frames.astype(np.float32).mean(axis=(1, 2))


def noise(seed):
    generator = np.random.default_rng(seed)

    def embed(frames, embodiment):
        return generator.normal(size=(len(frames), 8)).astype(np.float32)

    return embed


EVEN = np.linspace(0, 250, 26)
# Quick, then a pause of eleven frames, then slow.
UNEVEN = np.concatenate([np.linspace(0, 120, 6), np.full(10, 120), np.linspace(130, 250, 25)])
LATE = np.concatenate([np.zeros(8), np.linspace(10, 250, 25)])


@pytest.fixture
def episodes():
    return [episode(levels) for levels in (EVEN, UNEVEN, LATE)]


@pytest.fixture
def result(episodes):
    return benchmark_alignment(episodes, brightness, [noise(0), noise(1), noise(2)])


def test_shape_of_the_result(result):
    assert tuple(name for name in result if name in ALL_ROWS) == ALL_ROWS
    for row in ROWS:
        for figure in FIGURES:
            low, high = result[row][f"{figure}_interval"]
            assert low <= result[row][figure] <= high
    assert result["episodes"] == 3
    assert result["views"] == ["front", "left"]
    assert result["ceiling_from"] == "observation"
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_collapsed_is_chance_in_each(result):
    for figure in FIGURES:
        assert result["collapsed"][figure] == pytest.approx(result["chance"][figure])
    lengths = (26, 41, 33)
    assert result["chance"]["error"] == pytest.approx(
        np.mean([chance_alignment_error(n) for n in lengths])
    )
    assert result["chance"]["accuracy_1"] == pytest.approx(
        np.mean([chance_alignment_accuracy(n) for n in lengths])
    )
    assert result["collapsed"]["tau_b"] == 0.0


def test_an_encoder_that_sees_everything_reaches_the_ceiling(result):
    for figure in ("error", "accuracy_1"):
        assert result["trained"][figure] == pytest.approx(result["ceiling"][figure])
    assert 0.0 < result["ceiling"]["error"] < 0.1
    assert result["ceiling"]["accuracy_1"] < 1.0
    assert result["trained"]["tau_b"] <= result["ceiling"]["tau_b"]
    assert result["trained"]["tau_b"] > 0.97


def test_the_simulators_state_is_what_perfect_sight_would_find(episodes, result):
    """The test episodes show their whole state as brightness, which the trained one reads."""
    for figure in (*FIGURES, "progress_error"):
        expected = result["trained"][figure]
        assert result["simulator_state"][figure] == pytest.approx(expected, abs=1e-6)
    films = [episode(levels, labelled=False) for levels in (EVEN, LATE)]
    assert "simulator_state" not in benchmark_alignment(films, brightness, [])


def test_counting_frames_is_perfect_until_progress_is_asked(result):
    counter = result["frame_counter"]
    assert (counter["error"], counter["accuracy_1"]) == (0.0, 1.0)
    assert counter["tau_b"] > 0.85
    assert counter["progress_error"] > 5 * result["trained"]["progress_error"]


def test_untrained_is_near_chance_and_the_mean_over_seeds(episodes, result):
    assert result["untrained"]["error"] == pytest.approx(result["chance"]["error"], abs=0.06)
    assert abs(result["untrained"]["tau_b"]) < 0.15
    alone = [
        benchmark_alignment(episodes, brightness, [noise(seed)])["untrained"]["tau_a"]
        for seed in range(3)
    ]
    assert result["untrained"]["tau_a"] == pytest.approx(np.mean(alone))


def test_same_seed_same_result(episodes, result):
    again = benchmark_alignment(episodes, brightness, [noise(0), noise(1), noise(2)])
    assert again == result
    few = [
        benchmark_alignment(episodes, brightness, [], AlignmentOptions(seed, num_resamples=50))
        for seed in (0, 1)
    ]
    assert few[0]["trained"]["tau_b"] == few[1]["trained"]["tau_b"] == result["trained"]["tau_b"]
    assert few[0]["trained"]["error_interval"] != few[1]["trained"]["error_interval"]


def test_films_without_labels_take_the_ceiling_from_pixels():
    films = [episode(levels, labelled=False) for levels in (EVEN, UNEVEN, LATE)]
    labelled = [episode(levels) for levels in (EVEN, UNEVEN, LATE)]
    found = benchmark_alignment(films, brightness, [])
    assert found["ceiling_from"] == "pixels"
    assert "untrained" not in found
    assert found["trained"]["progress_error"] is None
    # Between frames that move the brightness differs by more than can be missed.
    expected = benchmark_alignment(labelled, brightness, [], AlignmentOptions(same_within=8.0))
    assert found["ceiling"]["error"] == pytest.approx(expected["ceiling"]["error"])


def test_one_view_or_one_episode():
    single_view = [episode(levels, views=("front",)) for levels in (EVEN, LATE)]
    found = benchmark_alignment(single_view, brightness, [noise(0)])
    for row in ROWS:
        assert found[row]["error"] is None
        assert found[row]["tau_b"] is not None
    assert "error" not in alignment_table(found).splitlines()[0].split("progress")[0]
    single_episode = benchmark_alignment([episode(EVEN)], brightness, [noise(0)])
    for row in ROWS:
        assert single_episode[row]["tau_b"] is None
        assert single_episode[row]["error_interval"] == [single_episode[row]["error"]] * 2
    with pytest.raises(UserError, match="2 views or 2 episodes"):
        benchmark_alignment(single_view[:1], brightness, [])


def test_cameras_that_were_not_triggered_together():
    fast, slow = np.arange(0, 50) / 30, np.arange(0, 24) / 15 + 0.02
    film = HeldOutEpisode(
        name="film",
        frames={"phone": grey(fast * 150), "webcam": grey(slow * 150)},
        times_seconds={"phone": fast, "webcam": slow},
    )
    assert not film.synchronised
    found = benchmark_alignment([film, film], brightness, [noise(0)])
    assert found["trained"]["error"] < 0.03
    assert found["trained"]["accuracy_1"] == 1.0
    assert found["collapsed"]["error"] == pytest.approx(found["chance"]["error"], abs=0.02)


def test_table_shows_every_row_and_figure(result):
    lines = alignment_table(result).splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(ALL_ROWS)
    assert "error %" in lines[0]
    assert "tau_b" in lines[0]
    assert len({len(line) for line in lines[:-1]} | {len(lines[0])}) <= 3
    assert "nan" not in "\n".join(lines).lower()


def test_embeddings_of_somebody_else():
    line = np.linspace(0, 1, 40)[:, None]
    found = compare_embeddings(line, line + 1e-9)
    assert found["trained"]["error"] == 0.0
    assert found["trained"]["tau_b"] == 1.0
    assert found["collapsed"]["error"] == pytest.approx(found["chance"]["error"])
    assert found["frames"] == [40, 40]
    other_length = compare_embeddings(line, line[::2])
    assert other_length["trained"]["error"] is None
    assert other_length["trained"]["tau_b"] > 0.98
    with pytest.raises(UserError, match="NaN"):
        compare_embeddings(line, line * np.nan)


class EpisodeInMemory:
    """The least that a recorded episode says, in memory."""

    def __init__(self, id, split, policy, levels=EVEN, rows=None):
        self.id, self.split, self.metadata = id, split, {"policy": policy}
        self.content_hash, self.ancestors = f"hash-{id}", ()
        self.views, self.embodiment = ("front", "left"), "hand"
        self._levels = levels
        count = len(levels) if rows is None else rows
        self.steps = {"observation": np.zeros((count, 2)), "progress": np.zeros(count)}

    def frames(self, view):
        return grey(self._levels)

    def timestamps(self, view):
        return np.arange(len(self._levels)) / 10


def test_play_and_other_splits_are_left_out(tmp_path):
    recorded = [
        EpisodeInMemory(0, "train", "expert"),
        EpisodeInMemory(1, "test", "expert"),
        EpisodeInMemory(2, "test", "play"),
        EpisodeInMemory(3, "test", "random"),
        EpisodeInMemory(4, "test", "my_module:push"),
    ]
    chosen = held_out_episodes([(tmp_path, recorded)])
    assert [one.name.split()[-1] for one in chosen] == ["1", "4"]
    assert len(held_out_episodes([(tmp_path, recorded)], "train")) == 1
    assert tuple(held_out_episodes([(tmp_path, recorded)], views=["left"])[0].frames) == ("left",)
    with pytest.raises(UserError, match=r"found 1 in train, 2 in test.*--split valid"):
        held_out_episodes([(tmp_path, recorded)], "valid")
    with pytest.raises(UserError, match="found none"):
        held_out_episodes([(tmp_path, [])])
    with pytest.raises(UserError, match="episode 1: 'frnt'; did you mean 'front'"):
        held_out_episodes([(tmp_path, recorded)], views=["frnt"])


def test_labels_that_do_not_fit_the_frames_are_not_used(tmp_path):
    chosen = held_out_episodes([(tmp_path, [EpisodeInMemory(0, "test", "expert", rows=5)])])
    assert chosen[0].observation is None
    assert chosen[0].progress is None
