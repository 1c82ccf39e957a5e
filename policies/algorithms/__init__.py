"""Learning algorithms of Stable-Baselines3 and sb3-contrib: one file each, and one table.

Each is a frozen dataclass: its fields are the algorithm's options, one set for all tasks, and its
methods make a learner and say what of it is kept. Torch and the libraries are imported when a
learner is made, so that options can be checked without them.
"""

from __future__ import annotations

from tcn_robot.policies.algorithms.interface import Algorithm
from tcn_robot.policies.algorithms.table import ALGORITHMS, SHARED_OPTIONS, make_algorithm

__all__ = ["ALGORITHMS", "SHARED_OPTIONS", "Algorithm", "make_algorithm"]
