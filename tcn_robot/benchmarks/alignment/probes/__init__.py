"""What labels can be read from a frozen embedding with little: probes by scikit-learn.

Pure functions on arrays: one (T, D) embedding and its labels per episode, for training and for
testing. Strengths of regularisation are chosen on the training episodes alone.
"""

from tcn_robot.benchmarks.alignment.probes.events import EventScore, event_completion
from tcn_robot.benchmarks.alignment.probes.labels import phase_starts
from tcn_robot.benchmarks.alignment.probes.phases import (
    PhaseScore,
    few_shot_classification,
    phase_classification,
    published_phase_accuracy,
    published_phase_hits,
)
from tcn_robot.benchmarks.alignment.probes.progression import (
    Progression,
    PublishedProgression,
    phase_progression,
    published_phase_progression,
)

__all__ = [
    "EventScore",
    "PhaseScore",
    "Progression",
    "PublishedProgression",
    "event_completion",
    "few_shot_classification",
    "phase_classification",
    "phase_progression",
    "phase_starts",
    "published_phase_accuracy",
    "published_phase_hits",
    "published_phase_progression",
]
