"""Reproducing trains what is missing, once, looks at PrivateTest only when told, and can be cut."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from ferdesk.errors import DataError
from tests.trainer.test_cross_validation import portraits
from trainer.data.fer2013 import Fer2013
from trainer.evaluation import cross_validation
from trainer.evaluation.predictions import file_name, load_all_predictions, load_predictions
from trainer.recipes.config import Recipe
from trainer.studies import reproduce
from trainer.studies.paper import METHOD
from trainer.studies.reproduce import Plan, Reproduction, Step
from trainer.training import loop
from trainer.training.checkpoint import load_checkpoint, save_checkpoint
from trainer.training.errors import TrainingStopped
from trainer.training.time_limit import TimeIsUp

# seconds of work; a busy machine may take many times that
pytestmark = pytest.mark.timeout(120)

TINY = ("width=4", "epochs=1", "batch=7", "learning_rate=0.01")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(
        tables=("table3",), seeds=(1,), overrides=TINY, runs=tmp_path / "runs",
        out=tmp_path / "out", command="ferdesk-train reproduce table3",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _short_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two stratified folds instead of five, one epoch instead of 30 on each."""
    monkeypatch.setattr(cross_validation, "NUM_FOLDS", 2)
    long = cross_validation.fine_tuning
    monkeypatch.setattr(
        cross_validation, "fine_tuning", lambda r: dataclasses.replace(long(r), epochs=1)
    )


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test writes into the checkout's log."""
    path = tmp_path / "log.jsonl"
    monkeypatch.setattr("trainer.scoring.private_looks.PRIVATE_LOG", path)
    return path


def _run(
    plan: Plan, data: Fer2013, *, jaffe: bool = False, stop: Callable[[], bool] = bool
) -> list[str]:
    said: list[str] = []
    Reproduction(
        plan, data, portraits() if jaffe else None, said.append, lambda _: None, stop
    ).run()
    return said


def _found(plan: Plan) -> list[tuple[str, str, int]]:
    origins = [each.origin for each in load_all_predictions(plan.out / "logits")]
    return sorted((origin.test, origin.selection, origin.seed) for origin in origins)


def _with_private(data: Fer2013) -> Fer2013:
    return dataclasses.replace(data, splits={**data.splits, "private": data.splits["public"]})


def test_both_choices_of_epoch_are_kept_and_private_test_is_not_read(
    plan: Plan, tiny_data: Fer2013, log: Path
) -> None:
    _run(plan, tiny_data)  # without PrivateTest: whoever reads it gets a KeyError
    assert _found(plan) == [("public", "best", 1), ("public", "last", 1)]
    assert not log.exists()


def test_runs_are_judged_as_each_ends_and_though_the_time_is_over(
    plan: Plan, tiny_data: Fer2013
) -> None:
    plan = dataclasses.replace(plan, tables=("table1",), minutes=1e-9)
    found: list[list[tuple[str, str, int]]] = []

    def ahead(
        steps: Sequence[Step], stop_requested: Callable[[], bool], ended: Callable[[Step], None]
    ) -> None:
        step = next(step for step in steps if step.preset == "resnet")
        loop.fit(step.recipe, tiny_data, step.folder)
        ended(step)
        found.append(_found(plan))
        step = next(step for step in steps if step.preset == "cbam-resnet-softmax")
        loop.fit(step.recipe, tiny_data, step.folder)  # nobody told of this one
        step = next(step for step in steps if step.preset == "cbam-resnet-asoftmax")
        loop.fit(step.recipe, tiny_data, step.folder, max_steps=1)  # not at its end

    with pytest.raises(TimeIsUp):
        Reproduction(plan, tiny_data, None, lambda _: None, lambda _: None, bool, ahead).run()
    judged = [("public", "best", 1), ("public", "last", 1)]
    assert found == [judged]
    assert _found(plan) == sorted(2 * judged)


def test_short_trainings_are_not_compiled(plan: Plan, tiny_data: Fer2013) -> None:
    compiled = dataclasses.replace(plan, compile_model=True)
    one = Reproduction(compiled, tiny_data, None, lambda _: None, lambda _: None, bool)
    recipe = plan.recipe(plan.presets()[0])
    steps_per_epoch = len(tiny_data.splits["training"]) // recipe.batch
    short = dataclasses.replace(recipe, epochs=2_999 // steps_per_epoch)
    assert not one._compiles(short, tiny_data)
    assert one._compiles(dataclasses.replace(recipe, epochs=3_000), tiny_data)


def test_each_look_at_private_test_is_logged(plan: Plan, tiny_data: Fer2013, log: Path) -> None:
    plan = dataclasses.replace(plan, final=True)
    folder = plan.folder(METHOD, 1)
    loop.fit(plan.recipe(METHOD, 1), tiny_data, folder)
    best = load_checkpoint(folder / "last.pt")
    best.weights["stem.weight"] = best.weights["stem.weight"] + 0.01  # of another epoch
    save_checkpoint(best, folder / "best.pt")
    _run(plan, _with_private(tiny_data))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["system"], line["selection"]) for line in lines] == [
        (METHOD, "best"),
        (METHOD, "last"),
    ]
    assert all(line["commit"] and line["sha256"] and line["scores"]["ten_crop"] for line in lines)


def test_the_same_weights_are_not_looked_at_again(
    plan: Plan, tiny_data: Fer2013, log: Path, tmp_path: Path
) -> None:
    plan = dataclasses.replace(plan, final=True)
    folder = plan.folder(METHOD, 1)
    loop.fit(plan.recipe(METHOD, 1), tiny_data, folder)
    shutil.copy(folder / "last.pt", folder / "best.pt")  # the last epoch was the best
    _run(plan, _with_private(tiny_data))
    assert len(log.read_text().splitlines()) == 1
    private = [plan.out / "logits" / file_name(METHOD, "private", w, 1) for w in ("best", "last")]
    best, last = (load_predictions(path) for path in private)
    assert (best.origin.selection, last.origin.selection) == ("best", "last")
    np.testing.assert_array_equal(best.logits["ten"], last.logits["ten"])
    again = dataclasses.replace(plan, out=tmp_path / "elsewhere")
    with pytest.raises(DataError, match="once is allowed"):
        _run(again, _with_private(tiny_data))
    assert len(log.read_text().splitlines()) == 1


def test_what_is_stored_is_not_trained_or_looked_at_again(
    plan: Plan, tiny_data: Fer2013, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(plan, tiny_data, jaffe=True)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(loop, "fit", refuse)
    assert _run(plan, tiny_data, jaffe=True) == []


def test_more_seeds_are_added_to_what_is_there(plan: Plan, tiny_data: Fer2013) -> None:
    _run(plan, tiny_data)
    _run(dataclasses.replace(plan, seeds=(1, 2)), tiny_data)
    assert {seed for _, _, seed in _found(plan)} == {1, 2}


def test_another_recipe_is_trained_anew(plan: Plan, tiny_data: Fer2013) -> None:
    _run(plan, tiny_data)
    wider = dataclasses.replace(
        plan, overrides=("width=5", *TINY[1:]), runs=plan.runs.with_name("other")
    )
    _run(wider, tiny_data)
    widths = {each.origin.recipe["width"] for each in load_all_predictions(plan.out / "logits")}
    assert widths == {5}


def test_jaffe_is_judged_on_both_kinds_of_folds(plan: Plan, tiny_data: Fer2013) -> None:
    _run(plan, tiny_data, jaffe=True)
    jaffe = [
        p for p in load_all_predictions(plan.out / "logits") if p.origin.test.startswith("jaffe")
    ]
    assert [p.origin.test for p in jaffe] == ["jaffe-stratified", "jaffe-woman-out"]
    for each in jaffe:
        assert each.num_faces == 42
        assert np.isfinite(each.logits["ten"]).all()
        assert each.origin.details["crop"] == "paper"
    assert jaffe[1].origin.details["folds"] == ["KA", "KL", "UY"]


def test_every_fold_starts_from_the_network_that_fer2013_made(
    plan: Plan, tiny_data: Fer2013, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[bool] = []
    inner = loop.fit

    def fit(recipe: Recipe, data: Fer2013, folder: Path, **options: object) -> object:
        starts.append(options["start"] is not None)
        return inner(recipe, data, folder, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "fit", fit)
    _run(plan, tiny_data, jaffe=True)
    assert starts == [False] + [True] * 5  # FER2013, two folds, three women


def test_when_the_minutes_are_over_the_run_is_kept_and_goes_on(
    plan: Plan, tiny_data: Fer2013
) -> None:
    with pytest.raises(TimeIsUp, match="The same command continues"):
        _run(dataclasses.replace(plan, minutes=1e-9), tiny_data)
    assert _found(plan) == []
    _run(plan, tiny_data)
    assert len(_found(plan)) == 2


def test_ctrl_c_stops_with_a_whole_checkpoint(plan: Plan, tiny_data: Fer2013) -> None:
    with pytest.raises(TrainingStopped, match="is whole"):
        _run(plan, tiny_data, stop=lambda: True)
    assert (plan.runs / METHOD / "seed1" / "last.pt").exists()
    _run(plan, tiny_data)
    assert len(_found(plan)) == 2


def test_one_seed_of_every_system_comes_before_the_next_seed(plan: Plan) -> None:
    whole = dataclasses.replace(plan, tables=("table1", "table2"), seeds=(1, 2))
    order: list[tuple[int, str]] = []

    class Listed(Reproduction):
        def _system(self, step: reproduce.Step) -> None:
            order.append((step.seed, step.preset))

    Listed(whole, Fer2013({}, ""), None, print, lambda _: None, bool).run()
    assert [seed for seed, _ in order] == sorted(seed for seed, _ in order)
    assert len(order) == 2 * len(whole.presets())
    assert len(set(whole.presets())) == 10


def test_svms_keep_their_presets_and_choose_nothing_on_jaffe(
    plan: Plan, tiny_data: Fer2013
) -> None:
    assert plan.recipe("hog-svm", 3).seed == 3
    assert plan.recipe(METHOD).width == 4
