"""An encoder with statistics per body goes the whole way: bench, report and reward."""

import json

import numpy as np
import pytest

from tcn_robot.benchmarks import embedded_figures, held_out_episodes
from tcn_robot.benchmarks.alignment.figures.basic import BASIC
from tcn_robot.benchmarks.alignment.figures.figure import measured
from tcn_robot.cli import main
from tcn_robot.data.build import build_frame_store
from tcn_robot.errors import UserError
from tcn_robot.models import film_embedder, load_encoder
from tcn_robot.recordings import DatasetWriter, open_recording
from tcn_robot.training.embedded import embed_episodes
from tcn_robot.workflows import report_embedding
from tcn_robot.workflows.learned_reward import fit_reward
from tests.support.films import moving_square

VIEWS = ("left", "right")
SPLITS = ("train", "train", "valid", "test", "test")


def write_films(path, bodies):
    """Five episodes from two cameras by each body; a body's films are brighter than the last's."""
    with DatasetWriter(path, "pouring", "lossless", kind="film") as writer:
        for place, body in enumerate(bodies):
            for split in SPLITS:
                with writer.episode(frame_rate_hz=10.0) as episode:
                    episode.metadata.update(split=split, embodiment=body)
                    for frame, picture in enumerate(moving_square(8)):
                        shown = picture // 2 + 100 * place
                        views = {"left": shown, "right": shown[:, ::-1]}
                        episode.add_frames(frame / 10, views)
    return path


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bodies")
    both = write_films(folder / "both", ("hand", "robot"))
    options = ["--norm", "batch", "--bodies", "hand", "robot", "--steps", "3"]
    sizes = ["--image-size-px", "16", "--batch-frames", "16"]
    assert main(["train", str(both), "--out", str(folder / "run"), *options, *sizes]) == 0
    return folder


def by_body(encoder, episode):
    return {view: encoder.embed(episode.frames(view), body=episode.embodiment) for view in VIEWS}


def test_each_film_is_embedded_by_its_body(films):
    """What bench, report and validation hand on, against the encoder that is told the body."""
    encoder, recording = load_encoder(films / "run"), open_recording(films / "both")
    test = [episode for episode in recording if episode.split == "test"]
    assert {episode.embodiment for episode in test} == {"hand", "robot"}
    wanted = [by_body(encoder, episode) for episode in test]
    assert not np.allclose(wanted[0]["left"], encoder.embed(test[0].frames("left"), body="robot"))
    held = held_out_episodes([(films / "both", recording)])
    assert embedded_figures(held, film_embedder(encoder))["error"].tolist() == (
        measured(held, wanted, BASIC)["error"].tolist()
    )
    shown = report_embedding._embed(encoder, report_embedding.shown_episodes([films / "both"]))
    stored = build_frame_store([films / "both"], 16, films / "cache").split("test")
    validated = [one.embeddings for one in embed_episodes(encoder, stored)]
    for found, expected in ((shown, wanted), (validated, [by_body(encoder, e) for e in stored])):
        for one, of_body in zip(found, expected, strict=True):
            for view in VIEWS:
                assert np.array_equal(one[view], of_body[view])


def test_bench_measures_all_bodies(films, tmp_path, capsys):
    out = tmp_path / "figures.json"
    command = ["bench", "alignment", str(films / "run"), str(films / "both"), "--out", str(out)]
    assert main(command) == 0
    figures = json.loads(out.read_text("utf-8"))
    assert figures["episodes"] == 4
    assert figures["trained"]["error"] is not None


def test_a_report_shows_it(films, tmp_path, capsys):
    page = tmp_path / "report.html"
    assert main(["report", str(films / "run"), "--out", str(page)]) == 0
    assert '<section id="embedding"' in page.read_text("utf-8")


def test_a_reward_sees_by_the_body_of_its_demonstrations(films, tmp_path):
    hand = write_films(tmp_path / "hand", ("hand",))
    reward = fit_reward("goal", films / "run", hand)
    film = open_recording(hand)[0].frames("left")
    encoder = load_encoder(films / "run")
    assert reward.encoder.bodies == ("hand",)
    assert np.array_equal(reward.encoder.embed(film), encoder.embed(film, body="hand"))
    by_robot = fit_reward("goal", films / "run", hand, acting="robot")
    assert by_robot.goals["left"].tolist() == reward.goals["left"].tolist()
    assert np.array_equal(by_robot.encoder.embed(film), encoder.embed(film, body="robot"))
    with pytest.raises(UserError, match="unknown body of the encoder 'tongs'"):
        fit_reward("goal", films / "run", hand, acting="tongs")


@pytest.mark.parametrize(
    ("bodies", "said"),
    [
        (("hand", "robot"), "expected demonstrations of one of them, found hand, robot"),
        (("",), "found no named one"),
        (("tongs",), "unknown body of the encoder 'tongs'"),
    ],
)
def test_demonstrations_of_other_bodies_are_refused(films, tmp_path, bodies, said):
    other = write_films(tmp_path / "other", bodies)
    with pytest.raises(UserError, match=said) as caught:
        fit_reward("goal", films / "run", other)
    assert "\n" not in str(caught.value)
