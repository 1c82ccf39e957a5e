"""`tcn-robot bench segmentation`: what a frozen encoder's maps know of what is where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tcn_robot.atomic import refuse_unwritable
from tcn_robot.errors import UserError
from tcn_robot.workflows.bench_output import write_figures
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.benchmarks.segmentation.films import Maps, MapsOf, SegmentedFilm, SegmentedSet
    from tcn_robot.benchmarks.segmentation.probe import FittedProbe
    from tcn_robot.models import Encoder

LAST = "last"


def bench_segmentation(
    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
    /,
    *,
    views: tuple[str, ...] | None = None,
    stages: tuple[str, ...] = (LAST,),
    episodes: int = 20,
    frames: int = 6,
    pixels: int = 12000,
    untrained_seeds: int = 3,
    out: Path | None = None,
    picture: Path | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure what the maps of a frozen encoder know of what each pixel shows.

    A linear classifier of each place of the maps, and of where it is, spread out to the frame,
    against the simulator's exact masks: background, the body, each of the task's things. Prints
    intersection over union and the share of pixels that are right, with 95 % intervals over
    episodes, beside the same encoder untrained, colours in place of the maps (each pixel's, and as
    coarse as the maps), and one class for all.

    Args:
        paths: The run's folder, then recordings of simulated tasks. With episodes of the splits
            train, valid and test the classifier learns from the first, is chosen by the second and
            tested on the third; otherwise the test episodes are divided.
        views: Views to look at; all when not given.
        stages: Stages of the encoder whose maps are read, together; last is the last one.
        episodes: Episodes to learn from, to choose by and to test on, at most of each.
        frames: Frames of each film, evenly spread.
        pixels: Pixels to learn from.
        untrained_seeds: Untrained encoders to average.
        out: Where to write the figures as JSON.
        picture: Where to draw frames, masks, and what was found, as PNG.
        seed: Of the division, the pixels, the untrained encoders and the bootstrap.

    Raises:
        UserError: No such run or stage, or recordings without states.
    """
    least = {"--episodes": (episodes, 1), "--frames": (frames, 1), "--pixels": (pixels, 100)}
    _check(paths, least | {"--untrained-seeds": (untrained_seeds, 0), "--seed": (seed, 0)})
    for path, option in ((out, "--out"), (picture, "--picture")):
        if path is not None:
            refuse_unwritable(path, option)
    import numpy as np

    from tcn_robot.benchmarks.segmentation.summary import summarised
    from tcn_robot.benchmarks.segmentation.table import segmentation_table
    from tcn_robot.models import load_encoder
    from tcn_robot.workflows.segmented_films import segmented_set

    encoder = load_encoder(paths[0])
    names = _stage_names(encoder, stages)
    films = segmented_set(
        paths[1:], views, episodes, frames, _windows_of(encoder), np.random.default_rng(seed)
    )
    sources = _sources(encoder, names, range(seed, seed + untrained_seeds))
    fitted, tables = _measured(films, sources, pixels, seed)
    rows = summarised(tables, films.classes, seed)
    print(f"{_described(films)}\n\n{segmentation_table(rows, films.classes)}")
    result = {
        **{"run": str(paths[0]), "recordings": [str(path) for path in paths[1:]]},
        **{"stages": list(names), "seed": seed, "frames": frames, "pixels": pixels},
        "classes": list(films.classes),
        "episodes": {role: len({f.episode for f in some}) for role, some in films.films.items()},
        "is_divided": films.is_divided,
        "costs": {name: [one.cost for one in some] for name, some in fitted.items()},
        "rows": rows,
    }
    write_figures(result, out)
    if picture is not None:
        from tcn_robot.workflows.segmentation_picture import write_picture

        first = {name: (fitted[name][0], sources[name][0]) for name in fitted}
        write_picture(films, first, picture)
        print(f"drawn to {picture}")
    return result


def _check(paths: Sequence[Path], least: dict[str, tuple[int, int]]) -> None:
    for name, (number, smallest) in least.items():
        if number < smallest:
            raise UserError(f"{name} must be at least {smallest}, found {number}")
    if len(paths) < 2:
        raise UserError(
            f"expected a run and one recording or more, found {len(paths)} folders; write "
            "tcn-robot bench segmentation RUN DIR"
        )


def _described(films: SegmentedSet) -> str:
    counts = {role: len({film.episode for film in some}) for role, some in films.films.items()}
    said = (
        f"{counts['test']} episodes to test on, {counts['fit']} to learn from, "
        f"{counts['valid']} to choose by"
    )
    return said + (" (held-out episodes, divided)" if films.is_divided else "")


def _stage_names(encoder: Encoder, stages: Sequence[str]) -> tuple[str, ...]:
    from tcn_robot.errors import unknown_name

    known = [stage.name for stage in encoder.stages()]
    if not known:
        raise UserError(
            f"an encoder of kind {encoder.kind} has no maps, and a segmentation needs places"
        )
    for name in stages:
        if name != LAST and name not in known:
            raise unknown_name("stage of the encoder", name, [*known, LAST])
    if not stages:
        raise UserError(f"--stages needs one name or more of {', '.join([*known, LAST])}")
    return tuple(dict.fromkeys(known[-1] if name == LAST else name for name in stages))


def _windows_of(encoder: Encoder) -> Callable[[Any, Any], Any]:
    from tcn_robot.clips import expand_clip

    config = encoder.config

    def windows_of(film: Any, frames: Any) -> Any:
        return film[expand_clip(frames, config.num_frames, config.stride_frames)]

    return windows_of


def _sources(
    encoder: Encoder, stages: tuple[str, ...], untrained_seeds: range
) -> dict[str, list[MapsOf]]:
    """Return what gives maps, by row, for each of its seeds."""
    from tcn_robot.benchmarks.segmentation.baselines import pixel_maps, place_maps
    from tcn_robot.models import stage_maps, untrained_encoder

    def maps_of(one: Encoder) -> MapsOf:
        def found(film: SegmentedFilm) -> Maps:
            maps = stage_maps(one, film.windows, stages, film.embodiment or None)
            return [*maps.values(), place_maps(film)]

        return found

    sources: dict[str, list[MapsOf]] = {"trained": [maps_of(encoder)]}
    if untrained_seeds:
        drawn = [untrained_encoder(encoder, one) for one in untrained_seeds]
        sources["untrained"] = [maps_of(one.eval()) for one in drawn]
    return sources | {"pixels": [pixel_maps], "coarse pixels": [_as_coarse_as(maps_of(encoder))]}


def _as_coarse_as(maps_of: MapsOf) -> MapsOf:
    """Return colours averaged over the places of the finest of an encoder's maps."""
    from tcn_robot.benchmarks.segmentation.baselines import coarse_pixel_maps

    def found(film: SegmentedFilm) -> Maps:
        *maps, _ = maps_of(film)
        return coarse_pixel_maps(film, max(each.shape[2:] for each in maps))

    return found


def _measured(
    films: SegmentedSet, sources: dict[str, list[MapsOf]], pixels: int, seed: int
) -> tuple[dict[str, list[FittedProbe]], dict[str, list[Any]]]:
    """Return the probes and the tables of pixels by row, for each of its seeds."""
    import numpy as np

    from tcn_robot.benchmarks.segmentation.baselines import majority_confusions
    from tcn_robot.benchmarks.segmentation.probe import confusions, fit_probe
    from tcn_robot.progress import progress

    fitted: dict[str, list[FittedProbe]] = {name: [] for name in sources}
    tables: dict[str, list[Any]] = {name: [] for name in sources}
    jobs = [(name, maps_of) for name, some in sources.items() for maps_of in some]
    for name, maps_of in progress(jobs, len(jobs), "fit probes", "probes"):
        probe = fit_probe(films, maps_of, pixels, np.random.default_rng(seed))
        fitted[name].append(probe)
        tables[name].append(confusions(probe, films, maps_of))
    return fitted, tables | {"majority": [majority_confusions(films)]}


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(bench_segmentation, arguments, "bench segmentation")
