"""Play of two bodies: maps and quantiles against their definitions, and a shifted body found."""

import numpy as np
import pytest
from sklearn.covariance import shrunk_covariance

from tcn_robot.errors import UserError
from tcn_robot.rewards import ProgressReward, load_reward
from tcn_robot.rewards.bodies import (
    LEVELS,
    SHRINKAGE,
    quantile_factor,
    standardising,
    whitening,
)


def skewed_play(seed=0, frames=400, dimension=5):
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(dimension, dimension))
    return generator.normal(size=(frames, dimension)) @ mixing + generator.normal(size=dimension)


def test_standardised_play_has_mean_0_and_deviation_1():
    play = skewed_play()
    mapped = standardising(play)(play)
    np.testing.assert_allclose(mapped.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(mapped.std(axis=0), 1.0, atol=1e-5)
    expected = [(x - play.mean(axis=0)) / play.std(axis=0) for x in play]
    np.testing.assert_allclose(mapped, expected, rtol=1e-4, atol=1e-5)


def test_whitening_is_the_symmetric_inverse_root_of_the_shrunk_covariance():
    play = skewed_play()
    found = whitening(play)
    covariance = shrunk_covariance(np.cov(play.T, bias=True), shrinkage=SHRINKAGE)
    np.testing.assert_allclose(found.matrix, found.matrix.T, atol=1e-12)
    np.testing.assert_allclose(found.matrix @ covariance @ found.matrix, np.eye(5), atol=1e-9)
    assert (np.linalg.eigvalsh(found.matrix) > 0).all()


@pytest.mark.parametrize("make", [standardising, whitening])
@pytest.mark.parametrize("frames", [1, 2, 50])
def test_play_that_hardly_varies(make, frames):
    constant = np.full((frames, 3), 7.0)
    np.testing.assert_allclose(make(constant)(constant), 0.0)
    partly = np.concatenate([constant[:, :2], np.arange(frames)[:, None]], axis=1)
    assert np.isfinite(make(partly)(partly)).all()


def test_quantiles_by_a_loop():
    generator = np.random.default_rng(0)
    own, other = generator.gamma(2.0, size=300), 3 * generator.gamma(2.0, size=200) + 0.2
    ratios = sorted(np.quantile(other, p) / np.quantile(own, p) for p in LEVELS)
    assert quantile_factor(own, other) == pytest.approx(ratios[len(ratios) // 2])
    assert quantile_factor(own, 2.5 * own) == pytest.approx(2.5)


def test_quantiles_never_make_the_gate_stricter_nor_divide_by_nothing():
    own = np.linspace(1, 2, 20)
    assert quantile_factor(own, 0.5 * own) == 1.0
    assert quantile_factor(np.zeros(5), own) == 1.0
    assert quantile_factor(np.zeros(0), own) == 1.0
    assert quantile_factor(own, np.zeros(0)) == 1.0
    half = np.concatenate([np.zeros(10), np.ones(10)])
    assert np.isfinite(quantile_factor(half, 3 * half))


def wandering(film, seed, shift, length=200):
    """Play: colours that wander everywhere, brighter by `shift` for another body."""
    generator = np.random.default_rng(seed)
    colours = generator.uniform(0, 150, size=(length, 3)) + shift
    return {"front": film(colours)}


@pytest.fixture
def play(film):
    return {
        "shown": [wandering(film, seed, 0) for seed in range(4)],
        "acting": [wandering(film, seed, 80) for seed in range(4, 8)],
    }


@pytest.fixture
def demos_of_shown(film):
    return [
        {"front": film(np.linspace([0, 20 + 5 * index, 20], [150, 20, 20], 30))}
        for index in range(4)
    ]


def success_of_acting(film):
    return {"front": film(np.linspace([80, 102, 100], [230, 100, 100], 30))}


def scores(encoder, film, demos, **given):
    reward = ProgressReward.fit(encoder, demos, **given)
    return reward.score_episode(success_of_acting(film))


@pytest.mark.parametrize("way", ["quantile", "standardise", "whiten"])
def test_another_bodys_success_is_paid(encoder, film, demos_of_shown, play, way):
    strict = scores(encoder, film, demos_of_shown)
    found = scores(encoder, film, demos_of_shown, play=play, body_calibration=way)
    assert strict[-1] < 0.05
    assert found[-1] > 5 * strict[-1]
    assert found[-1] > found[0]
    if way != "quantile":  # a shift is taken out, not only forgiven
        assert found[-1] > 0.3


def test_the_scale_is_raised_by_the_quantiles(encoder, demos_of_shown, play):
    plain = ProgressReward.fit(encoder, demos_of_shown)
    raised = ProgressReward.fit(encoder, demos_of_shown, play=play, body_calibration="quantile")
    films = {part: [encoder.embed(f["front"]) for f in made] for part, made in play.items()}

    def nearest(frame, others):
        return np.sort(np.linalg.norm(np.concatenate(others).astype(float) - frame, axis=1))[:5]

    own = [
        nearest(frame, [g for g in films["shown"] if g is not film]).mean()
        for film in films["shown"]
        for frame in film
    ]
    other = [nearest(frame, films["shown"]).mean() for film in films["acting"] for frame in film]
    factor = np.median(np.quantile(other, LEVELS) / np.quantile(own, LEVELS))
    assert raised.scales["front"] == pytest.approx(plain.scales["front"] * factor, rel=1e-4)


@pytest.mark.parametrize("way", ["standardise", "whiten"])
def test_maps_come_back_from_the_disk(encoder, film, demos_of_shown, play, way, tmp_path):
    reward = ProgressReward.fit(encoder, demos_of_shown, play=play, body_calibration=way)
    reward.save(tmp_path / "reward")
    loaded = load_reward(tmp_path / "reward", encoder)
    episode = success_of_acting(film)
    np.testing.assert_array_equal(loaded.score_episode(episode), reward.score_episode(episode))


def test_each_body_is_embedded_by_its_encoder(encoder, film, demos_of_shown, play):
    """An acting encoder that takes the other body's brightness out leaves nothing to calibrate."""

    class Darker:
        image_size_px = 8
        dimension = 3

        def embed(self, frames):
            return encoder.embed(frames) - np.float32(80 / 255)

    given = {"acting_encoder": Darker(), "body_calibration": "quantile"}
    reward = ProgressReward.fit(encoder, demos_of_shown, play=play, **given)
    alone = ProgressReward.fit(encoder, demos_of_shown)
    assert reward.scales["front"] == pytest.approx(alone.scales["front"], rel=0.15)
    assert reward.score_episode(success_of_acting(film))[-1] > 0.5


def test_with_play_the_gate_is_raised_and_flat_unless_something_else_is_said(
    encoder, film, demos_of_shown, play
):
    chosen = scores(encoder, film, demos_of_shown, play=play)
    said = scores(
        encoder, film, demos_of_shown, play=play, body_calibration="quantile", gate="heavy"
    )
    np.testing.assert_array_equal(chosen, said)
    smooth = scores(encoder, film, demos_of_shown, play=play, gate="smooth")
    assert not np.array_equal(chosen, smooth)


def test_in_painted_frames_play_takes_the_difference_out_unless_something_else_is_said(
    encoder, demos_of_shown, play
):
    class Painted:
        foreground = "any"
        image_size_px = encoder.image_size_px

        def embed(self, frames):
            return encoder.embed(frames)

    chosen = ProgressReward.fit(Painted(), demos_of_shown, play=play)
    assert (chosen.config.body_calibration, chosen.config.gate) == ("standardise", "heavy")
    plain = ProgressReward.fit(encoder, demos_of_shown, play=play)
    assert (plain.config.body_calibration, plain.config.gate) == ("quantile", "heavy")
    alone = ProgressReward.fit(Painted(), demos_of_shown)
    assert (alone.config.body_calibration, alone.config.gate) == ("none", "smooth")
    said = ProgressReward.fit(Painted(), demos_of_shown, play=play, body_calibration="whiten")
    assert said.config.body_calibration == "whiten"


def test_without_play_the_gate_is_smooth(encoder, film, demos_of_shown):
    chosen = scores(encoder, film, demos_of_shown)
    np.testing.assert_array_equal(chosen, scores(encoder, film, demos_of_shown, gate="smooth"))


def test_bad_play(encoder, demos_of_shown, play):
    for given, said in [
        ({"play": {"shown": play["shown"]}}, "1 play film of the acting body or more, found none"),
        ({"play": {"show": [], **play}}, "did you mean 'shown'"),
        ({"play": play, "body_calibration": "none"}, "does not use play"),
        ({"body_calibration": "whiten"}, "needs unlabelled play"),
        ({"play": play, "body_calibration": "whitten"}, "did you mean 'whiten'"),
    ]:
        with pytest.raises(UserError, match=said):
            ProgressReward.fit(encoder, demos_of_shown, **given)
    lacking = {"shown": play["shown"], "acting": [{"left": play["acting"][0]["front"]}]}
    with pytest.raises(UserError, match="play film of the acting body 0"):
        ProgressReward.fit(encoder, demos_of_shown, play=lacking)
