"""The network's shape: the paper's convolutions, parameters, maps and pooling."""

from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from trainer.models.layers import CBAM, Order
from trainer.models.network import PIXEL_MEAN, PIXEL_STD, Architecture, ExpressionNet, Pool


@pytest.fixture
def faces() -> torch.Tensor:
    return torch.rand(2, 1, 44, 44, generator=torch.Generator().manual_seed(3)) * 255


def _net(
    order: Order = "channel-first", pool: Pool = "gap", angular: bool = False
) -> ExpressionNet:
    torch.manual_seed(0)
    return ExpressionNet(Architecture(4, order, pool, angular)).eval()


@pytest.mark.parametrize(
    ("order", "millions"),
    [("channel-first", 11.261), ("spatial-first", 11.261), ("parallel", 11.261), ("none", 11.171)],
)
def test_the_papers_width_has_the_papers_parameters(order: Order, millions: float) -> None:
    with torch.device("meta"):
        net = ExpressionNet(Architecture(width=64, attention=order))
    assert round(net.num_parameters() / 1e6, 3) == millions


def test_there_are_17_convolutions_of_3x3_with_the_papers_channels() -> None:
    with torch.device("meta"):
        net = ExpressionNet(Architecture())
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    three = [conv for conv in convolutions if conv.kernel_size == (3, 3)]
    assert [conv.out_channels for conv in three] == 5 * [64] + 4 * [128] + 4 * [256] + 4 * [512]
    assert three[0].in_channels == 1
    assert [conv.stride for conv in three].count((2, 2)) == 3
    # what the paper does not count: a 7x7 in each CBAM, a 1x1 shortcut where the size changes
    sizes = Counter(conv.kernel_size for conv in convolutions)
    assert sizes == {(3, 3): 17, (7, 7): 8, (1, 1): 3}


def test_each_residual_block_has_one_cbam() -> None:
    net = _net()
    assert len(net.blocks) == 8
    for block in net.blocks:
        assert sum(isinstance(module, CBAM) for module in block.modules()) == 1
    assert not any(isinstance(module, CBAM) for module in _net("none").modules())


def test_a_44_pixel_face_gives_maps_of_6x6_and_22x22(faces: torch.Tensor) -> None:
    net = _net()
    maps = net.look(faces)
    assert maps.attention.shape == (2, 1, 6, 6)
    assert maps.attention_mid.shape == (2, 1, 22, 22)
    assert maps.features.shape == (2, 32, 6, 6)
    assert net(faces).shape == (2, 7)


def test_the_maps_are_those_of_the_last_block_and_of_the_second_stage(faces: torch.Tensor) -> None:
    net = _net()
    for index, block in enumerate(net.blocks):
        nn.init.constant_(block.cbam.spatial.norm.bias, float(index))  # type: ignore[union-attr, arg-type]
    maps = net.look(faces)
    expected = torch.sigmoid(torch.tensor([3.0, 7.0]))
    assert torch.equal(maps.attention_mid, expected[0].expand(2, 1, 22, 22))
    assert torch.equal(maps.attention, expected[1].expand(2, 1, 6, 6))


def test_an_untrained_network_attends_everywhere_alike(faces: torch.Tensor) -> None:
    maps = _net().look(faces)
    assert torch.equal(maps.attention, torch.full_like(maps.attention, 0.5))
    assert torch.equal(maps.attention_mid, torch.full_like(maps.attention_mid, 0.5))


def test_without_cbam_the_maps_are_ones(faces: torch.Tensor) -> None:
    maps = _net("none").look(faces)
    assert torch.equal(maps.attention, torch.ones(2, 1, 6, 6))
    assert torch.equal(maps.attention_mid, torch.ones(2, 1, 22, 22))


def test_the_papers_pooling_sees_only_the_top_left_4x4_cells() -> None:
    features = torch.rand(2, 32, 6, 6)
    outside = features.clone()
    outside[:, :, 4:] = 9.0
    outside[:, :, :, 4:] = 9.0
    paper, whole = _net(pool="paper"), _net(pool="gap")

    assert torch.equal(paper.pool(features), paper.pool(outside))
    torch.testing.assert_close(paper.pool(features), F.avg_pool2d(features, 4, 4).flatten(1))
    torch.testing.assert_close(whole.pool(features), features.mean((2, 3)))
    assert (whole.pool(features) - whole.pool(outside)).abs().min() > 0.1


def test_the_angular_head_has_rows_of_length_1_and_no_bias(faces: torch.Tensor) -> None:
    net = _net(angular=True)
    assert set(net.head.state_dict()) == {"weight"}
    torch.testing.assert_close(net.class_weight().norm(dim=1), torch.ones(7))
    embedding = net.embed(faces)
    cosine = F.cosine_similarity(embedding[:, None], net.head.weight[None], dim=2)
    torch.testing.assert_close(net(faces), embedding.norm(dim=1, keepdim=True) * cosine)


def test_grey_values_are_normalised_inside_the_network(faces: torch.Tensor) -> None:
    net = _net()
    seen: list[torch.Tensor] = []
    net.stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    net(faces)
    torch.testing.assert_close(seen[0], (faces / 255 - PIXEL_MEAN) / PIXEL_STD)
