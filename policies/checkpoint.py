"""The whole state of a learner on disk, as JSON and safetensors: an interrupted seed goes on.

What a segment of training starts from is here: networks, optimisers, replay buffer and the state
of every random generator. The envs are not: each segment starts with fresh episodes whose seeds
follow from the seed and the step.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.buffers import ReplayBuffer
from torch import Tensor

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.tensors import write_tensors

STATE_SCHEMA_VERSION = 1
BUFFER_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def save_checkpoint(learner: SAC, folder: Path) -> None:
    """Write the learner's state as one atomic folder, replacing the one before."""
    numpy_state = np.random.get_state()  # noqa: NPY002  the replay buffer draws from it
    assert isinstance(numpy_state, tuple)
    buffer = _buffer(learner)
    state = {
        "schema_version": STATE_SCHEMA_VERSION,
        "steps": learner.num_timesteps,
        "updates": learner._n_updates,
        "buffer": {"position": buffer.pos, "full": buffer.full},
        "numpy": {"position": int(numpy_state[2]), "gauss": list(map(float, numpy_state[3:]))},
        "action_space": learner.action_space.np_random.bit_generator.state,
    }
    tensors = _network_tensors(learner) | _optimiser_tensors(learner)
    tensors["random/torch"] = torch.get_rng_state()
    tensors["random/numpy"] = torch.from_numpy(numpy_state[1].astype(np.int64))
    filled = buffer.size()
    for name in BUFFER_ARRAYS:
        tensors[f"buffer/{name}"] = torch.from_numpy(getattr(buffer, name)[:filled])
    with atomic_folder(folder) as partial:
        (partial / "state.json").write_text(json.dumps(state), encoding="utf-8")
        # Shared weights are written twice: safetensors takes no two tensors of one memory.
        copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        write_tensors(partial / "state.safetensors", copies)


def restore_checkpoint(learner: SAC, folder: Path) -> int:
    """Put a saved state into a learner made with the same options; return its control steps.

    Raises:
        UserError: When the state is damaged or belongs to other options.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "state.safetensors")
        _restore(learner, state, tensors)
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"{folder} cannot be continued ({str(error).splitlines()[0]}); "
            "remove that folder to start the seed again"
        ) from error
    return int(state["steps"])


def _restore(learner: SAC, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    buffer = _buffer(learner)
    for name in BUFFER_ARRAYS:
        saved = tensors[f"buffer/{name}"].numpy()
        getattr(buffer, name)[: len(saved)] = saved
    buffer.pos, buffer.full = state["buffer"]["position"], state["buffer"]["full"]
    for name, tensor in _network_tensors(learner).items():
        with torch.no_grad():
            tensor.copy_(tensors[name])
    for prefix, optimiser in _optimisers(learner).items():
        for index, parameter in enumerate(optimiser.param_groups[0]["params"]):
            names = ("step", "exp_avg", "exp_avg_sq")
            if f"{prefix}/{index}/step" in tensors:
                optimiser.state[parameter] = {
                    name: tensors[f"{prefix}/{index}/{name}"].clone() for name in names
                }
    learner.num_timesteps = state["steps"]
    learner._n_updates = state["updates"]
    learner.action_space.np_random.bit_generator.state = state["action_space"]
    torch.set_rng_state(tensors["random/torch"])
    keys = tensors["random/numpy"].numpy().astype(np.uint32)
    has_gauss, gauss = state["numpy"]["gauss"]
    numpy_state = ("MT19937", keys, state["numpy"]["position"], int(has_gauss), gauss)
    np.random.set_state(numpy_state)  # noqa: NPY002


def _buffer(learner: SAC) -> ReplayBuffer:
    assert learner.replay_buffer is not None
    return learner.replay_buffer


def _network_tensors(learner: SAC) -> dict[str, Tensor]:
    tensors = {f"policy/{name}": value for name, value in learner.policy.state_dict().items()}
    if learner.log_ent_coef is not None:
        tensors["log_temperature"] = learner.log_ent_coef
    return tensors


def _optimisers(learner: SAC) -> dict[str, torch.optim.Optimizer]:
    optimisers = {"actor": learner.actor.optimizer, "critic": learner.critic.optimizer}
    if learner.ent_coef_optimizer is not None:
        optimisers["temperature"] = learner.ent_coef_optimizer
    return optimisers


def _optimiser_tensors(learner: SAC) -> dict[str, Tensor]:
    tensors = {}
    for prefix, optimiser in _optimisers(learner).items():
        for index, parameter in enumerate(optimiser.param_groups[0]["params"]):
            for name, value in optimiser.state[parameter].items():
                tensors[f"{prefix}/{index}/{name}"] = value
    return tensors
