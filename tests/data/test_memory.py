"""A dataset larger than the memory allowed is built and sampled; only batches take memory."""

import subprocess
import sys

import numpy as np
import pytest

from tcn_robot.recordings import DatasetWriter

SIZE_PX = 128
FRAMES = 2400
STORE_BYTES = FRAMES * SIZE_PX**2 * 3
ROOM_BYTES = 48 << 20

# The limit is on memory of the process's own; pages of a mapped file are the system's to drop.
CHILD = f"""
import re, resource, sys
from pathlib import Path
import numpy as np
from tcn_robot.data.build import build_frame_store
from tcn_robot.data.sampling import MultiViewSampler, BatchOptions
from tcn_robot.recordings import open_recording
import tcn_robot.data.partial_store, tcn_robot.recordings.tables, tcn_robot.recordings.video

warm_up = build_frame_store([sys.argv[1]], 16)
MultiViewSampler(warm_up.episodes, BatchOptions()).draw(np.random.default_rng(0))
used = 1024 * int(re.search(r"VmData:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
resource.setrlimit(resource.RLIMIT_DATA, (used + {ROOM_BYTES}, resource.RLIM_INFINITY))

store = build_frame_store([sys.argv[1]], {SIZE_PX}, workers=2)
store.gather(np.linspace(0, {FRAMES} - 1, 4).astype(int))
smaps = Path("/proc/self/smaps").read_text()
maps = re.findall(r"frames.npy\\nSize:.*?\\nRss:\\s*(\\d+)", smaps, re.S)
assert 0 < 1024 * sum(map(int, maps)) < {STORE_BYTES} / 4, maps  # mapped up to 2 MB at once
sampler = MultiViewSampler(store.episodes, BatchOptions(batch_frames=256))
rng, seen = np.random.default_rng(0), set()
for _ in range(40):
    batch = sampler.draw(rng)
    rows = store.rows(batch.episode, batch.view, batch.frame)
    assert store.gather(rows).any()
    seen |= set(rows.tolist())
assert len(seen) > {FRAMES} / 2
print("gathered", flush=True)
try:
    np.array(store.episodes[0].frames("front")), np.array(store.episodes[0].frames("side"))
except MemoryError:
    print("the whole does not fit")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts memory maps on Linux only")
def test_building_and_sampling_take_no_more_memory_than_a_batch(tmp_path):
    assert STORE_BYTES > 2 * ROOM_BYTES
    rng = np.random.default_rng(0)
    pictures = rng.integers(1, 256, (2, 7, 16, 16, 3)).astype(np.uint8)
    with (
        DatasetWriter(tmp_path / "films", task="noise", codec="h264", kind="film") as writer,
        writer.episode(frame_rate_hz=20.0) as episode,
    ):
        for frame in range(FRAMES // 2):
            views = zip(("front", "side"), pictures, strict=True)
            episode.add_frames(frame / 20, {view: some[frame % 7] for view, some in views})
    command = [sys.executable, "-c", CHILD, str(tmp_path / "films")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["gathered", "the whole does not fit"], done.stderr
