"""The whole state of a learner on disk, as JSON and safetensors: an interrupted seed goes on.

What a segment of training starts from is here: networks with their running statistics, targets,
optimisers, counters of updates, the replay buffer (an on-policy algorithm has none between
rollouts) and the state of every random generator. The envs are not: each segment starts with fresh
episodes whose seeds follow from the seed and the step.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from torch import Tensor

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.policies.algorithms import Algorithm
from tcn_robot.tensors import write_tensors

STATE_SCHEMA_VERSION = 1
BUFFER_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def save_checkpoint(
    algorithm: Algorithm,
    learner: BaseAlgorithm,
    folder: Path,
    seconds: float = 0.0,
    rewards: Sequence[float] = (),
) -> None:
    """Write the learner's state as one atomic folder, replacing the one before.

    Args:
        algorithm: What the learner was made by.
        learner: Between two segments.
        folder: Where to.
        seconds: How long the training took so far.
        rewards: Those of the steps since the last evaluation, for the figures of the next.
    """
    numpy_state = np.random.get_state()  # noqa: NPY002  buffers and noise draw from it
    assert isinstance(numpy_state, tuple)
    state: dict[str, Any] = {
        "schema_version": STATE_SCHEMA_VERSION,
        "steps": learner.num_timesteps,
        "updates": learner._n_updates,
        "seconds": seconds,
        "rewards": list(rewards),
        # A loss of an update that comes seldom is told again until the next.
        "logged": {name: float(value) for name, value in learner.logger.name_to_value.items()},
        "numpy": {"position": int(numpy_state[2]), "gauss": list(map(float, numpy_state[3:]))},
        "action_space": learner.action_space.np_random.bit_generator.state,
    }
    tensors = _learned_tensors(algorithm, learner) | _optimiser_tensors(algorithm, learner)
    tensors["random/torch"] = torch.get_rng_state()
    tensors["random/numpy"] = torch.from_numpy(numpy_state[1].astype(np.int64))
    if (buffer := _replay_buffer(learner)) is not None:
        state["buffer"] = {"position": buffer.pos, "full": buffer.full}
        for name in BUFFER_ARRAYS:
            filled = getattr(buffer, name)[: buffer.size()]
            tensors[f"buffer/{name}"] = torch.from_numpy(filled)
    with atomic_folder(folder) as partial:
        (partial / "state.json").write_text(json.dumps(state), encoding="utf-8")
        # Shared weights are written twice: safetensors takes no two tensors of one memory.
        copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        write_tensors(partial / "state.safetensors", copies)


def restore_checkpoint(algorithm: Algorithm, learner: BaseAlgorithm, folder: Path) -> float:
    """Put a saved state into a learner made with the same options.

    Returns:
        The seconds that the training took so far.

    Raises:
        UserError: When the state is damaged or belongs to other options.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "state.safetensors")
        _restore(algorithm, learner, state, tensors)
        return float(state.get("seconds", 0.0))
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise _not_continued(folder, error) from error


def rewards_since_evaluation(folder: Path) -> list[float]:
    """Return the rewards that `save_checkpoint` was given; none in states from before it was.

    Raises:
        UserError: When the state is damaged.
    """
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        return [float(reward) for reward in state.get("rewards", ())]
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise _not_continued(folder, error) from error


def _not_continued(folder: Path, error: Exception) -> UserError:
    return UserError(
        f"{folder} cannot be continued ({str(error).splitlines()[0]}); "
        "remove that folder to start the seed again"
    )


def _restore(
    algorithm: Algorithm, learner: BaseAlgorithm, state: dict[str, Any], tensors: dict[str, Tensor]
) -> None:
    if state["schema_version"] != STATE_SCHEMA_VERSION:
        raise ValueError(
            f"expected schema version {STATE_SCHEMA_VERSION}, found {state['schema_version']}"
        )
    if (buffer := _replay_buffer(learner)) is not None:
        for name in BUFFER_ARRAYS:
            _restore_rows(getattr(buffer, name), tensors[f"buffer/{name}"].numpy(), name)
        buffer.pos, buffer.full = state["buffer"]["position"], state["buffer"]["full"]
    for name, tensor in _learned_tensors(algorithm, learner).items():
        saved = tensors[name]
        if saved.shape != tensor.shape:  # copying would spread a smaller one without a word
            raise ValueError(f"{name} is {tuple(saved.shape)}, expected {tuple(tensor.shape)}")
        with torch.no_grad():
            tensor.copy_(saved)
    _restore_optimisers(algorithm, learner, tensors)
    learner.logger.name_to_value.update(state.get("logged", {}))
    learner.num_timesteps = state["steps"]
    learner._n_updates = state["updates"]
    learner.action_space.np_random.bit_generator.state = state["action_space"]
    torch.set_rng_state(tensors["random/torch"])
    keys = tensors["random/numpy"].numpy().astype(np.uint32)
    has_gauss, gauss = state["numpy"]["gauss"]
    numpy_state = ("MT19937", keys, state["numpy"]["position"], int(has_gauss), gauss)
    np.random.set_state(numpy_state)  # noqa: NPY002


def _restore_rows(array: np.ndarray, saved: np.ndarray, name: str) -> None:
    if saved.shape[1:] != array.shape[1:] or len(saved) > len(array):
        raise ValueError(f"the buffer's {name} are {saved.shape}, expected {array.shape}")
    array[: len(saved)] = saved


def _restore_optimisers(
    algorithm: Algorithm, learner: BaseAlgorithm, tensors: dict[str, Tensor]
) -> None:
    for prefix, optimiser in algorithm.optimisers(learner).items():
        for index, parameter in enumerate(optimiser.param_groups[0]["params"]):
            begin = f"{prefix}/{index}/"
            kept = {
                name.removeprefix(begin): tensor.clone()
                for name, tensor in tensors.items()
                if name.startswith(begin)
            }
            if kept:
                optimiser.state[parameter] = kept


def _replay_buffer(learner: BaseAlgorithm) -> ReplayBuffer | None:
    return getattr(learner, "replay_buffer", None)


def _learned_tensors(algorithm: Algorithm, learner: BaseAlgorithm) -> dict[str, Tensor]:
    """Return everything that learning changes, buffers of the networks included."""
    tensors = {f"policy/{name}": value for name, value in learner.policy.state_dict().items()}
    return tensors | algorithm.loose_tensors(learner)


def _optimiser_tensors(algorithm: Algorithm, learner: BaseAlgorithm) -> dict[str, Tensor]:
    tensors = {}
    for prefix, optimiser in algorithm.optimisers(learner).items():
        for index, parameter in enumerate(optimiser.param_groups[0]["params"]):
            for name, value in optimiser.state[parameter].items():
                tensors[f"{prefix}/{index}/{name}"] = value
    return tensors
