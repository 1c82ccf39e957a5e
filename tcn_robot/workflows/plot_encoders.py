"""Encoders by name, untrained ones too, and what they make of films, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.progress import Progress
from tcn_robot.workflows.plot_films import ShownFilm, expect_number
from tcn_robot.workflows.saved_embeddings import ENCODERS, expect_one_encoder

if TYPE_CHECKING:
    from tcn_robot.models import Encoder
    from tcn_robot.plots.tracks import Track

UNTRAINED = "untrained"
BATCH_FRAMES = 64


@dataclass(frozen=True)
class NamedEncoder:
    """An encoder with its name for titles."""

    name: str
    encoder: Encoder


@dataclass(frozen=True)
class Embedded:
    """The films as one encoder sees them.

    Attributes:
        name: The encoder's; empty for saved embeddings.
        tracks: One per film.
    """

    name: str
    tracks: list[Track]


def load_encoders(names: Sequence[str], seed: int = 0) -> list[NamedEncoder]:
    """Load encoders by run, folder or name of the zoo; "untrained" is one with drawn weights.

    An untrained one has the shape of the first that is trained, or of the encoder that `train`
    starts with where there is none.

    Raises:
        UserError: A name stands for no encoder.
    """
    from tcn_robot.models import (
        ConvolutionalConfig,
        ConvolutionalEncoder,
        load_encoder,
        seeded_generator,
        untrained_encoder,
    )

    expect_number("--seed", seed, 0)
    loaded = {name: load_encoder(name) for name in names if name != UNTRAINED}
    if UNTRAINED in names:
        like = next(iter(loaded.values()), None)
        loaded[UNTRAINED] = (
            ConvolutionalEncoder(ConvolutionalConfig(), seeded_generator(seed)).eval()
            if like is None
            else untrained_encoder(like, seed).eval()
        )
    titles = [_title(name) for name in names]
    return [
        NamedEncoder(title if titles.count(title) == 1 else name, loaded[name])
        for title, name in zip(titles, names, strict=True)
    ]


def _title(name: str) -> str:
    path = Path(name)
    return path.parent.name if path.name == "encoder" and path.parent.name else path.name or name


def embed_films(films: Sequence[ShownFilm], names: Sequence[str], seed: int = 0) -> list[Embedded]:
    """Return the films as each encoder sees them; saved embeddings as they are.

    Args:
        films: One or more.
        names: Encoders; none for saved embeddings alone.
        seed: Of an untrained encoder.

    Raises:
        UserError: No encoder for films, an encoder for saved embeddings alone, several beside
            saved embeddings, or embeddings that are not finite, of different dimensions or of
            different encoders.
    """
    to_embed = [film for film in films if film.embeddings is None]
    if to_embed and not names:
        raise UserError(
            f"expected an encoder for {to_embed[0].source}, found none; give --encoder RUN, a name "
            "of `tcn-robot zoo`, or untrained"
        )
    if names and not to_embed:
        raise UserError("--encoder has nothing to embed: the inputs are embeddings; leave it out")
    if len(names) > 1 and len(to_embed) < len(films):
        saved = next(film.source for film in films if film.embeddings is not None)
        raise UserError(
            f"expected one encoder beside the embeddings in {saved}, found {len(names)}; several "
            "can be compared on films only"
        )
    from tcn_robot.plots.tracks import stacked

    encoders: list[NamedEncoder | None] = [*load_encoders(names, seed)] or [None]
    expect_one_encoder(_digests(films, encoders[0]))
    total = len(encoders) * sum(map(len, to_embed))
    with Progress(total, "embedding", "frames") as display:
        embedded = [
            Embedded(one.name if one else "", [_track(film, one, display) for film in films])
            for one in encoders
        ]
    for one in embedded:
        stacked(one.tracks)  # raises what is wrong with them
    return embedded


def _digests(
    films: Sequence[ShownFilm], beside: NamedEncoder | None
) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the digests of encoders whose embeddings one picture would hold, and where."""
    from tcn_robot.models import encoder_digest

    saved = [film for film in films if film.embeddings is not None]
    for film in saved:
        if ENCODERS in film.labels:
            yield film.labels[ENCODERS], film.source
    if saved and beside is not None:
        yield np.array([encoder_digest(beside.encoder).encode()]), beside.name


def check_colour(films: Sequence[ShownFilm], by: str) -> None:
    """Refuse what films cannot be coloured by, before they are embedded.

    Raises:
        UserError: Nothing of that name is known of all of them.
    """
    from tcn_robot.plots.colours import choose_colouring
    from tcn_robot.plots.tracks import Track

    blank = [
        Track(
            film.name,
            film.source,
            film.view,
            film.times_seconds,
            np.zeros((len(film), 1)),
            film.labels,
        )
        for film in films
    ]
    choose_colouring(blank, by)


def _track(film: ShownFilm, one: NamedEncoder | None, display: Progress) -> Track:
    from tcn_robot.plots.tracks import Track

    if film.embeddings is not None:
        embeddings = film.embeddings
    else:
        assert one is not None
        assert film.read is not None
        embeddings = embed_frames(one.encoder, film.read(), film.body, display)
        if len(embeddings) != len(film):
            raise UserError(
                f"{film.title} of {film.source} has {len(embeddings)} frames, expected "
                f"{len(film)}: the film is damaged or cut short; `tcn-robot check` names it"
            )
    return Track(film.name, film.source, film.view, film.times_seconds, embeddings, film.labels)


def embed_frames(
    encoder: Encoder, frames: Iterator[np.ndarray], body: str, display: Progress
) -> np.ndarray:
    """Embed a film as it comes; only a batch of frames is in memory.

    Args:
        encoder: Of one frame or several.
        frames: uint8 (H, W, 3) each.
        body: As `embed_film` takes it.
        display: Counts the frames.

    Returns:
        float32 (T, D).
    """
    from tcn_robot.models import embed_film

    parts: list[np.ndarray] = []
    if encoder.num_frames > 1:
        known = body or None if encoder.bodies else None
        for row in encoder.embed_stream(frames, known):
            parts.append(row[None])
            display.advance()
    else:
        while batch := list(islice(frames, BATCH_FRAMES)):
            parts.append(embed_film(encoder, np.stack(batch), body))
            display.advance(len(batch))
    if not parts:
        return np.empty((0, encoder.dimension), np.float32)
    return np.concatenate(parts)  # (T, D)
