"""A-Softmax against its definition by angles, and why it is annealed."""

import math
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from trainer.models.losses import Annealing, a_softmax_logits, cross_entropy, psi, squared_hinge

MARGINS = [1, 2, 3, 4, 5]
Array = NDArray[np.float64]


def _psi_by_angle(theta: Array, margin: int) -> Array:
    """The definition: k counts the passed pieces of pi/m."""
    k = np.minimum(np.floor(theta * margin / np.pi), margin - 1)
    return cast("Array", (-1.0) ** k * np.cos(margin * theta) - 2 * k)


@pytest.mark.parametrize("margin", MARGINS)
def test_psi_is_its_definition_by_the_arc_cosine(margin: int) -> None:
    cosine = np.linspace(-1, 1, 4001)
    found = psi(torch.from_numpy(cosine), margin).numpy()
    np.testing.assert_allclose(found, _psi_by_angle(np.arccos(cosine), margin), atol=1e-9)


def test_psi_of_margin_4_at_the_angles_one_can_do_by_hand() -> None:
    cosine = torch.cos(torch.deg2rad(torch.tensor([0.0, 45, 90, 135, 180], dtype=torch.float64)))
    expected = torch.tensor([1.0, -1, -3, -5, -7], dtype=torch.float64)
    torch.testing.assert_close(psi(cosine, 4), expected)


@pytest.mark.parametrize("margin", MARGINS)
def test_psi_falls_with_the_angle_without_jumps(margin: int) -> None:
    cosine = torch.cos(torch.linspace(0, math.pi, 20_001, dtype=torch.float64))
    steps = psi(cosine, margin).diff()
    assert steps.max() <= 1e-12
    assert steps.min() > -1e-3


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_psi_and_its_slope_are_finite_at_0_and_180_degrees(margin: int, sign: float) -> None:
    cosine = torch.tensor(sign, requires_grad=True)
    value = psi(cosine, margin)
    torch.autograd.backward(value)
    assert value.item() == pytest.approx(1.0 if sign > 0 else 1.0 - 2 * margin, abs=1e-5)
    assert cosine.grad is not None
    assert cosine.grad.item() == pytest.approx(margin**2, rel=1e-5)  # T_m'(1) = m^2


@pytest.mark.parametrize("sign", [1.0, -1.0, 0.0])
def test_the_loss_has_a_finite_gradient_along_a_class_weight_and_at_zero(sign: float) -> None:
    weight = torch.eye(7, 16)
    embedding = (sign * 3 * weight[2:3]).requires_grad_()
    target = torch.tensor([2])
    torch.autograd.backward(
        cross_entropy(a_softmax_logits(embedding, weight, target, 4, 5.0), target)
    )
    assert embedding.grad is not None
    assert torch.isfinite(embedding.grad).all()


def _unit_rows(generator: torch.Generator) -> torch.Tensor:
    weight = torch.randn(7, 16, generator=generator, dtype=torch.float64)
    return nn.functional.normalize(weight)


def _target_logit(length: float, theta: float, margin: int, annealing: float) -> float:
    with_margin = float(_psi_by_angle(np.array(theta), margin))
    return length * (annealing * math.cos(theta) + with_margin) / (1 + annealing)


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("annealing", [0.0, 5.0])
def test_the_loss_is_equation_3_written_out(margin: int, annealing: float) -> None:
    generator = torch.Generator().manual_seed(margin)
    x = torch.randn(32, 16, generator=generator, dtype=torch.float64)
    w = _unit_rows(generator)
    y = torch.randint(0, 7, (32,), generator=generator)
    total = 0.0
    for xi, yi in zip(x.numpy(), y.tolist(), strict=True):
        length = float(np.linalg.norm(xi))
        theta = np.arccos(w.numpy() @ xi / length)
        own = math.exp(_target_logit(length, theta[yi], margin, annealing))
        others = sum(math.exp(length * math.cos(theta[j])) for j in range(7) if j != yi)
        total += -math.log(own / (own + others))

    logits = a_softmax_logits(x, w, y, margin, annealing)
    loss = nn.functional.cross_entropy(logits, y)

    assert loss.item() == pytest.approx(total / 32, rel=1e-6)
    assert cross_entropy(logits, y).mean().item() == pytest.approx(total / 32, rel=1e-4)


def test_margin_1_is_softmax_over_unit_rows() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, 16, generator=generator, dtype=torch.float64)
    w = _unit_rows(generator)
    y = torch.arange(8) % 7
    torch.testing.assert_close(a_softmax_logits(x, w, y, 1, 0.0), x @ w.T, rtol=1e-6, atol=1e-6)


def test_label_smoothing_spreads_its_share_over_all_expressions() -> None:
    logits, target = torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([0])
    log_p = [2 - math.log(math.exp(2) + 2), -math.log(math.exp(2) + 2)]
    expected = -(0.9 * log_p[0] + 0.1 / 3 * (log_p[0] + 2 * log_p[1]))
    assert cross_entropy(logits, target, 0.1).mean().item() == pytest.approx(expected, rel=1e-6)


def test_lambda_falls_as_spherefaces_to_5_at_iteration_1658() -> None:
    annealing = Annealing()
    assert annealing.at(0) == 1000.0
    assert annealing.at(100) == pytest.approx(1000 / 13)
    # 1000 / (1 + 0.12 t) = 5 at t = 199 / 0.12 = 1658.3
    assert math.ceil(199 / 0.12) == 1659
    assert 5.0 < annealing.at(1658) < 5.002
    assert annealing.at(1659) == 5.0
    assert annealing.at(1_000_000) == 5.0


def _trained_on_a_toy(annealing: Annealing | None, steps: int = 300) -> tuple[float, float]:
    """Mean |x| and loss after training a small MLP on seven separate clouds in 512 dimensions."""
    torch.manual_seed(0)
    labels = torch.arange(70) % 7
    clouds = torch.randn(7, 16)[labels] * 2 + torch.randn(70, 16) * 0.3
    net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 512))
    weight = nn.Parameter(torch.randn(7, 512))
    optimizer = torch.optim.SGD([*net.parameters(), weight], lr=0.05, momentum=0.9)
    loss = torch.tensor(0.0)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / steps)
        rows = nn.functional.normalize(weight)
        at = 0.0 if annealing is None else annealing.at(step)
        loss = cross_entropy(a_softmax_logits(net(clouds), rows, labels, 4, at), labels).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return net(clouds).norm(dim=1).mean().item(), loss.item()


def test_without_annealing_a_softmax_collapses_to_no_features_and_ln_7() -> None:
    length, loss = _trained_on_a_toy(None)
    assert length < 0.01
    assert loss == pytest.approx(math.log(7), abs=0.01)


def test_with_annealing_a_softmax_learns() -> None:
    faster = Annealing(gamma=1.2)
    assert faster.at(299) == 5.0
    length, loss = _trained_on_a_toy(faster)
    assert length > 10
    assert loss < 0.05


def test_the_squared_hinge_is_its_formula_and_its_gradient() -> None:
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(5, 7, generator=generator) * 2
    target = torch.tensor([0, 6, 3, 3, 1])
    total, gradient = 0.0, np.zeros((5, 7))
    for n, k in np.ndindex(5, 7):
        t = 1.0 if k == int(target[n]) else -1.0
        missing = max(0.0, 1 - t * float(scores[n, k]))
        total += missing**2 / 5
        gradient[n, k] = -2 * t * missing / 5

    scores.requires_grad_()
    loss = squared_hinge(scores, target).mean()
    torch.autograd.backward(loss)

    assert loss.item() == pytest.approx(total, rel=1e-5)
    assert scores.grad is not None
    np.testing.assert_allclose(scores.grad.numpy(), gradient, rtol=1e-5, atol=1e-7)


def test_faces_beyond_their_margin_cost_nothing() -> None:
    scores = torch.full((1, 7), -1.5)
    scores[0, 2] = 1.0
    assert squared_hinge(scores, torch.tensor([2])).item() == 0.0
