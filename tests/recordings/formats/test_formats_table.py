"""The table of formats, formats of other people, and what the documents say of ours."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tcn_robot import open_recording
from tcn_robot.recordings import DatasetWriter
from tcn_robot.recordings.formats.foreign import ASPECTS
from tcn_robot.recordings.formats.losses import Losses
from tcn_robot.recordings.formats.table import FORMATS, list_of_losses, table_of_losses
from tests.support.films import moving_square
from tests.support.foreign_films import write_film

PLUGIN = """
import numpy as np
from tcn_robot.recordings.formats.foreign import (
    Contents, ForeignDataset, ForeignEpisode, ForeignView)

class Arrays:
    LOSSES = {"everything": "but for the number of frames ({})"}

    def describe_losses(self):
        return {}

    def read(self, path, options):
        files = sorted(path.glob("*.npy"))
        def episode(file):
            def load():
                frames = np.load(file)
                times = np.arange(len(frames)) / 4
                return Contents({"eye": ForeignView(times, lambda: iter(frames))})
            return ForeignEpisode(file.name, [file], load)
        return ForeignDataset([episode(file) for file in files], "array task")

    def write(self, recording, path, options, losses):
        for episode in recording:
            (path / f"{episode.id}.txt").write_text(str(episode.length(episode.views[0])))
            losses.add("everything", episode.id, "4")
            yield episode.id

class OnlyDescribed:
    def describe_losses(self):
        return {}
"""


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_what_it_holds(name: str) -> None:
    said = FORMATS[name]().describe_losses()
    assert tuple(said) == ASPECTS
    assert all(said.values())


def test_the_document_says_the_same(root: Path) -> None:
    text = (root / "docs/formats.md").read_text(encoding="utf-8")
    for lines in (table_of_losses(), list_of_losses()):
        assert "\n".join(lines) in text


def test_every_loss_has_a_test(root: Path) -> None:
    for name, format_class in FORMATS.items():
        stem = "lerobot_*" if name == "lerobot-v3" else name
        files = sorted((root / "tests/recordings/formats").glob(f"test_{stem}.py"))
        text = "".join(file.read_text(encoding="utf-8") for file in files)
        for kind in getattr(format_class, "LOSSES", {}):
            assert f"lost: {kind}" in text, (name, kind)


def test_losses_are_counted_and_the_first_example_shown() -> None:
    losses = Losses({"a": "lost {}", "b": "gone {}"})
    losses.add("b", 3, "x")
    losses.add("a", 1, "first")
    losses.add("a", 2, "second")
    losses.add("a", 2, "third")
    assert losses.lines() == ["a: lost first (2 episodes)", "b: gone x (1 episodes)"]
    with pytest.raises(ValueError, match="no such loss"):
        losses.add("c", 1)


def test_a_format_of_ones_own(
    tmp_path: Path, run, imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugin_of_arrays.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "src").mkdir()
    np.save(tmp_path / "src" / "a.npy", moving_square(4))
    name = "plugin_of_arrays:Arrays"
    path, _ = imported(name, tmp_path / "src", "--encode", "lossless")
    recording = open_recording(path)
    assert recording.task == "array task"
    assert np.array_equal(recording[0].frames("eye"), moving_square(4))
    code, printed, _ = run("export", name, path, tmp_path / "out")
    assert code == 0
    assert "lost: everything: but for the number of frames (4) (1 episodes)" in printed
    assert (tmp_path / "out" / "0.txt").read_text() == "4"
    for verb in ("import", "export"):
        code, _, complaint = run(verb, "plugin_of_arrays:OnlyDescribed", path, tmp_path / "x")
        assert code == 2
        assert f"cannot be {verb}ed" in complaint


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "lerobot"), "did you mean 'lerobot-v3'"),
        (
            ("export", "lerobot-v2.1"),
            "cannot be exported; these can: frames, lerobot-v3, tcn, ucf101",
        ),
        (("import", "no_such_module:Format"), "cannot import"),
    ],
)
def test_unknown_formats(
    tmp_path: Path, run, clean_datasets, arguments: tuple[str, str], said: str
) -> None:
    code, _, complaint = run(*arguments, clean_datasets["films"], tmp_path / "out")
    assert code == 2
    assert said in complaint


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--split", "trian"), "did you mean 'train'"),
        (("--limit", "0"), "--limit must be at least 1"),
        (("--rate", "0"), "--rate must lie between 0 and 1000"),
        (("--rate", "nan"), "--rate must lie between 0 and 1000"),
        (("--size", "20"), "--size should be WIDTHxHEIGHT"),
        (("--size", "0x20"), "--size should lie between"),
        (("--size", "20x999999"), "--size should lie between"),
        (("--encode", "mpeg"), "encode"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, run, options: tuple[str, str], said: str) -> None:
    write_film(tmp_path / "src" / "a_view0.mp4", moving_square(3))
    code, _, complaint = run("import", "tcn", tmp_path / "src", tmp_path / "out", *options)
    assert (code, complaint.count("\n")) == (2, 1)
    assert said in complaint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rate", ["0", "1e-300", "1e-9", "nan", "1001"])
def test_a_rate_that_no_export_can_have(tmp_path: Path, run, clean_datasets, rate: str) -> None:
    out = tmp_path / "out"
    code, _, complaint = run("export", "ucf101", clean_datasets["films"], out, "--rate", rate)
    assert (code, complaint.count("\n")) == (2, 1)
    assert "--rate must lie between 0.001 and 1000" in complaint


def test_a_dataset_of_another_task_is_refused(tmp_path: Path, run, clean_datasets) -> None:
    write_film(tmp_path / "src" / "a_view0.mp4", moving_square(3))
    code, _, complaint = run("import", "tcn", tmp_path / "src", clean_datasets["films"])
    assert code == 2
    assert "is a dataset of task 'pouring'" in complaint


def test_sound_is_left_out_and_said(tmp_path: Path, imported) -> None:
    path = tmp_path / "src" / "a_view0.mp4"
    path.parent.mkdir()
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=10)
        pictures.height, pictures.width = 32, 40
        sound = container.add_stream("aac", rate=16_000)
        for picture in moving_square(5):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(pictures.encode(None))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8_000), np.float32), "fltp", "mono")
        frame.sample_rate = 16_000
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    out, printed = imported("tcn", path.parent)
    assert "1 films had sound, which has no place: left out" in printed
    assert len(open_recording(out)[0].frames("view0")) == 5


def test_what_is_made_from_films_taken_over_is_encoded_as_h264(
    tmp_path: Path, imported, run
) -> None:
    write_film(tmp_path / "src" / "a_view0.mp4", moving_square(20), rate=10)
    path, _ = imported("tcn", tmp_path / "src")
    assert open_recording(path)[0].codec == "original"
    code, _, complaint = run("resample", path, "--rate", 5, "--out", tmp_path / "slow")
    assert code == 0, complaint
    assert open_recording(tmp_path / "slow")[0].codec == "h264"
    with pytest.raises(Exception, match="unknown codec 'original'"):
        DatasetWriter(tmp_path / "x", "t", "original")


def test_a_damaged_import_is_mended(tmp_path: Path, imported, run) -> None:
    write_film(tmp_path / "src" / "a_view0.mp4", moving_square(20), rate=10)
    path, _ = imported("tcn", tmp_path / "src")
    (path / "episode_000000" / "frames.parquet").unlink()
    assert run("check", path)[0] == 2
    code, _, _ = run("check", path, "--repair", "--out", tmp_path / "mended")
    assert code == 0
    assert run("check", tmp_path / "mended")[0] == 0
    mended = open_recording(tmp_path / "mended")[0]
    assert mended.timestamps("view0") == pytest.approx(np.arange(20) / 10, abs=1e-6)


STOPPING = """
import numpy as np
from pathlib import Path
from tcn_robot.recordings.formats.foreign import (
    Contents, ForeignDataset, ForeignEpisode, ForeignView)

class Stopping:
    def describe_losses(self):
        return {}

    def read(self, path, options):
        def episode(number):
            def pictures():
                for frame in range(5):
                    if number == 2 and frame == 3 and (path / "stop").exists():
                        raise KeyboardInterrupt
                    yield np.full((16, 16, 3), 9 * frame + number, np.uint8)
            def load():
                return Contents({"eye": ForeignView(np.arange(5) / 4, pictures)})
            return ForeignEpisode(str(number), [path / "file"], load)
        return ForeignDataset([episode(number) for number in range(4)], "t")
"""


def test_an_interrupted_import_goes_on(
    tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugin_that_stops.py").write_text(STOPPING)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "src").mkdir()
    for name in ("file", "stop"):
        (tmp_path / "src" / name).write_text("x")
    arguments = ("import", "plugin_that_stops:Stopping", tmp_path / "src", tmp_path / "out")
    assert run(*arguments)[0] == 130
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == [
        "episode_000000",
        "episode_000001",
    ]
    (tmp_path / "src" / "stop").unlink()
    code, printed, _ = run(*arguments)
    assert code == 0
    assert "2 episodes imported" in printed
    assert "2 were there" in printed
    names = [one.metadata["imported_from"]["name"] for one in open_recording(tmp_path / "out")]
    assert names == ["0", "1", "2", "3"]


def test_an_interrupted_export_leaves_nothing(tmp_path: Path, clean_datasets, run) -> None:
    from tcn_robot.recordings.formats.lerobot import writing

    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing.DatasetFiles, "_write_data", stop)
        code, _, _ = run(
            "export", "lerobot-v3", clean_datasets["films"], tmp_path / "out", "--resample"
        )
    assert code == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("codec", ["libx264", "libsvtav1"])
def test_films_taken_over_are_trimmed(tmp_path: Path, imported, codec: str) -> None:
    """Without encoding where the cut falls on a key frame, else as H.264."""
    from tcn_robot.recordings.editing.trimming import cut_by_frames, trim_episode

    film = tmp_path / "src" / "a_view0.mp4"
    write_film(film, moving_square(20, 48, 64), codec=codec, rate=10, options={"g": "4"})
    path, _ = imported("tcn", film.parent)
    (episode,) = open_recording(path)
    for start, expected in ((4, ("original", "copied")), (5, ("h264", "encoded anew"))):
        out = tmp_path / f"cut{start}"
        with DatasetWriter(out, "t", kind="film") as writer, writer.episode(10.0) as target:
            done = trim_episode(episode, cut_by_frames(episode, start, 12), target)
        (cut,) = open_recording(out)
        frames = cut.frames("view0")
        assert len(frames) == 12 - start
        if codec == "libsvtav1" or start == 5:  # x264 puts its key frames where it likes
            assert (cut.codec, done["view0"].how) == expected
        if done["view0"].how == "copied":
            assert np.array_equal(frames, episode.frames("view0")[start:12])


@pytest.mark.parametrize("format", ["frames", "tcn", "ucf101"])
@pytest.mark.parametrize("num_frames", [5, 25])
def test_a_film_of_another_length_is_not_exported(
    tmp_path: Path, imported, run, format: str, num_frames: int
) -> None:
    write_film(tmp_path / "src" / "a_view0.mp4", moving_square(10), options={"bf": "0"})
    path, _ = imported("tcn", tmp_path / "src")
    write_film(path / "episode_000000" / "view0.mp4", moving_square(num_frames))
    code, printed, complaint = run("export", format, path, tmp_path / "out")
    assert (code, complaint.count("\n")) == (2, 1), printed
    assert f"the film of 'view0' has {num_frames} frames, its times are 10" in complaint
    assert not (tmp_path / "out").exists()
