"""Evidence made up in the shapes the real parts have, for tests of figures and page."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcn_robot.report.audit_evidence import AuditEvidence
from tcn_robot.report.evidence import (
    EmbeddingPlane,
    Evidence,
    Retrieval,
    RewardTrace,
    Similarity,
    Stage,
    Strip,
    Track,
    TrainingCurve,
)
from tcn_robot.report.media import Film, encode_film
from tcn_robot.report.policy_evidence import GivenAudit, PolicyRun, SuccessCurve

VIEWS = ("front", "left", "right")
AUDIT_RECORD: dict[str, Any] = {
    "schema_version": 1, "complete": True, "score": 0.48, "accepted": False,
    "not_tried": ["order", "adversary"],
    "settings": {"episodes": 6, "adversary_rollouts": 240, "seed": 0},
    "notes": ["The expert <failed> once."],
    "task": "tcn_robot/MujocoPush-v0", "reward": "progress", "views": ["front"],
    "encoder": "push-tcn", "demos": "push", "reward_options": {"gate": "heavy"},
    "encoder_sha256": "0" * 64, "horizon": 80, "asked": ["separation"], "embodiment": "robot",
    "given": {"horizon": 40, "probes": ["order", "loop"]},
    "versions": {"python": "3.11"}, "commit": "abc", "machine": {},
    "probes": {
        "separation": {
            "probe": "separation", "family": "tells", "verdict": "pass", "reason": "apart",
            "figures": {"auc_return": 1.0, "auc_last": 0.97, "auc_last_interval": [0.9, 1.0]},
            "thresholds": {"least_area": 0.9}, "excess": None,
        },
        "thrown": {
            "probe": "thrown", "family": "cheat", "verdict": "fail", "reason": "it pays",
            "figures": {"share": 0.9}, "excess": 0.7,
            "thresholds": {"most_excess": 0.6, "most_share": 0.9},
        },
        "light": {
            "probe": "light", "family": "robust", "verdict": "not applicable", "reason": "dark",
            "figures": {}, "thresholds": {}, "excess": None,
        },
    },
}  # fmt: skip


def moving_square(length: int, size_px: int = 64, hue: int = 0) -> np.ndarray:
    """Film a square that crosses the picture: uint8 (length, size_px, size_px, 3)."""
    frames = np.full((length, size_px, size_px, 3), 60 + 30 * hue, np.uint8)
    side = size_px // 5
    for index in range(length):
        left = round(index / max(1, length - 1) * (size_px - side))
        top = size_px // 2 + 4 * hue
        frames[index, top : top + side, left : left + side] = (220, 120 - 30 * hue, 40 + 60 * hue)
    return frames


def alignment() -> dict[str, object]:
    """Return figures in the shape of `tcn-robot bench alignment`."""

    def row(error: float, accuracy: float, tau_a: float, tau_b: float) -> dict[str, object]:
        values = {"error": error, "accuracy_1": accuracy, "tau_a": tau_a, "tau_b": tau_b}
        spans = {f"{name}_interval": [0.9 * v, 1.1 * v] for name, v in values.items()}
        return {**values, **spans}

    return {
        "trained": row(0.013, 0.84, 0.91, 0.93),
        "untrained": row(0.31, 0.07, 0.12, 0.13),
        "collapsed": row(0.333, 0.04, 0.0, 0.0),
        "frame_counter": row(0.0, 1.0, 0.97, 0.98),
        "chance": row(0.333, 0.04, 0.0, 0.0),
        "ceiling": {"accuracy_1": 0.92},
        "episodes": 20,
        "views": list(VIEWS),
    }


def tracks(generator: np.random.Generator, spread: float) -> list[Track]:
    """Return two episodes from every view along an arc, `spread` apart."""
    found = []
    for episode in ("episode 0", "episode 1"):
        for view in VIEWS:
            share = np.linspace(0, 1, 50)
            arc = np.stack([np.cos(3 * share), np.sin(3 * share)], axis=1)
            noise = generator.normal(scale=0.03, size=arc.shape)
            found.append(
                Track(episode, view, arc + noise + spread * generator.normal(size=2), share)
            )
    return found


def reward_traces() -> list[RewardTrace]:
    """Return a success, a failure and play."""
    times = np.arange(60) / 10.0
    shapes = {
        "Success": np.clip(times / 5, 0, 1),
        "Failure": 0.15 * np.sin(times) ** 2,
        "Play": 0.2 + 0.15 * np.sin(2 * times),
    }
    return [
        RewardTrace(
            name, f"a made-up {name.lower()}.", times, reward.astype(np.float32),
            moving_square(60)[[0, 15, 30, 45, 59]],
        )
        for name, reward in shapes.items()
    ]  # fmt: skip


def similarity_matrix(width_frames: float) -> np.ndarray:
    """Return a (50, 50) matrix with a diagonal of some width."""
    index = np.arange(50)
    return np.exp(-(((index[:, None] - index[None]) / width_frames) ** 2))


def curve_of(success: np.ndarray, steps: np.ndarray, starts: int = 20) -> SuccessCurve:
    """Return a curve with an interval of 10 % to either side of the mean of its seeds."""
    middle = success.mean(axis=0)
    interval = np.clip(np.stack([middle - 0.1, middle + 0.1], axis=1), 0, 1)
    return SuccessCurve(steps, success, middle, interval, starts)


def figures(success: float, seeds: int = 3) -> dict[str, Any]:
    """Return the final figures of a run whose seeds are all alike."""
    low, high = max(0.0, success - 0.05), min(1.0, success + 0.05)
    return {
        "success": success, "success_interval": (low, high), "success_any": success,
        "success_per_seed": [success] * seeds, "starts": 50, "steps": 60000, "seeds": seeds,
        "seed_numbers": list(range(seeds)), "iqm": (success, (low, high) if low < high else None),
        "true_return": (40 * success, (30 * success, 50 * success)), "minutes": 8.04,
        "steps_to_success": "30,000 (3 of 3)" if success > 0.8 else "–",
    }  # fmt: skip


def policy_runs(films: dict[str, Film] | None = None) -> list[PolicyRun]:
    """Return a learned reward that rises and a sparse one that does not, three seeds each."""
    steps = np.arange(0, 60_001, 5_000)
    rise = np.clip((steps - 15_000) / 30_000, 0, 0.95)
    learned = np.stack([np.clip(rise + shift, 0, 1) for shift in (-0.1, 0.0, 0.05)])
    curves = {"progress": learned, "sparse": np.zeros((3, len(steps)))}
    return [
        PolicyRun(
            reward, "MujocoPush-v0", reward, f"runs/{reward}", figures=figures(success),
            curve=curve_of(curves[reward], steps), films=films or {},
            options={"task": "MujocoPush-v0", "reward": reward}, config={"algo": "sac"},
            command=f"tcn-robot imitate MujocoPush-v0 --reward {reward}",
        )
        for reward, success in (("progress", 0.92), ("sparse", 0.0))
    ]  # fmt: skip


def stages() -> list[Stage]:
    """Return stages of which the last two ran side by side."""
    return [
        Stage("record demos", "tcn-robot record MujocoPush --out data/demos", 20, 400, 0),
        Stage("train", "tcn-robot train data/demos --out encoder", 280, 2100, 20),
        Stage(
            "imitate, progress", "tcn-robot imitate MujocoPush --reward progress", 700, 1200, 300
        ),
        Stage("imitate, sparse", "tcn-robot imitate MujocoPush --reward sparse", 400, 900, 300),
    ]


def full_evidence() -> Evidence:
    """Return evidence for every section."""
    generator = np.random.default_rng(0)
    length = 50
    films = {view: moving_square(length, hue=hue) for hue, view in enumerate(VIEWS)}
    seconds = np.arange(length) / 10.0
    picked = np.linspace(0, length - 1, 8).astype(int)
    found = np.clip(np.arange(length) + generator.integers(-1, 2, length), 0, length - 1)
    policy_films = {view: encode_film(frames, 10) for view, frames in films.items()}
    return Evidence(
        task="tcn_robot/MujocoPush-v0",
        sources=["runs/demo"],
        strip=Strip(
            "held-out episode 0", seconds[picked], {v: f[picked] for v, f in films.items()}
        ),
        retrieval=Retrieval(
            "Held-out episode 0", "front", "left", films["front"], films["left"], found,
            generator.integers(0, length, length), seconds, seconds,
        ),
        similarity=Similarity(
            "held-out episode 0", "front", "left", seconds, seconds,
            {"trained": similarity_matrix(4), "untrained": similarity_matrix(40)},
        ),
        planes=[
            EmbeddingPlane("trained", tracks(generator, 0.02), ("PC 1 (61 %)", "PC 2 (20 %)")),
            EmbeddingPlane("untrained", tracks(generator, 0.8), ("PC 1 (70 %)", "PC 2 (10 %)")),
        ],
        alignment=alignment(),
        training=TrainingCurve(
            np.arange(0, 1500, 10), 4 * np.exp(-np.arange(150) / 40) + 0.4,
            np.arange(0, 1501, 250), np.array([0.31, 0.1, 0.05, 0.03, 0.02, 0.015, 0.013]),
        ),
        rewards=reward_traces(),
        runs=policy_runs(policy_films),
        audits=[GivenAudit(AuditEvidence(AUDIT_RECORD, {"thrown": "does it pay?"}), "audit.json")],
        stages=stages(),
        versions={"python": "3.11.2", "torch": "2.13.0", "mujoco": "3.3.0", "numpy": "2.2.0"},
        recordings={"demos": {"episodes": 16, "frames": 800, "views": list(VIEWS)}},
        seed=0,
    )  # fmt: skip
