"""What a report shows about a learned reward: a success, a failure and play, frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tcn_robot.report.evidence import Evidence, RewardTrace
from tcn_robot.workflows.report_embedding import ShownEpisode
from tcn_robot.workflows.report_replay import render_again, replay_elsewhere
from tcn_robot.workflows.report_sources import Sources, read_json

if TYPE_CHECKING:
    from tcn_robot.recordings import Episode
    from tcn_robot.rewards import Reward

THUMBNAILS = 5
THUMBNAIL_PX = 128
MOST_SCORED = 20
KNOWN_TO_THE_REWARD = {
    "test": "seen by neither encoder nor reward before",
    "valid": "which the reward was calibrated with",
    "train": "which the reward was fitted to",
}


def add_rewards(evidence: Evidence, sources: Sources, shown: list[ShownEpisode]) -> None:
    """Add the reward along three episodes, and in words its figures over more of them."""
    found = _fitted(sources)
    if found is None:
        evidence.missing.append(
            "The reward along an episode: no fitted reward was found; `tcn-robot imitate` with a "
            "learned reward makes one."
        )
        return
    reward, views = found
    one = next((one for one in shown if one.episode.success is not False), None)
    if one is None:
        return
    words = f"{one.name}, {KNOWN_TO_THE_REWARD[one.episode.split]}."
    evidence.rewards.append(_trace(reward, views, "Success", words, one.episode))
    failure = _failure(reward, views, one.episode)
    if failure is not None:
        evidence.rewards.append(failure)
    else:
        evidence.missing.append(
            "The reward along a failure: the recorded task cannot be simulated again here."
        )
    play = _play(sources)
    if play:
        words = "moves without a goal, known to the encoder but not to the reward."
        evidence.rewards.append(_trace(reward, views, "Play", words, play[0]))
    evidence.reward_note = _note(reward, views, sources, play)


def _fitted(sources: Sources) -> tuple[Reward, tuple[str, ...]] | None:
    """Return the reward of the first policy run that has one, with the views it looks through."""
    from tcn_robot.rewards import load_reward

    for run in sources.policies:
        folder = run / "reward"
        if folder.is_dir():
            return load_reward(folder), tuple(read_json(run / "config.json")["views"])
    return None


def _frames(episode: Episode, views: tuple[str, ...]) -> dict[str, np.ndarray]:
    return {view: episode.frames(view) for view in views}


def _thumbnails(pictures: np.ndarray) -> np.ndarray:
    return pictures[np.linspace(0, len(pictures) - 1, THUMBNAILS).round().astype(int)]


def _trace(
    reward: Reward, views: tuple[str, ...], title: str, explanation: str, episode: Episode
) -> RewardTrace:
    frames = _frames(episode, views)
    view = views[0]
    larger = render_again(episode, (view,), THUMBNAIL_PX)
    seconds = episode.timestamps(view)
    return RewardTrace(
        title, explanation, seconds - seconds[0], reward.score_episode(frames),
        _thumbnails((larger or frames)[view]),
    )  # fmt: skip


def _failure(reward: Reward, views: tuple[str, ...], success: Episode) -> RewardTrace | None:
    """Return what the reward says when the actions of a success leave the object behind."""
    size_px = success.frames(views[0]).shape[1]
    frames = replay_elsewhere(success, views, size_px)
    if frames is None:
        return None
    seconds = success.timestamps(views[0])
    return RewardTrace(
        "Failure",
        "the actions of that success repeated blindly from another start, where they miss.",
        seconds - seconds[0], reward.score_episode(frames), _thumbnails(frames[views[0]]),
    )  # fmt: skip


def _episodes(dataset: Path | None) -> list[Episode]:
    from tcn_robot.recordings import open_recording

    return list(open_recording(dataset))[:MOST_SCORED] if dataset else []


def _play(sources: Sources) -> list[Episode]:
    datasets = [sources.play] if sources.play else sources.recordings
    episodes = [episode for path in datasets for episode in _episodes(path)]
    return [episode for episode in episodes if episode.metadata.get("policy") == "play"]


def _note(reward: Reward, views: tuple[str, ...], sources: Sources, play: list[Episode]) -> str:
    """Say what the reward gives to more episodes than are drawn."""
    parts = []
    held_out = [
        episode
        for path in sources.recordings
        for episode in _episodes(path)
        if episode.split == "test" and episode.success
    ]
    if held_out:
        last = [float(reward.score_episode(_frames(one, views))[-1]) for one in held_out]
        parts.append(
            f"last frame of {len(last)} held-out successes {np.mean(last):.2f} on average "
            f"(lowest {min(last):.2f})"
        )
    if play:
        scores = [reward.score_episode(_frames(one, views)) for one in play]
        everything = np.concatenate(scores)
        parts.append(
            f"{len(everything):,} frames of play {everything.mean():.2f} on average "
            f"(highest {everything.max():.2f})"
        )
    return f"Over more episodes: {'; '.join(parts)}." if parts else ""
