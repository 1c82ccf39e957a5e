"""How large a demo is, who shows the task in it, and where its parts lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

REPORT_FILE = "report.html"
SUMMARY_FILE = "summary.json"
STAGES_FOLDER = "stages"


@dataclass(frozen=True)
class HandFilms:
    """What is filmed when a hand shows the task and the robot only plays, in episodes.

    Attributes:
        drawn_demonstrations: By the hand, each in a look of its own, as all that are drawn.
        drawn_calibration: The same, to measure the encoder with while it is trained.
        drawn_hand_play: Play of the hand.
        drawn_robot_play: Play of the robot.
    """

    drawn_demonstrations: int = 60
    drawn_calibration: int = 8
    drawn_hand_play: int = 40
    drawn_robot_play: int = 60


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
        play_episodes: Long episodes without a goal, of each body that is filmed.
        hand: What is filmed besides when a hand shows the task, None: the robot shows it itself.
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
    hand: HandFilms | None = None


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
HAND = DemoConfig(
    demonstrations=40,
    calibration_demonstrations=10,
    play_episodes=60,
    train_steps=1500,
    policy_steps=40_000,
    hand=HandFilms(),
)
QUICK_HAND = replace(QUICK, hand=HandFilms(3, 2, 2, 2))


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

    def drawn(self, what: str) -> Path:
        """Films in looks of their own, by what they show."""
        return self.out / "recordings" / f"drawn_{what}"

    @property
    def hand_play(self) -> Path:
        """Play of the hand; `play` is then that of the robot."""
        return self.out / "recordings" / "hand_play"

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
