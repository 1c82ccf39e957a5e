"""What demonstrators saw and did, out of a dataset, as behaviour cloning needs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from tcn_robot.policies.cloning import Pairs
    from tcn_robot.policies.config import ImitateConfig
    from tcn_robot.policies.seeing import Seeing, Sight
    from tcn_robot.recordings import Episode


def recorded_pairs(config: ImitateConfig, seeing: Seeing) -> tuple[Pairs, Pairs | None]:
    """Return the pairs of split "train", and those of split "valid" if there are any.

    Args:
        config: Options of the run, with its demonstrations.
        seeing: What the policy sees; embeddings are made of the recorded frames.

    Raises:
        UserError: Demonstrations without actions, such as plain films, or without states where
            proprioception has to be made of them.
    """
    fitting, withheld = demonstrations_with_actions(config)
    held_out = _pairs(config, seeing, withheld) if withheld else None
    return _pairs(config, seeing, fitting), held_out


def demonstrations_with_actions(config: ImitateConfig) -> tuple[list[Episode], list[Episode]]:
    """Return the demonstrations of either split, after a look whether they have actions.

    Raises:
        UserError: They show another task, or have no actions.
    """
    from tcn_robot.policies.environments import full_task_id
    from tcn_robot.recordings import open_recording
    from tcn_robot.workflows.learned_reward import check_demos_task, chosen_demos

    assert config.demos is not None
    demos = Path(config.demos)
    check_demos_task(demos, full_task_id(config.task))
    fitting, withheld = chosen_demos(open_recording(demos), config.max_demos)
    for episode in (*fitting, *withheld):
        steps = episode.steps
        if steps is None or not {"action", "observation"} <= set(steps):
            raise UserError(
                f"behaviour cloning needs what the demonstrator did, and episode {episode.id} of "
                f"{demos} has no actions: it is a plain film; name a recording of `tcn-robot "
                "record`, or learn by a reward from films (--reward progress)"
            )
    return fitting, withheld


def _pairs(config: ImitateConfig, seeing: Seeing, episodes: Sequence[Episode]) -> Pairs:
    from tcn_robot.policies.cloning import Pairs

    seen, done = [], []
    for episode in episodes:
        steps: Any = episode.steps
        # The last moment has no action.
        actions = np.asarray(steps["action"][:-1], np.float32)
        if seeing.sight is None:
            observations = np.asarray(steps["observation"], np.float32)
        else:
            observations = _embedded(config, seeing.sight, episode)
        seen.append(observations[: len(actions)])
        done.append(actions)
    return Pairs(np.concatenate(seen), np.concatenate(done))


def _embedded(config: ImitateConfig, sight: Sight, episode: Episode) -> np.ndarray:
    """Return proprioception and embeddings of an episode, float32 (T, P + V * D)."""
    from tcn_robot.policies.environments import make_env
    from tcn_robot.policies.seeing import felt
    from tcn_robot.rewards.frames import embed_views
    from tcn_robot.workflows.shown_demonstrations import load_frames

    steps: Any = episode.steps
    [films] = load_frames([episode], sight.views)
    if "state" not in steps or any(len(film) != len(steps["state"]) for film in films.values()):
        raise UserError(
            f"demonstration {episode.id} does not have a frame and a state for every step, of "
            "which proprioception and embeddings are made; give --observation state"
        )
    env = make_env(config)
    if episode.embodiment not in ("", getattr(env.unwrapped, "embodiment", "")):
        env.close()
        env = make_env(config, embodiment=episode.embodiment)
    own = []
    try:
        env.reset(seed=0)
        for state in steps["state"]:
            env.unwrapped.set_state(np.asarray(state))  # type: ignore[attr-defined]
            own.append(felt(env))
    finally:
        env.close()
    where = f"demonstration {episode.id}"
    seen = sight.scaled(embed_views(sight.encoder, films, sight.views, where))
    return np.concatenate([np.stack(own), seen], axis=1)
