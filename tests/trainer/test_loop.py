"""The training loop: resumable to the bit, honest about PrivateTest, and never a broken last.pt."""

import dataclasses
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ferdesk.errors import DataError
from trainer.data.augment import augment
from trainer.data.fer2013 import Faces, Fer2013
from trainer.models.losses import cross_entropy
from trainer.recipes.config import Recipe, load_recipe
from trainer.scoring.center_crop import center_accuracy
from trainer.training import loop, step, watch
from trainer.training.checkpoint import Checkpoint, load_checkpoint
from trainer.training.epoch_plan import learning_rate_at
from trainer.training.errors import TrainingStopped
from trainer.training.loop import fit

if TYPE_CHECKING:
    from trainer.training.progress import Progress

# seconds of work; a busy machine may take many times that
pytestmark = pytest.mark.timeout(120)

PAPER = {"loss": "a-softmax", "select": "public"}
EVERYTHING: dict[str, Any] = {
    "schedule": "cosine", "warmup": 1.0, "nesterov": True, "average": 0.9, "label_smoothing": 0.1,
    "rotation_deg": 15.0, "scale": 0.2, "shift": 0.1, "light": 0.3, "coarse": 0.2, "erase": 0.3,
    "mixup": 0.4,
}  # fmt: skip


class _After:
    """A stop that is requested after so many steps; ``kill`` instead raises, as a crash would."""

    def __init__(self, steps: int, kill: bool = False) -> None:
        self.left, self.kill = steps, kill

    def __call__(self) -> bool:
        self.left -= 1
        if self.left == 0 and self.kill:
            raise KeyboardInterrupt
        return self.left == 0


def _tensors(value: object) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for key in sorted(value, key=str) for tensor in _tensors(value[key])]
    if isinstance(value, list):
        return [tensor for item in value for tensor in _tensors(item)]
    return []


def _assert_bit_identical(found: Checkpoint, expected: Checkpoint) -> None:
    assert found.step == expected.step
    for name in ("weights", "average", "optimizer"):
        pairs = zip(_tensors(getattr(found, name)), _tensors(getattr(expected, name)), strict=True)
        for first, second in pairs:
            assert torch.equal(first, second), name


def _log(folder: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    for row in rows:
        row.pop("images_per_s")
    return rows


def _finite(checkpoint: Checkpoint) -> bool:
    return all(bool(torch.isfinite(value).all()) for value in checkpoint.weights.values())


@pytest.fixture(params=[PAPER, EVERYTHING], ids=["paper", "everything"])
def recipe(request: pytest.FixtureRequest, tiny_recipe: Recipe) -> Recipe:
    return dataclasses.replace(tiny_recipe, **request.param)


@pytest.mark.parametrize("stop_after", [3, 5])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, stop_after: int
) -> None:
    fit(recipe, tiny_data, tmp_path / "whole")
    with pytest.raises(TrainingStopped, match=f"Stopped at step {stop_after}. .*--resume goes on"):
        fit(recipe, tiny_data, tmp_path / "parts", stop_requested=_After(stop_after))
    assert load_checkpoint(tmp_path / "parts" / "last.pt").step == stop_after

    fit(recipe, tiny_data, tmp_path / "parts", resume=True)

    for name in ("last.pt", "best.pt"):
        whole = load_checkpoint(tmp_path / "whole" / name)
        _assert_bit_identical(load_checkpoint(tmp_path / "parts" / name), whole)
    assert _log(tmp_path / "parts") == _log(tmp_path / "whole")


def test_a_run_in_many_pieces_is_the_run_in_one(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    whole = fit(recipe, tiny_data, tmp_path / "whole")
    part = fit(recipe, tiny_data, tmp_path / "parts", max_steps=2)
    for steps in (3, 7, 9):
        part = fit(recipe, tiny_data, tmp_path / "parts", resume=True, max_steps=steps)
    last = load_checkpoint(tmp_path / "parts" / "last.pt")
    _assert_bit_identical(last, load_checkpoint(tmp_path / "whole" / "last.pt"))
    _assert_bit_identical(part, whole)


def test_a_killed_run_goes_on_from_its_last_save(
    recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    fit(recipe, tiny_data, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(recipe, tiny_data, tmp_path / "parts", stop_requested=_After(5, kill=True))
    assert load_checkpoint(tmp_path / "parts" / "last.pt").step == 3

    fit(recipe, tiny_data, tmp_path / "parts", resume=True)

    last = load_checkpoint(tmp_path / "parts" / "last.pt")
    _assert_bit_identical(last, load_checkpoint(tmp_path / "whole" / "last.pt"))
    assert _log(tmp_path / "parts") == _log(tmp_path / "whole")


def test_a_run_is_decided_by_its_seed(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    first = fit(tiny_recipe, tiny_data, tmp_path / "first", max_steps=2)
    torch.manual_seed(12345)  # what happened before in this process does not matter
    again = fit(tiny_recipe, tiny_data, tmp_path / "again", max_steps=2)
    _assert_bit_identical(again, first)
    other = dataclasses.replace(tiny_recipe, seed=2)
    seeded = fit(other, tiny_data, tmp_path / "other", max_steps=2)
    assert not torch.equal(seeded.weights["stem.weight"], first.weights["stem.weight"])


def test_resuming_a_finished_run_changes_nothing(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    first = fit(tiny_recipe, tiny_data, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    _assert_bit_identical(fit(tiny_recipe, tiny_data, tmp_path, resume=True), first)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_resuming_with_another_recipe_is_refused(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    fit(tiny_recipe, tiny_data, tmp_path, max_steps=1)
    other = dataclasses.replace(tiny_recipe, learning_rate=0.01)
    with pytest.raises(DataError, match="holds a run of another recipe"):
        fit(other, tiny_data, tmp_path, resume=True)


def test_resuming_on_other_data_is_refused(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    fit(tiny_recipe, tiny_data, tmp_path, max_steps=1)
    other = dataclasses.replace(tiny_data, sha256="another file")
    with pytest.raises(DataError, match="holds a run on another data file"):
        fit(tiny_recipe, other, tmp_path, resume=True)


def test_a_folder_with_a_run_is_not_overwritten(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    fit(tiny_recipe, tiny_data, tmp_path, max_steps=1)
    with pytest.raises(DataError, match="already holds a run; add --resume"):
        fit(tiny_recipe, tiny_data, tmp_path)
    assert load_checkpoint(tmp_path / "last.pt").step == 1


def test_a_broken_last_pt_is_not_resumed_from_and_not_replaced(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    (tmp_path / "last.pt").write_bytes(b"broken")
    with pytest.raises(DataError, match="not a ferdesk checkpoint"):
        fit(tiny_recipe, tiny_data, tmp_path, resume=True)
    assert (tmp_path / "last.pt").read_bytes() == b"broken"


class _Untouchable(dict[Any, Any]):
    """Splits of which PrivateTest must not even be looked at."""

    def __getitem__(self, split: str) -> Any:
        assert split != "private", "PrivateTest was read"
        return super().__getitem__(split)

    def _refuse(self, *_: object) -> Any:
        raise AssertionError("all splits were read at once")

    values = items = _refuse


def test_privatetest_is_never_read(tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path) -> None:
    splits = _Untouchable(tiny_data.splits)
    dict.__setitem__(splits, "private", tiny_data.splits["public"])
    fit(tiny_recipe, Fer2013(splits, "synthetic"), tmp_path)
    assert len(_log(tmp_path)) == 3


def test_an_easy_set_is_learned(tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path) -> None:
    easy = dataclasses.replace(tiny_recipe, epochs=20, learning_rate=0.1)
    assert fit(easy, tiny_data, tmp_path).scores["public"] > 0.9


@pytest.mark.parametrize(
    "broken",
    [lambda loss: loss * float("nan"), lambda loss: loss + float("inf")],
    ids=["nan", "inf"],
)
def test_a_loss_that_is_not_finite_ends_the_run_and_leaves_last_pt_whole(
    tiny_recipe: Recipe,
    tiny_data: Fer2013,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    calls = itertools.count(1)

    def breaks_at_step_5(*arguments: Any) -> torch.Tensor:
        loss = cross_entropy(*arguments)
        return broken(loss) if next(calls) >= 5 else loss

    monkeypatch.setattr(step, "cross_entropy", breaks_at_step_5)
    with pytest.raises(TrainingStopped) as caught:
        fit(tiny_recipe, tiny_data, tmp_path)

    saved = load_checkpoint(tmp_path / "last.pt")
    assert saved.step == 3
    assert _finite(saved)
    assert "no longer finite" in str(caught.value)
    # the same recipe would meet the same loss again, and another one cannot be resumed
    assert "--resume" not in str(caught.value)
    assert "another --out" in str(caught.value)


def test_weights_that_are_not_finite_are_never_saved(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count(1)

    def slope_breaks_at_step_6(*arguments: Any) -> torch.Tensor:
        value = cross_entropy(*arguments)
        if next(calls) == 6:  # the epoch's last step: the loss is fine, its gradient is not
            value.register_hook(lambda slope: slope * float("inf"))  # type: ignore[no-untyped-call]
        return value

    monkeypatch.setattr(step, "cross_entropy", slope_breaks_at_step_6)
    with pytest.raises(TrainingStopped, match="no longer finite at step 6"):
        fit(tiny_recipe, tiny_data, tmp_path)

    for name in ("last.pt", "best.pt"):
        saved = load_checkpoint(tmp_path / name)
        assert saved.step == 3
        assert _finite(saved)
    assert len(_log(tmp_path)) == 1


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
            "memory: you tried to allocate 9437184 bytes. Error code 12 (Cannot allocate memory)"
        ),
    ],
    ids=["cuda", "cpu"],
)
def test_full_memory_says_which_batch_to_try_in_which_folder(
    tiny_recipe: Recipe,
    tiny_data: Fer2013,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: RuntimeError,
) -> None:
    def full(*_: Any) -> torch.Tensor:
        raise error

    monkeypatch.setattr(step, "cross_entropy", full)
    with pytest.raises(TrainingStopped, match=r"--set batch=4\b.*another --out"):
        fit(tiny_recipe, tiny_data, tmp_path)


def test_another_runtime_error_travels(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: Any) -> torch.Tensor:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(step, "cross_entropy", wrong)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        fit(tiny_recipe, tiny_data, tmp_path)


def test_a_checkpoint_that_cannot_be_written_is_told(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(loop, "save_checkpoint", full)
    with pytest.raises(TrainingStopped, match=r"last\.pt cannot be written: .*No space left"):
        fit(tiny_recipe, tiny_data, tmp_path, max_steps=1)


def test_a_folder_that_cannot_be_made_is_told_before_the_first_step(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setattr(step, "augment", _never)
    with pytest.raises(DataError, match=r"taken.run cannot be made"):
        fit(tiny_recipe, tiny_data, tmp_path / "taken" / "run")


def _never(*_: object) -> Any:
    raise AssertionError("a step was made")


def test_a_first_epoch_without_a_single_hit_is_logged(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "center_accuracy", lambda *_: 0.0)
    fit(tiny_recipe, tiny_data, tmp_path / "new")
    assert [row["public"] for row in _log(tmp_path / "new")] == [0.0, 0.0, 0.0]


def test_fewer_faces_than_a_batch_are_refused(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="Training has 28 faces, fewer than the batch of 29"):
        fit(dataclasses.replace(tiny_recipe, batch=29), tiny_data, tmp_path)


@pytest.mark.parametrize(("select", "epoch"), [("public", 2), ("last", 3)])
def test_the_selection_rule_chooses_the_checkpoint(
    tiny_recipe: Recipe,
    tiny_data: Fer2013,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    select: Any,
    epoch: int,
) -> None:
    accuracies = iter([0.3, 0.5, 0.4])
    monkeypatch.setattr(watch, "center_accuracy", lambda *_: next(accuracies))
    chosen = fit(dataclasses.replace(tiny_recipe, select=select), tiny_data, tmp_path)
    assert chosen.step == 3 * epoch
    assert chosen.scores["best_public"] == 0.5
    assert chosen.scores["best_epoch"] == 2
    assert chosen.scores["public"] == {2: 0.5, 3: 0.4}[epoch]
    assert load_checkpoint(tmp_path / "best.pt").step == 6
    assert load_checkpoint(tmp_path / "last.pt").step == 9


def test_the_log_has_a_row_per_epoch_and_the_report_ends_at_the_end(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    fit(tiny_recipe, tiny_data, tmp_path, report=seen.append)
    rows = _log(tmp_path)
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 3), (2, 6), (3, 9)]
    assert all(row["learning_rate"] == 0.05 for row in rows)
    assert (seen[-1].step, seen[-1].num_steps, seen[-1].epoch) == (9, 9, 3.0)
    assert seen[-1].public_accuracy == rows[-1]["public"]


def test_no_steps_asked_for_are_no_steps_made(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    fit(tiny_recipe, tiny_data, tmp_path, max_steps=1)
    assert fit(tiny_recipe, tiny_data, tmp_path, max_steps=0, resume=True).step == 1


def test_every_epoch_shows_each_face_once(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbered = np.zeros((24, 48, 48), np.uint8) + np.arange(24, dtype=np.uint8)[:, None, None]
    training = Faces(numbered, np.arange(24, dtype=np.int64) % 7)
    data = Fer2013({**tiny_data.splits, "training": training}, "numbered")
    shown: list[int] = []

    def noted(faces: torch.Tensor, *rest: Any) -> torch.Tensor:
        shown.extend(faces[:, 0, 0].tolist())
        return augment(faces, *rest)

    monkeypatch.setattr(step, "augment", noted)
    fit(tiny_recipe, data, tmp_path)
    epochs = [shown[:24], shown[24:48], shown[48:]]
    assert all(sorted(epoch) == list(range(24)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_the_average_follows_the_weights(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    averaging = dataclasses.replace(tiny_recipe, average=0.5)
    parts: list[Checkpoint] = []
    for steps in (1, 2):
        parts.append(fit(averaging, tiny_data, tmp_path, max_steps=steps, resume=steps > 1))
    first, second = parts
    assert first.average is not None
    assert second.average is not None
    # at the second step the average keeps (1 + 1) / (10 + 1), less than the recipe's half
    name, keep = "stem.weight", 2 / 11
    expected = keep * first.average[name] + (1 - keep) * second.weights[name]
    torch.testing.assert_close(second.average[name], expected)
    counter = "stem_norm.num_batches_tracked"
    assert second.average[counter] == second.weights[counter] == 2


@pytest.mark.parametrize("loss", ["softmax", "a-softmax"])
def test_norms_biases_and_unit_rows_are_not_decayed(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, loss: Any
) -> None:
    recipe = dataclasses.replace(tiny_recipe, loss=loss)
    run = loop._Run(recipe, tiny_data, tmp_path, "cpu")
    decay = {
        id(parameter): group["weight_decay"]
        for group in run.update.optimizer.param_groups
        for parameter in group["params"]
    }
    for name, parameter in run.model.named_parameters():
        weight = name.endswith("weight") and parameter.ndim > 1
        unit_rows = loss == "a-softmax" and name == "head.weight"
        assert decay[id(parameter)] == (recipe.weight_decay if weight and not unit_rows else 0.0), (
            name
        )


COSINE = Recipe(epochs=26, learning_rate=0.1, schedule="cosine", warmup=1.0)
STEPS = Recipe(learning_rate=0.01, schedule="step", step_from=80, step_every=5, step_factor=0.9)


@pytest.mark.parametrize(
    ("recipe", "epoch", "expected"),
    [
        (COSINE, 0.0, 0.001),
        (COSINE, 0.49, 0.05),
        (COSINE, 1.0, 0.1),
        (COSINE, 1 + 25 / 3, 0.075),
        (COSINE, 13.5, 0.05),
        (COSINE, 1 + 50 / 3, 0.025),
        (COSINE, 26.0, 0.0),
        (STEPS, 0.0, 0.01),
        (STEPS, 79.99, 0.01),
        (STEPS, 80.0, 0.01),
        (STEPS, 84.99, 0.01),
        (STEPS, 85.0, 0.009),
        (STEPS, 90.0, 0.0081),
        (STEPS, 249.0, 0.01 * 0.9**33),
        (STEPS, 249.99, 0.01 * 0.9**33),
    ],
)
def test_the_learning_rate_is_as_written_out(recipe: Recipe, epoch: float, expected: float) -> None:
    assert learning_rate_at(recipe, epoch) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("preset", ["cbam-resnet-asoftmax", "fast", "full"])
def test_the_learning_rate_of_each_preset_stays_positive_and_ends_low(preset: str) -> None:
    recipe = load_recipe(preset, [])
    rates = [learning_rate_at(recipe, epoch / 10) for epoch in range(10 * recipe.epochs)]
    assert all(0 < rate <= 1.01 * recipe.learning_rate for rate in rates)
    assert rates[-1] < 0.02 * recipe.learning_rate


def test_center_accuracy_counts_hits_over_several_batches() -> None:
    labels = np.arange(1100, dtype=np.int64) % 7
    pixels = np.zeros((1100, 48, 48), np.uint8) + labels.astype(np.uint8)[:, None, None]
    wrong = labels.copy()
    wrong[::11] = (wrong[::11] + 1) % 7

    assert center_accuracy(_names_the_grey_value(), Faces(pixels, labels), 44) == 1.0
    assert center_accuracy(_names_the_grey_value(), Faces(pixels, wrong), 44) == 1 - 100 / 1100


def _names_the_grey_value() -> Any:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.eye = torch.nn.Parameter(torch.eye(7))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.shape[1:] == (1, 44, 44)
            assert not self.training
            return self.eye[x[:, 0, 0, 0].long()]

    return Net()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_the_captured_step_gives_the_plain_steps_losses(
    tiny_recipe: Recipe, tiny_data: Fer2013
) -> None:
    from trainer.models.network import ExpressionNet
    from trainer.training.step import TrainingStep

    recipe = dataclasses.replace(tiny_recipe, **EVERYTHING)
    losses = []
    for captures in (False, True):
        torch.manual_seed(1)
        network, averaged = (ExpressionNet(recipe.architecture).cuda() for _ in range(2))
        said: list[str] = []
        once = TrainingStep(
            recipe, network, averaged, tiny_data.splits["training"], compiled=captures,
            notice=said.append,
        )  # fmt: skip
        once._prepared = not captures
        for epoch in range(2):
            once.begin_epoch(epoch)
            for _ in range(once.steps_per_epoch):
                once()
        assert (once._graph is not None) == captures
        assert said == []
        losses.append(once.losses_S.cpu())
    torch.testing.assert_close(losses[1], losses[0], atol=2e-2, rtol=2e-2)


def test_a_compiler_that_fails_costs_speed_and_not_the_run(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = fit(tiny_recipe, tiny_data, tmp_path / "plain")

    def broken(function: Any, **_: object) -> Any:
        def fails(*arguments: Any) -> torch.Tensor:
            function(*arguments)  # the norms have seen a batch by then
            raise RuntimeError("InvalidCxxCompiler: no working C++ compiler\nand many lines")

        return fails

    said: list[str] = []
    monkeypatch.setattr(torch, "compile", broken)
    found = fit(tiny_recipe, tiny_data, tmp_path / "eager", compile_model=True, notice=said.append)
    _assert_bit_identical(found, plain)
    assert len(said) == 1
    assert "torch.compile does not work here (InvalidCxxCompiler" in said[0]


def test_a_missing_compiler_costs_speed_whatever_it_raises(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(function: Any, **_: object) -> Any:
        def fails(*arguments: Any) -> torch.Tensor:
            raise ImportError("no module named triton")

        return fails

    said: list[str] = []
    monkeypatch.setattr(torch, "compile", missing)
    fit(tiny_recipe, tiny_data, tmp_path, compile_model=True, max_steps=2, notice=said.append)
    assert "torch.compile does not work here (no module named triton" in said[0]


def test_preparing_a_step_changes_nothing(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = dataclasses.replace(tiny_recipe, **EVERYTHING)
    plain = fit(recipe, tiny_data, tmp_path / "plain")
    calls: list[object] = []

    def compiles(function: Any, **_: object) -> Any:
        calls.append(function)
        return function

    monkeypatch.setattr(torch, "compile", compiles)
    _assert_bit_identical(fit(recipe, tiny_data, tmp_path / "b", compile_model=True), plain)
    assert len(calls) == 1


def test_what_is_best_but_not_on_the_disk_yet_is_written_before_last_pt_tells_of_it(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SAVE_SHARE", 1e-9)  # the second epoch's end saves nothing
    accuracies = iter([0.3, 0.5, 0.4])
    monkeypatch.setattr(watch, "center_accuracy", lambda *_: next(accuracies))
    fit(tiny_recipe, tiny_data, tmp_path)
    best = load_checkpoint(tmp_path / "best.pt")
    assert (best.step, best.scores["public"]) == (6, 0.5)
    assert load_checkpoint(tmp_path / "last.pt").scores["best_epoch"] == 2
