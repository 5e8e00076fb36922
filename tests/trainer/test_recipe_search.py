"""The recipe search keeps what gains, resumes where it was cut off, never reads PrivateTest."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ferdesk.errors import DataError
from tests.trainer.conftest import Row, Run
from trainer.data.fer2013 import Fer2013
from trainer.evaluation.predictions import (
    VIEWS,
    Origin,
    Predictions,
    file_name,
    save_predictions,
)
from trainer.recipes.config import Recipe, as_table, load_recipe
from trainer.studies.recipe_search import RecipeSearch
from trainer.studies.recipe_search_plan import STAGES, Plan, Stage, as_toml
from trainer.studies.recipe_search_report import write_report
from trainer.studies.recipe_search_state import Gain, SearchState, assess, gain_of
from trainer.training import loop
from trainer.training.errors import CannotTrain, MemoryFull, TrainingStopped
from trainer.training.time_limit import TimeIsUp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.scoring.evaluate import Views

pytestmark = pytest.mark.timeout(180)

TINY = ("width=4", "epochs=1", "batch=7", "learning_rate=0.01")
GAP = Stage("gap", "all cells", ({"pool": "gap"},))
SMOOTH = Stage("smoothing", "smoothing", ({"label_smoothing": 0.1}, {"label_smoothing": 0.2}))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(
        stages=(GAP, SMOOTH), seeds=(1, 2), overrides=TINY, runs=tmp_path / "runs",
        out=tmp_path / "out", command="ferdesk-train ladder", members=1,
    )  # fmt: skip


def _store(plan: Plan, fer: Fer2013, recipe: Recipe, seed: int, num_right: int) -> None:
    """Predictions that have the first ``num_right`` faces of PublicTest right by one crop.

    With the mirror one face more is right, by ten crops two.
    """
    labels = fer.splits["public"].labels
    logits: dict[Views, NDArray[np.float32]] = {}
    for more, views in enumerate(VIEWS):
        right = np.arange(len(labels)) < num_right + more
        logits[views] = np.eye(7, dtype=np.float32)[np.where(right, labels, (labels + 1) % 7)]
    origin = Origin(
        plan.key(recipe), "public", seed, "last", as_table(recipe), fer.sha256, "", "", ""
    )
    path = plan.out / "logits" / file_name(plan.key(recipe), "public", "last", seed)
    save_predictions(Predictions(origin, logits), path)


def _stored(plan: Plan, fer: Fer2013, num_right: Callable[[Recipe], int]) -> SearchState:
    """Complete the search with made-up predictions."""
    while (state := assess(plan, fer)).pending:
        for run in state.pending:
            _store(plan, fer, run.recipe, run.recipe.seed, num_right(run.recipe))
    return state


def _search_without_evaluation(
    plan: Plan, fer: Fer2013, monkeypatch: pytest.MonkeyPatch
) -> SearchState:
    """RecipeSearch where no network is judged: whatever was trained has five faces right."""
    search = RecipeSearch(plan, fer, lambda _: None, lambda _: None, lambda: False)
    monkeypatch.setattr(
        search,
        "_predict",
        lambda run: _store(plan, fer, run.recipe, run.recipe.seed, 5),
    )
    return search.run()


def test_a_stage_that_gains_is_extended_and_one_that_does_not_is_dropped(
    plan: Plan, tiny_data: Fer2013
) -> None:
    def num_right(recipe: Recipe) -> int:
        return 5 + 3 * (recipe.pool == "gap") - (recipe.label_smoothing > 0)

    state = _stored(plan, tiny_data, num_right)
    assert [result.kept for result in state.stages] == [True, False]
    assert state.stages[0].gain is not None
    assert state.stages[0].gain.points == pytest.approx(100 * 3 / 14)
    assert state.final_recipe is not None
    assert state.final_recipe.pool == "gap"
    assert state.final_recipe.label_smoothing == 0


def test_the_best_variant_counts(plan: Plan, tiny_data: Fer2013) -> None:
    state = _stored(plan, tiny_data, lambda recipe: 5 + round(10 * recipe.label_smoothing))
    assert not state.stages[0].kept  # nothing gained by gap
    best = state.stages[1].best
    assert best is not None
    assert best.variant == {"label_smoothing": 0.2}
    assert state.final_recipe is not None
    assert state.final_recipe.pool == "paper"


def test_what_belongs_to_training_anyway_may_cost_a_little(plan: Plan, tiny_data: Fer2013) -> None:
    def num_right(recipe: Recipe) -> int:
        return 10 - (recipe.pool == "gap")

    costly = dataclasses.replace(GAP, min_gain=-7.0)
    cheap = dataclasses.replace(GAP, min_gain=-8.0)  # one face of 14 are 7.1 points
    assert not _stored(
        dataclasses.replace(plan, stages=(costly,)), tiny_data, num_right
    ).stages[0].kept  # fmt: skip
    assert assess(dataclasses.replace(plan, stages=(cheap,)), tiny_data).stages[0].kept


def test_gains_are_paired_over_faces_and_seeds(plan: Plan, tiny_data: Fer2013) -> None:
    state = _stored(plan, tiny_data, lambda recipe: 7 + recipe.seed * (recipe.pool == "gap"))
    gain = state.stages[0].gain
    assert isinstance(gain, Gain)
    assert gain.points == pytest.approx(100 * 1.5 / 14)
    assert gain.deviation == pytest.approx(np.std([100 / 14, 200 / 14], ddof=1))
    difference = np.zeros(14)
    difference[7], difference[8] = 1, 0.5
    half = 1.96 * 100 * difference.std(ddof=1) / np.sqrt(14)
    assert gain.interval == pytest.approx((gain.points - half, gain.points + half))


def test_overrides_lie_over_every_stage_but_the_epoch_factor(plan: Plan) -> None:
    baseline = plan.baseline()
    longer = plan.extend(baseline, Stage("longer", "", ({},), epoch_factor=2), {})
    assert (longer.epochs, longer.width) == (2, 4)
    cosine = next(stage for stage in STAGES if stage.name == "cosine")
    recipe = plan.extend(longer, cosine, cosine.variants[0])
    assert (recipe.learning_rate, recipe.batch, recipe.schedule) == (0.01, 7, "cosine")
    assert recipe.epochs == 2


def test_a_rate_follows_the_batch_that_is_demanded(plan: Plan) -> None:
    cosine = next(stage for stage in STAGES if stage.name == "cosine")
    small = dataclasses.replace(plan, overrides=("batch=32",))
    recipe = small.extend(small.baseline(), cosine, cosine.variants[0])
    assert (recipe.batch, recipe.learning_rate) == (32, 0.025)


def test_a_variant_that_an_override_makes_equal_is_not_trained(
    plan: Plan, tiny_data: Fer2013
) -> None:
    same = dataclasses.replace(plan, overrides=(*TINY, "pool=gap"))
    state = _stored(same, tiny_data, lambda recipe: 7)
    assert [result.stage.name for result in state.stages] == ["smoothing"]


def test_every_stage_makes_a_valid_recipe(plan: Plan) -> None:
    whole = dataclasses.replace(plan, overrides=())
    recipe = whole.baseline()
    for stage in STAGES:
        stepped = [whole.extend(recipe, stage, variant) for variant in stage.variants]
        assert recipe not in stepped
        recipe = stepped[-1]
    assert recipe.epochs == 600
    assert recipe.input_px == 64


def test_a_recipe_survives_its_way_through_a_file(plan: Plan, tmp_path: Path) -> None:
    recipe = plan.student(plan.baseline(), (1, 2), {"distill_alpha": 0.9}, "fast")
    path = tmp_path / "recipe.toml"
    path.write_text(as_toml(recipe), encoding="utf-8")
    assert load_recipe(str(path), []) == recipe
    assert recipe.width == 2
    assert recipe.teacher


def test_students_learn_from_the_members_and_the_better_one_is_chosen(
    plan: Plan, tiny_data: Fer2013
) -> None:
    three = dataclasses.replace(plan, members=3)

    def num_right(recipe: Recipe) -> int:
        return 7 + (recipe.distill_alpha == 0.9) * bool(recipe.teacher)

    state = _stored(three, tiny_data, num_right)
    assert state.members is not None
    assert state.members.seeds == (1, 2, 3)
    assert state.ensemble == pytest.approx((7 / 14, 9 / 14))  # by one crop, by ten
    assert (state.members.one_crop.mean, state.members.ten_crop.mean) == state.ensemble
    for name, width in (("full", 4), ("fast", 2)):
        selected = state.selected(name)
        assert selected is not None
        assert selected.recipe.width == width
        assert selected.recipe.distill_alpha == 0.9
        assert len(selected.recipe.teacher) == 3


def test_students_that_learn_nothing_from_teachers_do_not_ship(
    plan: Plan, tiny_data: Fer2013
) -> None:
    state = _stored(
        dataclasses.replace(plan, members=2), tiny_data, lambda recipe: 7 - bool(recipe.teacher)
    )
    full, fast = state.selected("full"), state.selected("fast")
    assert full is state.members
    assert fast is not None
    assert not fast.recipe.teacher
    text = write_report(plan, state, "2026", "abc", "m").read_text("utf-8")
    assert "| `fast`, trained on the labels alone |" in text


def test_without_members_the_best_network_is_full(plan: Plan, tiny_data: Fer2013) -> None:
    state = _stored(plan, tiny_data, lambda recipe: 5 + (recipe.pool == "gap"))
    selected = state.selected("full")
    assert selected is not None
    assert selected.recipe.pool == "gap"
    assert state.selected("fast") is None


@pytest.mark.slow
def test_the_whole_search_runs_and_nothing_is_trained_twice(
    plan: Plan, tiny_data: Fer2013, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = dataclasses.replace(plan, seeds=(1,), members=2, stages=(GAP,))
    lines: list[str] = []
    # without PrivateTest: whoever reads it gets a KeyError
    state = RecipeSearch(small, tiny_data, lines.append, lambda _: None, lambda: False).run()
    assert state.selected("fast") is not None
    # the baseline, gap, the other member, two students of each width, one without teachers
    assert len([words for words in lines if ", run " in words]) == 8
    text = write_report(small, state, "2026-01-02", "abc", "a machine").read_text("utf-8")
    assert "Not the paper's size" in text
    assert "ensemble (mean probabilities)" in text
    assert "width = 2" in text
    assert "## Pending" not in text
    assert str(small.runs) not in text  # teachers by the names of their runs

    def trained_again(*_: Any, **__: Any) -> None:
        raise AssertionError("trained twice")

    monkeypatch.setattr(loop, "fit", trained_again)
    RecipeSearch(small, tiny_data, lines.append, lambda _: None, lambda: False).run()


def test_when_the_minutes_are_over_the_run_is_kept_and_the_report_says_what_is_left(
    plan: Plan, tiny_data: Fer2013
) -> None:
    short = dataclasses.replace(plan, minutes=1e-9)
    with pytest.raises(TimeIsUp, match="The same command continues"):
        RecipeSearch(short, tiny_data, lambda _: None, lambda _: None, lambda: False).run()
    text = write_report(plan, assess(plan, tiny_data), "2026", "abc", "m").read_text("utf-8")
    assert "not trained yet" in text
    assert "The next step is **paper**, for which 2 runs are to be trained" in " ".join(
        text.split()
    )


def test_ctrl_c_stops_within_a_run(plan: Plan, tiny_data: Fer2013) -> None:
    answers = iter([False, False, True, True, True])
    with pytest.raises(TrainingStopped):
        RecipeSearch(plan, tiny_data, lambda _: None, lambda _: None, lambda: next(answers)).run()


def test_a_variant_that_cannot_be_trained_is_left_out_and_told(
    plan: Plan, tiny_data: Fer2013, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = loop.fit

    def fit(recipe: Recipe, *arguments: Any, **options: Any) -> object:
        if recipe.label_smoothing == 0.1:
            raise CannotTrain("The loss is no number.")
        return inner(recipe, *arguments, **options)

    monkeypatch.setattr(loop, "fit", fit)
    one_seed = dataclasses.replace(plan, seeds=(1,), stages=(SMOOTH,))
    state = RecipeSearch(one_seed, tiny_data, lambda _: None, lambda _: None, lambda: False).run()
    (result,) = state.stages
    assert [failed.variant for failed in result.failed] == [{"label_smoothing": 0.1}]
    assert len(result.trials) == 1
    text = write_report(one_seed, state, "2026", "abc", "m").read_text("utf-8")
    assert "left out: The loss is no number." in text


def test_a_stage_of_which_nothing_can_be_trained_is_skipped(
    plan: Plan, tiny_data: Fer2013, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = loop.fit

    def fit(recipe: Recipe, *arguments: Any, **options: Any) -> object:
        if recipe.label_smoothing:
            raise CannotTrain("Too little memory.")
        return inner(recipe, *arguments, **options)

    monkeypatch.setattr(loop, "fit", fit)
    one_seed = dataclasses.replace(plan, seeds=(1,), stages=(SMOOTH,))
    state = RecipeSearch(one_seed, tiny_data, lambda _: None, lambda _: None, lambda: False).run()
    assert state.stages[0].best is None
    assert not state.stages[0].kept
    text = write_report(one_seed, state, "2026", "abc", "m").read_text("utf-8")
    assert "cannot be trained here" in text
    table = json.loads((one_seed.out / "ladder.json").read_text("utf-8"))
    assert table["rungs"][0]["gain_points"] is None


def test_where_memory_is_full_half_the_batch_is_trained_at_half_the_rate(
    plan: Plan, tiny_data: Fer2013, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []

    def fit(recipe: Recipe, *_: Any, **__: Any) -> None:
        asked.append((recipe.batch, recipe.seed))
        if recipe.batch > 20:
            raise MemoryFull("The device's memory is full.")

    monkeypatch.setattr(loop, "fit", fit)
    large = dataclasses.replace(
        plan, stages=(SMOOTH,), overrides=("width=4", "batch=80", "learning_rate=0.04")
    )
    state = _search_without_evaluation(large, tiny_data, monkeypatch)
    assert state.baseline is not None
    assert (state.baseline.recipe.batch, state.baseline.recipe.learning_rate) == (20, 0.01)
    # twice each, for memory may be free then; the second seed not before the first one fits
    assert asked[:6] == [(80, 1), (80, 1), (40, 1), (40, 1), (20, 1), (20, 2)]
    assert all(trial.recipe.batch == 20 for trial in state.stages[0].trials)


def test_memory_that_is_free_again_costs_no_variant(
    plan: Plan, tiny_data: Fer2013, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner, first = loop.fit, iter([True])

    def fit(recipe: Recipe, *arguments: Any, **options: Any) -> object:
        if recipe.pool == "gap" and next(first, False):
            raise MemoryFull("The device's memory is full.")
        return inner(recipe, *arguments, **options)

    monkeypatch.setattr(loop, "fit", fit)
    one_seed = dataclasses.replace(plan, seeds=(1,), stages=(GAP,))
    state = RecipeSearch(one_seed, tiny_data, lambda _: None, lambda _: None, lambda: False).run()
    assert not state.stages[0].failed
    assert not (one_seed.out / "failed").exists()


def test_a_member_that_cannot_be_trained_is_left_out_of_the_teachers(
    plan: Plan, tiny_data: Fer2013, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(recipe: Recipe, *_: Any, **__: Any) -> None:
        if recipe.seed == 2 and not recipe.teacher:
            raise CannotTrain("The loss is no number.")
        if recipe.distill_alpha == 0.9:
            raise CannotTrain("Its teachers are lost.")

    monkeypatch.setattr(loop, "fit", fit)
    three = dataclasses.replace(plan, seeds=(1,), members=3, stages=())
    state = _search_without_evaluation(three, tiny_data, monkeypatch)
    assert state.members is not None
    assert state.members.seeds == (1, 3)
    assert [len(trial.recipe.teacher) for trial in state.students["fast"]] == [2, 0]
    text = write_report(three, state, "2026", "abc", "m").read_text("utf-8")
    assert "| member of seed 2 | left out: The loss is no number. |" in text
    assert "| `full`, `distill_alpha=0.9` | left out: Its teachers are lost. |" in text


def test_of_a_variant_that_fails_no_further_seed_is_trained(
    plan: Plan, tiny_data: Fer2013, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner, asked = loop.fit, []

    def fit(recipe: Recipe, *arguments: Any, **options: Any) -> object:
        if recipe.pool == "gap":
            asked.append(recipe.seed)
            raise CannotTrain("The loss is no number.")
        return inner(recipe, *arguments, **options)

    monkeypatch.setattr(loop, "fit", fit)
    two_seeds = dataclasses.replace(plan, stages=(GAP,))
    RecipeSearch(two_seeds, tiny_data, lambda _: None, lambda _: None, lambda: False).run()
    assert asked == [1]


def test_a_baseline_that_cannot_be_trained_ends_the_search(
    plan: Plan, tiny_data: Fer2013, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*_: Any, **__: Any) -> None:
        raise CannotTrain("Too little memory.")

    monkeypatch.setattr(loop, "fit", fit)
    with pytest.raises(CannotTrain):
        RecipeSearch(plan, tiny_data, lambda _: None, lambda _: None, lambda: False).run()


def test_predictions_of_other_data_do_not_count(plan: Plan, tiny_data: Fer2013) -> None:
    _stored(plan, tiny_data, lambda recipe: 7)
    other = dataclasses.replace(tiny_data, sha256="another file")
    assert assess(plan, other).pending_for == "paper"


def test_a_gain_needs_no_second_seed(plan: Plan, tiny_data: Fer2013) -> None:
    one = dataclasses.replace(plan, seeds=(1,))
    state = _stored(one, tiny_data, lambda recipe: 7)
    assert state.baseline is not None
    assert np.isnan(gain_of(state.baseline, state.baseline).deviation)


def test_the_command_searches_and_reports(
    run: Run, rows: list[Row], write_csv: Callable[[list[Row]], Path], tmp_path: Path
) -> None:
    data = write_csv(rows)
    arguments = [
        "ladder", "--data", data, "--unofficial", "--runs", tmp_path / "runs", "--out",
        tmp_path / "out", "--seeds", "1", "--stages", "gap", "--members", "1", "--threads", "1",
        "--set", "width=4", "--set", "epochs=1", "--set", "batch=8",
    ]  # fmt: skip
    code, _, said = run(*arguments)
    assert code == 0, said
    text = (tmp_path / "out" / "ladder.md").read_text("utf-8")
    assert "| 1 | gap: global average pooling over the whole last map | `pool=gap` |" in text
    assert str(tmp_path) not in text  # no path of the machine
    code, _, said = run(*arguments, "--report-only")
    assert code == 0, said
    code, _, said = run(*arguments[:-6], "--stages", "gab")
    assert code == 2
    assert "there is no stage 'gab'" in said


def test_a_recipe_that_cannot_be_is_refused_before_the_data(run: Run, tmp_path: Path) -> None:
    code, _, said = run("ladder", "--data", tmp_path / "no.csv", "--set", "widht=4")
    assert code == 3
    assert "did you mean width?" in said


def test_an_unknown_member_count_is_refused(plan: Plan) -> None:
    assert dataclasses.replace(plan, members=4).member_seeds() == (1, 2, 3, 4)
    assert dataclasses.replace(plan, members=1, seeds=(5, 2)).member_seeds() == (5,)
    with pytest.raises(DataError):
        dataclasses.replace(plan, overrides=("width=0",)).baseline()


@pytest.mark.slow
def test_the_command_exports_what_it_found_with_twins_and_cards(
    run: Run, rows: list[Row], write_csv: Callable[[list[Row]], Path], tmp_path: Path
) -> None:
    arguments = [
        "ladder", "--data", write_csv(rows), "--unofficial", "--runs", tmp_path / "runs", "--out",
        tmp_path / "out", "--seeds", "1", "--stages", "gap", "--members", "2", "--threads", "1",
        "--set", "width=8", "--set", "epochs=1", "--set", "batch=8", "--models",
        tmp_path / "models", "--model-version", "7",
    ]  # fmt: skip
    code, _, said = run(*arguments, "--minutes", "1e-9")
    assert code == 1, said
    assert "minutes are over" in said
    assert not list(tmp_path.glob("models/*"))  # nothing was trained yet
    code, _, said = run(*arguments)
    assert code == 0, said
    # not under the names of the program's own models, which have other widths
    names = sorted(path.name for path in (tmp_path / "models").iterdir())
    assert names == [
        f"width{width}{twin}.{kind}"
        for width in (4, 8) for twin in ("-int8", "") for kind in ("json", "md", "onnx")
    ]  # fmt: skip
    assert "Version | 7" in (tmp_path / "models" / "width8.md").read_text("utf-8")
    assert "--model-version 7" in said


@pytest.mark.slow
def test_when_the_minutes_are_over_the_best_so_far_is_exported(
    run: Run,
    rows: list[Row],
    write_csv: Callable[[list[Row]], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inner = RecipeSearch.run

    def over(search: RecipeSearch) -> SearchState:
        inner(search)
        raise TimeIsUp("The minutes are over.")

    monkeypatch.setattr(RecipeSearch, "run", over)
    code, _, said = run(
        "ladder", "--data", write_csv(rows), "--unofficial", "--runs", tmp_path / "runs", "--out",
        tmp_path / "out", "--seeds", "1", "--stages", "gap", "--members", "1", "--threads", "1",
        "--set", "width=4", "--set", "epochs=1", "--set", "batch=8", "--models",
        tmp_path / "models",
    )  # fmt: skip
    assert code == 1, said
    assert "the best recipe so far" in said
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["best-so-far.onnx"]
