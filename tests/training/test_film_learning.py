"""Objectives that learn from whole films: on a task filmed often, at different speeds."""

import numpy as np
import pytest

from tcn_robot.data.frame_store import FrameStore
from tcn_robot.metrics import kendall_tau
from tcn_robot.models import untrained_encoder
from tcn_robot.training import RunDescription, create_run, make_config, train
from tcn_robot.training.embedded import embed_episodes
from tcn_robot.training.validation import measure_alignment
from tests.data.films import Film, draw_dots, store_of

SIZE_PX = 24


def task_film(rng: np.random.Generator, id: int, split: str) -> Film:
    """A dot goes the same way in every film, roughly, at a speed that changes on the way."""
    corners = np.array([[0.2, 0.2], [0.8, 0.3], [0.3, 0.6], [0.8, 0.8]])
    corners = corners + rng.normal(0, 0.02, corners.shape)
    speed = np.interp(np.arange(24), [0, 12, 23], rng.uniform(0.5, 2.0, 3))
    at = 3 * (speed.cumsum() - speed[0]) / (speed.sum() - speed[0])
    path = np.stack([np.interp(at, np.arange(4), corners[:, axis]) for axis in (0, 1)], axis=1)
    ground = tuple(int(x) for x in rng.integers(30, 110, 3))
    clips = {
        "front": draw_dots(path, SIZE_PX, colour=(230, 60, 40), ground=ground),
        "side": draw_dots(1 - path[:, ::-1], SIZE_PX, colour=(250, 220, 90), ground=ground[::-1]),
    }
    times = np.arange(24) * 0.1
    return Film(clips, dict.fromkeys(clips, times), id, split)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> FrameStore:
    rng = np.random.default_rng(0)
    splits = ["train"] * 12 + ["valid"] * 3
    films = [task_film(rng, id, split) for id, split in enumerate(splits)]
    return store_of(films, tmp_path_factory.mktemp("films") / "store", SIZE_PX)


def order_across_films(encoder, films) -> float:
    """Mean tau over pairs of held-out films in the same view."""
    embedded = [[encoder.embed(film.frames(view)) for view in film.views] for film in films]
    taus = [
        kendall_tau(u, v).tau_b
        for one in embedded
        for other in embedded
        if one is not other
        for u, v in zip(one, other, strict=True)
    ]
    return float(np.mean(taus))


def measured(store, folder, objective: str, **options) -> dict[str, tuple[float, float]]:
    """Trained and untrained: the order across films, and the alignment of two views."""
    config = make_config(
        objective,
        **{
            "steps": 80,
            "image_size_px": SIZE_PX,
            "precision": "fp32",  # the same numbers on processors with and without bf16
            "batch_frames": 48,
            "episodes_per_batch": 4,
            "warmup_steps": 10,
            "validate_every_steps": 1000,
            **options,
        },
    )
    create_run(folder, RunDescription(config, (), ""))
    trained = train(config, store, folder)
    held_out = store.split("valid")
    both = (trained, untrained_encoder(trained, seed=1))
    return {
        "tau": tuple(order_across_films(encoder, held_out) for encoder in both),
        "error": tuple(
            measure_alignment(embed_episodes(encoder, held_out))["validation/alignment_error"]
            for encoder in both
        ),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "options"),
    [
        ("tcc", {}),
        ("tcc", {"cycle_loss": "classification", "steps": 240}),
        ("tcc_tcn", {}),
        ("progress", {}),
        ("progress", {"rewind_share": 0.3}),
        ("vip", {"step_frames": 8}),
    ],
)
def test_held_out_films_fall_into_order(store, tmp_path, objective, options):
    trained, untrained = measured(store, tmp_path / "run", objective, **options)["tau"]
    assert trained > 0.7
    assert untrained < 0.2


@pytest.mark.slow
def test_partners_in_other_views_bring_the_views_together(store, tmp_path):
    found = measured(store, tmp_path / "run", "tcc_tcn", partners="views")
    assert found["error"][0] < 0.5 * found["error"][1]
    assert found["tau"][0] > 0.7
