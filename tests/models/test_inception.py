"""InceptionV3 to Mixed_5d: the published shapes, sizes and names, and the paper's head."""

import pytest
import torch

from tcn_robot.models import InceptionConfig, InceptionEncoder, num_parameters, seeded_generator
from tcn_robot.models.heads import TcnHead
from tcn_robot.models.inception import map_side_px

# (input, output, kernel) of every convolution up to Mixed_5d, from the paper's tables.
MIXED = {
    "Mixed_5b": (192, 32),
    "Mixed_5c": (256, 64),
    "Mixed_5d": (288, 64),
}
FIRST = [(3, 32, 3), (32, 32, 3), (32, 64, 3), (64, 80, 1), (80, 192, 3)]


def convolutions():
    yield from FIRST
    for before, pooled in MIXED.values():
        yield from [(before, 64, 1), (before, 48, 1), (48, 64, 5), (before, 64, 1)]
        yield from [(64, 96, 3), (96, 96, 3), (before, pooled, 1)]


@pytest.fixture(scope="module")
def stem():
    encoder = InceptionEncoder(
        InceptionConfig(head_channels=8, head_hidden=16), seeded_generator(0)
    )
    return encoder.backbone.eval()


def test_288_maps_of_35_by_35_at_299_px(stem):
    with torch.inference_mode():
        assert stem(torch.zeros(1, 3, 299, 299)).shape == (1, 288, 35, 35)
        # The size that the reproduction at TU Delft reports for frames of 360 x 640.
        assert stem(torch.zeros(1, 3, 360, 640)).shape == (1, 288, 42, 77)


@pytest.mark.parametrize("size_px", [75, 96, 128, 299])
def test_the_side_of_the_maps_is_known_before(stem, size_px):
    with torch.inference_mode():
        assert stem(torch.zeros(1, 3, size_px, size_px)).shape[-1] == map_side_px(size_px)


def test_parameters_equal_those_of_the_published_tables(stem):
    wanted = sum(a * b * k * k + 2 * b for a, b, k in convolutions())  # scale and shift of each
    assert num_parameters(stem) == wanted
    shapes = [tuple(m.weight.shape) for m in stem.modules() if isinstance(m, torch.nn.Conv2d)]
    assert sorted(shapes) == sorted((b, a, k, k) for a, b, k in convolutions())
    assert all(m.eps == 1e-3 for m in stem.modules() if isinstance(m, torch.nn.BatchNorm2d))


def test_names_are_torchvisions(stem):
    names = stem.state_dict().keys()
    assert {"Conv2d_1a_3x3.conv.weight", "Conv2d_4a_3x3.bn.running_mean"} <= names
    for block in MIXED:
        for branch in ("branch1x1", "branch5x5_2", "branch3x3dbl_3", "branch_pool"):
            assert f"{block}.{branch}.conv.weight" in names
    assert len(names) == 6 * (len(FIRST) + 7 * len(MIXED))


def test_the_head_is_the_papers():
    head = TcnHead(288, 32, 512, 2048, "batch")
    convolution1 = 288 * 512 * 9 + 2 * 512
    convolution2 = 512 * 512 * 9 + 2 * 512
    wanted = convolution1 + convolution2 + 512 + (1024 * 2048 + 2 * 2048) + (2048 * 32 + 32)
    assert num_parameters(head) == wanted  # 512: the soft-argmax's temperatures
    assert (head.feature_width, head.dimension) == (2048, 32)


def test_positions_move_with_the_features_not_with_their_strength():
    """The head's soft-argmax is over height and width (a predecessor had it over channels)."""
    head = TcnHead(1, 4, 2, 8, "none")
    head.draw_weights(seeded_generator(0))
    with torch.no_grad():
        for layer in (head.convolution1, head.convolution2):
            layer.weight.zero_()
            layer.weight[:, :, 1, 1] = 1.0
    maps = torch.zeros(2, 1, 6, 6)
    maps[0, 0, 1, 2] = maps[1, 0, 4, 5] = 50.0
    seen = []
    head.positions.register_forward_hook(lambda module, inputs, output: seen.append(output))
    head.features(maps, maps.mean(dim=(2, 3)))
    wanted = torch.tensor([[2, 1], [5, 4]]) / 2.5 - 1  # x then y
    torch.testing.assert_close(seen[0][:, [0, 2]], wanted, atol=1e-4, rtol=0)
