"""The trained policy: a small network, on disk as JSON and safetensors."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError, unknown_name
from tcn_robot.tensors import write_tensors

POLICY_SCHEMA_VERSION = 2
POLICY_FOLDER = "policy"
WEIGHTS_FILE = "model.safetensors"
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}
BOUNDINGS = ("tanh", "clip")
UNIT_RANGE = ((-1.0,), (1.0,))

ActionRange = tuple[tuple[float, ...], tuple[float, ...]]


class Normalisation(nn.Module):
    """Batch normalisation by running statistics, as it acts after training.

    (x - mean) / sqrt(variance + eps) * scale + bias, Ioffe and Szegedy 2015 (arXiv 1502.03167).
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, features: int, eps: float) -> None:
        """Start as the identity, up to `eps`.

        Args:
            features: Numbers per row.
            eps: Added to the variance.
        """
        super().__init__()
        self.eps = eps
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))
        self.scale = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, rows: Tensor) -> Tensor:
        """Normalise rows (N, F)."""
        return self.scale * ((rows - self.mean) / (self.variance + self.eps).sqrt()) + self.bias


class Policy(nn.Module):
    """The mean of a Gaussian policy, or a deterministic one: what acts after training.

    It needs torch and numpy only, not the library that trained it, and gives bit for bit what
    Stable-Baselines3's `predict(deterministic=True)` gives on the same processor.
    """

    low: Tensor
    high: Tensor

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        hidden_units: tuple[int, ...],
        *,
        activation: str = "relu",
        bounding: str = "tanh",
        normalised: bool = False,
        normalisation_eps: float = 1e-3,
        action_range: ActionRange = UNIT_RANGE,
    ) -> None:
        """Build the network with random weights.

        Args:
            observation_size: Length of the flat observation.
            action_size: Length of an action.
            hidden_units: Width of each hidden layer.
            activation: What follows a hidden layer, a key of `ACTIVATIONS`.
            bounding: How actions are brought into their range: "tanh" squashes, "clip" cuts off.
            normalised: Whether running statistics normalise the input of every layer.
            normalisation_eps: Added to their variances.
            action_range: Lowest and highest action: a number for all, or one each.

        Raises:
            UserError: For an unknown activation or bounding.
        """
        super().__init__()
        if activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ACTIVATIONS)
        if bounding not in BOUNDINGS:
            raise unknown_name("bounding", bounding, BOUNDINGS)
        self.observation_size = observation_size
        self.action_size = action_size
        self.hidden_units = tuple(hidden_units)
        self.activation = activation
        self.bounding = bounding
        self.normalised = normalised
        self.normalisation_eps = normalisation_eps
        self.action_range = action_range
        self.metadata: dict[str, Any] = {}
        low, high = (torch.tensor(bound).expand(action_size).clone() for bound in action_range)
        self.register_buffer("low", low, persistent=False)
        self.register_buffer("high", high, persistent=False)
        sizes = (observation_size, *hidden_units)
        layers: list[nn.Module] = []
        for width_in, width_out in itertools.pairwise(sizes):
            layers += [Normalisation(width_in, normalisation_eps)] if normalised else []
            layers += [nn.Linear(width_in, width_out), ACTIVATIONS[activation]()]
        layers += [Normalisation(sizes[-1], normalisation_eps)] if normalised else []
        self.hidden = nn.Sequential(*layers)
        self.mean = nn.Linear(sizes[-1], action_size)

    def forward(self, observations: Tensor) -> Tensor:
        """Return actions within their range, (N, A), for observations (N, O)."""
        means = self.mean(self.hidden(observations))
        if self.bounding == "clip":
            return torch.clamp(means, self.low, self.high)
        # In this order, so that the rounding is Stable-Baselines3's.
        return self.low + 0.5 * (torch.tanh(means) + 1.0) * (self.high - self.low)

    @torch.no_grad()
    def act(self, observations: np.ndarray) -> np.ndarray:
        """Choose actions.

        Args:
            observations: float (N, O) or one observation (O,).

        Returns:
            float32 actions within their range, (N, A) or (A,).

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
            "activation": self.activation,
            "bounding": self.bounding,
            "normalised": self.normalised,
            "normalisation_eps": self.normalisation_eps,
            "action_range": [list(bound) for bound in self.action_range],
            "metadata": dict(metadata),
        }
        with atomic_folder(folder) as partial:
            (partial / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
            write_tensors(partial / WEIGHTS_FILE, self.state_dict())


def action_bounds(space: Any) -> ActionRange:
    """Return the lowest and highest action of a Box, one number each where all are the same."""
    low, high = (np.unique(bound) for bound in (space.low, space.high))
    if len(low) == len(high) == 1:
        return (float(low[0]),), (float(high[0]),)
    return tuple(map(float, space.low.ravel())), tuple(map(float, space.high.ravel()))


def holds_policy(path: Path) -> bool:
    """Return whether a path is a policy's folder, or a run or a seed with one."""
    try:
        folder = find_policies(path)[0]
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (UserError, OSError, ValueError):
        return False
    return isinstance(config, dict) and "observation_size" in config


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
        _check_version(folder, config)
        policy = _policy_of_config(config)
        policy.load_state_dict(load_file(folder / WEIGHTS_FILE))
        policy.metadata = config["metadata"]
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{folder} holds no whole policy ({reason}); train it again") from error
    return policy.eval()


def _check_version(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse what a newer version has written, which might act otherwise than it would here."""
    version = config["schema_version"]
    if not 1 <= version <= POLICY_SCHEMA_VERSION:
        raise UserError(
            f"{folder} has schema version {version}, expected {POLICY_SCHEMA_VERSION} or older; "
            "update tcn_robot"
        )


def _policy_of_config(config: Mapping[str, Any]) -> Policy:
    """Return the network that config.json describes; version 1 knew one kind only."""
    low, high = config.get("action_range", UNIT_RANGE)
    return Policy(
        config["observation_size"],
        config["action_size"],
        tuple(config["hidden_units"]),
        activation=config.get("activation", "relu"),
        bounding=config.get("bounding", "tanh"),
        normalised=config.get("normalised", False),
        normalisation_eps=config.get("normalisation_eps", 1e-3),
        action_range=(tuple(low), tuple(high)),
    )


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
