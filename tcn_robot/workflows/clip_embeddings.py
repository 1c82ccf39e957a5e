"""Features of clips that somebody else made, from a .npz or Parquet file.

Either `names` (N,) and `features` (N, F) or (N, S, F), or, in a .npz, one array (F,) or (S, F) per
clip under its name; in Parquet a column `names` and a column of lists. Names are those of the
lists, such as "HandStand/v_HandStand_g01_c02.avi"; S frames of a clip stand in the order of time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.clips import Clip
from tcn_robot.errors import UserError
from tcn_robot.workflows.saved_embeddings import EMBEDDING_NAMES, read_arrays

NAMES = "names"


def read_clip_embeddings(path: Path, clips: Sequence[Clip]) -> NDArray[np.float32]:
    """Return the features of clips, in their order.

    Args:
        path: The file.
        clips: N clips, each of which it must have.

    Returns:
        float32 (N, S, F); S = 1 where the file has one vector per clip.

    Raises:
        UserError: If it is no such file, lacks a clip, or features differ in shape or are not
            finite.
    """
    by_name = _read(path)
    missing = [clip.name for clip in clips if clip.name not in by_name]
    if missing:
        raise UserError(
            f"{path} has features of {len(by_name)} clips, {len(missing)} are missing, such as "
            f"{missing[0]!r}; embed every clip of the splits"
        )
    shapes = {by_name[clip.name].shape for clip in clips}
    if len(shapes) > 1 or not shapes <= {shape for shape in shapes if len(shape) in (1, 2)}:
        raise UserError(
            f"{path} should have (F,) or (S, F) for each clip, the same for all, found "
            f"{', '.join(map(str, sorted(shapes)[:3]))}"
        )
    features = np.stack([by_name[clip.name] for clip in clips])
    features = features[:, None] if features.ndim == 2 else features  # (N, S, F)
    if features.dtype.kind not in "fiu" or 0 in features.shape:
        raise UserError(f"{path} should have real numbers, found {features.dtype} {features.shape}")
    if not np.isfinite(features).all():
        bad = clips[int(np.flatnonzero(~np.isfinite(features).all(axis=(1, 2)))[0])].name
        raise UserError(f"{path} has NaN or infinity, such as in {bad!r}; mend the embedding")
    return features.astype(np.float32)


def _read(path: Path) -> dict[str, NDArray[np.generic]]:
    arrays = read_arrays(path)
    found = [name for name in EMBEDDING_NAMES if name in arrays]
    if NAMES not in arrays:
        if path.suffix.lower() != ".npz":
            raise UserError(
                f"expected a column {NAMES!r} of clips' names in {path}, found "
                f"{', '.join(arrays)}; without names nobody knows whose features they are"
            )
        return arrays
    if not found:
        raise UserError(f"expected {NAMES!r} and 'features' in {path}, found {', '.join(arrays)}")
    names, features = arrays[NAMES].astype(str).tolist(), arrays[found[0]]
    if len(names) != len(features):
        raise UserError(f"{path} has {len(names)} names for features {features.shape}")
    counts = Counter(names)
    twice = [name for name in counts if counts[name] > 1]
    if twice:
        raise UserError(
            f"{path} has features of {len(twice)} clips more than once, such as {twice[0]!r}; "
            "save each once"
        )
    return dict(zip(names, features, strict=True))
