"""Sessions on a real disk: whole, full, killed."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ferdesk.adapters.outputs.session_writer import FLUSH_EVERY_S, SessionWriter
from ferdesk.core.baseline import Baseline
from ferdesk.core.types import FrameResult
from ferdesk.errors import RecordingError
from ferdesk.runtime.recording import MarkerNote
from ferdesk.sessions.reader import problems_of, read_session
from ferdesk.sessions.schema import SessionHeader
from tests.helpers.results import faces, make_result

STARTED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def header(file_starts_utc: datetime | None = None) -> SessionHeader:
    return SessionHeader(
        program_version="0", model={}, provider="CPU", provider_reason="", source={}, width=4,
        height=4, settings={}, started_utc=STARTED, file_starts_utc=file_starts_utc,
    )  # fmt: skip


def new_folder(parent: Path) -> Path:
    folder = parent / "s"
    folder.mkdir()
    return folder


def result(index: int, num_faces: int = 1, captured_s: float = 0.0) -> FrameResult:
    return make_result(*faces(num_faces), index=index, t_s=index / 30, captured_s=captured_s)


def test_a_closed_session_is_valid_and_complete(tmp_path: Path) -> None:
    writer = SessionWriter(new_folder(tmp_path), header(), live=False, lossless=True)
    for index in range(40):
        writer.add(result(index, num_faces=index % 3))
    writer.close()
    session = read_session(tmp_path / "s")
    assert problems_of(session) == []
    assert session.about["frames_analysed"] == 40
    assert session.about["frames_seen"] == 40
    assert session.face_ids() == [1, 2]
    assert [row["time_utc"] for row in session.rows] == [""] * len(session.rows)


def test_a_live_session_counts_and_dates_from_its_first_frames_capture(tmp_path: Path) -> None:
    # the first frame took a second to be analysed, as a cold start may
    writer = SessionWriter(new_folder(tmp_path), header(), live=True, clock=lambda: 51.0)
    writer.add(result(100, captured_s=50.0))
    dated = datetime.now(UTC) - timedelta(seconds=1)
    writer.add(result(130, captured_s=51.017))
    writer.close(frames_dropped=29)
    rows = read_session(tmp_path / "s").rows
    assert [row["frame"] for row in rows] == ["0", "30"]
    assert [row["t_s"] for row in rows] == ["0.000000", "1.017000"]
    stamps = [datetime.fromisoformat(row["time_utc"]) for row in rows]
    assert abs((stamps[0] - dated).total_seconds()) < 0.5
    assert (stamps[1] - stamps[0]).total_seconds() == pytest.approx(1.017)
    about = read_session(tmp_path / "s").about
    assert datetime.fromisoformat(about["started_utc"]) == stamps[0]
    assert (about["frames_seen"], about["frames_dropped"]) == (31, 29)


def test_an_event_may_be_older_than_the_moment_it_is_noted(tmp_path: Path) -> None:
    writer = SessionWriter(new_folder(tmp_path), header(), live=True, clock=lambda: 53.5)
    writer.add(result(0, captured_s=50.0))
    writer.note_event("camera_lost", "The camera is gone.", 51.25)
    writer.note_event("camera_back", "It is back.")
    writer.close()
    events = read_session(tmp_path / "s").about["events"]
    assert [(event["t_s"], event["event"]) for event in events] == [
        (1.25, "camera_lost"), (3.5, "camera_back"),
    ]  # fmt: skip


def test_half_a_surrogate_pair_in_a_name_is_written_as_json_can(tmp_path: Path) -> None:
    odd = replace(header(), source={"name": "film-\udcff.mp4"})
    writer = SessionWriter(new_folder(tmp_path), odd, live=False)
    writer.close()
    assert writer.problem == ""
    assert read_session(tmp_path / "s").about["source"]["name"] == "film-\udcff.mp4"


def test_a_file_with_a_date_dates_its_rows(tmp_path: Path) -> None:
    filmed = datetime(2020, 1, 1, tzinfo=UTC)
    writer = SessionWriter(new_folder(tmp_path), header(filmed), live=False)
    writer.add(result(30))
    writer.close()
    assert read_session(tmp_path / "s").rows[0]["time_utc"] == "2020-01-01T00:00:01.000000Z"


def test_a_files_recording_starts_where_its_first_row_stands(tmp_path: Path) -> None:
    # R was pressed 3 s into the file
    now = [100.0]
    film = replace(header(), source={"kind": "video", "name": "talk.mp4"})
    writer = SessionWriter(new_folder(tmp_path), film, live=False, clock=lambda: now[0])
    assert writer.mark("early") == 0.0
    writer.add(result(90))
    writer.add(result(120))
    now[0] = 101.5
    assert writer.mark("late", 101.25) == pytest.approx(0.75)
    assert writer.mark("long ago", 50.0) == 0.0
    writer.close()
    session = read_session(tmp_path / "s")
    assert [(m.t_s, m.label) for m in session.markers] == [
        (3.0, "early"), (3.0, "long ago"), (3.75, "late"),
    ]  # fmt: skip
    assert (session.about["starts_at_s"], session.about["length_s"]) == (3.0, 1.0)
    assert (session.starts_at_s, session.ends_at_s, session.length_s) == (3.0, 4.0, 1.0)


def test_a_long_session_is_closed_with_its_columns_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ferdesk.adapters.outputs import session_writer
    from ferdesk.sessions import table

    monkeypatch.setattr(session_writer, "CACHE_FROM_ROWS", 5)
    monkeypatch.setattr(table, "CACHE_FROM_ROWS", 5)
    writer = SessionWriter(new_folder(tmp_path), header(), live=False, lossless=True)
    for index in range(6):
        writer.add(result(index))
    writer.close()
    assert (tmp_path / "s" / table.CACHE_FILE).exists()
    monkeypatch.setattr(table, "_read", None)  # the text must not be read again
    assert len(table.read_table(tmp_path / "s" / "results.csv")) == 6


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    (folder / "results.csv").write_text("precious")
    with pytest.raises(RecordingError, match="Choose another folder"):
        SessionWriter(folder, header(), live=False)
    assert (folder / "results.csv").read_text() == "precious"


def test_a_bug_in_the_recorder_is_told_and_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(writer: SessionWriter, lines: list[str]) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(SessionWriter, "_append", broken)
    writer = SessionWriter(new_folder(tmp_path), header(), live=False, lossless=True)
    writer.add(result(0))
    writer.close()
    assert "a bug" in writer.problem
    assert "ZeroDivisionError" in caplog.text


def test_a_disk_that_fills_up_stops_recording_and_keeps_whole_rows(tmp_path: Path) -> None:
    # in a child, as the limit on file sizes is the process's
    code = textwrap.dedent(
        f"""
        import importlib.util, resource, signal, sys, time
        from pathlib import Path
        spec = importlib.util.spec_from_file_location("helpers", {str(Path(__file__))!r})
        helpers = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(helpers)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        folder = helpers.new_folder(Path({str(tmp_path)!r}))
        writer = helpers.SessionWriter(folder, helpers.header(), live=False)
        resource.setrlimit(resource.RLIMIT_FSIZE, (9000, resource.RLIM_INFINITY))
        for index in range(100_000):
            writer.add(helpers.result(index))
            if writer.problem:
                break
            time.sleep(0.001)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        writer.close()
        sys.stdout.write(writer.problem)
        """
    )
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=25
    )
    assert "Recording has stopped" in done.stdout
    session = read_session(tmp_path / "s")
    assert session.about["events"][0]["event"] == "recording_stopped"
    assert problems_of(session) == []
    assert (tmp_path / "s" / "results.csv").read_bytes().endswith(b"\n")
    assert f"up to there: {len(session.rows)}." in done.stdout


def test_a_killed_program_leaves_rows_older_than_a_second(tmp_path: Path) -> None:
    code = textwrap.dedent(
        f"""
        import importlib.util, sys, time
        from pathlib import Path
        spec = importlib.util.spec_from_file_location("helpers", {str(Path(__file__))!r})
        helpers = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(helpers)
        folder = helpers.new_folder(Path({str(tmp_path)!r}))
        writer = helpers.SessionWriter(folder, helpers.header(), live=False)
        for index in range(20):
            writer.add(helpers.result(index))
        sys.stdout.write("added")
        sys.stdout.flush()
        time.sleep(60)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.read(5) == b"added"
    # written within a second of the writer's own time, however seldom the machine lets it run
    assert FLUSH_EVERY_S <= 1.0
    deadline_s = time.monotonic() + 20
    while len(read_session(tmp_path / "s").rows) < 20:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    session = read_session(tmp_path / "s")
    assert len(session.rows) == 20
    assert not session.complete
    assert problems_of(session)


def test_a_last_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    writer = SessionWriter(new_folder(tmp_path), header(), live=False)
    writer.add(result(0))
    writer.add(result(1))
    writer.close()
    path = tmp_path / "s" / "results.csv"
    path.write_bytes(path.read_bytes()[:-20])
    assert len(read_session(tmp_path / "s").rows) == 1


def test_a_folder_that_is_no_session_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is not a session"):
        read_session(tmp_path)
    (tmp_path / "session.json").write_text(json.dumps({}))
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RecordingError, match="does not have the columns"):
        read_session(tmp_path)


def test_a_baseline_and_its_undoing_are_kept_with_their_moment(tmp_path: Path) -> None:
    writer = SessionWriter(new_folder(tmp_path), header(), live=True, clock=lambda: 52.5)
    writer.add(result(0, captured_s=50.0))
    writer.note_baseline(1, Baseline((-0.5, 0.0, 0.0, 0.0, -3.0, 0.0, 0.0), 45))
    writer.note_baseline(1, None)
    writer.close()
    about = read_session(tmp_path / "s").about
    assert about["baselines"] == [
        {
            "t_s": 2.5,
            "face_id": 1,
            "offsets": {
                "angry": -0.5, "disgust": 0.0, "fear": 0.0, "happy": 0.0, "sad": -3.0,
                "surprise": 0.0, "neutral": 0.0,
            },
            "frames": 45,
        },
        {"t_s": 2.5, "face_id": 1, "offsets": None, "frames": 0},
    ]  # fmt: skip


def test_a_marker_of_another_program_says_where_it_came_from_and_how_exact_it_is(
    tmp_path: Path,
) -> None:
    writer = SessionWriter(tmp_path, header(), live=True)
    writer.add(result(0))
    writer.mark("ours")
    writer.mark("theirs", note=MarkerNote("LSL: paradigm", 0.0000421))
    writer.mark("undated", note=MarkerNote("LSL: paradigm"))
    writer.close()
    about = json.loads((tmp_path / "session.json").read_text("utf-8"))
    kept = [{key: value for key, value in one.items() if key != "t_s"} for one in about["markers"]]
    assert kept == [
        {"label": "ours"},
        {"label": "theirs", "origin": "LSL: paradigm", "uncertainty_s": 0.000042},
        {"label": "undated", "origin": "LSL: paradigm"},
    ]
    assert [one.label for one in read_session(tmp_path).markers] == ["ours", "theirs", "undated"]
