"""evaluate, folds and reproduce as a user calls them."""

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.trainer.test_cross_validation import portraits
from trainer.cli import evaluate, folds, reproduce
from trainer.evaluation import cross_validation
from trainer.evaluation.predictions import load_all_predictions, load_predictions
from trainer.recipes.config import Recipe
from trainer.training.build import build_network
from trainer.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

pytestmark = pytest.mark.timeout(120)

Row = tuple[int, NDArray[np.uint8], str]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def csv(write_csv: Callable[[Sequence[Row]], Path], rows: list[Row]) -> Path:
    return write_csv(rows)


@pytest.fixture
def model(tmp_path: Path, tiny_recipe: Recipe) -> Path:
    path = tmp_path / "model.pt"
    weights = build_network(tiny_recipe).state_dict()
    save_checkpoint(Checkpoint(tiny_recipe, 0, weights, None, {}, "", "0123456789ab"), path)
    return path


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "log.jsonl"
    monkeypatch.setattr("trainer.scoring.private_looks.PRIVATE_LOG", path)
    monkeypatch.setattr(evaluate, "cache_folder", lambda: tmp_path / "cache")
    return path


def test_a_folder_gets_all_that_can_be_computed_again(
    run: Run, csv: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "judged"
    code, said, _ = run("evaluate", model, "--data", csv, "--unofficial", "--out", out, "--json")
    assert code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "confusion.csv", "confusion.png", "figures.json", "logits.npz", "reliability.png",
    ]  # fmt: skip
    figures = json.loads((out / "figures.json").read_text("utf-8"))
    assert figures["figures"]["one"]["accuracy"] == json.loads(said)["one"]["accuracy"]
    assert figures["figures"]["without_copies"]["copies"] == 0
    assert load_predictions(out / "logits.npz").num_faces == 7
    assert figures["origin"]["training_commit"] == "0123456789ab"


def test_private_test_is_refused_without_final_and_logged_with_it(
    run: Run, csv: Path, model: Path, log: Path
) -> None:
    code, _, err = run("evaluate", model, "--data", csv, "--unofficial", "--split", "private")
    assert code == 3
    assert "PrivateTest is for the final evaluation" in err
    assert not log.exists()
    code, _, _ = run(
        "evaluate", model, "--data", csv, "--unofficial", "--split", "private", "--final"
    )
    assert code == 0
    assert json.loads(log.read_text())["file"] == "model.pt"


def test_private_test_is_looked_at_once_with_the_same_weights_whatever_their_file(
    run: Run, csv: Path, model: Path, log: Path, tmp_path: Path
) -> None:
    look = ("--data", csv, "--unofficial", "--split", "private", "--final")
    assert run("evaluate", model, *look)[0] == 0
    renamed = tmp_path / "other.pt"
    kept = load_checkpoint(model)
    save_checkpoint(dataclasses.replace(kept, step=7), renamed)  # another file, the same weights
    code, _, err = run("evaluate", renamed, *look)
    assert code == 3
    assert "looked at with the weights of other.pt" in err
    assert "ferdesk-train evaluate" in err
    assert len(log.read_text().splitlines()) == 1


def test_the_most_confusing_faces_go_to_the_cache_only(
    run: Run, csv: Path, model: Path, tmp_path: Path
) -> None:
    code, _, err = run("evaluate", model, "--data", csv, "--unofficial", "--gallery")
    assert code == 0
    (picture,) = (tmp_path / "cache" / "confusing").iterdir()
    assert str(picture) in err


@pytest.mark.parametrize("given", [(), ("--data", "x", "--jaffe", "y")])
def test_one_data_set_is_judged_at_a_time(run: Run, model: Path, given: tuple[str, ...]) -> None:
    code, _, err = run("evaluate", model, *given)
    assert code == 2
    assert "one of them" in err


def test_jaffe_is_judged_by_a_model_that_never_saw_it(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "load_jaffe", lambda *_, **__: portraits())
    code, said, _ = run("evaluate", model, "--jaffe", tmp_path, "--out", tmp_path / "j", "--json")
    assert code == 0
    assert json.loads(said)["ten"]["num_faces"] == 42
    assert (tmp_path / "j" / "confusion.csv").exists()
    assert not (tmp_path / "j" / "reliability.png").exists()


def test_folds_fine_tune_any_network_and_tell_both_accuracies(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_validation, "EPOCHS", 1)
    monkeypatch.setattr(folds, "load_jaffe", lambda *_, **__: portraits())
    out = tmp_path / "folds"
    code, said, err = run("folds", model, "--jaffe", tmp_path, "--out", out, "--device", "cpu")
    assert code == 0, err
    assert "stratified" in said
    assert "woman-out" in said
    names = sorted(path.name for path in out.iterdir())
    assert names == ["stratified-paper-seed1", "woman-out-paper-seed1"]
    assert load_predictions(out / names[0] / "logits.npz").num_faces == 42


def test_a_report_is_written_from_what_is_stored(run: Run, csv: Path, tmp_path: Path) -> None:
    tiny = ("--set", "width=4", "--set", "epochs=1", "--set", "batch=7", "--device", "cpu")
    place = ("--runs", tmp_path / "runs", "--out", tmp_path / "out")
    given = ("reproduce", "table3", "--data", csv, "--unofficial", *tiny, *place)
    code, _, err = run(*given)
    assert code == 0, err
    assert len(load_all_predictions(tmp_path / "out" / "logits")) == 2
    before = (tmp_path / "out" / "reproduction.md").read_text("utf-8")
    assert "Not the paper's size" in before
    assert str(tmp_path) not in before
    code, _, _ = run(*given, "--report-only")
    assert code == 0
    after = (tmp_path / "out" / "reproduction.md").read_text("utf-8")
    assert (
        after.split("## Table 3")[1].split("This page")[0]
        == (before.split("## Table 3")[1].split("This page")[0])
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("table5",), "there is no 'table5'"),
        (("table1", "--seeds", "one"), "--seeds takes numbers"),
        (("table1", "--jaffe-crop", "square"), "--jaffe-crop is one of"),
        (("table1", "--at-once", "0"), "--at-once"),
    ],
)
def test_a_wrong_call_is_told_before_any_work(
    run: Run, csv: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    code, _, err = run("reproduce", *arguments, "--data", csv)
    assert code == 2
    assert complaint in " ".join(err.replace("│", " ").split())


def test_the_command_is_told_without_the_folders_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "reproduce", "all", "--data", "/home/me/fer2013.csv"])
    assert reproduce.command_line() == "ferdesk-train reproduce all --data fer2013.csv"
