"""ResNets: the published sizes, names and outputs; what is frozen; inflated first convolutions."""

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.models import ResNetConfig, ResNetEncoder, num_parameters, seeded_generator
from tcn_robot.models.backbone import num_trained_blocks
from tcn_robot.models.planes import inflated
from tcn_robot.models.resnet import ResNet
from tests.models.tiny import frames, tiny

# Published parameters with a classifier of 1,000 classes, which has 1,000 (F + 1) of them.
PUBLISHED = {
    18: (11_689_512, 512),
    34: (21_797_672, 512),
    50: (25_557_032, 2048),
    101: (44_549_160, 2048),
    152: (60_192_808, 2048),
}


@pytest.mark.parametrize("depth", PUBLISHED)
def test_the_number_of_parameters_is_the_published_one(depth):
    published, width = PUBLISHED[depth]
    with torch.device("meta"):
        network = ResNet(depth, 4, "batch", 3)
    assert num_parameters(network) == published - 1000 * (width + 1)
    assert network.num_channels == width


def test_names_are_torchvisions():
    with torch.device("meta"):
        basic = ResNet(18, 4, "batch", 3).state_dict()
        bottleneck = ResNet(50, 4, "batch", 3).state_dict()
    assert {"conv1.weight", "bn1.running_var", "layer1.0.conv2.weight"} <= basic.keys()
    assert {"layer2.0.downsample.0.weight", "layer2.0.downsample.1.bias"} <= basic.keys()
    assert "layer1.0.downsample.0.weight" not in basic
    assert {"layer1.0.downsample.0.weight", "layer3.5.conv3.weight"} <= bottleneck.keys()
    assert bottleneck["layer2.0.conv2.weight"].shape == (128, 128, 3, 3)
    assert len(basic) == 122 - 2  # torchvision's 122 without the classifier's two
    assert len(bottleneck) == 320 - 2


@pytest.mark.parametrize(
    ("depth", "stages", "shape"), [(18, 4, (512, 2, 2)), (50, 3, (1024, 4, 4))]
)
def test_each_stage_but_the_first_halves_the_maps(depth, stages, shape):
    network = ResNet(depth, stages, "batch", 3)
    network.draw_weights(seeded_generator(0))
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, *shape)


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "layer_type"), [(18, "basic"), (50, "bottleneck")])
def test_the_maps_equal_those_of_another_library(depth, layer_type):
    transformers = pytest.importorskip("transformers")
    bottleneck = layer_type == "bottleneck"
    mine = ResNet(depth, 4, "batch", 3)
    mine.draw_weights(seeded_generator(0))
    mine(torch.rand(4, 3, 64, 64))  # so that the statistics are not those of the start
    config = transformers.ResNetConfig(
        hidden_sizes=[256, 512, 1024, 2048] if bottleneck else [64, 128, 256, 512],
        depths=[3, 4, 6, 3] if bottleneck else [2, 2, 2, 2],
        layer_type=layer_type,
        embedding_size=64,
    )
    other = transformers.ResNetModel(config)
    state = {}
    for name, value in mine.state_dict().items():
        parts = name.split(".")
        if parts[0] in ("conv1", "bn1"):
            start = "embedder.embedder."
            inner = "convolution" if parts[0] == "conv1" else "normalization"
        else:
            start = f"encoder.stages.{int(parts[0][5:]) - 1}.layers.{parts[1]}."
            if parts[2] == "downsample":
                start += "shortcut."
                inner = "convolution" if parts[3] == "0" else "normalization"
            else:
                start += f"layer.{int(parts[2][-1]) - 1}."
                inner = "convolution" if parts[2].startswith("conv") else "normalization"
        state[f"{start}{inner}.{parts[-1]}"] = value
    other.load_state_dict(state)
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        wanted = other.eval()(images).last_hidden_state
        torch.testing.assert_close(mine.eval()(images), wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("trainable", "trained"),
    [
        ("all", {"conv1", "bn1", "layer1", "layer2", "head"}),
        ("last-5", {"conv1", "bn1", "layer1", "layer2", "head"}),
        ("last-2", {"layer1", "layer2", "head"}),
        ("last-1", {"layer2", "head"}),
        ("head", {"head"}),
    ],
)
def test_what_is_frozen_neither_learns_nor_counts(trainable, trained):
    encoder = tiny("resnet", trainable=trainable)
    found = {
        name.removeprefix("backbone.").partition(".")[0]
        for name, parameter in encoder.named_parameters()
        if parameter.requires_grad
    }
    assert found == trained
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder.train()
    encoder(torch.from_numpy(frames(4)).float())
    moved = {
        name.removeprefix("backbone.").partition(".")[0]
        for name, value in encoder.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert moved == trained - {"head", "conv1"}  # the statistics of what is trained
    assert num_trained_blocks(trainable, 3) <= 3


def test_a_frozen_batch_norm_takes_the_weights_of_a_batch_norm():
    plain, frozen = tiny("resnet"), tiny("resnet", norm="frozen_batch")
    plain.train()
    plain(torch.from_numpy(frames(4)).float())
    state = {k: v for k, v in plain.state_dict().items() if not k.endswith("num_batches_tracked")}
    frozen.load_state_dict(state)
    np.testing.assert_allclose(frozen.embed(frames()), plain.embed(frames()), atol=1e-4)


def test_a_first_convolution_is_inflated_by_the_mean_over_colours():
    weight = torch.rand(4, 3, 7, 7)
    found = inflated(weight, 15)
    assert found.shape == (4, 15, 7, 7)
    for channel in range(15):
        torch.testing.assert_close(
            found[:, channel], (weight[:, 0] + weight[:, 1] + weight[:, 2]) / 3
        )


def test_five_differences_are_fifteen_channels():
    encoder = ResNetEncoder(
        ResNetConfig(image_size_px=32, stages=1, num_frames=6, differences=True),
        seeded_generator(0),
    )
    assert encoder.backbone.conv1.weight.shape == (64, 15, 7, 7)


def test_without_norms_the_network_starts_as_its_shortcuts():
    encoder = tiny("resnet none", head="pooled", dimension=128)
    images = torch.rand(2, 32, 32, 3) * 255
    maps = encoder.features(images).detach()
    assert torch.isfinite(maps).all()
    assert 1e-3 < float(maps.mean()) < 10


@pytest.mark.parametrize("options", [{"depth": 19}, {"stages": 0}, {"stages": 5}])
def test_a_network_that_is_none_is_refused(options):
    with pytest.raises(UserError, match=r"--depth expects one of 18, 34, .* --stages 1 to 4"):
        tiny("resnet", **options)
