"""What holds for each reward in the table."""

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.rewards import REWARDS, load_reward, reward_class
from tcn_robot.rewards.beginning import SeesBeginnings

VARIANTS = [
    ("progress", {}),
    ("progress", {"gate": "exponential", "neighbours": 3}),
    ("progress", {"monotone": True}),
    ("trajectory", {}),
    ("trajectory", {"choice": "best"}),
    ("trajectory", {"choice": "nearest", "tolerance": 0.5}),
    ("trajectory", {"credit": "last", "pooling": "product", "similarity": "exponential"}),
    ("trajectory", {"alignment": "monotone", "window": 3}),
    ("trajectory", {"alignment": "frame", "hold_steps": 2, "choice": "median"}),
    ("trajectory", {"alignment": "frame", "rate": 0.7, "units": "raw"}),
    ("trajectory", {"alignment": "transport", "iterations": 20}),
    ("goal", {}),
    ("classifier", {}),
    ("shaping", {}),
    ("shaping", {"potential": "trajectory", "discount": 0.9}),
    ("mixture", {"learned": "shaping", "potential": "goal"}),
]


@pytest.fixture(params=VARIANTS, ids=lambda one: "-".join(map(str, [one[0], *one[1].values()])))
def fitted(request, encoder, demos):
    name, options = request.param
    return REWARDS[name].fit(encoder, demos, **options)


def some_film(film, seed, length=20):
    generator = np.random.default_rng(seed)
    return {view: film(generator.integers(0, 256, size=(length, 3))) for view in ("front", "left")}


def test_every_variant_is_in_the_table():
    assert {name for name, _ in VARIANTS} == set(REWARDS)


def test_episode_equals_reset_and_steps(fitted, film):
    episode = some_film(film, 0)
    whole = fitted.score_episode(episode)
    fitted.reset(np.ones(1, dtype=bool))
    single = [
        fitted.step({view: frames[t : t + 1] for view, frames in episode.items()})[0]
        for t in range(20)
    ]
    assert whole.dtype == np.float32
    assert whole.shape == (20,)
    np.testing.assert_allclose(single, whole, rtol=0, atol=1e-6)


def test_batch_equals_loop_of_singles(fitted, film):
    films = [some_film(film, seed) for seed in range(4)]
    fitted.reset(np.ones(4, dtype=bool))
    together = np.stack(
        [
            fitted.step({view: np.stack([f[view][t] for f in films]) for view in films[0]})
            for t in range(20)
        ],
        axis=1,
    )
    alone = np.stack([fitted.score_episode(one) for one in films])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)


def test_environments_reset_on_their_own(fitted, film):
    """Two environments, the second begins anew at step 7 and again at step 12."""
    first, second = some_film(film, 1), some_film(film, 2)
    fitted.reset(np.ones(2, dtype=bool))
    found = []
    for t in range(20):
        if t in (7, 12):
            fitted.reset(np.array([False, True]))
        found.append(
            fitted.step({view: np.stack([first[view][t], second[view][t]]) for view in first})
        )
    found = np.array(found)
    np.testing.assert_allclose(found[:, 0], fitted.score_episode(first), rtol=0, atol=1e-6)
    for begin, end in ((0, 7), (7, 12), (12, 20)):
        part = {view: frames[begin:end] for view, frames in second.items()}
        np.testing.assert_allclose(
            found[begin:end, 1], fitted.score_episode(part), rtol=0, atol=1e-6
        )


def test_scoring_a_film_leaves_the_running_state(fitted, film):
    episode = some_film(film, 3)
    fitted.reset(np.ones(1, dtype=bool))
    expected = fitted.score_episode(episode)
    for t in range(10):
        found = fitted.step({view: frames[t : t + 1] for view, frames in episode.items()})
        fitted.score_episode(some_film(film, 4))
        assert found[0] == pytest.approx(expected[t], abs=1e-6)


def test_beginnings_are_seen_and_not_scored(fitted, film):
    """`begin` with the first frames, then steps: the scores of the whole films but the first."""
    if not isinstance(fitted, SeesBeginnings):
        pytest.skip("this reward does not look at beginnings")
    films = [some_film(film, seed) for seed in range(3)]

    def shown(t, envs=range(3)):
        return {view: np.stack([films[env][view][t] for env in envs]) for view in films[0]}

    fitted.begin(shown(0), np.ones(3, dtype=bool))
    found = np.stack([fitted.step(shown(t)) for t in range(1, 8)], axis=1)
    expected = np.stack([fitted.score_episode(one) for one in films])
    np.testing.assert_allclose(found, expected[:, 1:8], rtol=1e-6, atol=1e-6)
    # The second begins anew; the others go on.
    fitted.begin(shown(0, [1]), np.array([False, True, False]))
    now = {
        view: np.stack([films[0][view][8], films[1][view][1], films[2][view][8]])
        for view in films[0]
    }
    scores = fitted.step(now)
    np.testing.assert_allclose(
        scores, [expected[0, 8], expected[1, 1], expected[2, 8]], rtol=1e-6, atol=1e-6
    )
    with pytest.raises(UserError, match="first frames"):
        fitted.begin(shown(0, [1]), np.array([True, True, False]))


def test_memory_is_small_and_per_environment(fitted, film):
    """What goes into a policy's observation: in [0, 1], fresh after a reset, only there."""
    size = getattr(fitted, "memory_size", None)
    if size is None:
        pytest.skip("a reward without a memory")
    fitted.reset(np.ones(3, dtype=bool))
    assert fitted.memory().shape == (3, size)
    films = [some_film(film, seed) for seed in range(3)]
    for t in range(5):
        fitted.step({view: np.stack([one[view][t] for one in films]) for view in films[0]})
        memory = fitted.memory()
        assert memory.dtype == np.float32
        assert memory.shape == (3, size)
        assert ((memory >= 0.0) & (memory <= 1.0)).all()
    fitted.reset(np.array([False, True, False]))
    np.testing.assert_array_equal(fitted.memory()[[0, 2]], memory[[0, 2]])
    np.testing.assert_array_equal(fitted.memory()[1], 0.0)


def test_one_forward_pass_for_all_environments_and_views(fitted, film, encoder):
    frames = some_film(film, 5, length=8)
    fitted.reset(np.ones(8, dtype=bool))
    before = encoder.calls
    fitted.step(frames)
    assert encoder.calls == before + 1


def test_deterministic_finite_and_input_untouched(fitted, film):
    episode = some_film(film, 6)
    before = {view: frames.copy() for view, frames in episode.items()}
    first, second = fitted.score_episode(episode), fitted.score_episode(episode)
    np.testing.assert_array_equal(first, second)
    assert np.isfinite(first).all()
    for view, frames in episode.items():
        np.testing.assert_array_equal(frames, before[view])
        frames.flags.writeable = False
    np.testing.assert_array_equal(fitted.score_episode(episode), first)


def test_views_are_averaged(fitted, film):
    if getattr(getattr(fitted, "config", None), "monotone", False):
        pytest.skip("the highest of the means is not the mean of the highest")
    episode = some_film(film, 7)
    each = [fitted.score_episode({view: frames}) for view, frames in episode.items()]
    np.testing.assert_allclose(
        fitted.score_episode(episode), np.mean(each, axis=0), rtol=1e-6, atol=1e-6
    )
    more = {**episode, "unknown": episode["front"]}
    np.testing.assert_array_equal(fitted.score_episode(more), fitted.score_episode(episode))


def test_save_and_load(fitted, film, encoder, tmp_path):
    fitted.save(tmp_path / "reward")
    loaded = load_reward(tmp_path / "reward", encoder)
    assert type(loaded) is type(fitted)
    assert loaded.views == fitted.views
    episode = some_film(film, 8)
    np.testing.assert_array_equal(loaded.score_episode(episode), fitted.score_episode(episode))
    with pytest.raises(UserError, match="no encoder"):
        load_reward(tmp_path / "reward")
    names = {path.suffix for path in (tmp_path / "reward").rglob("*") if path.is_file()}
    assert names == {".json", ".safetensors"}


def test_frames_are_checked(fitted, film):
    good = film(np.arange(5))
    for bad in (good.astype(np.float32), good[0], good[..., :1], good[:0]):
        with pytest.raises(UserError, match="uint8 frames"):
            fitted.score_episode({"front": bad})
    with pytest.raises(UserError, match=r"fitted on views front, left.*of top"):
        fitted.score_episode({"top": good})
    with pytest.raises(UserError, match="of none"):
        fitted.step({})
    with pytest.raises(UserError, match="same moments"):
        fitted.score_episode({"front": good, "left": good[:3]})


def test_views_of_different_sizes(fitted, film):
    small = film(np.arange(5), size_px=4)
    large = film(np.arange(5), size_px=6)
    same = fitted.score_episode({"front": small, "left": small})
    np.testing.assert_allclose(
        fitted.score_episode({"front": small, "left": large}), same, atol=1e-6
    )


@pytest.mark.parametrize("name", REWARDS)
def test_degenerate_demonstrations(name, encoder, film):
    one_frame = {"front": film([100])}
    for demos in ([one_frame], [one_frame, one_frame], [{"front": film(np.full(5, 9))}]):
        scores = REWARDS[name].fit(encoder, demos).score_episode({"front": film([0, 100, 255])})
        assert scores.shape == (3,)
        assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", REWARDS)
def test_views_of_one_demonstration_may_differ_in_length(name, encoder, film):
    demo = {"front": film(np.arange(0, 200, 10)), "left": film(np.arange(0, 200, 7))}
    fitted = REWARDS[name].fit(encoder, [demo, demo])
    assert np.isfinite(fitted.score_episode({"front": film([5]), "left": film([5])})).all()


@pytest.mark.parametrize("name", REWARDS)
def test_bad_demonstrations(name, encoder, film, demos):
    kind = REWARDS[name]
    with pytest.raises(UserError, match="1 demonstration or more"):
        kind.fit(encoder, [])
    with pytest.raises(UserError, match=r"demonstration 1: 'left'"):
        kind.fit(encoder, [demos[0], {"front": demos[1]["front"]}])
    with pytest.raises(UserError, match="did you mean 'front'"):
        kind.fit(encoder, demos, views=("frnt",))
    with pytest.raises(UserError, match="uint8 frames"):
        kind.fit(encoder, [{"front": film([])}])
    assert kind.fit(encoder, demos, views=("left",)).views == ("left",)


@pytest.mark.parametrize("name", REWARDS)
def test_diverged_encoder_is_named(name, film):
    class Diverged:
        image_size_px = 8

        def embed(self, frames):
            return np.full((len(frames), 2), np.nan, dtype=np.float32)

    with pytest.raises(UserError, match="finite embeddings"):
        REWARDS[name].fit(Diverged(), [{"front": film([1, 2])}])


def test_unknown_reward():
    with pytest.raises(UserError, match="did you mean 'progress'"):
        reward_class("progres")


def test_damaged_and_newer_files(fitted, encoder, tmp_path):
    folder = tmp_path / "reward"
    with pytest.raises(UserError, match=r"no reward\.json"):
        load_reward(folder, encoder)
    fitted.save(folder)
    config = (folder / "reward.json").read_text()
    (folder / "reward.json").write_text(config.replace('schema_version": 1', 'schema_version": 9'))
    with pytest.raises(UserError, match="schema version 9"):
        load_reward(folder, encoder)
    (folder / "reward.json").write_text(config[:20])
    with pytest.raises(UserError, match="damaged"):
        load_reward(folder, encoder)
    (folder / "reward.json").write_text(config)
    (folder / "reward.safetensors").write_bytes(b"short")
    with pytest.raises(UserError, match="missing or damaged"):
        load_reward(folder, encoder)


@pytest.mark.parametrize("name", REWARDS)
def test_with_the_real_encoder(name, film, tmp_path):
    """The stored encoder comes back with the reward, and the scores are the same bits."""
    real = ConvolutionalEncoder(
        ConvolutionalConfig(image_size_px=32, dimension=8), seeded_generator(0)
    ).eval()
    generator = np.random.default_rng(0)
    demos = [
        {"front": generator.integers(0, 256, size=(length, 40, 40, 3), dtype=np.uint8)}
        for length in (6, 9)
    ]
    fitted = REWARDS[name].fit(real, demos)
    fitted.save(tmp_path / "reward")
    loaded = load_reward(tmp_path / "reward")
    assert loaded.image_size_px == 32
    np.testing.assert_array_equal(loaded.score_episode(demos[0]), fitted.score_episode(demos[0]))
    other = ConvolutionalEncoder(
        ConvolutionalConfig(image_size_px=32, dimension=5), seeded_generator(0)
    ).eval()
    with pytest.raises(UserError, match="dimension"):
        load_reward(tmp_path / "reward", other)


WRONG_OPTIONS = [
    ("progress", {"percentile": "abc"}, "'percentile' of the progress reward expects a number"),
    ("progress", {"neighbours": 2.5}, "'neighbours' of the progress reward expects a whole number"),
    ("progress", {"gate": 3}, "'gate' of the progress reward expects a word"),
    ("progress", {"neighbours": True}, "expects a whole number, found True"),
    ("trajectory", {"alpha": "x"}, "'alpha' of the trajectory reward expects a number"),
    ("trajectory", {"windw": 3}, "did you mean 'window'"),
    ("goal", {"scale": "x"}, "'scale' of the goal reward expects a number"),
    ("trajectory", {"alignment": "coverge"}, "alignment 'coverge'; did you mean 'coverage'"),
    ("trajectory", {"scored": "end"}, "alignment 'coverage' knows each score at once"),
    ("trajectory", {"units": "metres"}, "known: calibrated, raw"),
    ("trajectory", {"rate": 0.0}, "rate above 0"),
    ("trajectory", {"choice": "poled"}, "did you mean 'pooled'"),
    ("trajectory", {"choice": "pooled", "alignment": "frame"}, "choice=pooled is for coverage"),
    ("trajectory", {"tolerance": -1.0}, "tolerance of 0 or more"),
    ("trajectory", {"band": -1}, "band of 0 or more"),
    ("trajectory", {"percentile": 0.0}, "percentile in"),
    ("trajectory", {"demo_index": "x"}, "demo_index as a whole number"),
    ("goal", {"units": "row"}, "did you mean 'raw'"),
    ("classifier", {"goal_frames": 0}, "1 goal frame or more"),
    ("classifier", {"inverse_penalty": 0.0}, "inverse_penalty above 0"),
    ("shaping", {"discount": 1.5}, "discount in"),
    ("shaping", {"potential": "progres"}, "did you mean 'progress'"),
    ("shaping", {"potential": "shaping"}, "potential of the shaping reward cannot be shaping"),
    ("shaping", {"gat": "heavy"}, "unknown option of the progress reward 'gat'"),
    (
        "shaping",
        {"potential": "trajectory", "alignment": "transport", "scored": "end"},
        "needs a score at every step",
    ),
    ("mixture", {"sparse_weight": -1.0}, "sparse_weight of 0 or more"),
    ("mixture", {"learned_weight": float("inf")}, "learned_weight of 0 or more"),
    ("goal", {"scal": 2}, "unknown option of the goal reward 'scal'; did you mean 'scale'"),
]


@pytest.mark.parametrize(("name", "options", "told"), WRONG_OPTIONS)
def test_a_wrong_option_is_one_line(encoder, demos, name, options, told):
    with pytest.raises(UserError, match=told):
        REWARDS[name].fit(encoder, demos, **options)
