"""TCE learns: the curriculum tells stretches of films apart and the embedding does not collapse."""

import pytest
import torch

from tcn_robot.training import make_config
from tcn_robot.training.health import effective_rank
from tcn_robot.training.loop import optimise, prepare, start
from tests.data.films import dot_films, store_of


@pytest.mark.slow
def test_tce_tells_stretches_apart_and_does_not_collapse(tmp_path):
    films = dot_films(seed=0, train=16, length=24, size_px=32)
    store = store_of(films, tmp_path / "store", size_px=32)
    # A dot on an even ground has no upside: no rotations here.
    small = {"image_size_px": 32, "batch_frames": 64, "precision": "fp32"}
    config = make_config("tce", steps=150, bank_negatives=32, rotation_weight=0.0, **small)
    parts = prepare(config, store)
    state = start(config, parts, tmp_path / "run")
    said = [optimise(config, parts, state).scalars for _ in range(config.steps)]

    def late(name: str) -> float:
        return sum(float(scalars[f"figures/{name}"]) for scalars in said[-20:]) / 20

    assert late("positive_cosine") > late("negative_cosine") + 0.05  # the hardest it could find
    assert late("masked_share") < 0.2
    frames = films[0].frames("front")
    embeddings = torch.from_numpy(state.encoder.eval().embed(frames))
    assert float(effective_rank(embeddings)) > 2
