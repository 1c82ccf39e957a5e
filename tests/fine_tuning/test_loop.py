"""Fine-tuning: learns what can be learnt, repeats itself bit for bit, goes on where it stopped."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.fine_tuning.evaluation import film_logits, mean_cross_entropy, settle_features
from tcn_robot.fine_tuning.film_frames import FilmFrames
from tcn_robot.fine_tuning.loop import Diverged, LabelledFilms, fine_tune
from tcn_robot.fine_tuning.network import (
    ActionNetwork,
    ClassLayer,
    dropout_mask,
    encoder_for,
    film_loss,
    part_weights,
)
from tcn_robot.fine_tuning.options import FineTuningOptions
from tcn_robot.fine_tuning.segments import spread_frames
from tcn_robot.models import (
    ConvolutionalConfig,
    Encoder,
    PixelsConfig,
    ResNetConfig,
    build_encoder,
    seeded_generator,
)
from tests.support.toy_films import ToyFilm, coloured_films, directed_films, turning_films

SHAPE = ConvolutionalConfig(
    image_size_px=16, channels=(8, 8), strides=(2, 1), hidden=16, map_channels=2, dimension=4
)
OPTIONS = FineTuningOptions(
    epochs=1,
    min_steps=60,
    batch_clips=8,
    test_frames=4,
    validations=3,
    augmentation="none",
    precision="fp32",
    device="cpu",
)


def small_encoder(**changes: object) -> Encoder:
    config = replace(SHAPE, **changes)  # type: ignore[arg-type]
    return build_encoder("convolutional", config, seeded_generator(0))


def labelled(films: list[ToyFilm], num_valid: int = 4) -> LabelledFilms:
    return LabelledFilms(
        frames=FilmFrames(films, 16, memory_gib=1.0),
        labels=np.array([int(film.label[-1]) for film in films]),
        train=np.arange(len(films) - num_valid),
        valid=np.arange(len(films) - num_valid, len(films)),
        names=tuple(film.name for film in films),
    )


def network(encoder: Encoder | None = None) -> ActionNetwork:
    return ActionNetwork(encoder or small_encoder(), 2, seeded_generator(1))


def weights(of: ActionNetwork) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in of.state_dict().items()}


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def accuracy(net: ActionNetwork, films: LabelledFilms, options: FineTuningOptions) -> float:
    logits = film_logits(net, films.frames, films.valid, options)
    return float((logits.argmax(axis=1) == films.labels[films.valid]).mean())


def test_logits_of_a_film_are_the_sum_over_its_frames() -> None:
    net = network().eval()
    images = torch.randint(0, 256, (5, 3, 16, 16, 3), dtype=torch.uint8)
    summed = net(images)
    for film in range(5):
        one_by_one = [
            net.classifier(net.encoder.features(images[film, segment][None]))[0]
            for segment in range(3)
        ]
        torch.testing.assert_close(summed[film], sum(one_by_one))
    labels = torch.tensor([0, 1, 1, 0, 1])
    probabilities = summed.softmax(dim=1)
    expected = -sum(probabilities[i, labels[i]].log() for i in range(5)) / 5
    torch.testing.assert_close(film_loss(summed, labels), expected)
    expected = expected.detach()
    ours = mean_cross_entropy(summed.detach().numpy(), labels.numpy())
    assert ours == pytest.approx(float(expected), abs=1e-6)


def test_parts_are_read_by_weights_of_their_own() -> None:
    net = ActionNetwork(small_encoder(), 2, seeded_generator(1), num_parts=3).eval()
    images = torch.randint(0, 256, (4, 7, 16, 16, 3), dtype=torch.uint8)
    found = net(images)
    for film in range(4):
        features = net.encoder.features(images[film])  # (7, F)
        logits = net.classifier(features).unflatten(1, (3, 2))  # (7, P, K)
        of_parts = [logits[[0, 1], 0], logits[[2, 3, 4], 1], logits[[5, 6], 2]]
        expected = sum(part.mean(dim=0) for part in of_parts) * 7 / 3
        torch.testing.assert_close(found[film], expected)
    assert not torch.allclose(found, net(images.flip(1)), atol=1e-3)
    assert torch.equal(part_weights(5, 1), torch.ones(5, 1))
    assert torch.equal(part_weights(3, 3), torch.eye(3))
    assert torch.equal(part_weights(19, 8).sum(dim=0), torch.full((8,), 19 / 8))


@pytest.mark.parametrize("parts", [2, 3, 8, 19])
@pytest.mark.parametrize("num_frames", [95, 190, 400])
def test_a_tests_frames_count_in_the_segments_that_training_drew_from(
    parts: int, num_frames: int
) -> None:
    edges = np.arange(parts + 1) * num_frames / parts
    frames = spread_frames(num_frames, 19)
    lies_in = np.searchsorted(edges, frames + 0.5, side="right") - 1
    counted = part_weights(19, parts).argmax(dim=1).numpy()
    # A frame whose middle is the edge lies in both.
    on_edge = np.isin(frames + 0.5, edges)
    assert np.array_equal(counted[~on_edge], lies_in[~on_edge])


@pytest.mark.parametrize("ordered", [True, False])
def test_what_comes_first_is_learnt_in_order_alone(ordered: bool) -> None:
    films = labelled(turning_films(24))
    options = replace(OPTIONS, ordered=ordered, segments=4, test_frames=6)
    net = ActionNetwork(small_encoder(), 2, seeded_generator(1), options.num_parts)
    fine_tune(films, net, options, 0.03, seed=0)
    if ordered:
        assert accuracy(net, films, options) == 1.0
    else:  # all films have the same frames
        logits = film_logits(net, films.frames, films.valid, options)
        assert mean_cross_entropy(logits, films.labels[films.valid]) > 0.4


def test_colours_are_learnt() -> None:
    films = labelled(coloured_films(24))
    net = network()
    curve = fine_tune(films, net, OPTIONS, 0.03, seed=0)
    assert [validation.step for validation in curve] == [20, 40, 60]
    assert accuracy(net, films, OPTIONS) == 1.0


def test_the_order_of_frames_is_learnt_from_differences_alone() -> None:
    films = labelled(directed_films(24))
    options = replace(OPTIONS, min_steps=250, test_frames=8)
    plain, stacked = network(), network(encoder_for(small_encoder(), "differences", 0))
    fine_tune(films, plain, options, 0.03, seed=0)
    fine_tune(films, stacked, options, 0.03, seed=0)
    assert accuracy(stacked, films, options) == 1.0
    # A frame has no direction: each place of the bar is in both classes.
    logits = film_logits(plain, films.frames, films.valid, options)
    assert mean_cross_entropy(logits, films.labels[films.valid]) > 0.4


def test_the_same_seed_gives_the_same_weights_and_another_one_others() -> None:
    films = labelled(coloured_films(16))
    options = replace(OPTIONS, min_steps=6, augmentation="light", dropout=0.5)
    trained = []
    for seed in (0, 0, 1):
        net = network()
        fine_tune(films, net, options, 0.03, seed)
        trained.append(weights(net))
    assert_same(trained[0], trained[1])
    assert any(not torch.equal(trained[0][name], trained[2][name]) for name in trained[0])


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    films = labelled(coloured_films(16))
    options = replace(OPTIONS, min_steps=12, augmentation="light", dropout=0.3)
    whole = network()
    curve = fine_tune(films, whole, options, 0.03, seed=0)

    def stop(step: int, note: str) -> None:
        if step == 7:  # between the validations after 4 and 8 steps
            raise KeyboardInterrupt

    folder = tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fine_tune(films, network(), options, 0.03, 0, folder, stop)
    resumed, seen = network(), []
    again = fine_tune(films, resumed, options, 0.03, 0, folder, lambda step, _: seen.append(step))
    assert seen == list(range(5, 13))
    assert again == curve
    assert_same(weights(resumed), weights(whole))
    with pytest.raises(UserError, match="other options"):
        fine_tune(films, network(), replace(options, momentum=0.5), 0.03, 0, folder)
    (folder / "tensors.safetensors").write_bytes(b"?")
    with pytest.raises(UserError, match="damaged"):
        fine_tune(films, network(), options, 0.03, 0, folder)


def test_ctrl_c_ends_after_a_step_that_is_kept(tmp_path: Path) -> None:
    films = labelled(coloured_films(16))
    options = replace(OPTIONS, min_steps=12)
    whole = network()
    fine_tune(films, whole, options, 0.03, seed=0)

    def press(step: int, note: str) -> None:
        if step == 6:
            os.kill(os.getpid(), signal.SIGINT)

    folder = tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fine_tune(films, network(), options, 0.03, 0, folder, press)
    resumed, seen = network(), []
    fine_tune(films, resumed, options, 0.03, 0, folder, lambda step, _: seen.append(step))
    assert seen[0] == 7
    assert_same(weights(resumed), weights(whole))


def test_the_weights_of_the_best_validation_are_kept() -> None:
    films = labelled(coloured_films(16))
    net = network()
    curve = fine_tune(films, net, replace(OPTIONS, min_steps=9), 0.03, seed=0)
    best = max(curve, key=lambda one: (one.accuracy, -one.loss))
    logits = film_logits(net, films.frames, films.valid, OPTIONS)
    assert mean_cross_entropy(logits, films.labels[films.valid]) == pytest.approx(best.loss)


def test_a_rate_that_is_too_high_is_told_from_a_bad_one() -> None:
    films = labelled(coloured_films(16))
    with pytest.raises(Diverged):
        fine_tune(films, network(), OPTIONS, 1e12, seed=0)


def test_frozen_layers_keep_their_weights_and_statistics() -> None:
    films = labelled(coloured_films(16))
    net = network(small_encoder(norm="batch"))
    net.freeze_until("convolutions.1")
    before = weights(net)
    fine_tune(films, net, replace(OPTIONS, min_steps=4), 0.03, seed=0)
    changed = {name for name, value in weights(net).items() if not torch.equal(value, before[name])}
    assert not any(name.startswith("encoder.convolutions.0.") for name in changed)
    assert {"encoder.convolutions.1.weight", "classifier.linear.weight"} <= changed
    with pytest.raises(UserError, match=r"convolutions\.1"):
        net.freeze_until("convolution.1")


def test_an_encoder_of_frames_is_inflated_for_differences() -> None:
    encoder = small_encoder()
    made = encoder_for(encoder, "differences", None)
    assert made.config.input_channels == 15
    before, after = (e.state_dict()["convolutions.0.weight"] for e in (encoder, made))
    for channel in range(15):
        torch.testing.assert_close(after[:, channel], before.mean(dim=1))
    fresh = encoder_for(encoder, None, 7)
    assert fresh.config == encoder.config
    assert not torch.equal(fresh.state_dict()["head.weight"], encoder.state_dict()["head.weight"])
    with pytest.raises(UserError, match="--input rgb"):
        encoder_for(made, "rgb", None)
    with pytest.raises(UserError, match="joins 3 frames"):
        encoder_for(small_encoder(num_frames=3), "differences", None)


def test_everything_is_trained_and_what_cannot_be_is_refused() -> None:
    config = ResNetConfig(image_size_px=16, depth=18, stages=1, dimension=4, trainable="head")
    frozen = build_encoder("resnet", config, seeded_generator(0))
    assert all(p.requires_grad for p in encoder_for(frozen, None, None).parameters())
    pixels = build_encoder("pixels", PixelsConfig(image_size_px=16), seeded_generator(0))
    with pytest.raises(UserError, match="no weights to fine-tune"):
        encoder_for(pixels, None, None)
    with pytest.raises(UserError, match="batch statistics"):
        encoder_for(small_encoder(norm="batch", bodies=("hand", "robot")), None, None)


def test_the_scale_of_the_features_does_not_matter() -> None:
    films = labelled(coloured_films(16))
    options = replace(OPTIONS, min_steps=1)
    logits = []
    for factor in (1.0, 64.0):
        encoder = small_encoder()
        for layer in (encoder.hidden, encoder.map):  # type: ignore[attr-defined]
            layer.weight.data *= factor
        net = network(encoder)
        settle_features(net, films.frames, films.train, options)
        logits.append(film_logits(net, films.frames, films.valid, options))
    np.testing.assert_allclose(logits[0], logits[1], rtol=1e-3, atol=1e-6)
    layer = ClassLayer(4, 2, seeded_generator(0))
    generator = np.random.default_rng(0)
    features = torch.from_numpy(generator.normal(5, 3, (200, 4))).float()
    layer.settle(features)
    scaled = (features - layer.centre) * layer.scale
    assert scaled.mean(dim=0).abs().max() < 1e-5
    assert float(scaled.double().var(dim=0, correction=0).mean()) == pytest.approx(1, abs=1e-5)
    layer.settle(torch.ones(3, 4))  # nothing varies: a collapsed encoder
    assert torch.isfinite(layer(torch.ones(3, 4))).all()


def test_dropout_keeps_the_mean() -> None:
    mask = dropout_mask(400, 50, 0.8, seeded_generator(0))
    assert mask is not None
    assert mask.unique().tolist() == pytest.approx([0.0, 5.0])
    assert float(mask.mean()) == pytest.approx(1.0, abs=0.05)
    assert dropout_mask(3, 4, 0.0, seeded_generator(0)) is None


def test_films_that_do_not_fit_are_read_each_time() -> None:
    films = coloured_films(6)
    room = sum(film.num_frames for film in films[:3]) * 16 * 16 * 3 / (1 << 30)
    frames = FilmFrames(films, 16, room)
    assert frames.num_held == 3
    films[0].reads.clear()
    which, frame = np.array([0, 5]), np.array([[3, 1, 1], [2, 0, 6]])
    gathered = frames.gather(which, frame)
    for row, film in enumerate(which):
        assert np.array_equal(gathered[row], films[film].pictures[frame[row]])
    assert (films[0].reads, films[5].reads) == ([], [3])
