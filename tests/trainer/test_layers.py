"""The paper's layers against their equations written out in numpy."""

from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.models.layers import CBAM, ChannelAttention, Order, ResidualBlock, SpatialAttention

Array = NDArray[np.float64]


def _sigma(x: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-x))
    return result


def _array(x: Tensor) -> Array:
    return cast("Array", x.detach().double().numpy())


def _trained(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module as after training: no weight and no statistic at its special first value."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            low = 0.5 if name.endswith("running_var") else -1.0
            value.copy_(torch.rand(value.shape, generator=generator) * (1 - low) + low)
    return module.eval()


def _features(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7))


def test_channel_attention_is_equation_1_with_its_bracket_mended() -> None:
    layer = ChannelAttention(64)
    _trained(layer)
    features = _features(3, 64, 5, 6)
    f = _array(features)
    w0, b0 = _array(layer.w0.weight), _array(layer.w0.bias)
    w1, b1 = _array(layer.w1.weight), _array(layer.w1.bias)

    def mlp(pooled: Array) -> Array:
        hidden: Array = np.maximum(pooled @ w0.T + b0, 0)
        return hidden @ w1.T + b1

    expected = _sigma(mlp(f.mean((2, 3))) + mlp(f.max((2, 3))))

    gate = layer(features)

    assert gate.shape == (3, 64, 1, 1)
    np.testing.assert_allclose(_array(gate)[:, :, 0, 0], expected, rtol=1e-5)


@pytest.mark.parametrize(("channels", "hidden"), [(4, 4), (64, 4), (128, 8), (512, 32)])
def test_the_reduction_is_16_but_leaves_four_units(channels: int, hidden: int) -> None:
    assert ChannelAttention(channels).w0.out_features == hidden


def test_spatial_attention_is_equation_2_with_batch_normalisation() -> None:
    layer = SpatialAttention()
    _trained(layer)
    features = _features(2, 5, 9, 8)
    f = _array(features)
    pooled = np.stack([f.mean(1), f.max(1)], axis=1)  # [avg; max], as the paper writes it
    padded = np.pad(pooled, ((0, 0), (0, 0), (3, 3), (3, 3)))
    kernel = _array(layer.conv.weight)[0]
    convolved = np.array(
        [
            [[(window[:, r : r + 7, c : c + 7] * kernel).sum() for c in range(8)] for r in range(9)]
            for window in padded
        ]
    )
    norm = layer.norm
    mean, variance = (
        _array(cast("Tensor", norm.running_mean)),
        _array(cast("Tensor", norm.running_var)),
    )
    normalised = (convolved - mean) / np.sqrt(variance + 1e-5) * _array(norm.weight) + _array(
        norm.bias
    )

    attention = layer(features)

    assert attention.shape == (2, 1, 9, 8)
    np.testing.assert_allclose(_array(attention)[:, 0], _sigma(normalised), rtol=1e-4)


@pytest.mark.parametrize("training", [True, False])
def test_an_untrained_spatial_map_is_exactly_one_half_everywhere(training: bool) -> None:
    layer = SpatialAttention().train(training)
    assert torch.equal(layer(_features(2, 5, 6, 6)), torch.full((2, 1, 6, 6), 0.5))


def _three_orders(x: Tensor, cbam: CBAM) -> dict[Order, Tensor]:
    channel_first = x * cbam.channel(x)
    spatial_first = x * cbam.spatial(x)
    return {
        "channel-first": channel_first * cbam.spatial(channel_first),
        "spatial-first": spatial_first * cbam.channel(spatial_first),
        "parallel": x * cbam.channel(x) * cbam.spatial(x),
    }


@pytest.mark.parametrize("order", ["channel-first", "spatial-first", "parallel"])
def test_the_three_orders_are_as_the_paper_defines_them_and_differ(order: Order) -> None:
    cbam = CBAM(8, order)
    _trained(cbam)
    x = _features(2, 8, 6, 6)
    expected = _three_orders(x, cbam)

    features, attention = cbam(x)

    torch.testing.assert_close(features, expected[order])
    seen = x * cbam.channel(x) if order == "channel-first" else x
    torch.testing.assert_close(attention, cbam.spatial(seen))
    for other in set(expected) - {order}:
        assert (features - expected[other]).abs().max() > 1e-3


@pytest.mark.parametrize(("channels_in", "stride"), [(8, 1), (4, 2)])
def test_cbam_gates_the_residual_branch_before_the_sum(channels_in: int, stride: int) -> None:
    block = ResidualBlock(channels_in, 8, stride, "channel-first")
    _trained(block)
    x = _features(2, channels_in, 6, 6)
    residual = block.norm2(block.conv2(F.relu(block.norm1(block.conv1(x)))))
    assert block.cbam is not None
    gated, attention = block.cbam(residual)
    skipped = block.shortcut(x)
    assert (skipped is x) == (stride == 1)

    features, shown = block(x)

    torch.testing.assert_close(features, F.relu(gated + skipped))
    torch.testing.assert_close(shown, attention)
    gated_after_the_sum, _ = block.cbam(residual + skipped)
    assert (features - F.relu(gated_after_the_sum)).abs().max() > 1e-3


def test_a_block_without_attention_has_no_map_and_no_gate() -> None:
    block = ResidualBlock(8, 8, 1, "none")
    _trained(block)
    x = _features(2, 8, 6, 6)
    features, attention = block(x)
    residual = block.norm2(block.conv2(F.relu(block.norm1(block.conv1(x)))))
    assert attention is None
    torch.testing.assert_close(features, F.relu(residual + x))
