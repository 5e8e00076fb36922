"""``ferdesk --self-test`` says what works, and what does not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ferdesk.cli import inspect, selftest
from ferdesk.cli.main import app
from ferdesk.cli.selftest import Check, NotWorking, run_checks
from ferdesk.core.measurer import Measured, Measurer
from ferdesk.errors import EXIT_UNUSABLE, ModelError
from ferdesk.factory.models import bundled_models
from ferdesk.factory.services import WindowServices
from ferdesk.paths import landmarks_folder, models_folder

needs_model = pytest.mark.skipif(not bundled_models(), reason="no expression model ships here")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(shutil.copytree(models_folder(), tmp_path / "models"))
    monkeypatch.setattr(selftest, "models_folder", lambda: folder)
    return folder


@needs_model
@pytest.mark.timeout(120)
def test_it_tries_everything_from_any_folder_and_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "HOME": str(home),
        "TMPDIR": str(tmp_path),
    }
    environment.pop("QT_QPA_PLATFORM", None)
    done = subprocess.run(
        [sys.executable, "-m", "ferdesk", "--self-test"],
        cwd=home, env=environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(" ... ok: " in line for line in lines[:-1]), done.stdout
    assert lines[-1] == "This installation works."
    names = [line.partition(" ...")[0] for line in lines]
    assert {
        "face detectors",
        "a real face",
        "measures of a face",
        "a session",
        "the window",
    } <= set(names)
    assert "a worker process" in names
    assert not (home / ".config" / "ferdesk").exists()
    assert not (home / "Documents").exists()
    assert not list(tmp_path.glob("ferdesk-*"))


@needs_model
@pytest.mark.timeout(120)
def test_a_worker_process_that_cannot_begin_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "ferdesk.archive.processes.program_command",
        lambda: [sys.executable, "-c", "raise ZeroDivisionError"],
    )
    with pytest.raises(NotWorking, match="ended with code 1"):
        selftest.check_worker()


def test_a_check_that_fails_is_told_and_the_others_go_on() -> None:
    def fail() -> str:
        raise NotWorking("no face was found")

    def crash() -> str:
        raise KeyError("session")

    def refuse() -> str:
        raise ModelError("The model is damaged.")

    told: list[str] = []
    checks = [Check("a", fail), Check("b", crash), Check("c", refuse), Check("d", lambda: "fine")]
    assert run_checks(checks, told.append) is False
    assert "".join(told).splitlines() == [
        "a ... FAILED: no face was found",
        "b ... FAILED: KeyError: 'session'",
        "c ... FAILED: The model is damaged.",
        "d ... ok: fine",
        "3 of the checks failed.",
    ]


def test_a_check_is_named_before_it_runs() -> None:
    told: list[str] = []
    run_checks([Check("the window", lambda: f"told {told}")], told.append)
    assert told[1] == "ok: told ['the window ... ']\n"


def test_every_model_that_ships_is_listed_as_it_is() -> None:
    # after a change on purpose: make sums
    assert selftest.check_sums().endswith("files")


@needs_model
@pytest.mark.parametrize("change", ["gone", "new", "other"])
def test_models_that_are_not_those_that_shipped_are_told(models: Path, change: str) -> None:
    path = models / bundled_models()[0].name
    if change == "gone":
        path.unlink()
    elif change == "new":
        path.rename(models / "another.onnx")
        (models / path.name).write_bytes((models / "another.onnx").read_bytes())
    else:
        path.write_bytes(b"another")
    with pytest.raises((NotWorking, ModelError), match=r"missing|does not list|damaged"):
        selftest.check_sums()


@needs_model
@pytest.mark.parametrize("name", ["face_blendshapes.onnx", "canonical_face.npz"])
def test_measuring_that_cannot_work_is_told_by_self_test_and_doctor(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(landmarks_folder(), tmp_path / "landmarks"))
    (folder / name).unlink()
    monkeypatch.setattr(selftest, "landmarks_folder", lambda: folder)
    with pytest.raises(NotWorking, match=name):
        selftest.check_sums()
    monkeypatch.setattr(inspect, "landmarks_folder", lambda: folder)
    done = CliRunner().invoke(app, ["doctor", "--json"])
    checks = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert not checks["landmark networks"]["ok"]
    assert name in checks["landmark networks"]["says"]
    assert done.exit_code == EXIT_UNUSABLE


@needs_model
def test_a_face_that_cannot_be_measured_fails_its_check(monkeypatch: pytest.MonkeyPatch) -> None:
    assert selftest.check_measures().startswith("a smile of 0.")
    monkeypatch.setattr(Measurer, "measure", lambda *_: Measured())
    with pytest.raises(NotWorking, match="nothing was measured"):
        selftest.check_measures()


def test_an_installation_without_models_is_told(models: Path) -> None:
    shutil.rmtree(models)
    models.mkdir()
    with pytest.raises(NotWorking, match="no expression model ships"):
        selftest.check_sums()


@needs_model
@pytest.mark.timeout(60)
def test_a_damaged_network_fails_the_windows_check_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_services: object) -> None:
        raise ModelError("The model fast.onnx is damaged.")

    monkeypatch.setattr(WindowServices, "open_pipeline", damaged)
    with pytest.raises(NotWorking, match=r"fast\.onnx is damaged"):
        selftest.check_window()


def test_doctor_takes_any_build_of_opencv(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from importlib import metadata

    from ferdesk.cli import inspect as command

    versions = {"opencv-contrib-python": "5.1.0.95"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    either = ("opencv-python-headless", "opencv-contrib-python", "opencv-python")
    assert either in command._PACKAGES
    assert command._installed_one(either) == ("opencv-contrib-python", "5.1.0.95")
    assert command._installed_one(("numpy",)) == ("numpy", "")
