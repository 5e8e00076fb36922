"""``ferdesk analyze`` and its siblings as a user calls them, good input and bad."""

import contextlib
import csv
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from ferdesk import batch
from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
from ferdesk.adapters.sources.demo import visible_people
from ferdesk.bench import bench
from ferdesk.core.labels import LABELS
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, EXIT_UNUSABLE, EXIT_USAGE
from ferdesk.factory.models import bundled_models, find_model, open_pipeline
from ferdesk.factory.recordings import new_folder
from ferdesk.factory.sources import expand_folders
from ferdesk.paths import assets_folder
from ferdesk.sessions.files import JsonFile
from ferdesk.sessions.reader import Session, problems_of, read_session
from tests.helpers.videos import write_film

pytestmark = pytest.mark.skipif(
    not bundled_models(), reason="no expression model ships in this checkout"
)


def ferdesk(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-m", "ferdesk", *arguments],
        capture_output=True, text=True, timeout=110, check=False, cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
    )  # fmt: skip


def assert_one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1, done.stderr
    assert all(part in errors[0] for part in parts), errors
    assert "Traceback" not in done.stderr


def session_of(
    done: subprocess.CompletedProcess[str], folder: Path, *, returncode: int = EXIT_OK
) -> Session:
    assert done.returncode == returncode, done.stderr
    session = read_session(folder)
    assert problems_of(session) == []
    return session


@pytest.mark.timeout(120)
def test_two_runs_over_the_demo_give_the_same_results_but_for_latency(tmp_path: Path) -> None:
    rows = []
    for run in ("a", "b"):
        done = ferdesk(
            "analyze", "demo", "--duration", "2", "--every", "3", "--out", str(tmp_path / run)
        )
        session = session_of(done, tmp_path / run / "demo")
        assert [row["frame"] for row in session.rows] == [str(f) for f in range(0, 60, 3)]
        rows.append([{**row, "latency_ms": ""} for row in session.rows])
    assert rows[0] == rows[1]
    assert {row["face_id"] for row in rows[0]} == {"", "1"}
    assert visible_people(1.9)


@pytest.mark.timeout(120)
@pytest.mark.timeout(120)
def test_a_run_streams_and_films_beside_its_rows(tmp_path: Path) -> None:
    pytest.importorskip("websockets")
    done = ferdesk(
        "analyze", "demo", "--duration", "2", "--every", "10", "--out", str(tmp_path),
        "--video", "--video-mode", "anonymous", "--stream", "websocket", "--stream-port", "0",
    )  # fmt: skip
    assert "ws://127.0.0.1:" in done.stderr
    session = session_of(done, tmp_path / "demo")
    assert session.about["video"]["mode"] == "anonymous"
    assert session.about["video"]["frames"] == 6
    assert session.video is not None


@pytest.mark.timeout(120)
def test_labels_come_from_votes_or_from_fer2013_and_the_session_says_which(tmp_path: Path) -> None:
    voted, by_data_set = (
        session_of(
            ferdesk(
                "analyze", "demo", "--duration", "2", "--every", "20", "--model", "fast",
                "--out", str(tmp_path / name), *more,
            ),
            tmp_path / name / "demo",
        )
        for name, more in (
            ("votes", ("--both-labels",)),
            ("labels", ("--labels-from", "fer2013")),
        )
    )  # fmt: skip
    assert (voted.labels_from, by_data_set.labels_from) == ("votes", "fer2013")
    assert {row["votes"] for row in voted.faces()} == {"1"}
    assert {row["votes"] for row in by_data_set.faces()} == {"0"}
    rows = zip(voted.faces(), by_data_set.faces(), strict=True)
    assert all(row["p_neutral"] != other["p_neutral"] for row, other in rows)
    for row, other in zip(voted.faces(), by_data_set.faces(), strict=True):
        for label in LABELS:
            assert row[f"other_{label}"] == other[f"p_{label}"]
    assert "other_happy" not in by_data_set.faces()[0]
    assert voted.about["model"]["votes_accuracy"]["public_test"]["crowd"]["plurality"] > 0.5


@pytest.mark.timeout(180)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_model_without_votes_says_so_once_and_takes_fer2013s_labels(
    tmp_path: Path, jobs: str
) -> None:
    model = onnx.load(find_model("tiny"))
    kept = [value for value in model.graph.output if not value.name.startswith("crowd")]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    onnx.save(model, tmp_path / "before.onnx")
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.full((60, 60, 3), 90, np.uint8))
    done = ferdesk(
        "analyze", "a.png", "b.png", "--separate", "--jobs", jobs, "--model", "before.onnx",
        "--both-labels", "--out", "out", cwd=tmp_path,
    )  # fmt: skip
    told = "The model tiny knows no people's votes, so labels are FER2013's; the columns"
    assert " ".join(done.stderr.split()).count(told) == 1
    assert read_session(tmp_path / "out" / "a").labels_from == "fer2013"


def test_bad_sources_are_named_and_the_good_one_is_done(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    cv2.imwrite(str(tmp_path / "pixel.png"), np.zeros((1, 1, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "line.png"), np.zeros((1, 700, 3), np.uint8))
    sources = ["gone.mp4", "empty.mp4", "text.mp4", "pixel.png", "line.png"]
    done = ferdesk("analyze", *sources, "--out", "out", "--separate", cwd=tmp_path)
    assert done.returncode == EXIT_PARTIAL
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 3
    assert "Traceback" not in done.stderr
    for name in ("pixel", "line"):
        session = read_session(tmp_path / "out" / name)
        assert problems_of(session) == []
        assert [row["face_id"] for row in session.rows] == [""]


def test_the_pictures_of_a_folder_are_one_session_with_a_table_of_their_faces(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "stimuli"
    folder.mkdir()
    portraits = assets_folder() / "demo"
    shutil.copy(portraits / "collins.webp", folder / "a.webp")
    cv2.imwrite(str(folder / "b.png"), np.full((90, 120, 3), 200, np.uint8))
    (folder / "c.jpg").write_text("no picture")
    shutil.copy(portraits / "hopper.webp", folder / "d.webp")
    done = ferdesk("analyze", str(folder), "--out", str(tmp_path / "out"), "--video")
    assert done.returncode == EXIT_PARTIAL
    assert done.stderr.count("Error: ") == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["stimuli"]
    session = session_of(done, tmp_path / "out" / "stimuli", returncode=EXIT_PARTIAL)
    assert [one.file for one in session.pictures] == ["a.webp", "b.png", "d.webp"]
    assert session.face_ids() == [1, 2]
    assert session.table.frame.tolist() == [0, 1, 3]
    assert session.table.face_id.tolist() == [1, 0, 2]
    # smoothed over nothing: each picture is judged alone
    assert np.array_equal(session.table.raw[[0, 2]], session.table.smoothed[[0, 2]])
    (event,) = session.about["events"]
    assert event["text"].startswith("c.jpg is not a picture")
    copies = sorted(path.name for path in (session.folder / "pictures").iterdir())
    assert copies == ["00001.jpg", "00002.jpg", "00004.jpg"]
    with (session.folder / "faces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["picture"], row["face"]) for row in rows] == [("a.webp", "1"), ("d.webp", "2")]


def test_a_picture_alone_keeps_its_own_session(tmp_path: Path) -> None:
    shutil.copy(assets_folder() / "demo" / "collins.webp", tmp_path / "a.webp")
    done = ferdesk("analyze", "a.webp", "--out", "out", cwd=tmp_path)
    session = session_of(done, tmp_path / "out" / "a")
    assert (session.kind, session.pictures, len(session.table)) == ("still", (), 1)


def test_no_usable_source_is_exit_3(tmp_path: Path) -> None:
    done = ferdesk("analyze", "gone.mp4", "--out", str(tmp_path / "out"), cwd=tmp_path)
    assert done.returncode == EXIT_UNUSABLE
    assert_one_sentence(done, "gone.mp4", "check the path")
    assert not (tmp_path / "out").exists()


def test_an_8k_picture_is_analysed(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "large.jpg"), np.full((4320, 7680, 3), 120, np.uint8))
    done = ferdesk("analyze", "large.jpg", "--out", str(tmp_path), cwd=tmp_path)
    session = session_of(done, tmp_path / "large")
    assert session.about["picture"] == {"width": 7680, "height": 4320, "rate_fps": None}


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((50, 50, 3), np.uint8))
    done = ferdesk("analyze", "grey.png", "--out", str(tmp_path / "file"), cwd=tmp_path)
    assert done.returncode == EXIT_UNUSABLE
    assert_one_sentence(done, "cannot be written", "it is a file", "Choose a folder")


def test_a_bad_model_is_exit_3_and_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_text("no model")
    for model, words in [("bad.onnx", "bad.onnx"), ("gone", "There is no model 'gone'")]:
        done = ferdesk("analyze", "demo", "--model", model, cwd=tmp_path)
        assert done.returncode == EXIT_UNUSABLE
        assert_one_sentence(done, words)


def test_wrong_usage_is_exit_2() -> None:
    assert ferdesk("analyze").returncode == EXIT_USAGE
    # an unset variable of a shell is not the folder in which one happens to be
    assert ferdesk("analyze", "").returncode == EXIT_USAGE
    assert ferdesk("analyze", "demo", "--every", "0").returncode == EXIT_USAGE
    assert ferdesk("analyze", "demo", "--provider", "tpu").returncode == EXIT_USAGE
    assert ferdesk("analyze", "camera:0", "--resolution", "big").returncode == EXIT_USAGE
    assert ferdesk("--model", "fast", "doctor").returncode == EXIT_USAGE


def test_cuda_wanted_and_absent_goes_on_and_says_so(tmp_path: Path) -> None:
    if OnnxClassifier(find_model(None), "auto").device.provider == "CUDA":
        pytest.skip("this machine has CUDA")
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((50, 50, 3), np.uint8))
    done = ferdesk("analyze", "grey.png", "--provider", "cuda", "--out", ".", cwd=tmp_path)
    session = session_of(done, tmp_path / "grey")
    assert "Using the CPU: " in done.stderr
    assert session.about["provider"] == "CPU"
    assert session.about["provider_reason"]
    assert session.about["device"]["wanted"] == "cuda"
    assert session.about["device"]["session_providers"] == ["CPUExecutionProvider"]
    report = ferdesk("doctor", "--provider", "cuda", "--json")
    assert report.returncode == EXIT_UNUSABLE
    assert json.loads(report.stdout)["device"]["used"] == "CPU"


def test_doctor_finds_nothing_wrong_here() -> None:
    done = ferdesk("doctor", "--json")
    report = json.loads(done.stdout)
    assert [check for check in report["checks"] if not check["ok"]] == []
    assert done.returncode == EXIT_OK


def test_models_tells_each_models_figures() -> None:
    done = ferdesk("models")
    assert done.returncode == EXIT_OK
    for path in bundled_models():
        assert path.name in done.stdout
    assert "one crop: " in done.stdout
    cards = json.loads(ferdesk("models", "--json").stdout)
    assert len(cards) == len(bundled_models())
    for card in cards:
        assert card["accuracy"]["public_test"]["one_crop"]["num_faces"] == 3589


def test_models_shows_the_card_that_lies_beside_a_model(tmp_path: Path) -> None:
    model = tmp_path / "mine.onnx"
    model.write_bytes(bundled_models()[0].read_bytes())
    done = ferdesk("models", str(model))
    assert "none lies beside it; ferdesk-train card writes one" in done.stdout
    model.with_suffix(".md").write_text("# mine\n\nA card.\n", encoding="utf-8")
    done = ferdesk("models", str(model))
    assert done.returncode == EXIT_OK
    assert done.stdout == "# mine\n\nA card.\n"
    (card,) = json.loads(ferdesk("models", str(model), "--json").stdout)
    assert card["card"] == "# mine\n\nA card.\n"
    assert "There is no model" in ferdesk("models", str(tmp_path / "other.onnx")).stderr


def test_a_taken_folder_gets_a_number(tmp_path: Path) -> None:
    names = [new_folder(tmp_path / "new", "clip").name for _ in range(3)]
    assert names == ["clip", "clip-2", "clip-3"]
    assert new_folder(tmp_path, "a/b:c").name == "a_b_c"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_session_is_for_nobody_else_on_this_machine(tmp_path: Path) -> None:
    folder = new_folder(tmp_path / "new", "clip")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_means_its_pictures_and_videos_sorted(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.PNG", "c.gif"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    told: list[str] = []
    found = expand_folders([str(tmp_path), "camera:0"], tell=told.append)
    assert [Path(name).name for name in found] == ["a.PNG", "b.mp4", "c.gif", "camera:0"]
    assert told == []


def test_a_folder_of_camcorder_and_phone_files_is_taken_whole(tmp_path: Path) -> None:
    names = [
        *("00.MTS", "01.m2ts", "02.3gp", "03.flv", "04.HEIC", "05.avif", "06.jfif", "07.h264"),
        *("08.dv", "09.vob", "10.ts", "11.mpg", "12.wmv", "13.tif", "14.webp", "15.MOV"),
    ]
    for name in names:
        (tmp_path / name).touch()
    assert [Path(name).name for name in expand_folders([str(tmp_path)])] == names


def test_hidden_files_are_skipped_and_others_that_are_left_out_are_told_in_a_line(
    tmp_path: Path,
) -> None:
    for name in ("a.jpg", "._a.jpg", ".b.mp4", ".DS_Store", "notes.txt", "table.csv"):
        (tmp_path / name).touch()
    told: list[str] = []
    found = expand_folders([str(tmp_path)], tell=told.append)
    assert [Path(name).name for name in found] == ["a.jpg"]
    (line,) = told
    assert "2 files left out" in line
    assert line.endswith("notes.txt, table.csv")


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_links_to_folders_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    for name in ("in/a/film.mp4", "elsewhere/other.mp4"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    (tmp_path / "in/a/all").symlink_to(tmp_path / "in")
    (tmp_path / "in/a/self").symlink_to(".")
    (tmp_path / "in/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "in/a")
    found = expand_folders([str(tmp_path / "in")], recursive=True)
    inside = [Path(name).relative_to(tmp_path / "in").as_posix() for name in found]
    assert inside == ["a/film.mp4", "b/back/film.mp4", "b/other.mp4"]


def test_a_subfolder_that_cannot_be_read_is_told_and_the_others_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/film.mp4", "b/film.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    real = Path.iterdir

    def look(path: Path) -> Iterator[Path]:
        if path == tmp_path / "a":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "iterdir", look)
    told: list[str] = []
    found = expand_folders([str(tmp_path)], fail=told.append, recursive=True)
    assert found == [str(tmp_path / "b" / "film.mp4")]
    assert told == [f"{tmp_path / 'a'} cannot be read: Permission denied."]


def test_the_demo_is_the_demo_even_beside_a_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").mkdir()
    monkeypatch.chdir(tmp_path)
    assert expand_folders(["demo"]) == ["demo"]


def test_a_name_too_long_for_the_disk_is_one_sentence(tmp_path: Path) -> None:
    done = ferdesk("analyze", "x" * 300, "--out", str(tmp_path))
    assert done.returncode == EXIT_UNUSABLE
    assert_one_sentence(done, "cannot be read")


def test_a_bug_in_the_middle_of_a_source_costs_neither_its_rows_nor_the_other_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from ferdesk.core.pipeline import Pipeline, TrackedFrame
    from ferdesk.core.types import Frame

    whole = Pipeline.detect
    warnings: list[str] = []

    def detect(pipeline: Pipeline, frame: Frame) -> TrackedFrame:
        if frame.index == 5:
            raise ZeroDivisionError("a bug")
        return whole(pipeline, frame)

    monkeypatch.setattr(Pipeline, "detect", detect)
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((50, 50, 3), np.uint8))
    with contextlib.closing(open_pipeline(provider="cpu")) as pipeline:
        code = batch.analyze(
            ["demo", str(tmp_path / "grey.png")], pipeline, batch.AnalysisOptions(tmp_path / "out"),
            tell=lambda _: None, warn=warnings.append,
        )  # fmt: skip
    assert code == EXIT_PARTIAL
    assert len(warnings) == 1
    assert "ZeroDivisionError" in caplog.text
    demo, grey = read_session(tmp_path / "out" / "demo"), read_session(tmp_path / "out" / "grey")
    assert (len(demo.rows), len(grey.rows)) == (5, 1)
    assert "a bug" in demo.about["events"][0]["text"]


def test_a_stopped_analysis_of_files_is_exit_1_and_keeps_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = iter([False, False, False, *[True] * 50])
    with contextlib.closing(open_pipeline(provider="cpu")) as pipeline:
        code = batch.analyze(
            ["demo", "demo"], pipeline, batch.AnalysisOptions(tmp_path),
            tell=lambda _: None, warn=lambda _: None, stop_requested=lambda: next(asked),
        )  # fmt: skip
    assert code == EXIT_PARTIAL
    (folder,) = tmp_path.iterdir()
    session = read_session(folder)
    assert problems_of(session) == []
    assert session.about["events"][0]["event"] == "stopped"
    assert 0 < len(session.rows) < 10


def test_nothing_is_reported_to_anyone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # ONNX Runtime's telemetry keeps a device's id and its reports there; it rests where CI is set
    for name in ("CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((50, 50, 3), np.uint8))
    home = tmp_path / "home"
    home.mkdir()
    done = ferdesk("analyze", "grey.png", "--out", "out", cwd=tmp_path, HOME=str(home))
    assert done.returncode == EXIT_OK, done.stderr
    left = [str(path.relative_to(home)) for path in home.rglob("*")]
    assert not [path for path in left if "Microsoft" in path or "deviceid" in path], left


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.timeout(150)
def test_no_connection_leaves_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "ORT_DISABLE_TELEMETRY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    trace = tmp_path / "trace.txt"
    done = subprocess.run(
        [
            "strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace),
            sys.executable, "-m", "ferdesk", "analyze", "demo", "--duration", "1.5",
            "--out", str(tmp_path / "out"),
        ],
        capture_output=True, text=True, timeout=140, check=False,
    )  # fmt: skip
    if "ptrace" in done.stderr or not trace.is_file():
        pytest.skip("this machine does not allow strace")
    assert done.returncode == EXIT_OK, done.stderr
    internet = [line for line in trace.read_text().splitlines() if "AF_INET" in line]
    away = [line for line in internet if "127.0.0.1" not in line and '"::1"' not in line]
    assert away == []


def test_analyze_never_loads_qt(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((50, 50, 3), np.uint8))
    code = (
        "import sys\n"
        "from ferdesk.cli.main import app\n"
        f"out = {str(tmp_path)!r}\n"
        "sys.argv = ['ferdesk', 'analyze', out + '/grey.png', '--out', out]\n"
        "try:\n    app()\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        "assert 'PySide6' not in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(60)
def test_bench_times_every_stage() -> None:
    with contextlib.closing(open_pipeline(provider="cpu")) as pipeline:
        result = bench("demo", pipeline, num_frames=5, warm_up=1)
    stages = [timing.stage for timing in result.timings]
    assert stages == [
        "read",
        "detect",
        "track",
        "crop",
        "wait",
        "classify",
        "measure",
        "smooth",
        "total",
    ]
    assert result.num_frames == 5
    assert result.fps > 0


def test_a_session_that_cannot_begin_leaves_no_folder_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_film(tmp_path / "film.mp4", 3)

    def full(_file: JsonFile, _table: dict[str, object]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(JsonFile, "write", full)
    told: list[str] = []
    with contextlib.closing(open_pipeline(provider="cpu")) as pipeline:
        options = batch.AnalysisOptions(tmp_path / "out", landmarks=True, measures="pose")
        outcome = batch.analyze_one(
            str(film), pipeline, options, tell=told.append, warn=told.append
        )
    assert (outcome.folder, outcome.whole) == (None, False)
    assert [text for text in told if "No space left" in text] == told
    assert list((tmp_path / "out").iterdir()) == []
