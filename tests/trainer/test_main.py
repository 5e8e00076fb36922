"""The command: the contract's sentences and exit codes, and runs that leave their files."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainer.cli import data, evaluate
from trainer.data.augment import augment
from trainer.evaluation.predictions import Origin, Predictions
from trainer.models.network import ExpressionNet
from trainer.recipes.config import Recipe, preset_names
from trainer.training import step, watch
from trainer.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

# seconds of work; a busy machine may take many times that
pytestmark = pytest.mark.timeout(120)

Row = tuple[int, NDArray[np.uint8], str]
Run = Callable[..., tuple[int, str, str]]
TINY = (
    "--unofficial", "--no-compile", "--device", "cpu", "--no-bf16",
    "--set", "width=4", "--set", "epochs=1", "--set", "batch=8",
)  # fmt: skip


@pytest.fixture
def csv(write_csv: Callable[[Sequence[Row]], Path], rows: list[Row]) -> Path:
    return write_csv(rows)


def _sentence(stderr: str) -> str:
    """The one line that stderr holds."""
    assert stderr.count("\n") == 1, stderr
    assert "Traceback" not in stderr
    assert stderr.startswith("Error: ")
    return stderr.strip()


def test_a_file_that_is_not_the_official_one_is_refused(run: Run, csv: Path) -> None:
    code, out, err = run("data", "--data", csv)
    assert (code, out) == (3, "")
    assert "Training has 16 rows, the official one 28709" in _sentence(err)


@pytest.mark.parametrize("name", ["absent", "[draft] faces", "[/home]"])
def test_data_that_is_not_there_is_one_sentence(run: Run, tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    code, out, err = run("data", "--data", place)
    assert (code, out) == (3, "")
    assert _sentence(err) == f"Error: There is nothing at {place}; give the path of fer2013.csv."


def test_the_programs_own_process_exits_with_3_and_no_traceback(tmp_path: Path) -> None:
    place = tmp_path / "absent.csv"
    done = subprocess.run(
        [sys.executable, "-m", "trainer", "data", "--data", str(place)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    assert _sentence(done.stderr).startswith(f"Error: There is nothing at {place};")


@pytest.mark.parametrize("absent", ["torch", "onnx"])
def test_without_the_train_extra_one_sentence_says_what_to_install(
    csv: Path, tmp_path: Path, tiny_recipe: Recipe, absent: str
) -> None:
    weights = ExpressionNet(tiny_recipe.architecture).state_dict()
    save_checkpoint(Checkpoint(tiny_recipe, 0, weights, None, {}, "", ""), tmp_path / "last.pt")
    arguments = ["export", "last.pt", "--data", str(csv), "--out", "a.onnx", "--unofficial"]
    code = (
        f"import sys; sys.modules[{absent!r}] = None; sys.argv = ['ferdesk-train', *{arguments}]; "
        "from trainer.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]),
             "XDG_CACHE_HOME": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    assert _sentence(done.stderr) == (
        "Error: Training needs torch and onnx: pip install 'ferdesk[train]'."
    )


def test_an_error_of_the_system_is_one_sentence(
    run: Run, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data, "load_fer2013", full)
    code, out, err = run("data", "--data", csv)
    assert (code, out) == (3, "")
    assert _sentence(err) == "Error: [Errno 28] No space left on device."


@pytest.mark.parametrize("suffix", [".pt", ".onnx"])
def test_the_ten_views_of_a_model_keep_to_its_inner_crop(
    run: Run,
    csv: Path,
    tmp_path: Path,
    tiny_recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    seen: list[int] = []

    def noted(_: object, pixels: NDArray[np.uint8], shift_px: int, origin: Origin) -> Predictions:
        seen.append(shift_px)
        nothing = np.zeros((len(pixels), 7), np.float32)
        return Predictions(origin, {"one": nothing, "flip": nothing, "ten": nothing})

    monkeypatch.setattr(evaluate, "predict", noted)
    model = tmp_path / f"model{suffix}"
    if suffix == ".pt":
        recipe = dataclasses.replace(tiny_recipe, crop_px=40)
        weights = ExpressionNet(recipe.architecture).state_dict()
        save_checkpoint(Checkpoint(recipe, 0, weights, None, {}, "", ""), model)
    else:
        _write_a_model(model, inner_px=40)
    code, _, err = run("evaluate", model, "--data", csv, "--unofficial", "--json")
    assert (code, err) == (0, "")
    assert seen == [4]  # (48 - 40) / 2


def _write_a_model(path: Path, inner_px: int) -> None:
    """Faces to logits that are their means, with the metadata of an inner crop."""
    import onnx
    from onnx import TensorProto, helper

    faces = helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 1, 48, 48])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1])
    node = helper.make_node("ReduceMean", ["faces", "axes"], ["logits"], keepdims=0)
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
    graph = helper.make_graph([node], "means", [faces], [logits], [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    model.metadata_props.add(key="crop", value=json.dumps({"inner_px": inner_px}))
    onnx.save(model, path)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--preset", "quick"), f"no preset 'quick'; there are {', '.join(preset_names())}."),
        (("--preset", "absent.toml"), "There is no recipe file absent.toml"),
        (("--preset", "fast", "--set", "widht=4"), "no field 'widht'; did you mean width?"),
        (("--preset", "fast", "--set", "width=wide"), "a value of type int is needed"),
        (("--preset", "fast", "--device", "cuda"), "no CUDA device"),
        (("--preset", "fast", "--device", "abacus"), "no device abacus"),
    ],
)
def test_a_fit_that_cannot_start_says_why(
    run: Run,
    csv: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, out, err = run(
        "fit", "--data", csv, "--out", tmp_path / "run", "--unofficial", *arguments
    )
    assert (code, out) == (3, "")
    assert complaint in _sentence(err)
    assert not (tmp_path / "run").exists()


def test_a_missing_option_is_a_usage_error(run: Run) -> None:
    code, _, err = run("fit", "--preset", "fast")
    assert code == 2
    assert "Missing option" in err


def test_a_tiny_fit_leaves_its_checkpoint_and_its_log(run: Run, csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    code, stdout, err = run("fit", "--data", csv, "--out", out, "--preset", "fast", *TINY)
    assert (code, stdout) == (0, "")
    checkpoint = load_checkpoint(out / "last.pt")
    assert checkpoint.step == 2
    assert (checkpoint.recipe.name, checkpoint.recipe.width) == ("fast", 4)
    (row,) = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert (row["epoch"], row["step"]) == (1, 2)
    assert f"ferdesk-train export {out / 'last.pt'} --data {csv}" in err


def test_a_fit_that_selects_by_publictest_points_to_what_it_selected(
    run: Run, csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "center_accuracy", lambda *_: 0.5)
    preset = "cbam-resnet-asoftmax"
    _, _, err = run("fit", "--data", csv, "--out", tmp_path / "run", "--preset", preset, *TINY)
    assert f"ferdesk-train export {tmp_path / 'run' / 'best.pt'} " in err
    assert "PublicTest 0.5000 by one crop" in err


def test_a_fit_of_a_few_steps_claims_no_accuracy(run: Run, csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    code, _, err = run(
        "fit", "--data", csv, "--out", out, "--preset", "fast", *TINY, "--max-steps", "1"
    )
    assert code == 0
    assert "Done: step 1" in err
    assert "PublicTest 0.0000" not in err


def test_an_existing_run_needs_resume(run: Run, csv: Path, tmp_path: Path) -> None:
    arguments = ("fit", "--data", csv, "--out", tmp_path / "run", "--preset", "fast", *TINY)
    assert run(*arguments, "--max-steps", "1")[0] == 0
    code, _, err = run(*arguments)
    assert code == 3
    assert "already holds a run; add --resume" in err
    assert run(*arguments, "--resume")[0] == 0
    assert load_checkpoint(tmp_path / "run" / "last.pt").step == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_exits_with_1(
    run: Run, csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = signal.getsignal(number)

    def interrupted(*arguments: Any) -> torch.Tensor:
        os.kill(os.getpid(), number)
        return augment(*arguments)

    monkeypatch.setattr(step, "augment", interrupted)
    code, _, err = run("fit", "--data", csv, "--out", tmp_path, "--preset", "fast", *TINY)

    assert code == 1
    assert "Stopped at step 1." in err
    assert "--resume goes on from there" in err
    assert load_checkpoint(tmp_path / "last.pt").step == 1
    assert signal.getsignal(number) is before


def test_svms_are_trained_evaluated_and_not_exported(run: Run, csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ("--data", csv, "--unofficial")
    code, stdout, err = run("fit", *arguments, "--out", out, "--preset", "hog-svm")
    assert (code, stdout) == (0, "")
    assert f"Next: ferdesk-train evaluate {out / 'model.npz'}" in err

    code, stdout, err = run("evaluate", out / "model.npz", *arguments, "--json")
    assert (code, err) == (0, "")
    scores = json.loads(stdout)
    assert scores["one"]["num_faces"] == 7
    assert scores["ten"] == scores["flip"]  # without a margin the corners are the centre

    code, stdout, err = run("export", out / "model.npz", *arguments, "--out", tmp_path / "a.onnx")
    assert (code, stdout) == (3, "")
    assert "holds linear SVMs over handcrafted features, which have no ONNX graph" in _sentence(err)
    assert not (tmp_path / "a.onnx").exists()


def test_ctrl_c_ends_the_training_of_svms_with_1(
    run: Run, csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.training import handcrafted_features

    def interrupted(*arguments: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return handcrafted_features.hog_features(*arguments)

    monkeypatch.setitem(handcrafted_features._FEATURES, "hog-svm", interrupted)
    code, _, err = run(
        "fit", "--data", csv, "--out", tmp_path / "run", "--preset", "hog-svm", "--unofficial"
    )
    assert code == 1
    assert "holds no model yet, so start again" in err


@pytest.mark.parametrize("preset", ["tang", "zhang", "resnet", "spatial-first", "parallel"])
def test_each_network_preset_trains_through_the_command(
    run: Run, csv: Path, tmp_path: Path, preset: str
) -> None:
    more = ("--set", "pretrain_epochs=1") if preset == "zhang" else ()
    out = tmp_path / "run"
    code, _, err = run("fit", "--data", csv, "--out", out, "--preset", preset, *TINY, *more)
    assert code == 0, err
    assert load_checkpoint(out / "last.pt").recipe.name == preset
    assert run("evaluate", out / "last.pt", "--data", csv, "--unofficial")[0] == 0
