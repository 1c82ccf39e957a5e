"""Simulated episodes: n actions, n + 1 frames and rows, states that lead back."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings import (
    DatasetWriter,
    Episode,
    episode_seeds,
    open_recording,
    record_episode,
)

Policy = Callable[..., Iterator[np.ndarray]]


def record(
    path: Path, source: Any, policy: Policy, ids: list[int], codec: str = "lossless"
) -> None:
    with DatasetWriter(path, "slide", codec) as writer:
        for id in ids:
            seed, randomness = episode_seeds(7, "train", id)
            with writer.episode(source.control_hz, id) as episode:
                episode.metadata["split"] = "train"
                record_episode(
                    source,
                    policy,
                    episode,
                    views=("top", "front"),
                    size_px=24,
                    seed=seed,
                    policy_randomness=randomness,
                )


def recorded(tmp_path: Path, source: Any, policy: Policy) -> Episode:
    record(tmp_path / "d", source, policy, [0])
    return open_recording(tmp_path / "d")[0]


def test_one_more_frame_than_actions(tmp_path: Path, toy_source: Any, toy_policy: Policy) -> None:
    episode = recorded(tmp_path, toy_source, toy_policy)
    steps = episode.steps
    assert steps is not None
    num_rows = len(steps["time_seconds"])
    assert episode.views == ("top", "front")
    assert episode.length("top") == episode.length("front") == num_rows
    assert 5 <= num_rows <= 9
    assert np.isfinite(steps["action"][:-1]).all()
    assert np.isnan(steps["action"][-1]).all()
    np.testing.assert_array_equal(steps["time_seconds"], episode.timestamps("front"))
    np.testing.assert_allclose(np.diff(steps["time_seconds"]), 0.05)
    assert episode.metadata["steps"] == num_rows
    assert episode.metadata["clock"] == {"name": "simulation"}


def test_frame_and_row_are_what_held_before_the_action(
    tmp_path: Path, toy_source: Any, toy_policy: Policy
) -> None:
    """Replaying the actions from the seed gives every stored state, label and picture."""
    episode = recorded(tmp_path, toy_source, toy_policy)
    steps = episode.steps
    assert steps is not None
    observation, info = toy_source.reset(seed=episode.seed)
    for row, frame in enumerate(episode.frames("top")):
        np.testing.assert_array_equal(steps["state"][row], toy_source.get_state())
        np.testing.assert_array_equal(steps["observation"][row], observation.astype(np.float32))
        assert steps["progress"][row] == info["progress"]
        assert steps["success"][row] == info["success"]
        assert steps["phase"][row] == "slide"
        picture = toy_source.render_views(("top",), (24, 24))["top"]
        np.testing.assert_array_equal(frame, picture)
        if row < len(steps["action"]) - 1:
            observation, _, _, _, info = toy_source.step(steps["action"][row])
    assert episode.success == info["success"]


def test_the_horizon_ends_an_endless_demonstrator(tmp_path: Path, toy_source: Any) -> None:
    def endless(source: Any, randomness: np.random.Generator) -> Iterator[np.ndarray]:
        while True:
            yield np.zeros(2)

    assert recorded(tmp_path, toy_source, endless).length("top") == toy_source.horizon + 1


def test_a_demonstrator_that_does_nothing_gives_one_frame(tmp_path: Path, toy_source: Any) -> None:
    episode = recorded(tmp_path, toy_source, lambda source, randomness: iter(()))
    assert episode.length("top") == 1
    assert episode.steps is not None
    assert episode.steps["action"].shape[0] == 1


def test_the_same_seed_gives_the_same_bytes_in_any_order(
    tmp_path: Path, toy_source: Any, toy_policy: Policy
) -> None:
    record(tmp_path / "a", toy_source, toy_policy, [0, 1, 2], "h264")
    record(tmp_path / "b", toy_source, toy_policy, [2], "h264")
    record(tmp_path / "b", toy_source, toy_policy, [1, 0], "h264")
    names = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert names == sorted(p.relative_to(tmp_path / "b") for p in (tmp_path / "b").rglob("*.*"))
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_model_cameras_and_randomisation_are_stored(
    tmp_path: Path, toy_source: Any, toy_policy: Policy
) -> None:
    episode = recorded(tmp_path, toy_source, toy_policy)
    metadata = episode.metadata
    model = tmp_path / "d" / "assets" / metadata["simulator"]["model"]
    assert model.read_text() == toy_source.model_xml
    assert metadata["simulator"]["name"] == "mujoco"
    assert metadata["cameras"]["front"]["intrinsics"] == np.eye(3).tolist()
    toy_source.reset(seed=episode.seed)
    assert metadata["randomisation"] == toy_source.randomisation
    assert metadata["embodiment"] == "robot"
    assert json.loads((episode.path / "episode.json").read_text()) == metadata


def test_a_label_that_is_not_finite_is_refused(
    tmp_path: Path, toy_source: Any, toy_policy: Policy
) -> None:
    labels = toy_source.labels
    toy_source.labels = lambda: {**labels(), "progress": float("nan")}
    with pytest.raises(UserError, match="'progress' is nan"):
        recorded(tmp_path, toy_source, toy_policy)


def test_seeds_differ_by_id_seed_and_split_and_nothing_else() -> None:
    keys = [(seed, split, id) for seed in (0, 1) for split in ("train", "test") for id in range(50)]
    starts = [episode_seeds(*key)[0] for key in keys]
    assert len(set(starts)) == len(keys)
    assert starts == [episode_seeds(*key)[0] for key in keys]
    assert all(0 <= start < 2**53 for start in starts)
    first, again = (episode_seeds(3, "train", 4)[1].random(5) for _ in range(2))
    np.testing.assert_array_equal(first, again)
