"""What upsets a reward: another body, a covered picture, a moved camera, another light."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.audit.material import Material, Rated
from tcn_robot.audit.rollouts import Rollout, held, moment_at, moving_steps
from tcn_robot.audit.scoring import area_under_curve, last_reward
from tcn_robot.audit.stage import STILL
from tcn_robot.audit.verdicts import ROBUST, Finding, decided, not_applicable
from tcn_robot.envs.looks import LookDrawer
from tcn_robot.errors import UserError
from tcn_robot.metrics import value_order_correlation

# Weaker than for the reward's own films: it may get worse, but must still lead the right way.
LEAST_ORDER = 0.5
LEAST_AREA = 0.8
MOST_EPISODES = 4
# A quarter of the picture's sides: a hand or a cup before the lens.
PATCH_SHARE = 0.25
PATCH_GREY = 127
# For environments that cannot be lit or filmed anew.
SHIFT_SHARE = 0.05
BRIGHTNESS, CONTRAST, WARMTH = (0.75, 1.25), (0.8, 1.2), (0.9, 1.1)
OTHER_BODIES = {"robot": "hand", "kuka": "hand", "hand": "robot", "tongs": "robot"}


def occlusion(material: Material) -> Finding:
    """Cover a square of a quarter of the picture's side with grey, elsewhere in each episode."""

    def cover(rollout: Rollout) -> Rollout:
        generator = material.stage.generator("occlusion", rollout.start_seed)
        return _edited(rollout, "occlusion", lambda film: covered(film, generator))

    return _upset("occlusion", material, cover, "a covered patch")


def covered(
    frames: NDArray[np.uint8], generator: np.random.Generator, share: float = PATCH_SHARE
) -> NDArray[np.uint8]:
    """Return frames (N, H, W, 3) with one grey square at a place drawn for all of them."""
    height, width = frames.shape[1:3]
    side = max(1, round(share * min(height, width)))
    top = int(generator.integers(0, height - side + 1))
    left = int(generator.integers(0, width - side + 1))
    changed = frames.copy()
    changed[:, top : top + side, left : left + side] = PATCH_GREY
    return changed


def camera(material: Material) -> Finding:
    """Move the cameras, as far as recordings with `--randomise camera` do."""
    return _look(material, "camera", lambda film, generator: shifted(film, generator))


def light(material: Material) -> Finding:
    """Change the light, as far as recordings with `--randomise light` do."""
    return _look(material, "light", lambda film, generator: relit(film, generator))


def shifted(
    frames: NDArray[np.uint8], generator: np.random.Generator, share: float = SHIFT_SHARE
) -> NDArray[np.uint8]:
    """Return frames (N, H, W, 3) moved by a share of their sides; the border is repeated."""
    height, width = frames.shape[1:3]
    down, right = (
        round(sign * share * side)
        for sign, side in zip(generator.choice([-1, 1], 2), (height, width), strict=True)
    )
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return frames[:, rows][:, :, columns]


def relit(frames: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return frames (N, H, W, 3) of another brightness, contrast and warmth, drawn for all."""
    brightness, contrast = generator.uniform(*BRIGHTNESS), generator.uniform(*CONTRAST)
    warmth = generator.uniform(*WARMTH)
    tint = np.array([warmth, 1.0, 1.0 / warmth])
    changed = ((frames.astype(np.float32) - 127.5) * contrast + 127.5) * brightness * tint
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def unseen_body(material: Material) -> Finding:
    """Let another body do the task, stop half-way and stand still."""
    if material.demonstrated or not material.stage.has_things:
        return not_applicable("body", ROBUST, "only tasks of tcn_robot's own have other bodies")
    acting = str(material.stage.env.embodiment)
    other = OTHER_BODIES.get(acting)
    if other is None or other not in material.stage.env.embodiments:
        return not_applicable("body", ROBUST, f"there is no other body than {acting}")
    stage = material.stage.with_body(other)
    good, bad = [], []
    for success in material.successes[:MOST_EPISODES]:
        played = stage.play("expert", success.rollout.start_seed)
        if played.success is False:
            continue
        half = played.index[: moment_at(played, 0.5) + 1]
        good.append(material.rate(played))
        bad.append(material.rate(played.shown("stop", held(half, len(played)))))
        bad.append(material.rate(stage.play(STILL, success.rollout.start_seed)))
    if not good:
        return not_applicable("body", ROBUST, f"the expert does not succeed with {other}")
    return _judged("body", material, good, bad, f"the {other} instead of the {acting}")


def _look(
    material: Material,
    name: str,
    edit: Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]],
) -> Finding:
    """Return the finding for another look: rendered where that can be, else an edited picture."""
    drawer = _drawer(material)

    def change(rollout: Rollout) -> Rollout:
        generator = material.stage.generator(name, rollout.start_seed)
        if drawer is None or rollout.states is None:
            return _edited(rollout, name, lambda film: edit(film, generator))
        recorded: dict[str, Any] = dict(rollout.infos[0].get("randomisation") or {})
        drawn = drawer.draw(recorded, (name,), False, generator)
        return material.stage.replay(rollout, name, look=drawn)

    words = {"camera": "moved cameras", "light": "another light"}[name]
    how = "rendered again" if drawer else "pictures edited"
    return _upset(name, material, change, f"{words} ({how})")


def _drawer(material: Material) -> LookDrawer | None:
    stage = material.stage
    if material.demonstrated or not stage.has_things:
        return None
    try:
        return LookDrawer(stage.task.rpartition(":")[2], str(stage.env.embodiment))
    except UserError:  # a task from elsewhere that is built like ours
        return None


def _edited(
    rollout: Rollout, kind: str, edit: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
) -> Rollout:
    return rollout.pictured(kind, {view: edit(film) for view, film in rollout.frames.items()})


def _upset(
    probe: str, material: Material, change: Callable[[Rollout], Rollout], what: str
) -> Finding:
    """Return the finding for successes and failures that are changed in the same way."""
    if not material.failures:
        return not_applicable(probe, ROBUST, "the task has no behaviour that fails")
    good = [material.rate(change(one.rollout)) for one in material.successes[:MOST_EPISODES]]
    chosen = np.linspace(0, len(material.failures) - 1, 2 * MOST_EPISODES).round().astype(int)
    bad = [
        material.rate(change(material.failures[index].rollout))
        for index in dict.fromkeys(chosen.tolist())
    ]
    return _judged(probe, material, good, bad, what)


def _judged(
    probe: str, material: Material, good: list[Rated], bad: list[Rated], what: str
) -> Finding:
    values = [value_order_correlation(one.rewards[: moving_steps(one.rollout)]) for one in good]
    rising = float(np.mean(values))
    area = area_under_curve(
        [last_reward(one.rewards) for one in good], [last_reward(one.rewards) for one in bad]
    )
    before = float(np.mean([last_reward(one.rewards) for one in material.successes]))
    after = float(np.mean([last_reward(one.rewards) for one in good]))
    worst = good[int(np.argmin(values))]
    return Finding(
        probe,
        ROBUST,
        decided(rising >= LEAST_ORDER and area >= LEAST_AREA),
        f"with {what} the order is followed with {rising:.2f}, and a success ends above a failure "
        f"with chance {area:.2f}",
        {
            "voc": rising,
            "auc_last": area,
            "end_before": before,
            "end_after": after,
            "episodes": len(good),
            "failures": len(bad),
        },
        {"least_order": LEAST_ORDER, "least_area": LEAST_AREA},
        exhibits=(worst.exhibit(what),),
    )
