"""`tcn` with each of its losses, `tempo`, `simclr` and `byol` train, resume and learn."""

import os
import signal

import numpy as np
import pytest
from safetensors.numpy import load_file

from tcn_robot.errors import UserError
from tcn_robot.models import untrained_encoder
from tcn_robot.training import RunDescription, create_run, make_config, read_metrics, train
from tcn_robot.training.checkpoint import latest_checkpoint
from tcn_robot.training.embedded import embed_episodes
from tcn_robot.training.validation import measure_alignment
from tests.data.films import dot_films, store_of

SMALL = {
    "steps": 6,
    "image_size_px": 16,
    "batch_frames": 16,
    "dimension": 8,
    "episodes_per_batch": 2,
    "log_every_steps": 1,
    "validate_every_steps": 100,
    "precision": "fp32",
}
LOSSES = {
    "cosine": {"similarity": "cosine"},
    "npairs": {"loss": "npairs"},
    "semi-hard": {"loss": "triplet"},
    "hard": {"loss": "triplet", "mining": "hard"},
    "all": {"loss": "triplet", "mining": "all"},
    "lifted": {"loss": "lifted"},
    "contrastive": {"loss": "contrastive"},
}
ONE_CAMERA = {
    "tempo": {"projector_hidden": 16, "projector_dimension": 16},
    "simclr": {"projector_hidden": 16, "projector_dimension": 8},
    "byol": {"projector_hidden": 16, "projector_dimension": 8, "target_momentum": 0.8},
}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    films = dot_films(seed=0, train=4, valid=1, length=14, size_px=16)
    return store_of(films, tmp_path_factory.mktemp("small") / "store", size_px=16)


def run_of(config, store, folder, on_step=None):
    if not folder.exists():
        create_run(folder, RunDescription(config, (), ""))
    return train(config, store, folder, on_step)


@pytest.mark.parametrize("pairing", ["views", "times"])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("negatives", ["episode", "others"])
def test_every_loss_trains_in_both_pairings(small, tmp_path, loss, pairing, negatives):
    config = make_config("tcn", **SMALL, **loss, pairing=pairing, negatives=negatives)
    config = config.changed(steps=2, window_frames=10)
    run_of(config, small, tmp_path / "run")
    line = read_metrics(tmp_path / "run")[-1]
    assert f"terms/{config.objective_options.loss}" in line
    assert all(np.isfinite(value) for value in line.values())


def interrupt(step: int, note: str) -> None:
    if step == 3:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("objective", ONE_CAMERA)
def test_heads_and_targets_survive_an_interruption(small, tmp_path, objective):
    config = make_config(objective, **SMALL, **ONE_CAMERA[objective])
    run_of(config, small, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        run_of(config, small, tmp_path / "broken", interrupt)
    run_of(config, small, tmp_path / "broken")
    one, other = (
        load_file(latest_checkpoint(tmp_path / run / "state") / "tensors.safetensors")
        for run in ("straight", "broken")
    )
    assert any("projector" in name for name in one)
    assert objective != "byol" or any("target_encoder" in name for name in one)
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


# --- learning ----------------------------------------------------------------------------------

LEARNING = {
    "image_size_px": 32,
    "batch_frames": 64,
    "episodes_per_batch": 2,
    "shift_px": 1,
    "warmup_steps": 10,
    "validate_every_steps": 1000,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=24, valid=4)
    return store_of(films, tmp_path_factory.mktemp("films") / "store")


def learnt_and_untrained(config, store, folder) -> list[float]:
    """Cross-view alignment error on held-out films: trained, untrained."""
    trained = run_of(config, store, folder)
    return [
        measure_alignment(embed_episodes(encoder, store.split("valid")))[
            "validation/alignment_error"
        ]
        for encoder in (trained, untrained_encoder(trained, seed=1))
    ]


# The nearest negatives alone, from scratch, end in a collapse (FaceNet, section 3.2).
FROM_SCRATCH = [name for name in LOSSES if name != "hard"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FROM_SCRATCH)
def test_every_loss_finds_the_same_moment_in_the_other_view(store, tmp_path, name):
    config = make_config("tcn", **LEARNING, **LOSSES[name], steps=400)
    learnt, untrained = learnt_and_untrained(config, store, tmp_path / "run")
    assert learnt < 0.5 * untrained


@pytest.mark.slow
def test_a_regulariser_keeps_hard_mining_from_collapsing(store, tmp_path):
    hard = {**LEARNING, **LOSSES["hard"], "steps": 250}
    for name, options in (
        ("sigreg", {"sigreg_weight": 0.02}),
        ("vicreg", {"variance_weight": 1.0}),
    ):
        config = make_config("tcn", **hard, **options)
        learnt, untrained = learnt_and_untrained(config, store, tmp_path / name)
        assert learnt < 0.2 * untrained
    with pytest.raises(UserError, match="the embedding has collapsed"):
        run_of(make_config("tcn", **hard), store, tmp_path / "without")


def gaps_in_time(encoder, store) -> tuple[float, float]:
    """Mean squared distance of frames 1 to 2 and 5 to 11 apart, over held-out films."""
    near, far = [], []
    for film in store.split("valid"):
        embedded = encoder.embed(film.frames("front"))
        gaps = np.square(embedded[:, None] - embedded[None]).sum(axis=2)
        near += [np.diagonal(gaps, k).mean() for k in (1, 2)]
        far += [np.diagonal(gaps, k).mean() for k in range(5, 12)]
    return float(np.mean(near)), float(np.mean(far))


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss", [LOSSES["semi-hard"], LOSSES["cosine"], LOSSES["lifted"], LOSSES["contrastive"]]
)
def test_single_view_puts_time_in_order(store, tmp_path, loss):
    """Near in time must be near in the embedding, on films that were never seen."""
    config = make_config("tcn", **LEARNING, **loss, pairing="times", steps=200)
    near, far = gaps_in_time(run_of(config, store, tmp_path / "run"), store)
    assert near < 0.4 * far


@pytest.mark.slow
@pytest.mark.parametrize("objective", ONE_CAMERA)
def test_one_camera_objectives_learn_without_collapse(store, tmp_path, objective):
    """Frames far apart stay apart, in more than two directions."""
    config = make_config(objective, **LEARNING, steps=200)
    encoder = run_of(config, store, tmp_path / "run")
    near, far = gaps_in_time(encoder, store)
    assert near < 0.6 * far
    embedded = np.concatenate([encoder.embed(f.frames("front")) for f in store.split("valid")])
    values = np.linalg.svd(embedded - embedded.mean(axis=0), compute_uv=False)
    shares = values / values.sum()
    assert np.exp(-(shares * np.log(shares + 1e-12)).sum()) > 3
