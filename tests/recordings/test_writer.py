"""Whole episodes or none, one recorder at a time, ids that never shift."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.recordings import DatasetWriter, find_faults, open_recording

Film = Callable[..., np.ndarray]

RECORDER = """
import sys
import numpy as np
from tcn_robot.recordings import DatasetWriter

frames = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
with DatasetWriter(sys.argv[1], "noise", "lossless", kind="film") as writer:
    while True:
        with writer.episode(frame_rate_hz=20.0) as episode:
            for index, frame in enumerate(frames):
                episode.add_frames(index / 20, {"front": frame, "left": frame[::-1]})
                print(episode.id, index, flush=True)
"""


def record_film(
    writer: DatasetWriter, frames: Iterable[np.ndarray], episode_id: int | None = None
) -> None:
    with writer.episode(frame_rate_hz=20.0, episode_id=episode_id) as episode:
        for index, frame in enumerate(frames):
            episode.add_frames(index / 20, {"front": frame})


def interrupted(frames: np.ndarray) -> Iterator[np.ndarray]:
    yield from frames
    raise KeyboardInterrupt


def content(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_round_trip_is_bit_exact_with_measured_times(tmp_path: Path, film: Film) -> None:
    frames = film(9)
    times = 1234.5 + np.cumsum(np.random.default_rng(0).uniform(0.01, 0.2, 9))
    with (
        DatasetWriter(tmp_path / "d", "wave", "lossless", kind="film") as writer,
        writer.episode(frame_rate_hz=20.0) as episode,
    ):
        episode.metadata.update(split="valid", success=True)
        for time_seconds, frame in zip(times, frames, strict=True):
            episode.add_frames(time_seconds, {"front": frame, "left": frame[:, ::-1]})
    episode = open_recording(tmp_path / "d")[0]
    np.testing.assert_array_equal(episode.frames("front"), frames)
    np.testing.assert_array_equal(episode.frames("left"), frames[:, :, ::-1])
    np.testing.assert_array_equal(episode.timestamps("left"), times)
    assert (episode.split, episode.success, episode.steps) == ("valid", True, None)
    assert episode.metadata["views"]["front"]["dropped_frames"] > 0


def test_frames_may_reuse_their_memory(tmp_path: Path, film: Film) -> None:
    frames = film(20)
    picture = np.empty_like(frames[0])
    with (
        DatasetWriter(tmp_path / "d", "wave", "lossless") as writer,
        writer.episode(20.0) as episode,
    ):
        for index, frame in enumerate(frames):
            picture[:] = frame
            episode.add_frames(index / 20, {"front": picture})
            picture[:] = 0
    np.testing.assert_array_equal(open_recording(tmp_path / "d")[0].frames("front"), frames)


def test_dataset_file_is_never_written_again(tmp_path: Path, film: Film) -> None:
    for _ in range(2):
        with DatasetWriter(tmp_path / "d", "wave") as writer:
            record_film(writer, film(3))
            stat = (tmp_path / "d" / "dataset.json").stat()
    assert open_recording(tmp_path / "d").ids == (0, 1)
    assert (tmp_path / "d" / "dataset.json").stat() == stat


def test_an_error_leaves_no_trace_of_the_episode(tmp_path: Path, film: Film) -> None:
    with DatasetWriter(tmp_path / "d", "wave") as writer:
        record_film(writer, film(3))
        before = content(tmp_path / "d")
        with pytest.raises(KeyboardInterrupt):
            record_film(writer, interrupted(film(3)))
        assert content(tmp_path / "d") == before
        assert sorted(os.listdir(tmp_path / "d")) == [".lock", "dataset.json", "episode_000000"]
        record_film(writer, film(3))
    assert open_recording(tmp_path / "d").ids == (0, 1)


def test_ids_never_shift(tmp_path: Path, film: Film) -> None:
    with DatasetWriter(tmp_path / "d", "wave") as writer:
        for id in (0, 1, 4):
            record_film(writer, film(3), id)
        with pytest.raises(UserError, match="never written over"):
            record_film(writer, film(3), 4)
        record_film(writer, film(3))
    recording = open_recording(tmp_path / "d")
    assert recording.ids == (0, 1, 4, 5)
    assert [episode.id for episode in recording] == [0, 1, 4, 5]


def test_two_recorders_on_one_dataset_are_refused(tmp_path: Path, film: Film) -> None:
    with DatasetWriter(tmp_path / "d", "wave") as writer:
        with pytest.raises(UserError, match=f"another recorder .process {os.getpid()}"):
            DatasetWriter(tmp_path / "d", "wave").__enter__()
        record_film(writer, film(2))
    with DatasetWriter(tmp_path / "d", "wave") as writer:
        record_film(writer, film(2))


@pytest.mark.parametrize("frames_before_kill", [3, 37])
def test_kill_loses_at_most_the_episode_being_recorded(
    tmp_path: Path, film: Film, frames_before_kill: int
) -> None:
    path = tmp_path / "d"
    process = subprocess.Popen(
        [sys.executable, "-c", RECORDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(frames_before_kill):
        id = int(process.stdout.readline().split()[0])
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert any(name.startswith(".partial-") for name in os.listdir(path))
    with DatasetWriter(path, "noise") as writer:  # the lock went with the process
        assert not any(name.startswith(".partial-") for name in os.listdir(path))
        assert len(writer.episode_ids()) >= id
        record_film(writer, film(2))
    recording = open_recording(path)
    assert recording.ids == tuple(range(len(recording)))
    assert not [line for _, lines in find_faults(recording) for line in lines]


def test_foreign_folder_and_other_task_are_refused(tmp_path: Path, film: Film) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("x")
    with pytest.raises(UserError, match="no dataset and not empty"):
        DatasetWriter(tmp_path / "thesis", "wave").__enter__()
    with pytest.raises(UserError, match="is a file"):
        DatasetWriter(tmp_path / "thesis" / "chapter.tex", "wave").__enter__()
    assert os.listdir(tmp_path / "thesis") == ["chapter.tex"]
    with DatasetWriter(tmp_path / "d", "wave") as writer:
        record_film(writer, film(2))
    with pytest.raises(UserError, match="dataset of task 'wave', asked for 'push'"):
        DatasetWriter(tmp_path / "d", "push").__enter__()


def test_unknown_codec_has_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'lossless'"):
        DatasetWriter(tmp_path / "d", "wave", codec="losless")


def record_frames(path: Path, *timed: tuple[float, dict[str, np.ndarray]]) -> None:
    with DatasetWriter(path, "wave") as writer, writer.episode(20.0) as episode:
        for time_seconds, frames in timed:
            episode.add_frames(time_seconds, frames)


@pytest.mark.parametrize("later_seconds", [0.0, -0.1, 1e-7])
def test_a_clock_that_stands_still_is_refused(
    tmp_path: Path, film: Film, later_seconds: float
) -> None:
    frames = {"front": film(1)[0]}
    with pytest.raises(UserError, match="clock must run forward"):
        record_frames(tmp_path / "d", (1.0, frames), (1.0 + later_seconds, frames))


def test_view_names_sizes_and_empty_episodes_are_checked(tmp_path: Path, film: Film) -> None:
    frame = film(1)[0]
    path = tmp_path / "d"
    with pytest.raises(UserError, match="cannot be a file name"):
        record_frames(path, (0.0, {"../front": frame}))
    with pytest.raises(ValueError, match="expected uint8"):
        record_frames(path, (0.0, {"front": frame}), (0.1, {"front": frame[:20]}))
    with pytest.raises(ValueError, match="expected uint8"):
        record_frames(path, (0.0, {"front": frame.astype(float)}))
    with pytest.raises(ValueError, match="finite"):
        record_frames(path, (float("nan"), {"front": frame}))
    with pytest.raises(UserError, match="no frame"):
        record_frames(path)
    assert sorted(os.listdir(path)) == [".lock", "dataset.json"]


def test_encoding_errors_reach_the_recorder(tmp_path: Path, film: Film) -> None:
    """A limit on file size stands for a full disk; the whole episodes stay."""
    code = (
        "import resource, sys\n"
        "import numpy as np\n"
        "from tcn_robot.recordings import DatasetWriter\n"
        "noise = np.random.default_rng(0).integers(0, 256, (60, 64, 64, 3), dtype=np.uint8)\n"
        "with DatasetWriter(sys.argv[1], 'noise', 'lossless') as writer:\n"
        "    for length in (2, 60):\n"
        "        try:\n"
        "            with writer.episode(20.0) as episode:\n"
        "                resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, -1))\n"
        "                for index in range(length):\n"
        "                    episode.add_frames(index / 20, {'front': noise[index]})\n"
        "        except OSError as error:\n"
        "            print(error.errno)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "d")], capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.returncode) == ("27", 0), done.stderr  # EFBIG
    assert open_recording(tmp_path / "d").ids == (0,)
    assert not [name for name in os.listdir(tmp_path / "d") if name.startswith(".partial-")]


def test_readers_see_only_whole_episodes_while_one_is_written(tmp_path: Path, film: Film) -> None:
    with DatasetWriter(tmp_path / "d", "wave") as writer:
        record_film(writer, film(2))
        with writer.episode(20.0) as episode:
            episode.add_frames(0.0, {"front": film(1)[0]})
            time.sleep(0.05)  # let the encoder start
            assert open_recording(tmp_path / "d").ids == (0,)
        assert open_recording(tmp_path / "d").ids == (0, 1)
