"""The proof that stored states give the recorded pictures: equal, lossy, wrong, impossible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings import DatasetWriter, open_recording, record_episode
from tcn_robot.recordings.proof import BLOCK_PX, Proof, block_difference, proof_of, prove
from tcn_robot.recordings.video import VideoEncoder, iterate_video
from tests.support.corpus import Columns, edit_table, episode_folder, film_again, seal


@pytest.fixture
def record_toy(
    tmp_path: Path, toy_source: Any, toy_policy: Callable[..., Iterator[np.ndarray]]
) -> Callable[[str], Path]:
    """Record one episode of the sliding box with a codec."""

    def record(codec: str) -> Path:
        path = tmp_path / codec
        with DatasetWriter(path, "slide", codec) as writer, writer.episode(20.0) as episode:
            randomness = np.random.default_rng(5)
            options: dict[str, Any] = {"views": ("front", "top"), "size_px": 36, "seed": 3}
            record_episode(toy_source, toy_policy, episode, **options, policy_randomness=randomness)
        return path

    return record


def encode_anew(path: Path, codec: str) -> None:
    """Encode the front film's pictures again, with another rate in the header."""
    film = episode_folder(path) / "front.mp4"
    frames = list(iterate_video(film))
    again = film.with_name("again.mp4")
    encoder = VideoEncoder(again, 36, 36, codec, 10.0)
    for ticks, picture in frames:
        encoder.write(picture, ticks)
    encoder.close()
    again.replace(film)
    seal(path)


def proved(path: Path, source: Any) -> Proof:
    proof = prove(open_recording(path)[0], source)
    assert proof is not None
    return proof


@pytest.mark.parametrize("codec", ["lossless", "h264", "h264-fast"])
def test_what_was_recorded_is_identical(
    record_toy: Callable[[str], Path], toy_source: Any, codec: str
) -> None:
    path = record_toy(codec)
    frames = open_recording(path)[0].length("front")
    assert proved(path, toy_source) == Proof("front", frames, 0, 0.0, True, True)


def test_equal_pictures_in_other_bytes_are_identical(
    record_toy: Callable[[str], Path], toy_source: Any
) -> None:
    path = record_toy("lossless")
    before = (episode_folder(path) / "front.mp4").read_bytes()
    encode_anew(path, "lossless")  # the rate in the header differs
    assert (episode_folder(path) / "front.mp4").read_bytes() != before
    assert proved(path, toy_source).is_identical


def test_another_encoding_is_within_the_loss(
    record_toy: Callable[[str], Path], toy_source: Any
) -> None:
    path = record_toy("h264")
    encode_anew(path, "h264-fast")
    proof = proved(path, toy_source)
    assert not proof.is_identical
    assert proof.is_within_encoding_loss
    assert proof.max_difference > 2
    assert 0 < proof.mean_difference < 3


def test_one_level_in_one_pixel_of_a_lossless_film_counts(
    record_toy: Callable[[str], Path], toy_source: Any
) -> None:
    path = record_toy("lossless")

    def change(frames: np.ndarray) -> np.ndarray:
        frames = frames.copy()
        frames[2, 30, 7, 1] ^= 1
        return frames

    film_again(path, "front", change)
    proof = proved(path, toy_source)
    assert (proof.max_difference, proof.is_identical, proof.is_within_encoding_loss) == (
        1,
        False,
        False,
    )
    assert proof.mean_difference == pytest.approx(1 / (proof.frames * 36 * 36 * 3), abs=1e-6)


@pytest.mark.parametrize("codec", ["lossless", "h264"])
def test_a_thing_that_is_elsewhere_shows(
    record_toy: Callable[[str], Path], toy_source: Any, codec: str
) -> None:
    path = record_toy(codec)

    def move(columns: Columns) -> None:
        for state in columns["state"]:
            state[1] += 0.05  # of what is 0.3 wide

    edit_table(path, "steps.parquet", move)
    proof = proved(path, toy_source)
    assert not proof.is_within_encoding_loss
    assert proof.max_difference > 50


def test_it_takes_the_first_view_that_the_model_has(
    record_toy: Callable[[str], Path], toy_source: Any
) -> None:
    path = record_toy("h264")
    toy_source.view_names = ("top", "side")
    assert proved(path, toy_source).view == "top"
    toy_source.view_names = ("side",)
    assert prove(open_recording(path)[0], toy_source) is None


def test_what_cannot_be_compared_is_one_line(
    record_toy: Callable[[str], Path], toy_source: Any, film_dataset: Path
) -> None:
    path = record_toy("lossless")
    film_again(path, "front", lambda frames: frames[:-1])
    with pytest.raises(UserError, match="does not hold the pictures"):
        proved(path, toy_source)
    edit_table(path, "frames.parquet", lambda columns: [one.pop() for one in columns.values()])
    edit_table(path, "frames.parquet", lambda columns: [one.pop(0) for one in columns.values()])
    with pytest.raises(UserError, match="not one for each of its states"):
        proved(path, toy_source)
    toy_source.view_names = ("left",)
    with pytest.raises(UserError, match="states"):
        prove(open_recording(film_dataset)[0], toy_source)


def test_a_proof_is_read_back_and_foreign_ones_are_none() -> None:
    proof = Proof("front", 4, 1, 0.5, False, True)
    content = {**proof.to_json(), "of_a_later_version": 1}
    assert proof_of({"rerendered_from": {"proof": content}}) == proof
    assert proof_of({"rerendered_from": {"proof": {"view": "front"}}}) is None
    assert proof_of({"rerendered_from": {}}) is None
    assert proof_of({}) is None


@pytest.mark.parametrize("shape", [(8, 8), (20, 13), (9, 40), (5, 7)])
def test_blocks_against_a_slow_loop(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(sum(shape))
    first, second = generator.integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    means = [
        abs(float((a.astype(float) - b).mean()))
        for row in range(0, shape[0], BLOCK_PX)
        for column in range(0, shape[1], BLOCK_PX)
        for a, b in zip(
            np.moveaxis(first[row : row + BLOCK_PX, column : column + BLOCK_PX], 2, 0),
            np.moveaxis(second[row : row + BLOCK_PX, column : column + BLOCK_PX], 2, 0),
            strict=True,
        )
    ]
    assert block_difference(first, second) == pytest.approx(max(means))
    assert block_difference(first, first) == 0.0
