"""Audit of a reward before any learning: what it tells apart, and how it can be cheated.

Behaviour is scripted, edited or searched for in the simulator; a scorer rates it frame by frame;
each probe ends in one verdict. A scorer is any callable on a `Rollout`: a learned reward sees its
frames only, an oracle to compare with may read what the simulator says.
"""

from __future__ import annotations

from tcn_robot.audit.rollouts import Rollout
from tcn_robot.audit.scoring import FilmScorer, Scorer, Yardstick
from tcn_robot.audit.verdicts import Finding, overall_score

__all__ = ["FilmScorer", "Finding", "Rollout", "Scorer", "Yardstick", "overall_score"]
