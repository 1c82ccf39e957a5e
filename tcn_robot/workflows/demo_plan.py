"""What the demo does: its parameters, its folders, its commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tcn_robot.atomic import write_text_atomically
from tcn_robot.errors import UserError
from tcn_robot.recordings.format import read_json
from tcn_robot.workflows.stages import Stage

SCHEMA_VERSION = 1
DEMO_FILE = "demo.json"
REPORT_FILE = "report.html"
SUMMARY_FILE = "summary.json"
STAGES_FOLDER = "stages"


@dataclass(frozen=True)
class DemoConfig:
    """How large the demo is.

    Attributes:
        task: Which task is learned.
        views: Cameras that are recorded.
        image_size_px: Side of the recorded films and of what the encoder sees.
        demonstrations: Expert episodes to learn from.
        calibration_demonstrations: Expert episodes that the encoder is not trained on; they
            calibrate the reward.
        play_episodes: Long episodes without a goal.
        held_out_episodes: Expert episodes for the benchmark only, from another seed.
        record_workers: Processes that record.
        train_steps: Optimisation steps of the encoder.
        reward: The learned reward.
        baseline: The task's own reward to compare with.
        reward_views: Cameras that the learned reward looks through.
        policy_steps: Control steps of each policy.
        policy_seeds: Policies per reward.
        evaluation_interval_steps: Control steps between evaluations.
        evaluation_starts: Held-out starts per evaluation while learning.
        final_starts: Held-out starts at the end.
    """

    task: str = "tcn_robot/MujocoPush-v0"
    views: tuple[str, ...] = ("front", "left", "right")
    image_size_px: int = 64
    demonstrations: int = 16
    calibration_demonstrations: int = 4
    play_episodes: int = 80
    held_out_episodes: int = 20
    record_workers: int = 2
    train_steps: int = 600
    reward: str = "progress"
    baseline: str = "sparse"
    reward_views: tuple[str, ...] = ("front", "left")
    policy_steps: int = 20_000
    policy_seeds: tuple[int, ...] = (0,)
    evaluation_interval_steps: int = 5000
    evaluation_starts: int = 20
    final_starts: int = 50


FULL = DemoConfig()
QUICK = DemoConfig(
    demonstrations=4,
    calibration_demonstrations=2,
    play_episodes=2,
    held_out_episodes=3,
    train_steps=40,
    reward_views=("front",),
    policy_steps=1600,
    evaluation_interval_steps=640,
    evaluation_starts=4,
    final_starts=6,
)


@dataclass(frozen=True)
class DemoFolders:
    """Where the parts of a demo lie."""

    out: Path

    @property
    def demonstrations(self) -> Path:
        """Expert episodes, splits train and valid."""
        return self.out / "recordings" / "demonstrations"

    @property
    def play(self) -> Path:
        """Play."""
        return self.out / "recordings" / "play"

    @property
    def held_out(self) -> Path:
        """Expert episodes of split test."""
        return self.out / "recordings" / "held_out"

    @property
    def embedding(self) -> Path:
        """The training run."""
        return self.out / "embedding"

    @property
    def alignment(self) -> Path:
        """Figures of the benchmark."""
        return self.out / "alignment.json"

    def policy(self, reward: str) -> Path:
        """The policy run of a reward."""
        return self.out / f"policy_{reward}"

    @property
    def report(self) -> Path:
        """The page."""
        return self.out / REPORT_FILE

    @property
    def summary(self) -> Path:
        """The figures of everything, for programs."""
        return self.out / SUMMARY_FILE

    @property
    def stages(self) -> Path:
        """What each stage cost."""
        return self.out / STAGES_FOLDER


def plan(config: DemoConfig, out: Path, seed: int) -> list[list[Stage]]:
    """Return the stages in order; those of one inner list run side by side."""
    folders = DemoFolders(out)
    policies = [
        _imitate_stage(config, folders, reward, seed) for reward in (config.reward, config.baseline)
    ]
    return [
        *([stage] for stage in _record_stages(config, folders, seed)),
        [_train_stage(config, folders, seed)],
        [_bench_stage(folders, seed)],
        policies,
        [_report_stage(folders)],
    ]


def _record_stages(config: DemoConfig, folders: DemoFolders, seed: int) -> list[Stage]:
    def stage(
        name: str, purpose: str, out: Path, episodes: int, policy: str, split: str, seed: int
    ) -> Stage:
        arguments = (
            *("record", config.task, "--out", str(out), "--episodes", str(episodes)),
            *("--policy", policy, "--split", split, "--views", *config.views),
            *("--size", str(config.image_size_px), "--seed", str(seed)),
            *("--workers", str(config.record_workers)),
        )
        asked = {"episodes": episodes, "policy": policy, "split": split}
        return Stage(name, purpose, arguments, out / "dataset.json", _last_request(out, asked))

    return [
        stage(
            "record-demonstrations", "an expert shows the task in front of several cameras",
            folders.demonstrations, config.demonstrations, "expert", "train", seed,
        ),
        stage(
            "record-calibration", "a few more, withheld from the encoder, to calibrate the reward",
            folders.demonstrations, config.calibration_demonstrations, "expert", "valid", seed,
        ),
        stage(
            "record-play", "the robot plays about without a goal",
            folders.play, config.play_episodes, "play", "train", seed + 2,
        ),
        stage(
            "record-held-out", "demonstrations that nothing is trained on, to measure with",
            folders.held_out, config.held_out_episodes, "expert", "test", seed + 1,
        ),
    ]  # fmt: skip


def _last_request(dataset: Path, asked: dict[str, Any]) -> Callable[[], bool]:
    """Return a question: was this what the dataset was last asked for?"""

    def is_last() -> bool:
        path = dataset / "request.json"
        if not path.is_file():
            return False
        request = read_json(path)
        return all(request.get(name) == value for name, value in asked.items())

    return is_last


def _train_stage(config: DemoConfig, folders: DemoFolders, seed: int) -> Stage:
    arguments = (
        *("train", str(folders.demonstrations), str(folders.play)),
        *("--objective", "tcn", "--out", str(folders.embedding)),
        *("--steps", str(config.train_steps), "--image-size-px", str(config.image_size_px)),
        *("--negatives", "all"),
        *("--seed", str(seed)),
    )
    return Stage(
        "train", "the encoder learns, from the films alone, what is the same in every view",
        arguments, folders.embedding / "encoder", (folders.embedding / "config.json").is_file,
    )  # fmt: skip


def _bench_stage(folders: DemoFolders, seed: int) -> Stage:
    arguments = (
        *("bench", "alignment", str(folders.embedding), str(folders.held_out)),
        *("--seed", str(seed), "--out", str(folders.alignment)),
    )
    return Stage(
        "bench", "the embedding is measured on demonstrations it has never seen",
        arguments, folders.alignment,
    )  # fmt: skip


def _imitate_stage(config: DemoConfig, folders: DemoFolders, reward: str, seed: int) -> Stage:
    out = folders.policy(reward)
    learned = (
        *("--encoder", str(folders.embedding), "--demos", str(folders.demonstrations)),
        *("--views", *config.reward_views),
    )
    arguments = (
        *("imitate", config.task, "--reward", reward),
        *(learned if reward == config.reward else ()),
        *("--steps", str(config.policy_steps), "--out", str(out)),
        *("--seeds", *(str(seed + policy_seed) for policy_seed in config.policy_seeds)),
        *("--evaluate-every", str(config.evaluation_interval_steps)),
        *("--evaluation-starts", str(config.evaluation_starts)),
        *("--final-starts", str(config.final_starts), "--workers", "1"),
    )
    purpose = (
        "a policy learns with the reward made from the films"
        if reward == config.reward
        else f"another one learns with the task's own {reward} reward, to compare"
    )
    return Stage(
        f"imitate-{reward}", purpose, arguments, out / "summary.json",
        (out / "config.json").is_file,
    )  # fmt: skip


def _report_stage(folders: DemoFolders) -> Stage:
    arguments = ("report", str(folders.out), "--out", str(folders.report))
    return Stage("report", "all of it on one page", arguments, folders.report)


def start_demo(config: DemoConfig, out: Path, seed: int) -> None:
    """Write down what this demo is, or check that the folder holds the same one.

    Raises:
        UserError: The folder holds something else, or a demo of another size or seed.
    """
    path = out / DEMO_FILE
    described = {
        "schema_version": SCHEMA_VERSION,
        "seed": seed,
        "config": json.loads(json.dumps(asdict(config))),
    }
    if path.is_file():
        if read_json(path) != described:
            raise UserError(
                f"{out} holds a demo of another seed or size; give the same --seed and --quick, "
                "choose another --out, or delete the folder"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and holds no demo; choose another --out")
    write_text_atomically(path, json.dumps(described, indent=2) + "\n")
