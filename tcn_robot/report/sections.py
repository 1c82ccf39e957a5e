"""The sections of a report in reading order: which parts exist, and the words around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tcn_robot.look import Look
from tcn_robot.report.evidence import Evidence, SuccessCurve
from tcn_robot.report.figures_embedding import plane_figure, similarity_figure, training_figure
from tcn_robot.report.figures_policy import reward_figure, success_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawing:
    """A figure still to be drawn: how, what a blind reader is told, and an optional caption."""

    draw: Callable[[Look], Figure]
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """One section: its anchor, heading, words and figures."""

    key: str
    title: str
    paragraphs: list[str] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)


def sections(evidence: Evidence) -> list[Section]:
    """Return the sections for which the evidence holds something, in reading order."""
    makers = (
        _views, _found, _similarity, _embedding, _alignment,
        _reward, _policy, _films, _training, _made, _missing,
    )  # fmt: skip
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


def _policy(evidence: Evidence) -> Section | None:
    if not evidence.policy and not evidence.curves:
        return None
    drawings = []
    if evidence.curves:
        drawings = [
            Drawing(
                partial(success_figure, evidence.curves),
                "Success on held-out starts over environment steps",
                _curve_caption(evidence.curves),
            )
        ]
    return Section(
        "policy",
        "Success while learning",
        [
            f"{_comparison(evidence)} Success is what the simulator says about the task at the "
            "last step. A policy that learns from films never sees it."
        ],
        drawings,
    )


def _comparison(evidence: Evidence) -> str:
    """Say whether the policies can be compared."""
    conditions = {
        (figures.get("steps"), figures.get("starts"), figures.get("seeds"))
        for figures in evidence.policy.values()
    }
    if len(evidence.policy) < 2:
        return ""
    if len(conditions) == 1:
        return "The same algorithm, budget and starts; only the reward differs."
    return "Mind that budget, starts or number of seeds differ."


def _curve_caption(curves: list[SuccessCurve]) -> str:
    seeds = max(len(curve.success) for curve in curves)
    if seeds > 1:
        return "Thin: each seed. Thick: their mean."
    return "One seed per reward: read differences of a few per cent as noise."


def _films(evidence: Evidence) -> Section | None:
    if not evidence.films:
        return None
    return Section(
        "films",
        "The resulting policy",
        ["The policy as it was after training, from every camera, on a held-out start."],
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
    if not evidence.stages and not evidence.versions and not evidence.recordings:
        return None
    paragraphs = []
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
