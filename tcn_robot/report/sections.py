"""The sections of a report in reading order: which parts exist, and the words around them."""

from __future__ import annotations

from functools import partial
from typing import Any

from tcn_robot.report.evidence import Evidence
from tcn_robot.report.figures_embedding import plane_figure, similarity_figure, training_figure
from tcn_robot.report.figures_policy import reward_figure
from tcn_robot.report.policy_sections import (
    audit_section,
    films_section,
    options_section,
    policy_section,
)
from tcn_robot.report.section import Drawing, Section


def sections(evidence: Evidence) -> list[Section]:
    """Return the sections for which the evidence holds something, in reading order."""
    seen = (_views, _found, _similarity, _embedding, _alignment, _reward)
    policies = (policy_section, films_section, audit_section)
    parts = (*policies, *seen) if evidence.policies_first else (*seen, *policies)
    makers = (*parts, _training, options_section, _made, _missing)
    found = (make(evidence) for make in makers)
    return [section for section in found if section is not None]


def _views(evidence: Evidence) -> Section | None:
    if evidence.strip is None:
        return None
    size_px = next(iter(evidence.strip.frames.values())).shape[1]
    return Section(
        "views",
        "What the cameras saw",
        [
            f"Moments of {evidence.strip.episode}, {size_px} pixels high, as they were recorded. "
            "Each column is one moment; only the cameras differ. "
            "The encoder learns from such films alone: no labels, no actions, no task reward."
        ],
    )


def _found(evidence: Evidence) -> Section | None:
    if evidence.retrieval is None:
        return None
    return Section(
        "found",
        "The same moment, found in another view",
        [
            f"Every frame of the {evidence.retrieval.query_view} camera is looked up among the "
            f"frames of the {evidence.retrieval.found_view} camera, by nearest embedding. "
            + (
                "The encoder was trained on this very episode."
                if evidence.retrieval.trained_on
                else "The encoder was never trained on this episode."
            )
        ],
    )


def _similarity(evidence: Evidence) -> Section | None:
    similarity = evidence.similarity
    if similarity is None:
        return None
    return Section(
        "similarity",
        "Every moment against every other",
        [
            f"How close each {similarity.row_view} frame (vertical) lies to each "
            f"{similarity.column_view} frame (horizontal) of {similarity.episode}: 1 is the same "
            "point, 0.37 as far apart as the pair in the middle. A thin bright "
            "diagonal means that a moment resembles itself from the other side and nothing else; "
            "a bright square is a pause, whose frames cannot be told apart."
        ],
        [
            Drawing(
                partial(similarity_figure, similarity),
                "Similarity of every frame of one view with every frame of another",
            )
        ],
    )


def _embedding(evidence: Evidence) -> Section | None:
    if not evidence.planes:
        return None
    episodes = {track.episode for plane in evidence.planes for track in plane.tracks}
    return Section(
        "embedding",
        "The embedding, coloured by time",
        [
            f"{len(episodes)} episodes, every view, laid into a plane. If the views lie on one "
            "another and the colours run in the same direction, the encoder has found what is "
            "happening rather than who is looking. The plane is only a shadow of the embedding; "
            "the table further down measures the embedding itself."
        ],
        [
            Drawing(
                partial(plane_figure, evidence.planes),
                "Frames of several episodes in a plane, coloured by time, marked by view",
            )
        ],
    )


def _alignment(evidence: Evidence) -> Section | None:
    if not evidence.alignment:
        return None
    episodes = evidence.alignment.get("episodes")
    counted = f"{episodes} episodes" if isinstance(episodes, int) else "Episodes"
    return Section(
        "alignment",
        "How well moments align",
        [
            f"{counted} kept out of training. Alignment error: how far from the right moment the "
            "nearest neighbour in another view lies, as a share of the episode. Kendall’s τ: "
            "whether the neighbours of one episode come in the right order in another; "
            "τ-b corrects for ties, τ-a counts them as failures. Small print: interval over "
            "episodes. The other rows say what the figures are worth. The collapsed encoder and "
            "the frame counter see nothing; what they reach needs no seeing.",
            *_hard_split(evidence.alignment),
        ],
    )


def _hard_split(alignment: dict[str, Any]) -> list[str]:
    """Return the sentence about films of which training has seen nothing, where there are such."""
    headline = alignment.get("headline") or {}
    if headline.get("state") != "measured":
        return []
    sentence = headline["sentence"]
    return [f"{sentence[0].upper()}{sentence[1:]}."]


def _reward(evidence: Evidence) -> Section | None:
    if not evidence.rewards:
        return None
    explained = " ".join(f"{trace.title}: {trace.explanation}" for trace in evidence.rewards)
    return Section(
        "reward",
        "The reward along an episode",
        [
            f"What the learned reward says, frame by frame. {explained}",
            *filter(None, [evidence.reward_note]),
        ],
        [
            Drawing(
                partial(reward_figure, evidence.rewards),
                "Learned reward over time for "
                + ", ".join(trace.title.lower() for trace in evidence.rewards),
            )
        ],
    )


def _training(evidence: Evidence) -> Section | None:
    if evidence.training is None:
        return None
    return Section(
        "training",
        "Training the encoder",
        [],
        [
            Drawing(
                partial(training_figure, evidence.training),
                "Loss and validation alignment error over training steps",
            )
        ],
    )


def _made(evidence: Evidence) -> Section | None:
    known = (evidence.stages, evidence.versions, evidence.recordings, evidence.origin)
    if not any((*known, evidence.repeat)):
        return None
    paragraphs = list(evidence.origin)
    if evidence.seed is not None:
        paragraphs.append(
            f"Seed {evidence.seed}. The same seed gives the same recordings and, on the same "
            "machine with the same number of threads, the same encoder."
        )
    return Section("made", "How this was made", paragraphs)


def _missing(evidence: Evidence) -> Section | None:
    if not evidence.missing:
        return None
    return Section("missing", "Not shown", [])
