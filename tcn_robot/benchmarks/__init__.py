"""Figures of a trained embedding beside what they have to be compared with."""

from tcn_robot.benchmarks.alignment.arrays import compare_embeddings, compare_recordings
from tcn_robot.benchmarks.alignment.basic import (
    AlignmentOptions,
    benchmark_alignment,
    embedded_figures,
    reference_figures,
    summarised,
)
from tcn_robot.benchmarks.alignment.basic_table import alignment_markdown, alignment_table
from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode, held_out_episodes

__all__ = [
    "AlignmentOptions",
    "HeldOutEpisode",
    "alignment_markdown",
    "alignment_table",
    "benchmark_alignment",
    "compare_embeddings",
    "compare_recordings",
    "embedded_figures",
    "held_out_episodes",
    "reference_figures",
    "summarised",
]
