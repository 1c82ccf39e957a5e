"""Training of embeddings: one loop for every objective, checkpoints, curves, the run folder."""

from tcn_robot.training.config import TrainConfig, make_config
from tcn_robot.training.curves import read_metrics
from tcn_robot.training.loop import train
from tcn_robot.training.run_folder import RunDescription, create_run, read_run

__all__ = [
    "RunDescription",
    "TrainConfig",
    "create_run",
    "make_config",
    "read_metrics",
    "read_run",
    "train",
]
