"""Progress and its gate against a slow loop, and the cheats that plain progress falls for."""

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
    """Return (distance, time, unit) of the nearest frames; bank: list of (frame, time, unit)."""
    found = sorted((float(np.linalg.norm(query - frame)), time, unit) for frame, time, unit in bank)
    last = found[min(neighbours, len(found)) - 1][0]
    return [one for one in found if one[0] <= last + 1e-9]


def distance_by_loop(query, bank, neighbours):
    near = near_by_loop(query.astype(float), bank, neighbours)
    return np.mean([one[0] for one in near]) / np.mean([one[2] for one in near])


def progress_by_loop(query, bank, neighbours, scale, gate):
    near = near_by_loop(query, bank, neighbours)
    width = scale * np.mean([unit for *_, unit in near])
    weights = [np.exp(-(distance - near[0][0]) / width) for distance, *_ in near]
    progress = sum(w * time for w, (_, time, _) in zip(weights, near, strict=True)) / sum(weights)
    excess = max(0.0, distance_by_loop(query, bank, neighbours) - scale) / scale
    return progress, 1 / (1 + excess) if gate == "heavy" else np.exp(-excess)


def units_by_loop(films, neighbours):
    """The distance of each frame to the other films, at least half of the median one."""
    units = []
    for index, film in enumerate(films):
        others = [(f.astype(float), 0, 1) for i, o in enumerate(films) if i != index for f in o]
        units.append([distance_by_loop(frame, others, neighbours) for frame in film])
    smallest = 0.5 * np.median(np.concatenate(units))
    return [np.maximum(film, smallest) for film in units]


def banks_of(films, clock="path", units="local", neighbours=5):
    """Return the frames of each film as (embedding, time, unit)."""
    measured = units_by_loop(films, neighbours) if units == "local" else [[1.0] * 99] * len(films)
    return [
        list(zip(film.astype(float), CLOCKS[clock](film), unit, strict=False))
        for film, unit in zip(films, measured, strict=True)
    ]


def random_demos(film, seed, lengths=(9, 14, 1, 6)):
    generator = np.random.default_rng(seed)
    return [{"front": film(generator.integers(0, 256, size=(n, 3)))} for n in lengths]


@pytest.mark.parametrize("gate", ["heavy", "exponential"])
@pytest.mark.parametrize("neighbours", [1, 5, 1000])
@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("units", ["local", "global"])
def test_equals_the_loop_leaving_one_out(encoder, film, gate, neighbours, clock, units):
    demos = random_demos(film, 0)
    options = {"gate": gate, "neighbours": neighbours, "clock": clock, "units": units}
    reward = ProgressReward.fit(encoder, demos, **options)
    films = [encoder.embed(demo["front"]) for demo in demos]
    banks = banks_of(films, clock, units, neighbours)
    distances = []
    for index, held in enumerate(films):
        others = [frame for i, bank in enumerate(banks) if i != index for frame in bank]
        distances += [distance_by_loop(frame, others, neighbours) for frame in held]
    scale = np.percentile(distances, 95)
    assert reward.scales["front"] == pytest.approx(scale, rel=1e-6)
    episode = film(np.random.default_rng(1).integers(0, 256, size=(30, 3)))
    parts = reward.explain({"front": episode})
    bank = [frame for bank in banks for frame in bank]
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
    banks = banks_of([encoder.embed(demo["front"]) for demo in demos])
    bank = [frame for bank in banks for frame in bank]
    distances = [
        distance_by_loop(frame, bank, 5)
        for demo in withheld
        for frame in encoder.embed(demo["front"])
    ]
    assert reward.scales["front"] == pytest.approx(np.percentile(distances, 80), rel=1e-6)


def test_a_success_rises_from_0_to_1_at_any_speed(encoder, film, demos):
    reward = ProgressReward.fit(encoder, demos)
    for length in (15, 80):
        red = np.linspace(0, 250, length)
        success = film(np.stack([red, np.full(length, 3), np.zeros(length)], axis=1))
        scores = reward.score_episode({"front": success})
        assert scores[0] < 0.12
        assert scores[-1] > 0.88
        assert (np.diff(scores) >= -1e-6).all()


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
    assert reward.scales["front"] == 1.0
    np.testing.assert_allclose(reward.banks["front"].units, expected, rtol=1e-5)
    one = ProgressReward.fit(encoder, [demo, demo, demo], units="global")
    assert one.scales["front"] == pytest.approx(expected, rel=1e-5)
    wider = ProgressReward.fit(encoder, [demo, demo], scale_floor=0.5, units="global")
    assert wider.scales["front"] == pytest.approx(500 * expected, rel=1e-5)


def test_what_is_near_at_the_scattered_starts_is_far_at_the_common_goal(encoder, film):
    """One scale for all would be that of the starts, and pay in full beside the goal."""
    starts = ([0, 0, 0], [0, 120, 0], [0, 0, 120], [0, 120, 120], [0, 60, 60])
    demos = [
        {"front": film(np.linspace(start, [250, 60 + index, 60], 30))}
        for index, start in enumerate(starts)
    ]
    beside_the_way = {"front": film([[25, 85, 35], [250, 85, 35]])}  # the same step aside, twice
    local = ProgressReward.fit(encoder, demos).explain(beside_the_way).gate
    one = ProgressReward.fit(encoder, demos, units="global").explain(beside_the_way).gate
    assert one[0] == one[1] == 1.0
    assert local[0] > 0.9
    assert local[1] < 0.8


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
        ({"units": "locale"}, "did you mean 'local'"),
        ({"neighbours": 0}, "1 neighbour or more"),
        ({"percentile": 0.0}, "percentile"),
        ({"scale_floor": 0.0}, "scale_floor"),
        ({"neighbors": 3}, "did you mean 'neighbours'"),
    ]:
        with pytest.raises(UserError, match=message):
            ProgressReward.fit(encoder, demos, **options)
    with pytest.raises(UserError, match="calibration demonstration 0"):
        ProgressReward.fit(encoder, demos, calibration=[{"front": demos[0]["front"]}])
