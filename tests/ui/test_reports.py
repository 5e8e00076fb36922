"""Reports of errors hold what is needed to mend them, and nothing about the people involved."""

import getpass
from pathlib import Path

import pytest

from ferdesk.ui.kit.error_reports import KEPT, MOST_A_RUN, Reports, scrubbed

TRACE = 'Traceback (most recent call last):\n  File "{}/study/a.py", line 3\nValueError: odd\n'


def test_a_report_has_versions_facts_traceback_and_the_end_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "ferdesk.log").write_text("".join(f"line {i}\n" for i in range(500)))
    path = Reports(tmp_path, lambda: {"device": "CPU"}).write(TRACE.format("/opt"))
    assert path is not None
    text = path.read_text()
    for part in ("ferdesk: ", "Python: ", "PySide6-Essentials: ", "device: CPU", "ValueError: odd"):
        assert part in text
    assert "line 499" in text
    assert "line 200" not in text


def test_user_names_and_passwords_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setattr(getpass, "getuser", lambda: "ana")
    assert scrubbed("/home/ana/study/a.py") == "~/study/a.py"
    assert scrubbed("/home/otto/b.py") == "/home/USER/b.py"
    assert scrubbed(r"C:\Users\Ana Lee\b.py").startswith(r"C:\Users\USER")
    assert scrubbed("/media/ana/stick/c.mp4") == "/media/USER/stick/c.mp4"
    assert scrubbed("rtsp://ana:secret@camera.local/1") == "rtsp://camera.local/1"
    assert scrubbed("the canary analysed banana") == "the canary analysed banana"


def test_one_error_a_thousand_times_is_one_report(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    first = reports.write(TRACE)
    assert {reports.write(TRACE) for _ in range(1000)} == {first}
    kinds = [reports.write(f"{TRACE}{i}") for i in range(10)]
    assert kinds[MOST_A_RUN:] == [None] * (10 - MOST_A_RUN)
    assert len(list(tmp_path.glob("report-*.txt"))) == MOST_A_RUN


def test_old_reports_make_room(tmp_path: Path) -> None:
    for i in range(20):
        (tmp_path / f"report-20200101-0000{i:02d}-000.txt").write_text("old")
    newest = Reports(tmp_path).write(TRACE)
    left = sorted(tmp_path.glob("report-*.txt"))
    assert len(left) == KEPT
    assert left[-1] == newest


def test_a_folder_that_cannot_be_written_costs_the_report_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    reports = Reports(tmp_path / "file")
    assert reports.write(TRACE) is None
    assert reports.of_last_crash() is None


def test_facts_that_fail_do_not_cost_the_report(tmp_path: Path) -> None:
    def broken() -> dict[str, str]:
        raise RuntimeError("no window")

    assert Reports(tmp_path, broken).write(TRACE) is not None


def test_an_end_that_was_no_crash_leaves_nothing_to_offer(tmp_path: Path) -> None:
    (tmp_path / "crash-999999999.txt").write_text("")
    assert Reports(tmp_path).of_last_crash() is None
    assert list(tmp_path.iterdir()) == []
