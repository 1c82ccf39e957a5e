"""Stages of the demo that film, and the one that trains on the films."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcn_robot.recordings.format import read_json
from tcn_robot.workflows.demo_config import DemoConfig, DemoFolders, HandFilms
from tcn_robot.workflows.stages import Stage

# What an encoder of hand and robot is trained with: docs/hand_to_robot.md.
LOOKS = ("--randomise", "all", "--moving-cameras")
OPTIONS_FOR_TWO_BODIES = (
    *("--target-width-seconds", "1"),
    *("--window-area-min", "0.7", "--window-area-max", "1.4", "--window-aspect", "1.2"),
    *("--rotation-degrees", "10", "--hidden", "256", "--map-channels", "16"),
    *("--average-decay", "0.99"),
)


@dataclass(frozen=True)
class Filming:
    """One dataset, or one split of it.

    Attributes:
        name: Of the stage, after "record-".
        purpose: What it is for, in words.
        out: The dataset.
        episodes: How many.
        policy: "expert" or "play".
        split: "train", "valid" or "test".
        seed: Of the starts.
        options: Further options of `tcn-robot record`.
    """

    name: str
    purpose: str
    out: Path
    episodes: int
    policy: str
    split: str
    seed: int
    options: tuple[str, ...] = ()


def record_stages(config: DemoConfig, folders: DemoFolders, seed: int) -> list[Stage]:
    """Return the stages that film, in order."""
    filmed = _by_robot(config, folders, seed)
    if config.hand is not None:
        filmed = _by_hand(config, config.hand, folders, seed)
    held_out = Filming(
        "held-out", "demonstrations that nothing is trained on, to measure with",
        folders.held_out, config.held_out_episodes, "expert", "test", seed + 1,
    )  # fmt: skip
    return [_record_stage(config, one) for one in (*filmed, held_out)]


def _by_robot(config: DemoConfig, folders: DemoFolders, seed: int) -> list[Filming]:
    return [
        Filming(
            "demonstrations", "an expert shows the task in front of several cameras",
            folders.demonstrations, config.demonstrations, "expert", "train", seed,
        ),
        Filming(
            "calibration", "a few more, withheld from the encoder, to calibrate the reward",
            folders.demonstrations, config.calibration_demonstrations, "expert", "valid", seed,
        ),
        Filming(
            "play", "the robot plays about without a goal",
            folders.play, config.play_episodes, "play", "train", seed + 2,
        ),
    ]  # fmt: skip


def _by_hand(
    config: DemoConfig, films: HandFilms, folders: DemoFolders, seed: int
) -> list[Filming]:
    hand = ("--embodiment", "hand")
    return [
        Filming(
            "demonstrations", "a hand shows the task in front of several cameras",
            folders.demonstrations, config.demonstrations, "expert", "train", seed, hand,
        ),
        Filming(
            "calibration", "a few more, withheld from the encoder, to calibrate the reward",
            folders.demonstrations, config.calibration_demonstrations, "expert", "valid", seed,
            hand,
        ),
        Filming(
            "hand-play", "the hand plays about without a goal",
            folders.hand_play, config.play_episodes, "play", "train", seed + 2, hand,
        ),
        Filming(
            "play", "the robot plays about, too; it never does the task",
            folders.play, config.play_episodes, "play", "train", seed + 3,
        ),
        Filming(
            "drawn-demonstrations", "the hand again, each film in a look of its own",
            folders.drawn("demonstrations"), films.drawn_demonstrations, "expert", "train",
            seed + 20, (*hand, *LOOKS),
        ),
        Filming(
            "drawn-calibration", "a few more of these, to measure with in training",
            folders.drawn("demonstrations"), films.drawn_calibration, "expert", "valid",
            seed + 20, (*hand, *LOOKS),
        ),
        Filming(
            "drawn-hand-play", "the hand plays, each film in a look of its own",
            folders.drawn("hand_play"), films.drawn_hand_play, "play", "train",
            seed + 22, (*hand, *LOOKS),
        ),
        Filming(
            "drawn-play", "the robot plays, each film in a look of its own",
            folders.drawn("play"), films.drawn_robot_play, "play", "train", seed + 23, LOOKS,
        ),
    ]  # fmt: skip


def _record_stage(config: DemoConfig, filming: Filming) -> Stage:
    arguments = (
        *("record", config.task, "--out", str(filming.out), "--episodes", str(filming.episodes)),
        *("--policy", filming.policy, "--split", filming.split, "--views", *config.views),
        *("--size", str(config.image_size_px), "--seed", str(filming.seed)),
        *("--workers", str(config.record_workers), *filming.options),
    )
    asked = {"episodes": filming.episodes, "policy": filming.policy, "split": filming.split}
    return Stage(
        f"record-{filming.name}", filming.purpose, arguments, filming.out / "dataset.json",
        _last_request(filming.out, asked),
    )  # fmt: skip


def _last_request(dataset: Path, asked: dict[str, Any]) -> Callable[[], bool]:
    """Return a question: was this what the dataset was last asked for?"""

    def is_last() -> bool:
        path = dataset / "request.json"
        if not path.is_file():
            return False
        request = read_json(path)
        return all(request.get(name) == value for name, value in asked.items())

    return is_last


def train_stage(config: DemoConfig, folders: DemoFolders, seed: int) -> Stage:
    """Return the stage that trains the encoder."""
    films = [folders.demonstrations, folders.play]
    options: tuple[str, ...] = ("--negatives", "all")
    if config.hand is not None:
        films = [folders.drawn(what) for what in ("demonstrations", "hand_play", "play")]
        options = OPTIONS_FOR_TWO_BODIES
    arguments = (
        *("train", *map(str, films)),
        *("--objective", "tcn", "--out", str(folders.embedding)),
        *("--steps", str(config.train_steps), "--image-size-px", str(config.image_size_px)),
        *options,
        *("--seed", str(seed)),
    )
    return Stage(
        "train", "the encoder learns, from the films alone, what is the same in every view",
        arguments, folders.embedding / "encoder", (folders.embedding / "config.json").is_file,
    )  # fmt: skip


def learned_reward_options(config: DemoConfig, folders: DemoFolders) -> tuple[str, ...]:
    """Return what `tcn-robot imitate` needs for a reward made from the films."""
    play = ("--play", str(folders.hand_play), str(folders.play)) if config.hand else ()
    return (
        *("--encoder", str(folders.embedding), "--demos", str(folders.demonstrations)),
        *play,
        *("--views", *config.reward_views),
    )
