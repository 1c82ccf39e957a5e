"""Training episodes of `bench alignment`: which are taken, how many frames, and none held out."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tcn_robot.benchmarks import held_out_episodes
from tcn_robot.errors import UserError
from tcn_robot.workflows import alignment_runs


def episode(number, split="train", body="robot", policy="expert", ancestors=()):
    return SimpleNamespace(
        id=number, views=("front", "left"), split=split, embodiment=body,
        metadata={"policy": policy}, content_hash=f"{split} {number}", ancestors=ancestors,
        steps={"phase_index": np.arange(10)},
        frames=lambda view: np.full((10, 2, 2, 3), number, np.uint8),
        timestamps=lambda view: np.arange(10) / 10,
    )  # fmt: skip


HELD_OUT = held_out_episodes([(Path("test"), [episode(0, "test")])], "test")


def training(episodes):
    return alignment_runs._training([(Path("rec"), episodes)], HELD_OUT)


def test_all_are_taken_and_frames_are_thinned(monkeypatch):
    monkeypatch.setattr(alignment_runs, "MOST_TRAINING_FRAMES", 100)
    taken = training([episode(n) for n in range(12)])  # 240 frames
    assert [int(one.frames["left"][0, 0, 0, 0]) for one in taken] == list(range(12))
    assert {(one.frame_step, len(one.frames["front"])) for one in taken} == {(3, 4)}
    monkeypatch.setattr(alignment_runs, "MOST_TRAINING_EPISODES", 5)
    assert [one.frame_step for one in training([episode(n) for n in range(12)])] == [1] * 4


def test_only_demonstrations_of_the_same_body_that_are_not_held_out():
    others = [
        *(episode(1, "test"), episode(2, body="tongs"), episode(3, policy="play")),
        *(episode(4, "valid"), episode(5)),
    ]
    assert [one.name for one in training(others)] == ["rec episode 4", "rec episode 5"]
    assert training([]) == []


@pytest.mark.parametrize("shared", [("test 0",), ("other", "test 0")])
def test_moments_that_are_held_out_are_no_training(shared):
    with pytest.raises(UserError, match=r"rec episode 7 is test episode 0 and 1 more") as raised:
        training([episode(6), episode(7, ancestors=shared), episode(8, ancestors=shared)])
    assert "\n" not in str(raised.value)
