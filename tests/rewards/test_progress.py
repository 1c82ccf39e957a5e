"""Progress and its gate against a slow loop, and the cheats that plain progress falls for."""

import math
from itertools import pairwise

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.rewards import ProgressReward


def film_times(film):
    length = len(film)
    return [t / (length - 1) for t in range(length)] if length > 1 else [1.0]


def film_ways(film):
    """How far along its own way a film is at each frame, step by step."""
    ways = [0.0]
    for before, after in pairwise(film):
        ways.append(ways[-1] + float(np.linalg.norm(after.astype(float) - before.astype(float))))
    return [way / ways[-1] for way in ways] if ways[-1] > 0 else [1.0] * len(film)


CLOCKS = {"time": film_times, "path": film_ways}


def near_by_loop(query, bank, neighbours):
    """Return (distance, time) of the nearest frames; bank: list of (embedding, time)."""
    pairs = sorted((float(np.linalg.norm(query - frame)), time) for frame, time in bank)
    last = pairs[min(neighbours, len(pairs)) - 1][0]
    return [pair for pair in pairs if pair[0] <= last + 1e-9]


def distance_by_loop(query, bank, neighbours):
    return np.mean([distance for distance, _ in near_by_loop(query, bank, neighbours)])


def gate_by_formula(gate, x):
    if gate == "smooth":
        return 1 / (1 + x * x)
    excess = x - 1 if x > 1 else 0
    return 1 / (1 + excess) if gate == "heavy" else math.exp(-excess)


def progress_by_loop(query, bank, neighbours, scale, gate):
    near = near_by_loop(query, bank, neighbours)
    weights = [np.exp(-(distance - near[0][0]) / scale) for distance, _ in near]
    progress = sum(w * time for w, (_, time) in zip(weights, near, strict=True)) / sum(weights)
    return progress, gate_by_formula(gate, distance_by_loop(query, bank, neighbours) / scale)


def bank_of(films, clock="path"):
    return [
        (frame.astype(float), time)
        for film in films
        for frame, time in zip(film, CLOCKS[clock](film), strict=True)
    ]


def random_demos(film, seed, lengths=(9, 14, 1, 6)):
    generator = np.random.default_rng(seed)
    return [{"front": film(generator.integers(0, 256, size=(n, 3)))} for n in lengths]


@pytest.mark.parametrize("gate", ["smooth", "heavy", "exponential"])
@pytest.mark.parametrize("neighbours", [1, 5, 1000])
@pytest.mark.parametrize("clock", CLOCKS)
def test_equals_the_loop_leaving_one_out(encoder, film, gate, neighbours, clock):
    demos = random_demos(film, 0)
    reward = ProgressReward.fit(encoder, demos, gate=gate, neighbours=neighbours, clock=clock)
    films = [encoder.embed(demo["front"]) for demo in demos]
    distances = []
    for index, held in enumerate(films):
        others = bank_of([film_ for i, film_ in enumerate(films) if i != index], clock)
        distances += [distance_by_loop(frame.astype(float), others, neighbours) for frame in held]
    scale = np.percentile(distances, 95)
    assert reward.scales["front"] == pytest.approx(scale, rel=1e-6)
    episode = film(np.random.default_rng(1).integers(0, 256, size=(30, 3)))
    parts = reward.explain({"front": episode})
    bank = bank_of(films, clock)
    expected = [
        progress_by_loop(query.astype(float), bank, neighbours, scale, gate)
        for query in encoder.embed(episode)
    ]
    np.testing.assert_allclose(parts.progress, [p for p, _ in expected], rtol=1e-5)
    np.testing.assert_allclose(parts.gate, [g for _, g in expected], rtol=1e-5)
    np.testing.assert_allclose(parts.reward, [p * g for p, g in expected], rtol=1e-5)


def test_scale_from_withheld_demonstrations(encoder, film):
    demos, withheld = random_demos(film, 2), random_demos(film, 3)
    reward = ProgressReward.fit(encoder, demos, calibration=withheld, percentile=80)
    bank = bank_of([encoder.embed(demo["front"]) for demo in demos])
    distances = [
        distance_by_loop(frame.astype(float), bank, 5)
        for demo in withheld
        for frame in encoder.embed(demo["front"])
    ]
    assert reward.scales["front"] == pytest.approx(np.percentile(distances, 80), rel=1e-6)


def test_the_scale_of_a_single_demonstration_is_the_median_over_pairs_of_its_frames(encoder, film):
    demo = random_demos(film, 4)[1]
    reward = ProgressReward.fit(encoder, [demo])
    frames = encoder.embed(demo["front"]).astype(float)
    pairs = [
        float(np.linalg.norm(one - other))
        for index, one in enumerate(frames)
        for other in frames[index + 1 :]
    ]
    assert len(pairs) == 14 * 13 // 2
    assert reward.scales["front"] == pytest.approx(np.median(pairs), rel=1e-6)


def test_filming_a_single_demonstration_more_often_hardly_changes_its_scale(encoder, film):
    """The distance to the frames just before and after would be a fifth."""
    rare, often = (
        ProgressReward.fit(encoder, [{"front": film(np.linspace(0, 250, count))}]).scales["front"]
        for count in (21, 101)
    )
    assert often == pytest.approx(rare, rel=0.2)


def test_a_success_rises_from_0_to_1_at_any_speed(encoder, film, demos):
    reward = ProgressReward.fit(encoder, demos, gate="heavy")
    smooth = ProgressReward.fit(encoder, demos)  # 1 only in the very middle of the demonstrations
    for length in (15, 80):
        red = np.linspace(0, 250, length)
        success = film(np.stack([red, np.full(length, 3), np.zeros(length)], axis=1))
        scores = reward.score_episode({"front": success})
        assert scores[0] < 0.12
        assert scores[-1] > 0.88
        assert (np.diff(scores) >= -1e-6).all()
        scores = smooth.score_episode({"front": success})
        assert scores[0] < 0.12
        assert scores[-1] > 0.75
        assert np.corrcoef(scores, np.arange(length))[0, 1] > 0.97


@pytest.mark.parametrize("gate", ["heavy", "exponential"])
def test_the_gate_closes_on_what_nobody_has_shown(encoder, film, demos, gate):
    """Nearest-frame progress alone pays the scene that has left the demonstrations."""
    reward = ProgressReward.fit(encoder, demos, gate=gate)
    parts = reward.explain({"front": film([[250, 255, 255], [250, 60, 0], [250, 6, 0]])})
    assert (parts.progress > 0.8).all()
    assert (np.diff(parts.gate) > 0).all()
    assert parts.reward[0] < 0.2
    assert parts.reward[2] > 0.85
    assert parts.distance[0] > 1.0 > parts.distance[2]


def test_heavy_gate_is_never_flat(encoder, film, demos):
    heavy = ProgressReward.fit(encoder, demos)
    exponential = ProgressReward.fit(encoder, demos, gate="exponential")
    far = {"front": film([[125, 255, 255], [125, 254, 255]])}
    slope_heavy = np.diff(heavy.explain(far).gate)[0]
    slope_exponential = np.diff(exponential.explain(far).gate)[0]
    assert slope_heavy > 10 * slope_exponential


def test_range(encoder, film, demos):
    reward = ProgressReward.fit(encoder, demos)
    generator = np.random.default_rng(0)
    scores = reward.score_episode({"front": film(generator.integers(0, 256, size=(200, 3)))})
    assert (scores >= 0).all()
    assert (scores <= 1).all()


def test_identical_demonstrations_have_a_floor(encoder, film):
    """Else the scale is 0, the gate divides by it, and pixel noise closes it."""
    demo = {"front": film(np.full(10, 200))}
    reward = ProgressReward.fit(encoder, [demo, demo, demo])
    expected = 1e-3 * np.sqrt(3 * (200 / 255) ** 2)
    assert reward.scales["front"] == pytest.approx(expected, rel=1e-5)
    wider = ProgressReward.fit(encoder, [demo, demo], scale_floor=0.5)
    assert wider.scales["front"] == pytest.approx(500 * expected, rel=1e-5)


def test_beside_the_goal_the_smooth_gate_still_calls_nearer(encoder, film):
    """Starts are scattered, so s is large; a gate that is open up to s is flat round the goal."""
    starts = ([0, 0, 0], [0, 120, 0], [0, 0, 120], [0, 120, 120], [0, 60, 60])
    demos = [
        {"front": film(np.linspace(start, [250, 60 + index, 60], 30))}
        for index, start in enumerate(starts)
    ]
    goal_and_beside = {"front": film([[250, 62, 60], [250, 72, 60], [250, 82, 60], [250, 92, 60]])}
    smooth = ProgressReward.fit(encoder, demos).score_episode(goal_and_beside)
    open_up_to_s = ProgressReward.fit(encoder, demos, gate="heavy").score_episode(goal_and_beside)
    assert open_up_to_s.min() > 0.95
    assert (np.diff(smooth) < -0.01).all()


def test_order_of_equally_near_frames_does_not_decide(encoder, film):
    """A pause shows one picture at many times; all of them count, whatever their order."""
    pause = {"front": film([10, 50, 50, 50, 50, 90])}
    reward = ProgressReward.fit(encoder, [pause], neighbours=2, clock="time")
    found = reward.explain({"front": film([50])}).progress[0]
    assert found == pytest.approx(np.mean([0.2, 0.4, 0.6, 0.8]), abs=1e-5)
    both = ProgressReward.fit(encoder, [pause, pause], neighbours=3, clock="time")
    assert both.explain({"front": film([50])}).progress[0] == pytest.approx(0.5, abs=1e-5)


def test_a_pause_is_one_place_on_the_way(encoder, film):
    """Half of the frames may be a pause: the way that is done before it is a third all the same."""
    slow = {"front": film([0, 50, 50, 50, 50, 50, 100, 150, 150, 150])}
    quick = {"front": film([0, 50, 100, 150])}
    for demos in ([slow], [quick], [slow, quick]):
        reward = ProgressReward.fit(encoder, demos, neighbours=1)
        found = reward.explain({"front": film([0, 50, 100, 150])}).progress
        np.testing.assert_allclose(found, [0, 1 / 3, 2 / 3, 1], atol=1e-5)


def test_every_frame_in_which_the_task_lies_done_counts_in_full(encoder, film):
    """By time the first of the last ten frames would be at 0.5: less for the same picture."""
    demo = {"front": film([*range(0, 250, 25), *[250] * 10])}
    done = {"front": film([250])}
    by_path = ProgressReward.fit(encoder, [demo, demo])
    by_time = ProgressReward.fit(encoder, [demo, demo], clock="time")
    assert by_path.score_episode(done)[0] == pytest.approx(1.0)
    assert by_time.score_episode(done)[0] < 0.8


def test_a_film_in_which_nothing_moves_shows_the_goal(encoder, film):
    reward = ProgressReward.fit(encoder, [{"front": film(np.full(7, 80))}])
    assert reward.explain({"front": film([80, 200])}).progress == pytest.approx([1.0, 1.0])


def test_one_demonstration_of_one_frame_is_a_goal(encoder, film):
    reward = ProgressReward.fit(encoder, [{"front": film([100])}])
    scores = reward.score_episode({"front": film([100, 120, 250])})
    assert scores[0] == pytest.approx(1.0)
    assert (np.diff(scores) < 0).all()


def test_large_batch_equals_singles_to_the_last_digits(encoder, film, demos):
    reward = ProgressReward.fit(encoder, demos)
    frames = film(np.random.default_rng(0).integers(0, 256, size=(64, 3)))
    together = reward.step({"front": frames})
    alone = np.concatenate([reward.step({"front": frame[None]}) for frame in frames])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)


def test_bad_options(encoder, demos):
    for options, message in [
        ({"gate": "heavi"}, "did you mean 'heavy'"),
        ({"clock": "paths"}, "did you mean 'path'"),
        ({"neighbours": 0}, "1 neighbour or more"),
        ({"percentile": 0.0}, "percentile"),
        ({"scale_floor": 0.0}, "scale_floor"),
        ({"neighbors": 3}, "did you mean 'neighbours'"),
    ]:
        with pytest.raises(UserError, match=message):
            ProgressReward.fit(encoder, demos, **options)
    with pytest.raises(UserError, match="calibration demonstration 0"):
        ProgressReward.fit(encoder, demos, calibration=[{"front": demos[0]["front"]}])
