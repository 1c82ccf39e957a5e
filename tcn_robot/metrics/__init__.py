"""What an embedding is worth, as pure functions of arrays (numpy and SciPy only).

A collapsed embedding scores exactly chance in every one of them, and nothing that is not finite
is ever left out of a mean: it is an error.
"""

from tcn_robot.metrics.alignment import (
    alignment_accuracy,
    alignment_error,
    chance_accuracy_within_seconds,
    chance_alignment_accuracy,
    chance_alignment_error,
)
from tcn_robot.metrics.attributes import NeighbourError, attribute_error
from tcn_robot.metrics.blockwise import Distance
from tcn_robot.metrics.bootstrap import bootstrap_interval, bootstrap_pairs_interval
from tcn_robot.metrics.ceiling import AlignmentCeiling, alignment_ceiling
from tcn_robot.metrics.checks import MetricInputError
from tcn_robot.metrics.cycles import three_way_cycle_consistency, two_way_cycle_consistency
from tcn_robot.metrics.neighbours import (
    mean_over_neighbours,
    nearest_neighbours,
    neighbour_pairs,
)
from tcn_robot.metrics.order import (
    KendallTau,
    kendall_tau,
    kendall_tau_of_sequence,
    kendall_tau_of_ties,
)
from tcn_robot.metrics.progress import (
    best_progress_error,
    chance_progress_error,
    progress_error,
)
from tcn_robot.metrics.published import (
    published_alignment_error,
    published_cycle_consistency,
    published_delft_accuracy,
    published_kendall_tau,
)
from tcn_robot.metrics.retrieval import Recall, class_recall, moment_recall
from tcn_robot.metrics.segmentation import (
    class_iou,
    mean_iou,
    pixel_accuracy,
    pixel_confusion,
)
from tcn_robot.metrics.values import goal_values, value_order_correlation

__all__ = [
    "AlignmentCeiling",
    "Distance",
    "KendallTau",
    "MetricInputError",
    "NeighbourError",
    "Recall",
    "alignment_accuracy",
    "alignment_ceiling",
    "alignment_error",
    "attribute_error",
    "best_progress_error",
    "bootstrap_interval",
    "bootstrap_pairs_interval",
    "chance_accuracy_within_seconds",
    "chance_alignment_accuracy",
    "chance_alignment_error",
    "chance_progress_error",
    "class_iou",
    "class_recall",
    "goal_values",
    "kendall_tau",
    "kendall_tau_of_sequence",
    "kendall_tau_of_ties",
    "mean_iou",
    "mean_over_neighbours",
    "moment_recall",
    "nearest_neighbours",
    "neighbour_pairs",
    "pixel_accuracy",
    "pixel_confusion",
    "progress_error",
    "published_alignment_error",
    "published_cycle_consistency",
    "published_delft_accuracy",
    "published_kendall_tau",
    "three_way_cycle_consistency",
    "two_way_cycle_consistency",
    "value_order_correlation",
]
