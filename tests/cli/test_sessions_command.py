"""``ferdesk sessions`` and ``ferdesk report`` as a user types them."""

import codecs
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ferdesk.cli.main import app
from ferdesk.errors import EXIT_PARTIAL, FerdeskError, RecordingError
from ferdesk.sessions.catalogue import describe
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import load_review
from tests.sessions.conftest import SessionMaker


def ferdesk(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def done(*arguments: str | Path) -> str:
    result = ferdesk(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_list_tells_states_and_repair_closes_what_was_cut(tmp_path: Path) -> None:
    make = SessionMaker(tmp_path)
    make([[(1, "happy")]] * 5, name="whole", markers=[(0.1, "go")])
    folder = make([[(1, "happy")]] * 5, name="cut", complete=False)
    text = done("sessions", "list", tmp_path)
    assert "whole" in text
    assert "1 incomplete" in text
    listed = json.loads(done("sessions", "list", tmp_path, "--json", "--find", "go"))
    assert [entry["folder"] for entry in listed] == [str(tmp_path / "whole")]
    assert "cut: closed, 5 rows" in done("sessions", "repair", tmp_path)
    assert read_session(folder).complete
    assert "nothing needs to be done" in done("sessions", "repair", tmp_path)
    assert "complete already" in done("sessions", "repair", folder)


def test_the_list_has_whole_names_and_leaves_out_what_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "20261129-161322-Landscapes P07"
    stopped = {"t_s": 0.3, "event": "stopped", "text": "It was stopped."}
    SessionMaker(tmp_path)([[(1, "happy")]] * 5, name=name, events=[stopped])
    seen = []
    for width in ("200", "80", "40"):
        monkeypatch.setenv("COLUMNS", width)
        seen.append(done("sessions", "list", tmp_path))
    assert all(name in text for text in seen[:2])
    assert ["in part" in text for text in seen] == [True, True, True]
    assert ["markers" in text for text in seen] == [True, False, False]
    assert ["started" in text for text in seen] == [True, True, False]


def test_review_opens_the_window_on_the_folder_and_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    opened: list[Path] = []

    def run_app(_services: object, *, review: Path) -> int:
        opened.append(review)
        return 0

    monkeypatch.setattr("ferdesk.app.run_app", run_app)
    done("review", tmp_path)
    assert opened == [tmp_path]
    with pytest.raises(FerdeskError, match="There is no folder"):
        CliRunner().invoke(app, ["review", str(tmp_path / "gone")], catch_exceptions=False)
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(FerdeskError, match="needs a display"):
        CliRunner().invoke(app, ["review", str(tmp_path)], catch_exceptions=False)


def test_a_marker_file_is_added_once_and_strays_are_told(tmp_path: Path) -> None:
    folder = SessionMaker(tmp_path)([[(1, "happy")]] * 5)
    path = tmp_path / "m.csv"
    path.write_text("time,label\n0.2,go\n77,late\n")
    text = done("sessions", "markers", folder, path)
    assert "2 markers added" in text
    assert "1 of 2 lies outside" in text
    assert "0 markers added" in done("sessions", "markers", folder, path)
    markers = load_review(read_session(folder)).markers
    assert [marker.label for marker in markers] == ["go", "late"]


def test_a_table_of_many_columns_is_imported_by_their_names(tmp_path: Path) -> None:
    folder = SessionMaker(tmp_path)([[(1, "happy")]] * 20)
    path = tmp_path / "table.csv"
    path.write_bytes("Reiz;Beginn;Ton\nÄrger;500;a\nFreude;1500;b\n".encode("cp1252"))
    options = ["--time-column", "Beginn", "--label-column", "1", "--unit", "ms"]
    text = done("sessions", "markers", folder, path, *options, "--encoding", "cp1252")
    assert "2 markers added" in text
    markers = load_review(read_session(folder)).markers
    assert [(marker.t_s, marker.label) for marker in markers] == [(0.5, "Ärger"), (1.5, "Freude")]


def test_report_writes_its_file_and_its_figures(tmp_path: Path) -> None:
    folder = SessionMaker(tmp_path)([[(1, "happy")]] * 20)
    before = (folder / "results.csv").read_bytes()
    done("report", folder, "--csv")
    assert (folder / "report.html").read_text().startswith("<!DOCTYPE html>")
    summary = (folder / "report-summary.csv").read_bytes()
    assert b"happy_s" in summary
    # Excel reads a table without the mark in its system's code page; programs want none
    assert summary.startswith(codecs.BOM_UTF8)
    assert not (folder / "results.csv").read_bytes().startswith(codecs.BOM_UTF8)
    assert (folder / "results.csv").read_bytes() == before
    other = SessionMaker(tmp_path)([[(1, "sad")]] * 20, name="t")
    page = tmp_path / "compared.html"
    done("report", folder, "--against", other, "--out", page)
    assert "Comparison" in page.read_text()


def test_an_archives_report_is_of_all_that_can_be_read(tmp_path: Path) -> None:
    root = tmp_path / "results"
    root.mkdir()
    make = SessionMaker(root)
    for name in ("001", "002", "lost", "half"):
        make([[(1, "happy")]] * 20, name=name)
    describe(root / "001", {"participant": "p1", "condition": "sad"})
    (root / "lost" / "results.csv").write_bytes(b"")
    (root / "half" / "session.json").write_text('{"schema"')
    page = tmp_path / "all.html"
    result = ferdesk("report", root, "--archive", "--parquet", "--out", page)
    assert result.exit_code == EXIT_PARTIAL, result.output
    warned = [line for line in result.output.splitlines() if line.startswith("Warning: ")]
    assert len(warned) == 2
    assert all(line.endswith("That session is left out.") for line in warned)
    assert "2 sessions, 2 faces" in page.read_text()
    parquet = pytest.importorskip("pyarrow.parquet")
    parts = sorted((tmp_path / "all.parquet").iterdir())
    assert [part.name for part in parts] == ["session=001", "session=002"]
    # the name of a folder alone would be read as a number
    (row, *_) = parquet.ParquetFile(parts[0] / "rows.parquet").read().to_pylist()
    assert [row[name] for name in ("session_name", "participant", "condition")] == [
        "001", "p1", "sad",
    ]  # fmt: skip
    (row, *_) = parquet.ParquetFile(parts[1] / "rows.parquet").read().to_pylist()
    assert (row["session_name"], row["participant"]) == ("002", None)

    shutil.rmtree(root / "002")
    ferdesk("report", root, "--archive", "--parquet", "--out", page)
    assert [path.name for path in (tmp_path / "all.parquet").iterdir()] == ["session=001"]
    (root / "001" / "results.csv").write_bytes(b"")
    nothing = ferdesk("report", root, "--archive", "--out", page)
    assert isinstance(nothing.exception, RecordingError)


def test_a_report_of_few_is_of_all_that_can_be_read_too(tmp_path: Path) -> None:
    root = tmp_path / "results"
    root.mkdir()
    make = SessionMaker(root)
    for name in ("001", "002", "lost"):
        make([[(1, "happy")]] * 20, name=name)
    (root / "lost" / "results.csv").write_bytes(b"")
    page = tmp_path / "few.html"
    result = ferdesk("report", root, "--out", page)
    assert result.exit_code == EXIT_PARTIAL, result.output
    (warned,) = (line for line in result.output.splitlines() if line.startswith("Warning: "))
    assert str(root / "lost") in warned
    assert warned.endswith("That session is left out.")
    assert "2 sessions" in page.read_text()


@pytest.mark.parametrize("layout", ["openface", "pyfeat", "parquet"])
def test_export_overwrites_nothing(tmp_path: Path, layout: str) -> None:
    if layout == "parquet":
        pytest.importorskip("pyarrow")
    folder = SessionMaker(tmp_path)([[(1, "happy")]] * 3)
    first = done("sessions", "export", folder, "--layout", layout).strip()
    second = done("sessions", "export", folder, "--layout", layout).strip()
    assert first != second
    assert Path(first).stat().st_size == Path(second).stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("report", "gone"), "There is no folder gone"),
        (("sessions", "list", "gone"), "There is no folder gone"),
        (("sessions", "repair", "gone"), "There is no folder gone"),
        (("sessions", "export", "gone", "--layout", "pyfeat"), "There is no folder gone"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = ferdesk(*arguments)
    # main() prints the sentence and exits with 3
    assert isinstance(result.exception, FerdeskError)
    assert words in str(result.exception)
