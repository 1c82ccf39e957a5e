"""`tcn-robot plot projector`: a folder for TensorBoard's projector, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tcn_robot.atomic import refuse_unwritable
from tcn_robot.errors import UserError
from tcn_robot.workflows.plot_encoders import Embedded, embed_films
from tcn_robot.workflows.plot_films import FilmChoice, ShownFilm, expect_number, open_films
from tcn_robot.workflows.plot_plane import ALL_FILMS, Inputs


def projector(
    inputs: Inputs = (),
    /,
    *,
    out: Path,
    encoder: tuple[str, ...] = (),
    films: FilmChoice = ALL_FILMS,
    most_points: int = 2500,
    seed: int = 0,
) -> None:
    """Write embeddings with their frames for TensorBoard's projector.

    `tensorboard --logdir FOLDER` then shows them in three dimensions (PCA, t-SNE, UMAP), coloured
    by film, view, time, phase or whatever else is known; each encoder is an entry of its menu.

    Args:
        inputs: Datasets, films, folders of pictures, or embeddings (then without pictures).
        out: Folder to write, new or empty.
        encoder: Runs, names of `tcn-robot zoo`, or untrained.
        films: Which films.
        most_points: More frames than this are thinned, evenly over each film; a browser draws
            2500 easily.
        seed: Of an untrained encoder.
    """
    from tcn_robot.plots.tracks import kept_frames
    from tcn_robot.workflows.folders import exclusive_folder

    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise UserError(f"--out {out} is there already; give a new folder")
    refuse_unwritable(out / "projector_config.pbtxt")
    expect_number("--most-points", most_points, 1)
    shown = open_films(inputs, films)
    embedded = embed_films(shown, encoder, seed)
    kept = kept_frames([len(film) for film in shown], most_points)
    with exclusive_folder(out) as partial:
        _write(partial, shown, kept, embedded)
    count = sum(map(len, kept))
    print(f"{out}: {count} frames; look at them with `tensorboard --logdir {out}`")


def _write(
    folder: Path,
    films: Sequence[ShownFilm],
    kept: Sequence[np.ndarray],
    embedded: Sequence[Embedded],
) -> None:
    from tcn_robot import projector_files as files

    has_pictures = all(film.read is not None for film in films)
    if has_pictures:
        files.write_sprite(folder / files.SPRITE_FILE, _thumbnails(films, kept))
    files.write_metadata(folder / files.METADATA_FILE, _columns(films, kept))
    tables = []
    for number, one in enumerate(embedded):
        name = files.VECTORS_FILE if len(embedded) == 1 else f"vectors_{number}.tsv"
        rows = [track.embeddings[frames] for track, frames in zip(one.tracks, kept, strict=True)]
        vectors = np.concatenate(rows)  # (N, D)
        files.write_vectors(folder / name, vectors)
        tables.append(
            files.ProjectorTable(
                name=one.name or "embeddings",
                shape=(len(vectors), vectors.shape[1]),
                vectors=name,
                metadata=files.METADATA_FILE,
                sprite=files.SPRITE_FILE if has_pictures else None,
            )
        )
    (folder / files.CONFIG_FILE).write_text(files.config_text(tables), "utf-8")


def _thumbnails(films: Sequence[ShownFilm], kept: Sequence[np.ndarray]) -> np.ndarray:
    from tcn_robot.plots.painting import fitted
    from tcn_robot.plots.played import frames_at
    from tcn_robot.progress import Progress
    from tcn_robot.projector_files import THUMBNAIL_PX

    small = np.empty((sum(map(len, kept)), THUMBNAIL_PX, THUMBNAIL_PX, 3), np.uint8)
    place = 0
    with Progress(len(small), "thumbnails", "frames") as display:
        for film, frames in zip(films, kept, strict=True):
            assert film.read is not None
            for frame in frames_at(film.read(), frames.tolist()):
                small[place] = fitted(frame, THUMBNAIL_PX, THUMBNAIL_PX)
                place += 1
                display.advance()
    return small


def _columns(films: Sequence[ShownFilm], kept: Sequence[np.ndarray]) -> dict[str, list]:
    """Return what is known of every point: what all films have, by name."""
    shared = [name for name in films[0].labels if all(name in film.labels for film in films)]
    columns: dict[str, list] = {"film": [], "view": [], "frame": [], "time_seconds": []}
    columns |= {name: [] for name in shared if name not in columns}
    for film, frames in zip(films, kept, strict=True):
        columns["film"] += [film.name] * len(frames)
        columns["view"] += [film.view or "one view"] * len(frames)
        columns["frame"] += frames.tolist()
        columns["time_seconds"] += film.times_seconds[frames].tolist()
        for name in shared:
            columns[name] += np.asarray(film.labels[name])[frames].tolist()
    return columns
