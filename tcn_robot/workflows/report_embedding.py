"""What a report shows about an embedding: strip, retrieval, similarity, planes, training curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tcn_robot.report.evidence import (
    EmbeddingPlane,
    Evidence,
    Retrieval,
    Similarity,
    Strip,
    Track,
    TrainingCurve,
)
from tcn_robot.workflows.report_replay import render_again
from tcn_robot.workflows.report_sources import Sources

if TYPE_CHECKING:
    from tcn_robot.models import Encoder
    from tcn_robot.recordings import Episode

AIMLESS_POLICIES = ("play", "random")
SPLIT_WORDS = {"test": "held-out", "valid": "validation", "train": "training"}
MOST_EPISODES = 4
STRIP_MOMENTS = 8
DISPLAY_PX = 256
UNTRAINED_SEED = 0


@dataclass(frozen=True)
class ShownEpisode:
    """An episode with its name for captions and its frames."""

    name: str
    episode: Episode
    frames: dict[str, np.ndarray]

    @property
    def trained_on(self) -> bool:
        """Whether an encoder may have been trained on it."""
        return self.episode.split == "train"


def shown_episodes(recordings: Sequence[Path]) -> list[ShownEpisode]:
    """Return a few demonstrations, of split test if there are any, then valid, then train."""
    from tcn_robot.recordings import open_recording

    episodes = [
        episode
        for path in recordings
        for episode in open_recording(path)
        if episode.metadata.get("policy") not in AIMLESS_POLICIES
    ]
    for split, word in SPLIT_WORDS.items():
        chosen = [episode for episode in episodes if episode.split == split][:MOST_EPISODES]
        if chosen:
            return [
                ShownEpisode(
                    f"{word} episode {episode.id}",
                    episode,
                    {view: episode.frames(view) for view in episode.views},
                )
                for episode in chosen
            ]
    return []


def add_recordings(evidence: Evidence, sources: Sources) -> list[ShownEpisode]:
    """Add the strip and the counts of all recordings; return the episodes to show."""
    from tcn_robot.recordings import open_recording

    datasets = [path for path in (sources.demos, sources.play, *sources.recordings) if path]
    for path in dict.fromkeys(datasets):
        recording = open_recording(path)
        evidence.task = evidence.task or recording.task
        views = recording[0].views
        evidence.recordings[path.name] = {
            "episodes": len(recording),
            "frames": sum(episode.length(episode.views[0]) for episode in recording),
            "views": list(views),
        }
    shown = shown_episodes(sources.recordings or [path for path in (sources.demos,) if path])
    if not shown:
        evidence.missing.append(
            "What the cameras saw: no demonstration was found; name a dataset with --recordings."
        )
        return []
    first = shown[0]
    length = min(len(frames) for frames in first.frames.values())
    picked = np.unique(np.linspace(0, length - 1, STRIP_MOMENTS).round().astype(int))
    times_seconds = first.episode.timestamps(first.episode.views[0])
    evidence.strip = Strip(
        first.name,
        times_seconds[picked] - times_seconds[0],
        {view: frames[picked] for view, frames in first.frames.items()},
    )
    return shown


def add_embedding(evidence: Evidence, run: Path, shown: list[ShownEpisode]) -> None:
    """Add what an encoder makes of the episodes, beside the same encoder untrained."""
    from tcn_robot.models import load_encoder, untrained_encoder

    encoder = load_encoder(run)
    encoders = {"trained": encoder, "untrained": untrained_encoder(encoder, UNTRAINED_SEED)}
    embedded = {name: _embed(one, shown) for name, one in encoders.items()}
    evidence.planes = [_plane(name, films, shown) for name, films in embedded.items()]
    if len(shown[0].frames) < 2:
        evidence.missing.append(
            "The same moment in another view: the recordings have one view only; record with "
            "--views and several names."
        )
        return
    evidence.retrieval = _retrieval(shown[0], {name: films[0] for name, films in embedded.items()})
    evidence.similarity = _similarity(
        shown[0], {name: films[0] for name, films in embedded.items()}
    )


def _embed(encoder: Encoder, shown: list[ShownEpisode]) -> list[dict[str, np.ndarray]]:
    from tcn_robot.models import embed_film

    return [
        {
            view: embed_film(encoder, frames, one.episode.embodiment)
            for view, frames in one.frames.items()
        }
        for one in shown
    ]  # per episode and view (T, D)


def nearest(queries: np.ndarray, library: np.ndarray) -> np.ndarray:
    """Return for each query (T, D) the index of the nearest row of the library (S, D)."""
    from tcn_robot.plots.neighbours import find_neighbours

    return find_neighbours(queries, library).index  # (T,)


def _retrieval(one: ShownEpisode, films: dict[str, dict[str, np.ndarray]]) -> Retrieval:
    query_view, found_view = tuple(one.frames)[:2]
    larger = render_again(one.episode, (query_view, found_view), DISPLAY_PX)
    pictures = larger or one.frames
    times = {view: one.episode.timestamps(view) for view in (query_view, found_view)}
    return Retrieval(
        episode=one.name[0].upper() + one.name[1:],
        query_view=query_view,
        found_view=found_view,
        query_frames=pictures[query_view],
        library_frames=pictures[found_view],
        found=nearest(films["trained"][query_view], films["trained"][found_view]),
        found_untrained=nearest(films["untrained"][query_view], films["untrained"][found_view]),
        times_seconds=times[query_view] - times[query_view][0],
        library_times_seconds=times[found_view] - times[found_view][0],
        sharpened=larger is not None,
        trained_on=one.trained_on,
    )


def _similarity(one: ShownEpisode, films: dict[str, dict[str, np.ndarray]]) -> Similarity:
    row_view, column_view = tuple(one.frames)[:2]
    seconds = {view: one.episode.timestamps(view) for view in (row_view, column_view)}
    return Similarity(
        one.name,
        row_view,
        column_view,
        seconds[row_view] - seconds[row_view][0],
        seconds[column_view] - seconds[column_view][0],
        {name: closeness(views[row_view], views[column_view]) for name, views in films.items()},
    )


def closeness(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return exp(-d / m) for every row (T, D) and column (S, D), m the median distance: (T, S).

    In (0, 1], whatever the unit of the embedding: neighbours are found by distance too. All 1 when
    nothing is told apart.
    """
    gaps = rows.astype(np.float64)[:, None] - columns[None]  # (T, S, D)
    distances = np.linalg.norm(gaps, axis=2)
    return np.exp(-distances / max(float(np.median(distances)), 1e-12))


def principal_plane(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean (D,), the two main axes (2, D) and their shares of the variance (2,)."""
    mean = points.mean(axis=0)
    _, singular, axes = np.linalg.svd(points - mean, full_matrices=False)
    variance = singular**2
    return mean, axes[:2], variance[:2] / max(float(variance.sum()), 1e-12)


def _plane(
    name: str, films: list[dict[str, np.ndarray]], shown: list[ShownEpisode]
) -> EmbeddingPlane:
    everything = np.concatenate([film for views in films for film in views.values()])  # (N, D)
    mean, axes, shares = principal_plane(everything)
    tracks = [
        Track(one.name, view, (film - mean) @ axes.T, np.linspace(0, 1, len(film)))
        for one, views in zip(shown, films, strict=True)
        for view, film in views.items()
    ]
    labels = [f"component {i + 1} ({100 * share:.0f} %)" for i, share in enumerate(shares)]
    return EmbeddingPlane(name, tracks, (labels[0], labels[1]))


def add_training(evidence: Evidence, run: Path) -> None:
    """Add loss and validation error over training steps."""
    from tcn_robot.training.curves import METRICS_FILE, read_metrics

    lines = read_metrics(run) if (run / METRICS_FILE).is_file() else []
    if not lines:
        return
    key = "validation/alignment_error"
    measured = [line for line in lines if key in line]
    evidence.training = TrainingCurve(
        np.array([line["step"] for line in lines]),
        np.array([line["loss"] for line in lines]),
        np.array([line["step"] for line in measured]),
        np.array([line[key] for line in measured]),
    )
