"""Recorded simulations shown again: frame for frame what was recorded, or honestly not at all."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tcn_robot.envs
from tcn_robot.recordings import Episode, open_recording
from tcn_robot.workflows import report_replay
from tcn_robot.workflows.record import record
from tcn_robot.workflows.report_replay import render_again, replay_elsewhere


@pytest.fixture(scope="module")
def episode(tmp_path_factory: pytest.TempPathFactory) -> Episode:
    out = tmp_path_factory.mktemp("data") / "push"
    record("MujocoPush-v0", out=out, episodes=1, views=("front", "top"), size=32, lossless=True)
    return open_recording(out)[0]


def test_rendering_again_gives_the_recorded_pixels(episode: Episode) -> None:
    again = render_again(episode, ("front", "top"), 32)
    assert again is not None
    for view in ("front", "top"):
        np.testing.assert_array_equal(again[view], episode.frames(view))


def test_rendering_larger_keeps_the_moments(episode: Episode) -> None:
    larger = render_again(episode, ("front",), 64)
    assert larger is not None
    small = larger["front"].reshape(-1, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    difference = np.abs(small - episode.frames("front"))
    assert np.median(difference) < 4


def test_the_same_actions_from_another_start_fail_clearly(
    episode: Episode, monkeypatch: pytest.MonkeyPatch
) -> None:
    finals = []
    measured = report_replay._final_progress
    monkeypatch.setattr(
        report_replay,
        "_final_progress",
        lambda *arguments: finals.append(measured(*arguments)) or finals[-1],
    )
    failed = replay_elsewhere(episode, ("front",), 32)
    assert failed is not None
    assert failed["front"].shape == episode.frames("front").shape
    assert finals[-1] < 0.5
    assert min(finals[:-1], default=1.0) >= 0.5


def test_what_is_not_known_exactly_are_not_shown_again(episode: Episode) -> None:
    def changed(**changes: object) -> Episode:
        other = Episode(episode.path, episode.id)
        other.__dict__["metadata"] = json.loads(json.dumps(episode.metadata)) | changes
        return other

    others = [
        changed(simulator={"name": "mujoco", "model": "0" * 64 + ".xml"}),
        changed(simulator={"name": "another", "model": "0" * 64 + ".xml"}),
        changed(simulator=None),
        changed(steps=None),
    ]
    for other in others:
        assert render_again(other, ("front",), 32) is None
        assert replay_elsewhere(other, ("front",), 32) is None
    unknown_task = changed(task="push in my own simulator")
    assert replay_elsewhere(unknown_task, ("front",), 32) is None
    assert render_again(unknown_task, ("front",), 32) is not None


def test_stored_states_may_be_read_only() -> None:
    env = tcn_robot.envs.make_task("MujocoReach-v0")
    env.reset(seed=0)
    state = env.unwrapped.get_state()
    state.flags.writeable = False
    env.unwrapped.set_state(state)
    np.testing.assert_array_equal(env.unwrapped.get_state(), state)
    env.close()
