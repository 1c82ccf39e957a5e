"""The softmax is over positions, not over channels, and the arg-max is where the feature is."""

import pytest
import torch

from tcn_robot.models.soft_argmax import SpatialSoftArgmax, expected_position, spatial_softmax


def features(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_weights_of_each_channel_sum_to_one_over_height_and_width():
    weights = spatial_softmax(features(3, 5, 4, 7), torch.ones(5))
    assert weights.shape == (3, 5, 4, 7)
    torch.testing.assert_close(weights.sum(dim=(2, 3)), torch.ones(3, 5))
    # What `nn.Softmax2d` would do, a bug of two earlier ports:
    assert not torch.allclose(weights.sum(dim=1), torch.ones(3, 4, 7), atol=0.1)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 6), (2, 1), (0, 6)])
def test_a_single_peak_is_found_where_it_is(row, column):
    peak = torch.zeros(1, 1, 4, 7)
    peak[0, 0, row, column] = 1000.0
    position = expected_position(spatial_softmax(peak, torch.ones(1)))
    torch.testing.assert_close(
        position, torch.tensor([[2 * column / 6 - 1, 2 * row / 3 - 1]]), atol=1e-5, rtol=0
    )


def test_flat_features_are_in_the_middle():
    position = expected_position(spatial_softmax(torch.zeros(2, 3, 5, 5), torch.ones(3)))
    torch.testing.assert_close(position, torch.zeros(2, 6), atol=1e-6, rtol=0)


def test_equals_a_loop_over_positions():
    values = features(2, 3, 3, 4)
    layer = SpatialSoftArgmax(3)
    with torch.no_grad():
        layer.log_inverse_temperature.copy_(torch.tensor([0.0, 1.0, -1.0]))
    found = layer(values)
    for n in range(2):
        for c in range(3):
            weights = torch.exp(values[n, c] * torch.exp(layer.log_inverse_temperature[c]))
            weights = weights / weights.sum()
            x = sum(weights[i, j] * (2 * j / 3 - 1) for i in range(3) for j in range(4))
            y = sum(weights[i, j] * (2 * i / 2 - 1) for i in range(3) for j in range(4))
            assert float(found[n, c].detach()) == pytest.approx(float(x.detach()), abs=1e-5)
            assert float(found[n, 3 + c].detach()) == pytest.approx(float(y.detach()), abs=1e-5)


def test_temperature_is_learnt_and_huge_features_do_not_overflow():
    layer = SpatialSoftArgmax(4)
    layer(features(2, 4, 6, 6)).square().sum().backward()
    assert layer.log_inverse_temperature.grad.abs().min() > 0
    assert torch.isfinite(layer(features(2, 4, 6, 6) * 1e4)).all()


def test_bfloat16_features_give_float32_weights():
    weights = spatial_softmax(features(1, 2, 32, 32).bfloat16(), torch.ones(2))
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights.sum(dim=(2, 3)), torch.ones(1, 2))
