"""One command from several networks to one that learned from them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainer.conftest import Row, Run
from trainer.scoring.evaluate import open_session
from trainer.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.timeout(180)

TINY = ("--set", "width=4", "--set", "epochs=1", "--set", "batch=8", "--no-tensorboard")


@pytest.fixture
def data(rows: list[Row], write_csv: Callable[[list[Row]], Path]) -> Path:
    return write_csv(rows)


@pytest.fixture
def seeds(data: Path, run: Run, tmp_path: Path) -> Path:
    """Two runs, in folders as ``fit --seeds`` makes them."""
    for seed in (1, 2):
        out = tmp_path / "teachers" / f"seed-{seed}"
        code, _, said = run(
            "fit", "--data", data, "--preset", "fast", "--out", out, "--unofficial",
            "--threads", "1", *TINY, "--set", f"seed={seed}",
        )  # fmt: skip
        assert code == 0, said
    return tmp_path / "teachers"


def test_a_folder_of_seeds_teaches_a_student_that_the_app_opens(
    run: Run, data: Path, seeds: Path, tmp_path: Path
) -> None:
    model = tmp_path / "student.onnx"
    command = [
        "distill", "--teacher", seeds, "--data", data, "--out", tmp_path / "student",
        "--unofficial", "--threads", "1", *TINY[:-1], "--set", "distill_view=flip",
        "--model", model,
    ]  # fmt: skip
    code, _, said = run(*command)
    assert code == 0, said
    assert said.count("Teacher ") >= 4  # two told, two asked
    assert "Ensemble of the teachers: PublicTest" in said
    assert "The student: PublicTest" in said
    recipe = load_checkpoint(tmp_path / "student" / "last.pt").recipe
    assert [Path(place).name for place in recipe.teacher] == ["seed-1", "seed-2"]
    assert open_session(model).get_modelmeta().custom_metadata_map["name"] == "student"

    code, _, said = run(*command[:-2], "--resume")  # a run that is done ends at once
    assert code == 0, said
    assert "Next: ferdesk-train export" in said
    code, _, said = run(*command)
    assert code == 3
    assert "already holds a run; add --resume" in said


def test_an_exported_model_teaches_a_narrower_one(
    run: Run, data: Path, seeds: Path, tmp_path: Path
) -> None:
    teacher = tmp_path / "teacher.onnx"
    code, _, said = run(
        "export", seeds / "seed-1" / "last.pt", "--data", data, "--out", teacher, "--unofficial"
    )
    assert code == 0, said
    code, _, said = run(
        "distill", "--teacher", teacher, "--data", data, "--out", tmp_path / "student",
        "--unofficial", "--threads", "1", *TINY[2:-1], "--set", "width=2",
    )  # fmt: skip
    assert code == 0, said
    assert load_checkpoint(tmp_path / "student" / "last.pt").recipe.width == 2


def test_what_cannot_teach_is_told_in_a_sentence(run: Run, data: Path, tmp_path: Path) -> None:
    given = ["--data", data, "--out", tmp_path / "student", "--unofficial"]
    code, _, said = run("distill", "--teacher", tmp_path / "none.pt", *given)
    assert code == 3
    assert said.startswith("Error: There is no teacher")
    (tmp_path / "empty").mkdir()
    code, _, said = run("distill", "--teacher", tmp_path / "empty", *given)
    assert code == 3
    assert "holds no run (no last.pt)" in said
    code, _, said = run("distill", "--teacher", data, *given)
    assert code == 3
    assert "is not a ferdesk checkpoint" in said
    code, _, said = run("distill", "--teacher", data, *given, "--preset", "hog-svm")
    assert code == 3
