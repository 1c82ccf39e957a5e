"""The trajectory reward against its formulas, its choice of a demonstration and its units."""

import math

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.rewards import TrajectoryReward, load_reward
from tcn_robot.rewards.demo_films import LONE_SHARE, DemoFilms
from tcn_robot.rewards.nearest import by_path
from tcn_robot.rewards.storage import save_fitted
from tests.rewards.test_coverage import covered_by_loop


def reward_by_formula(w, v, alpha=0.5, beta=0.5, gamma=1e-3):
    squared = sum((float(a) - float(b)) ** 2 for a, b in zip(w, v, strict=True))
    return -alpha * squared - beta * math.sqrt(gamma + squared)


def embed(colours):
    return (np.asarray(colours, dtype=np.float64) / 255).astype(np.float32)


def raw(encoder, demos, **options):
    """The formula as the paper has it, on embeddings as they are."""
    defaults = {"alignment": "frame", "units": "raw", "choice": "nearest"}
    return TrajectoryReward.fit(encoder, demos, **(defaults | options))


def random_colours(seed, length):
    return np.random.default_rng(seed).integers(0, 256, size=(length, 3))


@pytest.mark.parametrize("hold_steps", [1, 3])
def test_frame_by_frame_equals_the_formula_and_holds_the_end(encoder, film, hold_steps):
    shown, done = random_colours(0, 8), random_colours(1, 30)
    demos = [{"front": film(shown)}]
    reward = raw(encoder, demos, alpha=0.3, beta=0.7, gamma=0.01, hold_steps=hold_steps)
    expected = [
        reward_by_formula(
            embed(done[t]), embed(shown[min(t // hold_steps, 7)]), alpha=0.3, beta=0.7, gamma=0.01
        )
        for t in range(30)
    ]
    np.testing.assert_allclose(reward.score_episode({"front": film(done)}), expected, rtol=1e-5)


def test_defaults_are_those_of_the_known_use(encoder, film):
    reward = raw(encoder, [{"front": film([10, 20])}])
    config = reward.config
    assert (config.alpha, config.beta, config.gamma) == (0.5, 0.5, 1e-3)
    best = reward.score_episode({"front": film([10, 20])})
    np.testing.assert_allclose(best, -0.5 * math.sqrt(1e-3), rtol=1e-5)


def monotone_by_loop(done, shown, window):
    position, rewards = 0, []
    for w in done:
        candidates = [min(position + k, len(shown) - 1) for k in range(window + 1)]
        scores = [reward_by_formula(w, shown[c]) for c in candidates]
        best = max(range(len(scores)), key=lambda k: (scores[k], -k))
        position = candidates[best]
        rewards.append(scores[best])
    return rewards


@pytest.mark.parametrize("window", [1, 4])
def test_monotone_equals_the_loop(encoder, film, window):
    shown, done = random_colours(2, 15), random_colours(3, 25)
    reward = raw(encoder, [{"front": film(shown)}], alignment="monotone", window=window)
    np.testing.assert_allclose(
        reward.score_episode({"front": film(done)}),
        monotone_by_loop(embed(done), embed(shown), window),
        rtol=1e-5,
    )


def test_monotone_follows_another_speed_and_never_goes_back(encoder, film):
    shown = np.linspace(0, 250, 26)
    reward = raw(encoder, [{"front": film(shown)}], alignment="monotone")
    best = -0.5 * math.sqrt(1e-3)
    slow_with_pause = np.concatenate([np.repeat(shown[:10], 3), np.repeat(shown[10:], 2)])
    np.testing.assert_allclose(
        reward.score_episode({"front": film(slow_with_pause)}), best, atol=1e-4
    )
    there_and_back = np.concatenate([shown[:20], shown[:20][::-1]])
    scores = reward.score_episode({"front": film(there_and_back)})
    np.testing.assert_allclose(scores[:20], best, atol=1e-4)
    assert (np.diff(scores[21:]) < 0).all()


def test_first_scored_frame_is_that_after_the_first_action(encoder, film):
    shown = np.linspace(0, 250, 26)
    reward = raw(encoder, [{"front": film(shown)}])
    reward.reset(np.ones(1, dtype=bool), next_frame=1)
    best = -0.5 * math.sqrt(1e-3)
    for t in range(1, 26):
        assert reward.step({"front": film(shown[t : t + 1])})[0] == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("rate", [0.5, 1.7])
def test_a_fixed_rate_asks_for_frame_t_times_rate(encoder, film, rate):
    shown, done = random_colours(4, 12), random_colours(5, 20)
    reward = raw(encoder, [{"front": film(shown)}], rate=rate)
    expected = [
        reward_by_formula(embed(done[t]), embed(shown[min(math.floor(t * rate), 11)]))
        for t in range(20)
    ]
    np.testing.assert_allclose(reward.score_episode({"front": film(done)}), expected, rtol=1e-5)


def lengths(reward):
    return {view: films.lengths.tolist() for view, films in reward.films.items()}


def test_median_demonstration_and_a_given_one(encoder, demos):
    fit = TrajectoryReward.fit
    assert lengths(fit(encoder, demos))["front"] == [26, 51, 11]
    assert lengths(fit(encoder, demos, choice="median"))["front"] == [26]
    assert lengths(fit(encoder, demos[:2], choice="median"))["front"] == [26]
    assert lengths(fit(encoder, demos, demo_index=2))["left"] == [11]
    with pytest.raises(UserError, match="demo_index 3"):
        fit(encoder, demos, demo_index=3)


def test_each_environment_follows_what_begins_like_it(encoder, film):
    ramps = [np.linspace(level, level + 50, 6) for level in (0, 100, 200)]
    demos = [{"front": film(ramp)} for ramp in ramps]
    reward = raw(encoder, demos)
    best = -0.5 * math.sqrt(1e-3)
    reward.reset(np.ones(3, dtype=bool))
    for t in range(6):
        frames = film([ramps[2][t], ramps[0][t], ramps[1][t]])
        np.testing.assert_allclose(reward.step({"front": frames}), best, atol=1e-4)
    # The second begins anew and now follows another; the first has come to the end and stays.
    reward.reset(np.array([False, True, False]))
    for t in range(6):
        frames = film([ramps[2][5], ramps[1][t], ramps[1][5]])
        np.testing.assert_allclose(reward.step({"front": frames}), best, atol=1e-4)


@pytest.mark.parametrize("alignment", ["coverage", "monotone", "transport"])
def test_best_choice_is_the_best_of_each(encoder, film, demos, alignment):
    episode = {"front": film(random_colours(6, 15))}
    options = {"units": "raw", "alignment": alignment}
    each = [
        TrajectoryReward.fit(
            encoder, demos, demo_index=i, choice="median", **options
        ).score_episode(episode)
        for i in range(3)
    ]
    best = TrajectoryReward.fit(encoder, demos, choice="best", **options).score_episode(episode)
    np.testing.assert_allclose(best, np.max(each, axis=0), rtol=1e-5)


def unit_by_loop(films, withheld):
    """The 95th percentile of distances to the demonstration that begins nearest."""
    distances = []
    for film in withheld:
        nearest = min(films, key=lambda other, film=film: np.linalg.norm(other[0] - film[0]))
        distances += [min(np.linalg.norm(row - other) for other in nearest) for row in film]
    return np.percentile(distances, 95)


def test_unit_is_what_lies_between_a_withheld_success_and_its_demonstration(encoder, film, demos):
    withheld = [{"front": film(random_colours(7, 9)), "left": film(random_colours(8, 9))}]
    reward = TrajectoryReward.fit(encoder, demos, calibration=withheld, choice="nearest")
    for view in ("front", "left"):
        films = [encoder.embed(demo[view]).astype(float) for demo in demos]
        others = [encoder.embed(demo[view]).astype(float) for demo in withheld]
        assert reward.units[view] == pytest.approx(unit_by_loop(films, others), rel=1e-5)
    alone = TrajectoryReward.fit(encoder, demos, views=("front",), choice="nearest")
    films = [encoder.embed(demo["front"]).astype(float) for demo in demos]
    distances = [
        np.linalg.norm(row - other, axis=-1).min()
        for i, mine in enumerate(films)
        for other in [min(films[:i] + films[i + 1 :], key=lambda o: np.linalg.norm(o[0] - mine[0]))]
        for row in mine
    ]
    assert alone.units["front"] == pytest.approx(np.percentile(distances, 95), rel=1e-5)


def test_unit_is_of_what_is_compared(encoder, demos):
    """All demonstrations at once lie nearer than one; the others tell of a single one."""
    films = [encoder.embed(demo["front"]).astype(float) for demo in demos]

    def distances(mine, *others):
        return [np.linalg.norm(np.concatenate(others) - row, axis=1).min() for row in mine]

    every = [d for i in range(3) for d in distances(films[i], *films[:i], *films[i + 1 :])]
    for choice in ("best", "pooled"):
        several = TrajectoryReward.fit(encoder, demos, choice=choice)
        assert several.units["front"] == pytest.approx(np.percentile(every, 95), rel=1e-4)
    to_first = [d for i in (1, 2) for d in distances(films[i], films[0])]
    one = TrajectoryReward.fit(encoder, demos, demo_index=0, choice="median")
    assert one.units["front"] == pytest.approx(np.percentile(to_first, 95), rel=1e-4)
    with_calibration = TrajectoryReward.fit(
        encoder, demos, demo_index=0, choice="median", calibration=demos[2:]
    )
    expected = np.percentile(distances(films[2], films[0]), 95)
    assert with_calibration.units["front"] == pytest.approx(expected, rel=1e-4)


def test_scores_do_not_depend_on_the_size_of_embeddings(film, demos):
    """One configuration for all encoders: that is what units are for."""

    class Scaled:
        image_size_px = 8

        def __init__(self, factor):
            self.factor = np.float32(factor)

        def embed(self, frames):
            return embed(frames.mean(axis=(1, 2))) * self.factor

    episode = {"front": film(random_colours(9, 12))}
    for alignment in ("coverage", "frame", "monotone", "transport"):
        one, thousand = (
            TrajectoryReward.fit(Scaled(factor), demos, alignment=alignment).score_episode(episode)
            for factor in (1, 1000)
        )
        np.testing.assert_allclose(one, thousand, rtol=1e-4)


def test_a_single_demonstration_says_what_cannot_be_calibrated(encoder, film):
    demo = {"front": film(np.linspace(0, 250, 20))}
    reward = TrajectoryReward.fit(encoder, [demo])
    assert "nothing to calibrate" in reward.calibration_note
    rows = encoder.embed(demo["front"]).astype(float)
    pairs = [np.linalg.norm(rows[i] - rows[j]) for i in range(20) for j in range(i + 1, 20)]
    assert reward.units["front"] == pytest.approx(LONE_SHARE * np.median(pairs), rel=1e-5)
    assert not TrajectoryReward.fit(encoder, [demo], calibration=[demo]).calibration_note
    assert not TrajectoryReward.fit(encoder, [demo], units="raw").calibration_note


def test_pooled_is_the_nearest_frame_of_any_at_each_place(encoder, demos):
    films = DemoFilms([encoder.embed(demo["front"]) for demo in demos])
    queries = np.random.default_rng(0).uniform(0, 1, size=(5, 3))
    distances, places = films.nearest_by_place(queries, 8)
    frames = np.concatenate([films.film(k) for k in range(3)])
    at = np.concatenate([by_path(films.film(k)) for k in range(3)])
    for n, query in enumerate(queries):
        for part in range(8):
            inside = (at >= part / 8) & ((at < (part + 1) / 8) | (part == 7))
            each = np.linalg.norm(frames[inside] - query, axis=1)
            assert distances[n, part] == pytest.approx(each.min(), rel=1e-6)
            assert places[n, part] == at[inside][each.argmin()]
    one_place, _ = films.nearest_by_place(queries, 1)
    assert one_place.shape == (5, 1)
    # A film that stands still has one place; parts without any frame are left out.
    still = DemoFilms([np.zeros((4, 3))])
    assert still.nearest_by_place(queries, 8)[0].shape == (5, 1)


def test_within_the_tolerance_the_way_counts_as_covered(encoder, film, demos):
    reward = TrajectoryReward.fit(encoder, demos, views=("front",))
    red = np.zeros((26, 3))
    red[:, 0] = np.linspace(0, 250, 26)
    for t in range(26):
        reward.step({"front": film(red[t : t + 1])})
        assert reward.memory()[0, 1] == pytest.approx(1.0)
    jumped = TrajectoryReward.fit(encoder, demos, views=("front",))
    jumped.step({"front": film(red[:1])})
    jumped.step({"front": film(red[-1:])})
    assert jumped.memory()[0, 1] < 0.5


def test_coverage_pays_for_the_way_in_its_order(encoder, film, demos):
    reward = TrajectoryReward.fit(encoder, demos, views=("front",))
    red = np.zeros((26, 3))
    red[:, 0] = np.linspace(0, 250, 26)
    along = reward.score_episode({"front": film(red)})
    assert 0.0 <= along[0] < 0.05
    assert along[-1] == pytest.approx(1.0, abs=0.05)
    assert (np.diff(along) > 0).all()
    slow = reward.score_episode({"front": film(np.repeat(red, 3, axis=0))})
    np.testing.assert_allclose(slow[2::3], along, atol=1e-6)
    gone = reward.score_episode({"front": film([*red, *red[:1]])})
    assert gone[-1] < 0.05  # covered, but not there any more
    jumped = reward.score_episode({"front": film([red[0], red[-1]])})
    assert jumped[-1] < 0.5 * along[-1]  # there, but nothing before was covered


def test_coverage_as_in_orca_equals_its_recurrence(encoder, film):
    shown, done = embed(random_colours(10, 6)), random_colours(11, 14)
    reward = TrajectoryReward.fit(
        encoder,
        [{"front": film(random_colours(10, 6))}],
        **{"units": "raw", "credit": "last", "pooling": "product", "similarity": "exponential"},
        **{"alpha": 0.0, "beta": 1.0, "gamma": 0.0, "tolerance": 0.0, "choice": "nearest"},
    )
    costs = np.linalg.norm(embed(done)[:, None].astype(float) - shown[None], axis=2)
    _, here = covered_by_loop(np.exp(-costs))
    np.testing.assert_allclose(reward.score_episode({"front": film(done)}), here[:, -1], rtol=1e-5)


def test_transport_at_the_end_matches_whole_episodes(encoder, film, demos):
    options = {"alignment": "transport", "scored": "end", "views": ("front",)}
    reward = TrajectoryReward.fit(encoder, demos, **options)
    assert reward.scored_at_end
    films = [film(random_colours(seed, 12)) for seed in (12, 13)]
    reward.reset(np.ones(2, dtype=bool))
    for t in range(12):
        scores = reward.step({"front": np.stack([one[t] for one in films])})
        np.testing.assert_array_equal(scores, 0.0)
    for env, one in enumerate(films):
        np.testing.assert_allclose(
            reward.seen_scores(env), reward.score_episode({"front": one}), rtol=1e-5
        )
    online = TrajectoryReward.fit(encoder, demos, alignment="transport")
    with pytest.raises(UserError, match="scored=end"):
        online.seen_scores(0)


def test_transport_prefers_the_order_of_the_demonstration(encoder, demos):
    reward = TrajectoryReward.fit(encoder, demos, alignment="transport", epsilon=0.05)
    forth = reward.score_episode(demos[1])
    back = reward.score_episode({view: frames[::-1] for view, frames in demos[1].items()})
    assert forth.sum() > back.sum() + 1
    assert (forth <= 0).all()


def test_memory_is_the_share_of_time_or_of_the_way(encoder, film):
    shown = np.linspace(0, 250, 11)
    demos = [{"front": film(shown)}]
    clock = raw(encoder, demos, alignment="frame", rate=0.5)
    seeking = raw(encoder, demos, alignment="monotone")
    covering = raw(encoder, demos, alignment="coverage", alpha=1e6, tolerance=0.0)
    matching = raw(encoder, demos, alignment="transport")
    for t in range(11):
        for reward in (clock, seeking, covering, matching):
            reward.step({"front": film([shown[t]])})
        assert clock.memory()[0, 0] == pytest.approx(t // 2 / 10)
        assert seeking.memory()[0, 0] == pytest.approx(t / 10)
        # At the first frame nothing is earned, so that the second, however far, counts already.
        assert covering.memory()[0] == pytest.approx([max(t, 1) / 10, 1.0], abs=1e-3)
        assert matching.memory()[0, 0] == pytest.approx((t + 1) / 11)


def test_a_reward_of_before_units_has_to_be_fitted_again(encoder, demos, tmp_path):
    embedded = {"front": encoder.embed(demos[0]["front"])}
    save_fitted(tmp_path / "old", "trajectory", encoder, {"views": ["front"]}, embedded)
    with pytest.raises(UserError, match="fit it again"):
        load_reward(tmp_path / "old", encoder)


def test_number_of_environments_may_not_change_silently(encoder, demos, film):
    reward = TrajectoryReward.fit(encoder, demos)
    reward.step({"front": film([1, 2])})
    with pytest.raises(UserError, match="2 environments, found 3"):
        reward.step({"front": film([1, 2, 3])})
    reward.reset(np.zeros(3, dtype=bool))
    assert reward.step({"front": film([1, 2, 3])}).shape == (3,)


def test_bad_options(encoder, demos):
    for options, message in [
        ({"alignment": "monoton"}, "did you mean 'monotone'"),
        ({"alpha": -1.0}, "0 or more"),
        ({"gamma": float("nan")}, "0 or more"),
        ({"window": 0}, "1 or more"),
        ({"hold_steps": 0}, "1 or more"),
        ({"betta": 1.0}, "did you mean 'beta'"),
    ]:
        with pytest.raises(UserError, match=message):
            TrajectoryReward.fit(encoder, demos, **options)
