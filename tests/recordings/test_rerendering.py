"""Stored states and models give the same pictures again, and further cameras."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings import (
    DatasetWriter,
    episode_seeds,
    open_recording,
    record_episode,
    rerender,
)


@pytest.fixture
def simulated(
    tmp_path: Path, toy_source: Any, toy_policy: Callable[..., Iterator[np.ndarray]]
) -> Path:
    path = tmp_path / "simulated"
    with DatasetWriter(path, "slide", "lossless") as writer:
        for id in (0, 3):
            seed, randomness = episode_seeds(0, "valid", id)
            with writer.episode(20.0, id) as episode:
                episode.metadata.update(task="slide", policy="push", split="valid")
                record_episode(
                    toy_source,
                    toy_policy,
                    episode,
                    views=("front",),
                    size_px=24,
                    seed=seed,
                    policy_randomness=randomness,
                )
    return path


def render_again(
    path: Path, out: Path, source: Any, views: tuple[str, ...], size_px: int = 24
) -> list[int]:
    with DatasetWriter(out, "slide", "lossless") as writer:
        return list(rerender(open_recording(path), writer, lambda model: source, views, size_px))


def test_the_same_pixels_and_bytes_come_back(
    simulated: Path, tmp_path: Path, toy_source: Any
) -> None:
    assert render_again(simulated, tmp_path / "again", toy_source, ("front",)) == [0, 3]
    for old, new in zip(open_recording(simulated), open_recording(tmp_path / "again"), strict=True):
        np.testing.assert_array_equal(old.frames("front"), new.frames("front"))
        came_from = new.metadata.pop("rerendered_from")
        assert came_from["content_sha256"] == old.content_hash
        assert came_from["proof"]["is_identical"] is True
        assert old.metadata == new.metadata
        for name in ("front.mp4", "frames.parquet", "steps.parquet"):
            assert (old.path / name).read_bytes() == (new.path / name).read_bytes()


def test_a_new_camera_in_another_size(simulated: Path, tmp_path: Path, toy_source: Any) -> None:
    render_again(simulated, tmp_path / "top", toy_source, ("top", "front"), 40)
    old, new = open_recording(simulated)[1], open_recording(tmp_path / "top")[1]
    assert (new.id, new.views, new.split, new.seed) == (3, ("top", "front"), "valid", old.seed)
    assert new.frames("top").shape == (old.length("front"), 40, 40, 3)
    assert old.steps is not None
    toy_source.set_state(old.steps["state"][2])
    np.testing.assert_array_equal(
        new.frames("top")[2], toy_source.render_views(("top",), (40, 40))["top"]
    )


def test_a_second_run_goes_on_and_other_pictures_are_refused(
    simulated: Path, tmp_path: Path, toy_source: Any
) -> None:
    out = tmp_path / "again"
    with DatasetWriter(out, "slide", "lossless") as writer:
        runs = rerender(open_recording(simulated), writer, lambda model: toy_source, ("top",), 24)
        assert next(runs) == 0
    assert render_again(simulated, out, toy_source, ("top",)) == [3]
    assert render_again(simulated, out, toy_source, ("top",)) == []
    with pytest.raises(UserError, match="already holds views top at 24 px"):
        render_again(simulated, out, toy_source, ("front",))


def test_unknown_view_missing_model_and_plain_films(
    simulated: Path, tmp_path: Path, toy_source: Any, film_dataset: Path
) -> None:
    with pytest.raises(UserError, match="did you mean 'front'"):
        render_again(simulated, tmp_path / "a", toy_source, ("frond",))
    with pytest.raises(UserError, match="only simulated episodes"):
        render_again(film_dataset, tmp_path / "b", toy_source, ("front",))
    for model in (simulated / "assets").iterdir():
        model.unlink()
    with pytest.raises(UserError, match=r"model .* is missing"):
        render_again(simulated, tmp_path / "c", toy_source, ("front",))
