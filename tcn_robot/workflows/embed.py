"""`tcn-robot embed`: every frame of a recording as a vector, in one .npz file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import tyro

from tcn_robot.atomic import atomic_file
from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.data.frame_store import StoredEpisode
    from tcn_robot.models import Encoder


def embed(
    run: Annotated[Path, tyro.conf.Positional],
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    out: Path,
    split: Literal["train", "valid", "test", "all"] = "all",
    cache_dir: Path | None = None,
) -> None:
    """Embed every frame of a recording.

    The .npz file has one row per frame in each array: `embeddings` float32 (N, D), `episode_ids`,
    `views`, `frame_indices`, `timestamps` (seconds), `splits`, and `encoders`, the digest of
    what embedded them: embeddings of different encoders cannot be compared.

    Args:
        run: Run folder, or the encoder folder inside one.
        dataset: Folder that `tcn-robot record` wrote.
        out: File to write; it is whole or absent.
        split: Only episodes of this split.
        cache_dir: Where decoded frames go; without it $TCN_ROBOT_CACHE or beside the dataset.
    """
    from tcn_robot.data.build import build_frame_store
    from tcn_robot.models import encoder_digest, load_encoder
    from tcn_robot.progress import progress

    if out.suffix != ".npz":
        raise UserError(f"--out must end with .npz, found {out}")
    encoder = load_encoder(run)
    store = build_frame_store([dataset], encoder.image_size_px, cache_dir)
    episodes = store.episodes if split == "all" else store.split(split)
    if not episodes:
        found = sorted({episode.split for episode in store.episodes})
        raise UserError(f"{dataset} has no episode of split {split!r} (found: {', '.join(found)})")
    display = progress(episodes, len(episodes), "embedding", "episodes")
    rows = [_embed_view(encoder, film, view) for film in display for view in film.views]
    columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    digest = encoder_digest(encoder).encode()
    columns["encoders"] = np.full(len(columns["embeddings"]), digest)
    write_npz_atomically(out, columns)
    print(f"{len(columns['embeddings'])} frames of {len(episodes)} episodes: {out}")


def _embed_view(encoder: Encoder, episode: StoredEpisode, view: str) -> dict[str, np.ndarray]:
    """Return the columns of one view's frames."""
    from tcn_robot.models.bodies import embed_film

    times = episode.timestamps(view)
    return {
        "embeddings": embed_film(encoder, episode.frames(view), episode.embodiment),
        "episode_ids": np.full(len(times), episode.id),
        "views": np.full(len(times), view),
        "frame_indices": np.arange(len(times)),
        "timestamps": np.asarray(times),
        "splits": np.full(len(times), episode.split),
    }


def write_npz_atomically(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Write arrays without any pickled object; the file is whole or absent."""
    with atomic_file(path) as partial:
        np.savez(partial, **columns)  # type: ignore[arg-type]


def main(arguments: list[str]) -> None:
    """Parse the command line and embed."""
    parse_and_run(embed, arguments)
