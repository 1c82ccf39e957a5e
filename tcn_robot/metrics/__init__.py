"""What an embedding is worth, as pure functions of arrays (numpy and SciPy only).

A collapsed embedding scores exactly chance in every one of them, and nothing that is not finite
is ever left out of a mean: it is an error.
"""

from tcn_robot.metrics.alignment import (
    AlignmentCeiling,
    alignment_accuracy,
    alignment_ceiling,
    alignment_error,
    chance_alignment_accuracy,
    chance_alignment_error,
)
from tcn_robot.metrics.attributes import NeighbourError, attribute_error
from tcn_robot.metrics.bootstrap import bootstrap_interval, bootstrap_pairs_interval
from tcn_robot.metrics.checks import MetricInputError
from tcn_robot.metrics.cycles import three_way_cycle_consistency, two_way_cycle_consistency
from tcn_robot.metrics.neighbours import nearest_neighbours
from tcn_robot.metrics.order import (
    KendallTau,
    kendall_tau,
    kendall_tau_of_sequence,
    kendall_tau_of_ties,
)
from tcn_robot.metrics.segmentation import (
    class_iou,
    mean_iou,
    pixel_accuracy,
    pixel_confusion,
)
from tcn_robot.metrics.values import goal_values, value_order_correlation

__all__ = [
    "AlignmentCeiling",
    "KendallTau",
    "MetricInputError",
    "NeighbourError",
    "alignment_accuracy",
    "alignment_ceiling",
    "alignment_error",
    "attribute_error",
    "bootstrap_interval",
    "bootstrap_pairs_interval",
    "chance_alignment_accuracy",
    "chance_alignment_error",
    "class_iou",
    "goal_values",
    "kendall_tau",
    "kendall_tau_of_sequence",
    "kendall_tau_of_ties",
    "mean_iou",
    "nearest_neighbours",
    "pixel_accuracy",
    "pixel_confusion",
    "three_way_cycle_consistency",
    "two_way_cycle_consistency",
    "value_order_correlation",
]
