"""Scores beside a LeRobot dataset: the Parquet file that its reward-aware training reads.

From the public source of LeRobot: `src/lerobot/utils/rabc.py` looks up `progress_sparse` (or
`progress_dense`) by `index` and takes the bounds of episodes from `episode_index`; the script that
writes such a file for SARM (`compute_rabc_weights.py`) has `frame_index` too, numbers of int64 and
progress of float32, sorted by `index`, in `sarm_progress.parquet` in the dataset's folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tcn_robot.atomic import atomic_file
from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.lerobot.layout import OUR_PREFIX, OURS_FILE
from tcn_robot.recordings.formats.lerobot.ours import read_ours
from tcn_robot.recordings.formats.lerobot.plan import DatasetPlan
from tcn_robot.recordings.formats.places import Place

#: Under which LeRobot looks for it in a dataset's folder.
PROGRESS_FILE = "sarm_progress.parquet"
PROGRESS_COLUMN = "progress_sparse"
#: Key of the file's own metadata with what it was made of, as JSON.
FACTS_KEY = b"tcn_robot"


def progress_table(
    plan: DatasetPlan,
    scores: Mapping[int, NDArray[np.float32]],
    is_progress: bool,
    facts: Mapping[str, Any],
) -> pa.Table:
    """Return one row per row of the dataset that an export writes, in its order.

    Args:
        plan: The rows of the export.
        scores: By id of an episode, float32 (T,), finite: one per row.
        is_progress: Whether the scores are a progress; if not, `progress_sparse` is left out.
        facts: What the scores were made of, for the file's metadata.

    Returns:
        `index`, `episode_index`, `frame_index` (int64), `timestamp` (float32, seconds: frame
        / rate), `progress_sparse`, `reward` (float32), and under our prefix `episode_id` (int64)
        and the measured `time_seconds` (float64) of the episode's first view.

    Raises:
        ValueError: Another number of scores than rows, or scores that are not finite.
    """
    parts: dict[str, list[NDArray[Any]]] = {}
    start = 0
    for number, episode in enumerate(plan.episodes):
        rows, own = plan.rows[episode.id], np.asarray(scores[episode.id], np.float32)
        if own.shape != (len(rows),) or not np.isfinite(own).all():
            raise ValueError(f"episode {episode.id}: expected {len(rows)} finite scores: {own}")
        frames = np.arange(len(rows))
        columns: dict[str, NDArray[Any]] = {
            "index": start + frames,
            "episode_index": np.full(len(rows), number),
            "frame_index": frames,
            "timestamp": (frames / plan.rate_hz).astype(np.float32),
            **({PROGRESS_COLUMN: own} if is_progress else {}),
            "reward": own,
            f"{OUR_PREFIX}episode_id": np.full(len(rows), episode.id),
            f"{OUR_PREFIX}time_seconds": rows.times_seconds[plan.views[episode.id][0]],
        }
        start += len(rows)
        for name, values in columns.items():
            parts.setdefault(name, []).append(values)
    table = pa.table({name: np.concatenate(values) for name, values in parts.items()})
    return table.replace_schema_metadata({FACTS_KEY: json.dumps(dict(facts)).encode()})


def write_progress(path: Path, table: pa.Table) -> None:
    """Write the table; the file is whole or absent."""
    with atomic_file(path) as partial:
        pq.write_table(table, partial)


def refuse_other_export(folder: Path, plan: DatasetPlan) -> None:
    """Refuse a LeRobot dataset whose rows are not those of the plan.

    Args:
        folder: A dataset that our export wrote.
        plan: The rows that are scored.

    Raises:
        UserError: No export of ours, other episodes, or other rows.
    """
    written = read_ours(Place(folder)).episodes
    if not written:
        raise UserError(
            f"{folder} is no export of `tcn-robot export lerobot-v3` ({OURS_FILE} is missing); "
            "name a .parquet file, or such a folder"
        )
    if len(written) != len(plan.episodes):
        raise UserError(
            f"{folder} has {len(written)} episodes, the dataset has {len(plan.episodes)}; "
            "export it again"
        )
    for number, episode in enumerate(plan.episodes):
        entry, rows = written.get(number, {}), plan.rows[episode.id]
        same = (entry.get("id"), entry.get("content_sha256"))
        if same != (episode.id, episode.content_hash):
            raise UserError(
                f"episode {number} of {folder} is another one than episode {episode.id} of the "
                "dataset; export it again"
            )
        views = plan.views[episode.id]
        first = [float(rows.times_seconds[view][0]) for view in views]
        if (entry.get("length"), entry.get("first_seconds")) != (len(rows), first):
            raise UserError(
                f"episode {number} of {folder} has other rows ({entry.get('length')}) than are "
                f"scored ({len(rows)}); give the --views, --rate and --resample of the export"
            )
