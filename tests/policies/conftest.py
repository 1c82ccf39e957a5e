"""Tiny configurations: a policy run in a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tcn_robot.policies.config import ImitateConfig
from tests.policies.point_task import TASK


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny() -> Callable[..., ImitateConfig]:
    """Makes options of a run of 96 steps with updates and three evaluations."""

    def make(**changes: Any) -> ImitateConfig:
        options: dict[str, Any] = {
            "task": TASK,
            "reward": "dense",
            "steps": 96,
            "num_envs": 2,
            "batch_size": 16,
            "hidden_units": (16, 16),
            "learning_starts_steps": 32,
            "evaluation_interval_steps": 32,
            "evaluation_starts": 3,
            "final_starts": 4,
            "films": False,
        }
        return ImitateConfig(**(options | changes))

    return make
