"""One step: sharpness-aware slopes, teachers, logit adjustment are as their papers write them."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ferdesk.errors import DataError
from trainer.data.augment import augment, center_crop, cut_mix
from trainer.data.fer2013 import Faces, Fer2013
from trainer.models.losses import distillation
from trainer.models.network import ExpressionNet
from trainer.recipes.config import Recipe, load_recipe
from trainer.training import distillation as teachers_module
from trainer.training.checkpoint import load_checkpoint
from trainer.training.distillation import load_teacher, teacher_probabilities
from trainer.training.errors import TrainingStopped
from trainer.training.loop import fit
from trainer.training.step import TrainingStep

# seconds of work; a busy machine may take many times that
pytestmark = pytest.mark.timeout(120)


def _step(recipe: Recipe, data: Fer2013, teachers: Any = ()) -> TrainingStep:
    torch.manual_seed(0)
    network = ExpressionNet(recipe.architecture)
    network.train()
    step = TrainingStep(recipe, network, None, data.splits["training"], teachers=teachers)
    step.begin_epoch(0)
    return step


def _slope_of(parameter: torch.nn.Parameter) -> torch.Tensor:
    assert parameter.grad is not None
    return parameter.grad.clone()


@pytest.mark.parametrize("adaptive", [False, True], ids=["sam", "asam"])
def test_sam_steps_along_the_slope_of_the_point_uphill(
    tiny_recipe: Recipe, tiny_data: Fer2013, adaptive: bool
) -> None:
    rho = 0.05
    recipe = dataclasses.replace(tiny_recipe, momentum=0.0, weight_decay=0.0)
    plain = _step(recipe, tiny_data)
    before = {k: v.clone() for k, v in plain.network.state_dict().items()}
    plain()  # leaves its gradients
    slope = {name: _slope_of(p) for name, p in plain.network.named_parameters()}
    size = {n: before[n].abs() if adaptive else torch.ones_like(before[n]) for n in slope}
    length = sum((size[n] * slope[n]).square().sum() for n in slope) ** 0.5
    ascent = {n: before[n] + rho * size[n] ** 2 * slope[n] / length for n in slope}
    there = _step(recipe, tiny_data)
    there.network.load_state_dict({**before, **ascent})
    there()
    expected = {
        n: before[n] - 0.05 * p.grad
        for n, p in there.network.named_parameters()
        if p.grad is not None
    }

    sam = _step(dataclasses.replace(recipe, sam_rho=rho, sam_adaptive=adaptive), tiny_data)
    sam()

    for name, parameter in sam.network.named_parameters():
        torch.testing.assert_close(parameter, expected[name], atol=1e-5, rtol=1e-4)
    # the norms have seen the batch once, from where the weights are
    for name, value in plain.network.state_dict().items():
        if "running" in name or "num_batches" in name:
            torch.testing.assert_close(sam.network.state_dict()[name], value)


def test_distillation_is_kullback_leibler_times_the_temperature_squared() -> None:
    logits = torch.tensor([[1.0, 0.0, -1.0], [0.5, 0.5, 2.0]])
    taught = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    said = (logits / 2).softmax(1)
    expected = 4 * (taught * (taught / said).log()).sum(1).mean()
    torch.testing.assert_close(distillation(logits, taught, 2.0), expected)


def test_a_student_that_is_its_teacher_has_nothing_to_learn_from_it(
    tiny_recipe: Recipe, tiny_data: Fer2013
) -> None:
    recipe = dataclasses.replace(tiny_recipe, distill_alpha=1.0)
    torch.manual_seed(0)
    teacher = ExpressionNet(recipe.architecture)
    step = _step(recipe, tiny_data, [teacher])
    step.network.eval()  # as the teacher looks
    step()
    assert abs(step.losses_S[0].item()) < 1e-6
    assert all(not p.requires_grad for p in teacher.parameters())


def test_cutmix_weighs_both_labels_of_each_face_by_its_pixels(
    tiny_recipe: Recipe, tiny_data: Fer2013
) -> None:
    recipe = dataclasses.replace(tiny_recipe, cutmix=1.0, erase=0.0)
    step = _step(recipe, tiny_data)
    step.network.eval()
    step._plan.random_SBD.mul_(0.9)
    step()
    loss = step.losses_S[0].item()

    order, random_BD = step._plan.order_SB[0], step._plan.random_SBD[0]
    torch.manual_seed(0)
    network = ExpressionNet(recipe.architecture).eval()
    faces = step.pixels_NHW[order]
    mixed, own = cut_mix(augment(faces, recipe, random_BD), 1.0, random_BD)
    log_p = network(mixed).log_softmax(1)
    labels = step.labels_N[order]
    rows = torch.arange(len(labels))
    expected = -(own * log_p[rows, labels] + (1 - own) * log_p[rows, labels.flip(0)]).mean()
    assert loss == pytest.approx(expected.item(), rel=1e-4)


def test_what_teachers_said_once_is_what_they_say_of_the_faces_as_they_are(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    fit(tiny_recipe, tiny_data, tmp_path / "teacher")
    place = tmp_path / "teacher"
    recipe = dataclasses.replace(
        tiny_recipe, teacher=(str(place),), distill_view="flip", distill_temperature=2.0
    )
    teacher = load_teacher(place, recipe)
    said: list[str] = []
    found = teacher_probabilities(
        [teacher], tiny_data, recipe, tmp_path / "student", torch.device("cpu"), said.append
    )
    pixels = torch.from_numpy(tiny_data.splits["training"].pixels)
    network = load_checkpoint(place / "last.pt").model()
    with torch.no_grad():
        logits = (network(center_crop(pixels, 44)) + network(center_crop(pixels.flip(-1), 44))) / 2
    np.testing.assert_allclose(found, (logits / 2).softmax(1).numpy(), atol=1e-5)
    assert len(said) == 1
    again = teacher_probabilities(
        [teacher], tiny_data, recipe, tmp_path / "student", torch.device("cpu"), said.append
    )
    np.testing.assert_array_equal(again, found)
    assert len(said) == 1  # what it said is kept


def test_asking_the_teachers_can_be_stopped_and_goes_on(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teachers_module, "_PART", 10)
    fit(tiny_recipe, tiny_data, tmp_path / "teacher")
    place = str(tmp_path / "teacher" / "last.pt")
    student = dataclasses.replace(tiny_recipe, teacher=(place,), distill_view="ten", seed=2)
    answers = iter([False, True])
    with pytest.raises(TrainingStopped, match="--resume continues"):
        fit(student, tiny_data, tmp_path / "cut", stop_requested=lambda: next(answers))
    (kept,) = (tmp_path / "cut").glob("taught-*.npz")
    with np.load(kept) as arrays:
        assert arrays["logits"].shape == (10, 7)
    cut = fit(student, tiny_data, tmp_path / "cut", resume=True)
    whole = fit(student, tiny_data, tmp_path / "whole")
    for name, value in whole.weights.items():
        torch.testing.assert_close(cut.weights[name], value)


def test_an_exported_model_teaches_as_calibrated(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    from trainer.delivery.export import Identity, export
    from trainer.scoring.evaluate import onnx_classifier, torch_classifier

    checkpoint = fit(tiny_recipe, tiny_data, tmp_path / "run")
    file = tmp_path / "model.onnx"
    export(checkpoint, Identity("model", "1"), tiny_data.splits["public"], file, temperature=1.7)
    teacher = load_teacher(file, tiny_recipe)
    pixels = tiny_data.splits["public"].pixels
    ours = torch_classifier(teacher.network(), teacher.recipe.crop_px)(pixels)
    np.testing.assert_allclose(ours, onnx_classifier(file)(pixels), atol=1e-3)


def test_a_folder_without_a_run_is_no_teacher(tiny_recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no run \(no last.pt\)"):
        load_teacher(tmp_path, tiny_recipe)


def test_logit_adjustment_adds_the_logarithm_of_each_classs_share() -> None:
    labels = np.array([3] * 13 + [0], dtype=np.int64)
    data = Fer2013({"training": Faces(np.zeros((14, 48, 48), np.uint8), labels)}, "")
    step = _step(Recipe(width=4, batch=4, logit_adjust=0.5), data)
    shares = torch.tensor([2.0, 1, 1, 14, 1, 1, 1]) / 21  # one is added to each count
    torch.testing.assert_close(step._prior_K, 0.5 * shares.log())


def test_a_run_with_teachers_learns_and_refuses_one_of_another_view(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    fit(tiny_recipe, tiny_data, tmp_path / "teacher")
    place = str(tmp_path / "teacher" / "last.pt")
    student = dataclasses.replace(tiny_recipe, teacher=(place, place), seed=2)
    alone = fit(dataclasses.replace(tiny_recipe, seed=2), tiny_data, tmp_path / "alone")
    taught = fit(student, tiny_data, tmp_path / "student")
    assert not torch.equal(taught.weights["stem.weight"], alone.weights["stem.weight"])
    again = fit(student, tiny_data, tmp_path / "student", resume=True)
    assert again.recipe == student
    with pytest.raises(DataError, match="takes crops of 44 pixels, the student of 40"):
        fit(dataclasses.replace(student, crop_px=40), tiny_data, tmp_path / "other")


def test_teachers_are_named_as_a_list_or_alone() -> None:
    assert load_recipe("fast", ["teacher=a.pt"]).teacher == ("a.pt",)
    assert load_recipe("fast", ['teacher=["a.pt", "b.pt"]']).teacher == ("a.pt", "b.pt")
    with pytest.raises(DataError, match="teacher = 3; a list of texts is needed"):
        load_recipe("fast", ["teacher=3"])
