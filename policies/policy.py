"""The trained policy: a small network, on disk as JSON and safetensors."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.tensors import write_tensors

if TYPE_CHECKING:
    from stable_baselines3 import SAC

POLICY_SCHEMA_VERSION = 1
POLICY_FOLDER = "policy"
WEIGHTS_FILE = "model.safetensors"


class Policy(nn.Module):
    """The mean of a tanh-squashed Gaussian policy: what acts after training.

    It needs torch and numpy only, not the library that trained it.
    """

    def __init__(
        self, observation_size: int, action_size: int, hidden_units: tuple[int, ...]
    ) -> None:
        """Build the network with random weights.

        Args:
            observation_size: Length of the flat observation.
            action_size: Length of an action.
            hidden_units: Width of each hidden layer (ReLU).
        """
        super().__init__()
        self.observation_size = observation_size
        self.action_size = action_size
        self.hidden_units = tuple(hidden_units)
        self.metadata: dict[str, Any] = {}
        sizes = (observation_size, *hidden_units)
        layers: list[nn.Module] = []
        for width_in, width_out in itertools.pairwise(sizes):
            layers += [nn.Linear(width_in, width_out), nn.ReLU()]
        self.hidden = nn.Sequential(*layers)
        self.mean = nn.Linear(sizes[-1], action_size)

    def forward(self, observations: Tensor) -> Tensor:
        """Return actions in (-1, 1), (N, A), for observations (N, O)."""
        return torch.tanh(self.mean(self.hidden(observations)))

    @torch.no_grad()
    def act(self, observations: np.ndarray) -> np.ndarray:
        """Choose actions.

        Args:
            observations: float (N, O) or one observation (O,).

        Returns:
            float32 actions in (-1, 1), (N, A) or (A,).

        Raises:
            UserError: When the observations have another length.
        """
        if observations.shape[-1] != self.observation_size:
            raise UserError(
                f"the policy expects observations of length {self.observation_size}, found "
                f"{observations.shape[-1]}; was it trained on another task?"
            )
        return self(torch.as_tensor(observations, dtype=torch.float32)).numpy()

    def save(self, folder: Path, metadata: Mapping[str, Any]) -> None:
        """Write config.json and model.safetensors as one atomic folder.

        Args:
            folder: Replaced when it exists.
            metadata: What else is worth knowing, such as the task and the seed.
        """
        config = {
            "schema_version": POLICY_SCHEMA_VERSION,
            "observation_size": self.observation_size,
            "action_size": self.action_size,
            "hidden_units": list(self.hidden_units),
            "metadata": dict(metadata),
        }
        with atomic_folder(folder) as partial:
            (partial / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
            write_tensors(partial / WEIGHTS_FILE, self.state_dict())


def policy_of(learner: SAC) -> Policy:
    """Return a copy of the learner's actor without its noise."""
    actor = learner.actor
    policy = Policy(
        int(np.prod(learner.observation_space.shape or ())),
        int(np.prod(learner.action_space.shape or ())),
        tuple(actor.net_arch),
    )
    policy.hidden.load_state_dict(actor.latent_pi.state_dict())
    policy.mean.load_state_dict(actor.mu.state_dict())
    return policy.eval()


def load_policy(folder: Path | str) -> Policy:
    """Load a policy; `metadata` holds the task, the seed and what else was saved.

    Args:
        folder: A `policy` folder, or a run (its first seed that is finished is taken).

    Raises:
        UserError: When there is no policy, or it is incomplete.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = find_policies(Path(folder))[0]
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS_FILE)
        policy = Policy(
            config["observation_size"], config["action_size"], tuple(config["hidden_units"])
        )
        policy.load_state_dict(weights)
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{folder} holds no whole policy ({reason}); train it again") from error
    policy.metadata = config["metadata"]
    return policy.eval()


def find_policies(path: Path) -> list[Path]:
    """Return the policy folders at a path: itself, or those of the seeds of a run.

    Raises:
        UserError: When there is none.
    """
    if (path / WEIGHTS_FILE).is_file():
        return [path]
    seeds = [folder for folder in path.glob("seed_*") if folder.name[5:].isdigit()]
    found = [
        folder / POLICY_FOLDER
        for folder in sorted(seeds, key=lambda folder: int(folder.name[5:]))
        if (folder / POLICY_FOLDER / WEIGHTS_FILE).is_file()
    ]
    if (path / POLICY_FOLDER / WEIGHTS_FILE).is_file():
        found = [path / POLICY_FOLDER]
    if not found:
        raise UserError(
            f"{path} holds no policy: expected {POLICY_FOLDER}/{WEIGHTS_FILE} or finished "
            "seeds (seed_0/…); name a run of `tcn-robot imitate`"
        )
    return found
