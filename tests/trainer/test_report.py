"""The report shows what was run, beside the paper's, and says what was not."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.trainer.test_cross_validation import portraits
from trainer.data.fer2013 import Faces, Fer2013
from trainer.evaluation.predictions import VIEWS, Origin, Predictions, Test
from trainer.studies.paper import METHOD
from trainer.studies.report import write_report
from trainer.studies.report_results import Header, Truth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.scoring.evaluate import Views

METHOD_RECIPE = {"width": 64, "loss": "a-softmax", "select": "public"}
RECIPES: Mapping[str, Mapping[str, Any]] = {
    METHOD: METHOD_RECIPE,
    "resnet": {"width": 64, "attention": "none", "select": "public"},
    "hog-svm": {"system": "hog-svm", "select": "last"},
}
NUM_FACES = 70


def _faces(split: str = "public") -> Faces:
    """Ten faces of each expression; PrivateTest's stand in the opposite order."""
    labels = np.arange(NUM_FACES, dtype=np.int64) % 7
    return Faces(
        np.zeros((NUM_FACES, 48, 48), np.uint8), labels[::-1] if split == "private" else labels
    )


def _truth() -> Truth:
    fer = Fer2013(
        {"training": _faces(), "public": _faces(), "private": _faces("private")}, "f" * 64
    )
    place = np.arange(NUM_FACES)
    # FER+'s plurality is another than FER2013's label for four of the clear faces
    votes = _faces("private").labels.copy()
    votes[[0, 2, 4]] = (votes[[0, 2, 4]] + 1) % 7
    votes[20] = (votes[20] + 2) % 7
    return Truth(
        fer,
        portraits(),
        {"public": place < 20, "private": place < 10},
        {"public": (_faces().labels, place % 3 == 0), "private": (votes, place % 2 == 0)},
    )


def _predictions(
    system: str, test: Test, wrong: int, seed: int = 1, selection: str = "best", **recipe: object
) -> Predictions:
    """The first ``wrong`` faces are taken for the next expression, all others are right.

    That is by ten crops; with the mirror 7 more are wrong, and by one crop 14 more.
    """
    labels = portraits().faces.labels if test.startswith("jaffe") else _faces(test).labels
    by_views: dict[Views, NDArray[np.float32]] = {}
    for views, more in zip(VIEWS, (14, 7, 0), strict=True):
        predicted = np.where(np.arange(len(labels)) < wrong + more, (labels + 1) % 7, labels)
        by_views[views] = (3 * np.eye(7)[predicted]).astype(np.float32)
    origin = Origin(
        system, test, seed, selection, {**RECIPES[system], "seed": seed, **recipe},
        "f" * 64, "m" * 64, "0123456789ab", "a command", "2026-01-02T03:04:05+00:00", "a machine",
    )  # fmt: skip
    return Predictions(origin, by_views)


def _write(folder: Path, stored: list[Predictions], **header: Any) -> str:
    values = {
        "command": "ferdesk-train reproduce all", "date": "2026-01-02T03:04:05+00:00",
        "commit": "0123456789ab", "machine": "a machine", "recipes": RECIPES,
    } | header  # fmt: skip
    markdown, page = write_report(folder, stored, _truth(), Header(**values))
    assert page.read_text("utf-8").startswith("<!doctype html>")
    return markdown.read_text("utf-8")


def _line(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def test_ours_stand_beside_the_papers(tmp_path: Path) -> None:
    text = _write(
        tmp_path,
        [
            _predictions(METHOD, "private", 14, seed=1),
            _predictions(METHOD, "private", 7, seed=2),
            _predictions("resnet", "private", 21),
            _predictions(METHOD, "jaffe-stratified", 0),
        ],
    )
    # 80 % and 90 % over two seeds: deviation 7.1
    method = _line(text, "| CBAM-ResNet, A-Softmax")
    assert "| 73.5 |" in method
    assert "85.0 ± 7.1 (" in method
    assert "n = 2" in method
    assert "| 98.9 | 100.0 (" in method
    assert "| 72.4 | not run | 70.0 (" in _line(text, "| ResNet without attention")


def test_rows_that_were_not_run_are_marked_so(tmp_path: Path) -> None:
    text = _write(tmp_path, [])
    assert _line(text, "| HOG").count("not run") == 4
    assert f"- `{METHOD}`: PublicTest, PrivateTest, JAFFE, stratified, JAFFE, woman out" in text
    assert "PrivateTest with `--final`, JAFFE with `--jaffe`" in text
    assert "## Table 3" in text


def test_predictions_of_another_recipe_are_not_mixed_in(tmp_path: Path) -> None:
    text = _write(tmp_path, [_predictions(METHOD, "private", 7, width=16)])
    assert "90.0" not in text
    assert "1 stored predictions belong to other recipes" in text


def test_a_changed_size_is_said_at_the_top(tmp_path: Path) -> None:
    text = _write(tmp_path, [], overrides=["width=16"])
    assert "Not the paper's size" in text.split("## Table 1")[0]


def test_table_3_shows_shares_of_the_real_expression_and_the_papers(tmp_path: Path) -> None:
    text = _write(tmp_path, [_predictions(METHOD, "private", 7)])
    table = text.split("## Table 3")[1].split("## Table 4")[0]
    # each of the seven first faces, one of each expression, went to the next one
    assert "| Angry | 0.90 | 0.10 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 10 |" in table
    assert "| Angry | 0.68 | 0.00 | 0.10 | 0.03 | 0.11 | 0.02 | 0.06 | - |" in table
    lines = (tmp_path / "table3-fer2013.csv").read_text().splitlines()
    assert lines[0].startswith("real,angry,")
    assert lines[1].startswith("angry,9,1,0,0,0,0,0,10,0.9000,0.1000,")
    assert lines[7].startswith("neutral,1,0,0,0,0,0,9,10,0.1000,")


def test_copies_and_the_crowd_have_their_own_figures(tmp_path: Path) -> None:
    text = _write(tmp_path, [_predictions(METHOD, "private", 7)])
    part = text.split("## Near-duplicates")[1]
    # 7 of the 10 copies are wrong and nothing else: without copies all are right
    row = _line(part, f"| `{METHOD}` | PrivateTest")
    assert "| 90.0 | 100.0 | 94.3 |" in row  # of the 35 clear ones 33 agree with the voters
    assert "10 of 70 PrivateTest faces have a near-duplicate" in part
    assert "20 of 70 PublicTest faces have a near-duplicate" in part
    assert "give 35 PrivateTest faces one" in part
    assert "own labels agree in 88.6 %" in part  # in 31 of the 35


def test_systems_are_compared_on_the_same_faces(tmp_path: Path) -> None:
    text = _write(
        tmp_path, [_predictions(METHOD, "private", 7), _predictions("resnet", "private", 21)]
    )
    row = _line(text.split("## Significance")[1], "| `resnet`")
    assert "| 14 | 0 | < 0.001 |" in row


def test_the_page_holds_its_pictures(tmp_path: Path) -> None:
    _write(tmp_path, [_predictions(METHOD, "private", 7), _predictions(METHOD, "public", 7)])
    page = (tmp_path / "reproduction.html").read_text("utf-8")
    assert page.count('src="data:image/png;base64,') == page.count("<img")
    assert page.count("<img") >= 3
    assert "<table>" in page
    assert "http" not in page


def test_both_choices_of_epoch_are_shown(tmp_path: Path) -> None:
    text = _write(
        tmp_path,
        [_predictions(METHOD, "public", 7), _predictions(METHOD, "public", 14, selection="last")],
    )
    row = _line(text.split("## Test-time augmentation")[1], f"| `{METHOD}`")
    # one crop, with its mirror, ten crops; then the last epoch by ten crops
    assert "| 70.0 | 80.0 | 90.0 | best | 80.0 (" in row


@pytest.mark.parametrize("tables", [("table2",), ("table4",)])
def test_only_the_tables_asked_for_are_written(tmp_path: Path, tables: tuple[str, ...]) -> None:
    text = _write(tmp_path, [], tables=tables)
    assert ("## Table 2" in text) == (tables == ("table2",))
    assert "## Table 1" not in text
