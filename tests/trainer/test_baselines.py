"""Tang's and Zhang's networks against their equations, and the presets that make them."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ferdesk.errors import DataError
from trainer.models.baselines import StackedAutoEncoder, TangNet, normalise_length
from trainer.models.network import ExpressionNet
from trainer.recipes.config import load_recipe, preset_names
from trainer.training.build import build_network


@pytest.fixture
def pixels() -> Tensor:
    return torch.randint(0, 256, (40, 48, 48), dtype=torch.uint8, generator=_seeded())


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_each_preset_of_a_network_makes_logits_of_its_faces() -> None:
    systems = set()
    for preset in preset_names():
        recipe = load_recipe(preset, [])
        systems.add(recipe.system)
        if not recipe.is_network:
            with pytest.raises(DataError, match="is not a network"):
                build_network(recipe)
            continue
        network = build_network(load_recipe(preset, ["width=4"])).eval()
        faces = torch.rand(2, 1, recipe.crop_px, recipe.crop_px, generator=_seeded()) * 255
        assert network(faces).shape == (2, 7)
        assert torch.equal(network(faces), network.classify(network.embed(faces)))
        assert network.angular == (recipe.loss == "a-softmax")
    assert systems == {"cbam-resnet", "tang", "zhang", "hog-svm", "lbp-svm", "gabor-svm"}


@pytest.mark.parametrize(
    ("preset", "order", "loss"),
    [
        ("cbam-resnet-asoftmax", "channel-first", "a-softmax"),
        ("cbam-resnet-softmax", "channel-first", "softmax"),
        ("resnet", "none", "softmax"),
        ("spatial-first", "spatial-first", "a-softmax"),
        ("parallel", "parallel", "a-softmax"),
    ],
)
def test_the_papers_presets_differ_in_what_its_tables_compare_and_in_nothing_else(
    preset: str, order: str, loss: str
) -> None:
    recipe = load_recipe(preset, [])
    assert (recipe.attention, recipe.loss) == (order, loss)
    same = load_recipe("cbam-resnet-asoftmax", [f"attention={order}", f"loss={loss}"])
    assert load_recipe(preset, []) == dataclasses.replace(same, name=preset)
    assert isinstance(build_network(load_recipe(preset, ["width=4", "pool=paper"])), ExpressionNet)


def test_tangs_faces_have_no_mean_and_length_100(pixels: Tensor) -> None:
    faces = pixels[:, None].float()
    found = normalise_length(faces)
    for face, one in zip(faces.numpy()[:, 0], found.numpy()[:, 0], strict=True):
        centred = face - face.mean()
        np.testing.assert_allclose(one, 100 * centred / np.linalg.norm(centred), rtol=1e-4)


def test_a_face_of_one_grey_is_nothing_and_not_a_division_by_zero(pixels: Tensor) -> None:
    grey = torch.full((1, 1, 48, 48), 77.0)
    assert torch.equal(normalise_length(grey), torch.zeros_like(grey))
    net = TangNet(2, 42, 0.0).eval()
    net.prepare(pixels * 0)
    assert torch.isfinite(net(grey[:, :, 3:45, 3:45])).all()


def test_tangs_pixels_are_standardised_over_the_training_faces(pixels: Tensor) -> None:
    net = TangNet(2, 42, 0.0).eval()
    net.prepare(pixels)
    faces = normalise_length(pixels[:, None, 3:45, 3:45].float())
    seen: list[Tensor] = []
    net.conv1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    net(pixels[:, None, 3:45, 3:45].float())
    torch.testing.assert_close(net.pixel_mean, faces.mean((0, 1)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(seen[0].mean(0), torch.zeros(1, 42, 42), rtol=0, atol=1e-4)
    torch.testing.assert_close(seen[0].std(0, correction=0), torch.ones(1, 42, 42))


def test_tangs_layers_are_the_papers() -> None:
    with torch.device("meta"):
        net = TangNet(32, 42, 0.2)
    shapes = [tuple(layer.weight.shape) for layer in (net.conv1, net.conv2, net.hidden, net.head)]
    assert shapes == [(32, 1, 5, 5), (64, 32, 5, 5), (3072, 64 * 10 * 10), (7, 3072)]


def test_tangs_hidden_units_drop_out_only_while_it_learns(pixels: Tensor) -> None:
    net = TangNet(2, 48, 0.5)
    faces = pixels[:, None].float()
    zeros = [(net.train(mode).embed(faces) == 0).float().mean().item() for mode in (True, False)]
    assert zeros[0] > zeros[1] + 0.2


def test_zhangs_encoders_are_sigmoids_of_weighted_sums(pixels: Tensor) -> None:
    torch.manual_seed(0)
    net = StackedAutoEncoder(2, 48)
    faces = pixels[:3, None].float()
    x = faces.numpy().reshape(3, -1).astype(np.float64)
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    for layer in net.encoders:
        assert isinstance(layer, nn.Linear)
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        x = 1 / (1 + np.exp(-(x @ weight.T + bias)))
    np.testing.assert_allclose(net.embed(faces).detach().numpy(), x, rtol=1e-4)


def test_zhangs_layers_have_1024_512_and_256_units() -> None:
    with torch.device("meta"):
        net = StackedAutoEncoder(64, 44)
    sizes = [tuple(parameter.shape) for parameter in net.parameters() if parameter.ndim == 2]
    assert sizes == [(1024, 1936), (512, 1024), (256, 512), (7, 256)]
