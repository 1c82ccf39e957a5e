"""`tcn-robot plot` from end to end on tiny recordings: every kind, and bad input in one line."""

import shutil

import av
import numpy as np
import pytest
from PIL import Image

from tcn_robot.cli import main
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.workflows.plot import KINDS
from tcn_robot.workflows.plot_films import FilmChoice, ShownFilm, open_films
from tcn_robot.workflows.plot_reward import _one_of_each_kind
from tests.support.short_recordings import record_short

FRAMES = 7


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return record_short(tmp_path_factory.mktemp("plot") / "push")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plot") / "our-run"
    config = ConvolutionalConfig(image_size_px=16, dimension=5)
    ConvolutionalEncoder(config, seeded_generator(0)).save(folder / "encoder")
    return folder


def plot(*words):
    return main(["plot", *map(str, words)])


def complaint(capsys, *words):
    """Return the one line that a refused command prints."""
    assert plot(*words) == 2
    (line,) = [
        line for line in capsys.readouterr().err.splitlines() if line.startswith("tcn-robot")
    ]
    return line


def film_facts(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        count = sum(1 for _ in container.decode(stream))
        return count, (stream.width, stream.height), stream.pix_fmt


@pytest.mark.parametrize("kind", ["tsne", "pca"])
def test_planes(kind, recording, run, tmp_path):
    out = tmp_path / "new" / "plane.png"
    words = [kind, recording, "--encoder", "untrained", run, "--colour", "phase", "--out"]
    assert plot(*words, out) == 0
    first = out.read_bytes()
    with Image.open(out) as picture:
        assert picture.width > 1200
    assert plot(*words, tmp_path / "again.png", "--seed", 0) == 0
    assert (tmp_path / "again.png").read_bytes() == first


def test_planes_of_saved_embeddings(tmp_path, capsys):
    files = [tmp_path / name for name in ("a.npy", "b.npy")]
    for seed, file in enumerate(files):
        np.save(file, np.random.default_rng(seed).normal(size=(20, 4)))
    assert plot("pca", *files, "--colour", "input", "--out", tmp_path / "a.png") == 0
    line = complaint(capsys, "pca", *files, "--encoder", "untrained", "--out", tmp_path / "b.png")
    assert "--encoder has nothing to embed" in line
    np.save(files[1], np.ones((20, 3)))
    line = complaint(capsys, "pca", *files, "--out", tmp_path / "b.png")
    assert "found 4 in a and 3 in b" in line
    np.save(files[1], np.full((20, 4), np.nan))
    assert "NaN" in complaint(capsys, "tsne", *files, "--out", tmp_path / "b.png")
    np.save(files[1], np.ones((2, 4)))
    line = complaint(capsys, "tsne", files[1], "--out", tmp_path / "b.png")
    assert "needs 3 points or more, found 2" in line
    np.save(files[1], np.ones((9, 4)))
    assert plot("tsne", files[1], "--out", tmp_path / "flat.png") == 0
    assert "collapsed" in capsys.readouterr().err
    assert not (tmp_path / "b.png").exists()


def test_what_embed_writes_is_read_back(recording, run, tmp_path):
    saved = tmp_path / "push.npz"
    assert main(["embed", str(run), str(recording), "--out", str(saved)]) == 0
    assert plot("pca", saved, "--colour", "view", "--out", tmp_path / "from-file.png") == 0
    directly = [recording, "--encoder", run, "--colour", "view"]
    assert plot("similarity", saved, "--out", tmp_path / "s.png") == 0
    assert plot("pca", *directly, "--out", tmp_path / "directly.png") == 0


def test_one_plane_holds_embeddings_of_one_encoder(recording, run, tmp_path, capsys):
    for name, digest in (("a", "abc"), ("b", "abc"), ("c", "def")):
        embeddings = np.random.default_rng(0).normal(size=(12, 4))
        np.savez(tmp_path / f"{name}.npz", embeddings=embeddings, encoders=[digest.encode()] * 12)
    a, b, c = (tmp_path / f"{name}.npz" for name in "abc")
    plot("pca", a, b, "--out", tmp_path / "one.png")
    for words in ([a, b, c], [a, recording, "--encoder", run]):
        error = complaint(capsys, "pca", *words, "--out", tmp_path / "no.png")
        assert "expected embeddings of one encoder, found abc in a" in error
    assert not (tmp_path / "no.png").exists()


def test_a_film_beside_its_point(recording, run, tmp_path):
    out = tmp_path / "film.mp4"
    words = ["film", recording, "--encoder", "untrained", run, "--size", 96, "--method", "pca"]
    assert plot(*words, "--out", out) == 0
    count, (width, height), pixel_format = film_facts(out)
    assert count == FRAMES
    assert (width % 2, height % 2, pixel_format) == (0, 0, "yuv420p")
    assert plot(*words, "--every", 2, "--out", tmp_path / "film.gif") == 0
    with Image.open(tmp_path / "film.gif") as gif:
        assert gif.n_frames == 4
        assert abs(gif.width - width) <= 1


@pytest.mark.parametrize("mode", ["views", "one", "many"])
def test_neighbours(mode, recording, run, tmp_path):
    out = tmp_path / "neighbours.mp4"
    words = ["neighbours", recording, "--encoder", run, "untrained", "--mode", mode, "--size", 64]
    assert plot(*words, "--out", out, "--episodes", 1, 0) == 0
    assert film_facts(out)[0] == 2 * FRAMES


@pytest.mark.parametrize("align", ["nearest", "dtw", "none"])
def test_grids(align, recording, run, tmp_path):
    out = tmp_path / "grid.mp4"
    encoder = [] if align == "none" else ["--encoder", run]
    words = ["grid", recording, *encoder, "--align", align, "--reference", 1, "--size", 64]
    assert plot(*words, "--out", out) == 0
    assert film_facts(out)[0] == FRAMES


def test_similarity(recording, run, tmp_path, capsys):
    words = ["similarity", recording, "--encoder", run, "untrained", "--dark"]
    for number, more in enumerate(([], ["--episodes", 0, 1], ["--views", "top", "front"])):
        assert plot(*words, *more, "--out", tmp_path / f"{number}.png") == 0
    line = complaint(capsys, *words, "--views", "top", "--episodes", 0, "--out", tmp_path / "x.png")
    assert "expected two films to compare, found episode 0 · top" in line


def test_rewards(recording, run, tmp_path, capsys):
    words = ["reward", recording, "--encoder", run, "--demos", recording, "--size", 64]
    capsys.readouterr()
    line = complaint(capsys, "reward", recording, "--encoder", run, "--out", tmp_path / "r.png")
    assert "--demos is missing" in line
    line = complaint(capsys, *words, "--out", tmp_path / "r.png")
    assert "no demonstration of split 'train' that succeeded" in line


def test_rewards_of_a_film_dataset(film_dataset, run, tmp_path):
    words = ["reward", film_dataset, "--encoder", run, "--demos", film_dataset, "--size", 64]
    assert plot(*words, "--out", tmp_path / "r.png") == 0
    assert plot(*words, "--out", tmp_path / "r.mp4") == 0
    assert film_facts(tmp_path / "r.mp4")[0] == 9  # the longest film
    saved = tmp_path / "fitted"
    from tcn_robot.workflows.learned_reward import fit_reward

    fit_reward("progress", run, film_dataset).save(saved)
    assert plot("reward", film_dataset, "--fitted", saved, "--out", tmp_path / "f.png") == 0
    assert (tmp_path / "f.png").read_bytes()


def test_tensorboards_projector(recording, run, tmp_path, capsys):
    out = tmp_path / "projector"
    words = ["projector", recording, "--encoder", run, "untrained", "--most-points", 12]
    assert plot(*words, "--out", out) == 0
    messages = pytest.importorskip("tensorboard.plugins.projector.projector_config_pb2")
    text_format = pytest.importorskip("google.protobuf.text_format")
    config = messages.ProjectorConfig()
    text_format.Parse((out / "projector_config.pbtxt").read_text(), config)
    assert [entry.tensor_name for entry in config.embeddings] == ["our-run", "untrained"]
    for entry in config.embeddings:
        vectors = np.loadtxt(out / entry.tensor_path, delimiter="\t")
        assert list(vectors.shape) == list(entry.tensor_shape) == [12, 5]
        lines = (out / entry.metadata_path).read_text().splitlines()
        assert lines[0].split("\t")[:5] == ["film", "view", "frame", "time_seconds", "phase"]
        assert lines[1].startswith("episode 0\tfront\t0\t0.000\t")
        assert len(lines) == 13
        with Image.open(out / entry.sprite.image_path) as sprite:
            assert sprite.size == (4 * 32, 4 * 32)
    assert "is there already" in complaint(capsys, *words, "--out", out)


def test_films_pictures_and_embeddings_in_one_plot(recording, run, tmp_path):
    film = next(recording.glob("episode_000000/front.mp4"))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index in range(11):  # natural order: 2 before 10
        shade = np.full((20, 30, 3), 20 * index, np.uint8)
        Image.fromarray(shade).save(pictures / f"frame{index}.{'jpg' if index % 2 else 'png'}")
    saved = tmp_path / "saved.npy"
    np.save(saved, np.random.default_rng(0).normal(size=(6, 5)))
    inputs = [film, pictures, saved, recording]
    out = tmp_path / "mixed.png"
    assert plot("pca", *inputs, "--encoder", run, "--colour", "input", "--out", out) == 0
    assert plot("film", film, "--encoder", run, "--size", 64, "--out", tmp_path / "f.mp4") == 0
    assert film_facts(tmp_path / "f.mp4")[0] == FRAMES
    words = ["grid", pictures, film, "--encoder", run, "--size", 64]
    assert plot(*words, "--out", tmp_path / "g.mp4") == 0
    assert film_facts(tmp_path / "g.mp4")[0] == 11


def test_bad_colours_are_told_before_anything_is_embedded(recording, tmp_path, capsys):
    for kind, suffix in (("tsne", "png"), ("film", "mp4")):
        out = tmp_path / f"a.{suffix}"
        line = complaint(
            capsys, kind, recording, "--encoder", "no-run", "--colour", "hue", "--out", out
        )
        assert "unknown colour 'hue'" in line


def test_a_folder_of_films_or_of_folders_of_pictures(recording, run, tmp_path, capsys):
    films, pictures = tmp_path / "Waving", tmp_path / "frames"
    films.mkdir()
    for number in (10, 2):
        shutil.copy(next(recording.glob("episode_000000/front.mp4")), films / f"film{number}.MP4")
        (pictures / f"take{number}").mkdir(parents=True)
        for index in range(3):
            shade = np.full((20, 30, 3), 20 * index, np.uint8)
            Image.fromarray(shade).save(pictures / f"take{number}" / f"{index}.png")
    (films / "notes.txt").write_text("not a film")
    (pictures / ".hidden").mkdir()
    assert [film.name for film in open_films([films], FilmChoice())] == ["film2", "film10"]
    taken = open_films([pictures, films], FilmChoice(most_episodes=1))
    assert [(film.name, film.source, len(film)) for film in taken] == [
        ("take2", "frames", 3),
        ("film2", "Waving", FRAMES),
    ]
    assert "frames: 1 of 2 films (--most-episodes)" in capsys.readouterr().out
    assert taken[1].labels["class"][0] == "Waving"
    out = tmp_path / "both.png"
    assert plot("pca", films, pictures, "--encoder", run, "--colour", "input", "--out", out) == 0
    (tmp_path / "empty" / "below").mkdir(parents=True)
    said = complaint(capsys, "pca", tmp_path / "empty", "--encoder", run, "--out", out)
    assert "expected a dataset, pictures, films or folders of pictures" in said


def test_inputs_of_one_name_are_told_apart(tmp_path):
    from tcn_robot.workflows.plot_films import FilmChoice, open_films

    files = [tmp_path / name / "x.npy" for name in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        np.save(file, np.eye(4))
    films = open_films(files, FilmChoice())
    assert [film.source for film in films] == [str(file) for file in files]
    assert open_films(files[:1], FilmChoice())[0].source == "x.npy"


def test_queries_and_targets_of_two_recordings_are_told_apart(recording, tmp_path):
    shutil.copytree(recording, tmp_path / "other")
    other, choice = tmp_path / "other", FilmChoice(views=("front",))
    names = [film.name for film in open_films([recording], choice, [other])]
    assert names == ["push episode 0", "push episode 1"]
    again = [film.name for film in open_films([recording], choice, [recording])]
    assert again == ["episode 0", "episode 1"]


def test_views_keep_their_common_clock_and_pictures_have_none(film_dataset, tmp_path):
    from tcn_robot.workflows.plot_films import FilmChoice, open_films

    left, right = open_films([film_dataset], FilmChoice(episodes=(0,)))
    assert (left.view, right.view) == ("left", "right")
    np.testing.assert_allclose(left.times_seconds[:2], [0.0, 0.1], atol=1e-6)
    np.testing.assert_allclose(right.times_seconds[:2], [0.01, 0.11], atol=1e-6)
    saved = tmp_path / "saved.npz"
    views, times = ["a", "b", "a", "b"], [3.0, 3.5, 4.0, 4.5]
    np.savez(saved, embeddings=np.eye(4), views=views, timestamps=times)
    first, second = open_films([saved], FilmChoice())
    assert first.has_times
    assert (first.times_seconds.tolist(), second.times_seconds.tolist()) == ([0, 1], [0.5, 1.5])
    np.savez(saved, embeddings=np.eye(4), views=views)
    first, second = open_films([saved], FilmChoice())
    assert not first.has_times
    assert (first.times_seconds.tolist(), second.times_seconds.tolist()) == ([0, 1], [0, 1])


def test_a_dataset_is_the_same_however_it_is_written(recording, run, tmp_path, capsys):
    detour = recording.parent / "nowhere" / ".." / recording.name
    (recording.parent / "nowhere").mkdir()
    words = ["neighbours", recording, "--mode", "many", "--encoder", run, "--targets", detour]
    line = complaint(capsys, *words, "--target-episodes", 0, "--out", tmp_path / "a.mp4")
    assert "there is no film beside" in line


def test_help_names_every_kind(capsys):
    with pytest.raises(SystemExit) as stop:
        plot("--help")
    assert not stop.value.code
    printed = capsys.readouterr().out
    assert all(f"  {kind} " in printed for kind in KINDS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give a kind of picture first"),
        (["tsnee"], "unknown kind of picture 'tsnee'; did you mean 'tsne'?"),
        (["tsne", "{data}", "--outt", "a.png"], "unknown option '--outt'; did you mean '--out'?"),
        (["tsne", "{data}", "--out", "{tmp}/a.jpg"], "--out must end with .png"),
        (["film", "{data}", "--out", "{tmp}/a.png"], "--out must end with .mp4 or .gif"),
        (["tsne", "{data}", "--out", "{data}/dataset.json/a.png"], "is a file; name another"),
        (["tsne", "{data}", "--out", "{tmp}/a.png"], "give --encoder RUN"),
        (["tsne", "--out", "{tmp}/a.png"], "expected something to show"),
        (["pca", "{tmp}/no", "--out", "{tmp}/a.png"], "does not exist"),
        (["pca", "{data}", "--views", "fron", "--out", "{tmp}/a.png"], "did you mean 'front'?"),
        (["pca", "{data}", "--episodes", "9", "--out", "{tmp}/a.png"], "has no episode 9"),
        (["pca", "{data}/dataset.json", "--out", "{tmp}/a.png"], "is no film that can be read"),
        (["pca", "{data}/assets", "--out", "{tmp}/a.png"], "found none of these"),
        (
            ["pca", "{data}", "--encoder", "{run}", "--colour", "phas", "--out", "{tmp}/a.png"],
            "did you mean 'phase'?",
        ),
        (
            ["tsne", "{data}", "--encoder", "{run}", "--perplexity", "0", "--out", "{tmp}/a.png"],
            "--perplexity must be above 0",
        ),
        (["grid", "{data}", "--out", "{tmp}/a.mp4"], "needs one encoder, found 0"),
        (
            ["grid", "{data}", "--align", "none", "--reference", "7", "--out", "{tmp}/a.mp4"],
            "--reference must be from 0 to 1, found 7",
        ),
        (["film", "{data}", "--speed", "0", "--out", "{tmp}/a.mp4"], "--speed must be from"),
        (
            ["film", "{data}", "--encoder", "no-run", "--out", "{tmp}/a.mp4"],
            "no-run",
        ),
    ],
)
def test_bad_input_is_one_line(words, said, recording, run, tmp_path, capsys):
    places = {"data": recording, "run": run, "tmp": tmp_path}
    assert said in complaint(capsys, *[word.format(**places) for word in words])
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("a.")]


def test_films_too_short_or_unreadable_are_told(run, tmp_path, capsys):
    lone = tmp_path / "lone"
    lone.mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(lone / "0.png")
    for kind in ("film", "grid"):
        line = complaint(capsys, kind, lone, "--encoder", run, "--out", tmp_path / "a.mp4")
        assert "has one frame only" in line
    line = complaint(capsys, "tsne", lone, "--encoder", run, "--out", tmp_path / "a.png")
    assert "needs 3 points or more, found 1" in line
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film at all")
    line = complaint(capsys, "tsne", broken, "--encoder", run, "--out", tmp_path / "a.png")
    assert "broken.mp4 is no film that can be read" in line
    (lone / "1.png").write_bytes(b"no picture")
    line = complaint(capsys, "tsne", lone, "--encoder", run, "--out", tmp_path / "a.png")
    assert "1.png cannot be decoded" in line


def a_film(kind, number):
    policy = "play" if kind == "play" else "failure" if kind.startswith("miss") else "expert"
    outcome = "success" if kind == "success" else "failure"
    return ShownFilm(
        name=f"episode {number}",
        source="made",
        episode=str(number),
        view="front",
        body="robot",
        times_seconds=np.arange(3) / 10,
        facts={"policy": policy, "outcome": outcome, "kind": {"failure": kind}},
    )


def test_play_is_shown_beside_however_many_kinds_of_failure(capsys):
    kinds = [*(f"miss {number}" for number in range(9)), "success", "success", "play", "play"]
    films = [a_film(kind, number) for number, kind in enumerate(kinds)]
    shown = _one_of_each_kind([{"front": film} for film in films])
    numbers = [int(episode["front"].episode) for episode in shown]
    assert numbers == [9, 0, 1, 2, 3, 4, 5, 11]
    said = capsys.readouterr().out.splitlines()
    assert [line.split(" (")[0] for line in said] == [
        f"not shown: failure: miss {number}" for number in (6, 7, 8)
    ]


def test_rewards_that_cannot_be_drawn_are_told_before_one_is_fitted(run, tmp_path, capsys):
    np.save(tmp_path / "u.npy", np.random.default_rng(0).normal(size=(9, 5)))
    words = ["reward", tmp_path / "u.npy", "--encoder", run, "--demos", tmp_path / "none"]
    line = complaint(capsys, *words, "--out", tmp_path / "r.png")
    assert "holds embeddings, not pictures" in line
