"""Figures of a trained embedding beside what they have to be compared with."""

from tcn_robot.benchmarks.alignment import (
    AlignmentOptions,
    benchmark_alignment,
    embedded_figures,
    reference_figures,
    summarised,
)
from tcn_robot.benchmarks.arrays import compare_embeddings, compare_recordings
from tcn_robot.benchmarks.held_out import HeldOutEpisode, held_out_episodes
from tcn_robot.benchmarks.table import alignment_markdown, alignment_table

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
