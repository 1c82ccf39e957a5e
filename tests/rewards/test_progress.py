"""Progress and its gate against a slow loop, and the cheats that plain progress falls for."""

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.rewards import ProgressReward


def film_times(length):
    return [t / (length - 1) for t in range(length)] if length > 1 else [1.0]


def near_by_loop(query, bank, neighbours):
    """Return (distance, time) of the nearest frames; bank: list of (embedding, time)."""
    pairs = sorted((float(np.linalg.norm(query - frame)), time) for frame, time in bank)
    last = pairs[min(neighbours, len(pairs)) - 1][0]
    return [pair for pair in pairs if pair[0] <= last + 1e-9]


def progress_by_loop(query, bank, neighbours, scale, gate):
    near = near_by_loop(query, bank, neighbours)
    weights = [np.exp(-(distance - near[0][0]) / scale) for distance, _ in near]
    progress = sum(w * time for w, (_, time) in zip(weights, near, strict=True)) / sum(weights)
    distance = np.mean([distance for distance, _ in near])
    excess = max(0.0, distance - scale) / scale
    return progress, 1 / (1 + excess) if gate == "heavy" else np.exp(-excess)


def bank_of(films):
    return [
        (frame.astype(float), time)
        for film in films
        for frame, time in zip(film, film_times(len(film)), strict=True)
    ]


def random_demos(film, seed, lengths=(9, 14, 1, 6)):
    generator = np.random.default_rng(seed)
    return [{"front": film(generator.integers(0, 256, size=(n, 3)))} for n in lengths]


@pytest.mark.parametrize("gate", ["heavy", "exponential"])
@pytest.mark.parametrize("neighbours", [1, 5, 1000])
def test_equals_the_loop_leaving_one_out(encoder, film, gate, neighbours):
    demos = random_demos(film, 0)
    reward = ProgressReward.fit(encoder, demos, gate=gate, neighbours=neighbours)
    films = [encoder.embed(demo["front"]) for demo in demos]
    distances = []
    for index, held in enumerate(films):
        others = bank_of([film_ for i, film_ in enumerate(films) if i != index])
        for frame in held:
            near = near_by_loop(frame.astype(float), others, neighbours)
            distances.append(np.mean([distance for distance, _ in near]))
    scale = np.percentile(distances, 95)
    assert reward.scales["front"] == pytest.approx(scale, rel=1e-6)
    episode = film(np.random.default_rng(1).integers(0, 256, size=(30, 3)))
    parts = reward.explain({"front": episode})
    bank = bank_of(films)
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
        np.mean([distance for distance, _ in near_by_loop(frame.astype(float), bank, 5)])
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
    assert reward.scales["front"] == pytest.approx(expected, rel=1e-5)
    wider = ProgressReward.fit(encoder, [demo, demo], scale_floor=0.5)
    assert wider.scales["front"] == pytest.approx(500 * expected, rel=1e-5)


def test_order_of_equally_near_frames_does_not_decide(encoder, film):
    """A pause shows one picture at many times; all of them count, whatever their order."""
    pause = {"front": film([10, 50, 50, 50, 50, 90])}
    reward = ProgressReward.fit(encoder, [pause], neighbours=2)
    found = reward.explain({"front": film([50])}).progress[0]
    assert found == pytest.approx(np.mean([0.2, 0.4, 0.6, 0.8]), abs=1e-5)
    both = ProgressReward.fit(encoder, [pause, pause], neighbours=3)
    assert both.explain({"front": film([50])}).progress[0] == pytest.approx(0.5, abs=1e-5)


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
        ({"neighbours": 0}, "1 neighbour or more"),
        ({"percentile": 0.0}, "percentile"),
        ({"scale_floor": 0.0}, "scale_floor"),
        ({"neighbors": 3}, "did you mean 'neighbours'"),
    ]:
        with pytest.raises(UserError, match=message):
            ProgressReward.fit(encoder, demos, **options)
    with pytest.raises(UserError, match="calibration demonstration 0"):
        ProgressReward.fit(encoder, demos, calibration=[{"front": demos[0]["front"]}])
