"""The alignment suite: every figure, control and split of one encoder or of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tcn_robot.benchmarks.alignment.basic import (
    AlignmentOptions,
    check_comparable,
    embedded_by,
)
from tcn_robot.benchmarks.alignment.comparison import Comparison, ordinary
from tcn_robot.benchmarks.alignment.controls import (
    EMBED_BY,
    Embed,
    changed_rows,
    pixel_pca,
)
from tcn_robot.benchmarks.alignment.figures.attributes import attribute_figures
from tcn_robot.benchmarks.alignment.figures.basic import across_episodes, across_views
from tcn_robot.benchmarks.alignment.figures.figure import (
    Embedded,
    Figure,
    Measured,
    averaged_over_seeds,
    measured,
)
from tcn_robot.benchmarks.alignment.figures.films import film_figures, published_figures
from tcn_robot.benchmarks.alignment.figures.probed import probe_figures
from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode
from tcn_robot.benchmarks.alignment.references import ceiling_figures, chance_figures
from tcn_robot.benchmarks.alignment.seen import Seen
from tcn_robot.benchmarks.alignment.splits import Split, originals, splits, unpaired

ORDINARY = "ordinary"


@dataclass(frozen=True)
class RunToMeasure:
    """One encoder.

    Attributes:
        name: The run, as it was named.
        embed: Embeds uint8 (N, H, W, 3) of an embodiment as float32 (N, D).
        untrained: Encoders of the same shape with other weights, by the digest of those: runs of
            one shape share them, and they are measured once.
        seen: What it was trained on, None where that is not known.
        options: Every option of its training, "seed" among them; None where they are not known.
        digest: Of its weights.
    """

    name: str
    embed: Embed
    untrained: Mapping[str, Embed] = field(default_factory=dict)
    seen: Seen | None = None
    options: Mapping[str, Any] | None = None
    digest: str = ""


@dataclass(frozen=True)
class SuiteInput:
    """What is measured.

    Attributes:
        episodes: Held-out episodes of all recordings.
        training: Episodes for probes and principal components; may be empty.
        figures: What to measure on ordinary episodes.
        options: Of intervals and ceilings.
        tell: Called with what is done next, for a display of progress.
    """

    episodes: Sequence[HeldOutEpisode]
    training: Sequence[HeldOutEpisode]
    figures: Mapping[str, Figure]
    options: AlignmentOptions = field(default_factory=AlignmentOptions)
    tell: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class Part:
    """One comparison with the figures of every row: the ordinary episodes, or a split.

    Attributes:
        name: What it is called.
        comparison: What is compared.
        rows: {row: figures}; "trained" among them.
        split: Which films differ how; None for ordinary and unpaired episodes.
    """

    name: str
    comparison: Comparison
    rows: dict[str, Measured]
    split: Split | None = None


@dataclass(frozen=True)
class MeasuredRun:
    """Everything that was measured of one encoder.

    Attributes:
        run: The encoder.
        parts: Ordinary episodes first, then the splits, then episodes of other simulators.
        changed: {change: figures} of the ordinary episodes when the films that ask are changed.
    """

    run: RunToMeasure
    parts: tuple[Part, ...]
    changed: dict[str, Measured]

    @property
    def ordinary(self) -> Part:
        """The ordinary episodes."""
        return self.parts[0]

    @property
    def hard(self) -> Part | None:
        """The hard split, None where there is none."""
        found = [part for part in self.parts if part.split is not None and part.split.is_hard]
        return found[0] if found else None


#: Embedded held-out episodes, and embedded training episodes.
_Both = tuple[list[Embedded], list[Embedded]]


class Controls:
    """Embeddings of every film that need no training, and their figures: for all parts and runs."""

    def __init__(self, given: SuiteInput) -> None:
        """Embed all episodes; the training's only where there are some."""
        self._ordinary = originals(given.episodes)[0]
        sides = (given.episodes, given.training)
        self._rows: dict[str, _Both] = {
            name: ([embed(one) for one in sides[0]], [embed(one) for one in sides[1]])
            for name, embed in EMBED_BY.items()
        }
        if all(one.observation is not None for side in sides for one in side):
            states = [_states(side) for side in sides]
            self._rows["simulator_state"] = (states[0], states[1])
        self._given = given
        self._untrained: dict[str, _Both] = {}
        self._measured: dict[object, Measured] = {}

    def rows(self, dimension: int) -> dict[str, _Both]:
        """Return {row: (embedded episodes, embedded training)}.

        Args:
            dimension: How many principal components.
        """
        episodes, training = self._rows["pixels"]
        # Films of other bodies and scenes must not change the row that they stand beside.
        fitted_on = training or [episodes[i] for i in self._ordinary]
        components = [pixel_pca(films, fitted_on, dimension) for films in (episodes, training)]
        return {**self._rows, "pixel_pca": (components[0], components[1])}

    def untrained(self, encoders: Mapping[str, Embed]) -> dict[str, _Both]:
        """Return the embeddings of untrained encoders by digest, each embedded once."""
        for digest, embed in encoders.items():
            if digest not in self._untrained:
                self._untrained[digest] = _embedded(embed, self._given)
        return {digest: self._untrained[digest] for digest in encoders}

    def once(self, key: object, find: Callable[[], Measured]) -> Measured:
        """Return what is found under a key, found once however many runs ask."""
        if key not in self._measured:
            self._measured[key] = find()
        return self._measured[key]


def _states(episodes: Sequence[HeldOutEpisode]) -> list[Embedded]:
    """Return what the simulator observes in place of an embedding: what perfect sight reaches."""
    return [
        dict.fromkeys(one.frames, one.observation)
        for one in episodes
        if one.observation is not None
    ]


def _embedded(embed: Embed, given: SuiteInput) -> _Both:
    return embedded_by(embed, given.episodes), embedded_by(embed, given.training)


def num_steps(run: RunToMeasure, given: SuiteInput) -> int:
    """Return how often `measure_run` tells what it does next."""
    num_parts = len(splits(given.episodes, run.seen)) + len(originals(given.episodes))
    return 2 + num_parts


def measure_run(run: RunToMeasure, given: SuiteInput, controls: Controls) -> MeasuredRun:
    """Measure one encoder by every figure, beside every control, on every split.

    Args:
        run: The encoder.
        given: What it is measured on.
        controls: Embeddings that need no training.

    Raises:
        UserError: Nothing to compare: a single view of a single episode.
    """
    groups = originals(given.episodes)
    check_comparable([given.episodes[i] for i in groups[0]])
    given.tell(f"{run.name}: embedding")
    trained = _embedded(run.embed, given)
    dimension = next(iter(trained[0][0].values())).shape[1]
    shared = (controls.rows(dimension), controls.untrained(run.untrained))
    measuring = _Measuring(given, controls, trained, *shared, dimension)
    parts = [measuring.part(ORDINARY, ordinary(given.episodes, groups[0]), given.figures)]
    elsewhere = {f.name: f for f in (*across_views_of(given), *across_episodes())}
    for split in splits(given.episodes, run.seen):
        parts.append(measuring.part(split.name, split.comparison, elsewhere, split))
    for group in groups[1:]:
        compared = unpaired(given.episodes, group, groups[0])
        name = _elsewhere(given.episodes[group[0]], given.episodes[groups[0][0]])
        parts.append(measuring.part(name, compared, elsewhere))
    given.tell(f"{run.name}: films changed on purpose")
    changed = changed_rows(
        given.episodes, trained[0], given.figures, parts[0].comparison, given.options.seed
    )
    return MeasuredRun(run, tuple(parts), changed)


def across_views_of(given: SuiteInput) -> tuple[Figure, ...]:
    """Return the figures of the same moments that were asked for."""
    return tuple(
        figure
        for figure in given.figures.values()
        if figure.over == "moments" and not figure.is_published
    )


@dataclass(frozen=True)
class _Measuring:
    """One encoder's embeddings beside the controls'.

    Attributes:
        given: What is measured.
        controls: Rows that all encoders share.
        trained: This encoder's.
        shared: Rows of the controls, with as many principal components as it has dimensions.
        untrained: Those of untrained encoders, whose figures are averaged.
        dimension: Of its embeddings.
    """

    given: SuiteInput
    controls: Controls
    trained: _Both
    shared: Mapping[str, _Both]
    untrained: Mapping[str, _Both]
    dimension: int

    def part(
        self,
        name: str,
        comparison: Comparison,
        figures: Mapping[str, Figure],
        split: Split | None = None,
    ) -> Part:
        """Return the figures of every row in one comparison."""
        self.given.tell(name)
        found = {"trained": self._measured(self.trained, comparison, figures)}
        untrained = [
            self._once((digest, comparison, *figures), both, comparison, figures)
            for digest, both in self.untrained.items()
        ]
        if untrained:
            found["untrained"] = averaged_over_seeds(untrained)
        for row, both in self.shared.items():
            if row == "simulator_state" and name != ORDINARY:
                continue  # states of paired bodies are the same states
            key = (row, self.dimension if row == "pixel_pca" else None, comparison, *figures)
            found[row] = self._once(key, both, comparison, figures)
        found["chance"] = chance_figures(
            self.given.episodes, figures, comparison, found["collapsed"]
        )
        if name == ORDINARY:
            chosen = [self.given.episodes[item[0].episode] for item in comparison.queries]
            options = self.given.options
            found["ceiling"] = ceiling_figures(
                chosen, figures, options.same_within, options.same_pixels_within
            )
        return Part(name, comparison, found, split)

    def _once(
        self, key: object, both: _Both, comparison: Comparison, figures: Mapping[str, Figure]
    ) -> Measured:
        return self.controls.once(key, partial(self._measured, both, comparison, figures))

    def _measured(
        self, both: _Both, comparison: Comparison, figures: Mapping[str, Figure]
    ) -> Measured:
        films, training = both
        learnt_on = (self.given.training, training)
        return measured(self.given.episodes, films, figures, comparison, learnt_on)


def _elsewhere(episode: HeldOutEpisode, first: HeldOutEpisode) -> str:
    """Return what tells unpaired episodes from the ordinary ones."""
    said = [
        (episode.origin.simulator, first.origin.simulator),
        (episode.origin.task.rpartition("/")[2], first.origin.task.rpartition("/")[2]),
        (episode.embodiment, first.embodiment),
        (" ".join(episode.frames), " ".join(first.frames)),
    ]
    differs = [own for own, other in said if own != other and own]
    return f"unpaired ({', '.join(differs) or episode.origin.recording})"


def suite_figures(
    tolerances: Sequence[int],
    seconds: Sequence[float],
    episodes: Sequence[HeldOutEpisode] = (),
    num_training: int = 0,
) -> dict[str, Figure]:
    """Return everything that can be measured on ordinary episodes, by name.

    Args:
        tolerances: Frames either side that still count.
        seconds: Seconds either side that still count.
        episodes: Held-out episodes, whose labels allow further figures.
        num_training: Episodes for probes to learn from.

    Raises:
        UserError: A tolerance below zero.
    """
    figures = [*across_views(tolerances, seconds), *across_episodes(), *film_figures()]
    if episodes:
        figures += [*probe_figures(episodes, num_training), *attribute_figures(episodes)]
    return {figure.name: figure for figure in (*figures, *published_figures())}
