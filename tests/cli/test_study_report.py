"""``ferdesk report`` on a study's sessions, as a user types it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ferdesk.cli.main import app
from ferdesk.errors import StudyError
from tests.helpers.study_sessions import TRIALS, trial, write_run
from tests.sessions.conftest import SessionMaker


def ferdesk(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_report_knows_the_sessions_of_a_study(tmp_path: Path) -> None:
    for code in ("P1", "P2"):
        write_run(tmp_path, code)
    result = ferdesk("report", tmp_path, "--csv", "--parquet")
    assert result.exit_code == 0, result.output
    stem = tmp_path / "study-Water and wood"
    assert result.output.split("\n")[:3] == [f"{stem}.html", f"{stem}.csv", f"{stem}.parquet"]
    page = Path(f"{stem}.html").read_text("utf-8")
    assert "<h2>lake</h2>" in page
    # and gives a page of chapters where that is asked for
    ferdesk("report", tmp_path, "--no-study", "--out", tmp_path / "chapters.html")
    assert "2 sessions" in (tmp_path / "chapters.html").read_text("utf-8")


def test_a_table_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    write_run(tmp_path, "P1")
    there = tmp_path / "study-Water and wood.csv"
    there.write_text("mine", "utf-8")
    result = ferdesk("study", "report", tmp_path, "--csv")
    assert result.output.split("\n")[1] == str(tmp_path / "study-Water and wood-2.csv")
    assert there.read_text("utf-8") == "mine"


def test_one_session_has_its_own_report_unless_asked(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "P1")
    assert ferdesk("report", folder).output == f"{folder / 'report.html'}\n"
    out = tmp_path / "alone.html"
    assert ferdesk("report", folder, "--study", "--out", out).output == f"{out}\n"
    assert "<h2>lake</h2>" in out.read_text("utf-8")


def test_other_sessions_among_them_are_left_out_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a report of several sessions is written where the command is given
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path, "P1")
    SessionMaker(tmp_path)([[(1, "happy")]], name="other")
    result = ferdesk("report", tmp_path, "--study")
    assert result.exit_code == 0, result.output
    assert "Warning: 1 of 2 sessions is of no study." in result.output
    # without being asked, they are sessions like others
    assert "<h2>lake</h2>" not in ferdesk("report", tmp_path).output


@pytest.mark.parametrize(
    ("layout", "name"),
    [("csv", "study-Water and wood.csv"), ("parquet", "study-Water and wood.parquet"),
     ("bids", "study-Water and wood-bids")],
)  # fmt: skip
def test_study_export_writes_each_layout(tmp_path: Path, layout: str, name: str) -> None:
    write_run(tmp_path, "P1")
    result = ferdesk("study", "export", tmp_path, "--layout", layout)
    assert result.output == f"{tmp_path / name}\n"
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["stimuli.csv", "session.json"])
def test_a_damaged_session_is_one_sentence_and_the_others_count(tmp_path: Path, name: str) -> None:
    for code in ("P1", "P2", "P3"):
        write_run(tmp_path, code)
    (tmp_path / "run-P2" / name).write_text("{trial,nothing\n1,2\n", "utf-8")
    for command in (("report",), ("study", "export")):
        result = ferdesk(*command, tmp_path)
        assert result.exit_code == 1, result.output
        (line,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
        assert "run-P2" in line
        assert line.endswith("That session is left out.")
    codes = {
        line.partition(",")[0]
        for line in (tmp_path / "study-Water and wood.csv").read_text("utf-8-sig").splitlines()
    }
    assert codes == {"participant", "P1", "P3"}


def test_a_report_of_other_sessions_tells_of_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    SessionMaker(tmp_path)([[(1, "happy")]], name="other")
    (write_run(tmp_path, "P2") / "session.json").write_text("{", "utf-8")
    result = ferdesk("report", tmp_path)
    assert result.exit_code == 1, result.output
    assert result.output.count("run-P2 cannot be read") == 1


def test_nothing_but_damaged_sessions_is_one_sentence(tmp_path: Path) -> None:
    (write_run(tmp_path, "P1") / "stimuli.csv").write_text("trial\n1\n", "utf-8")
    result = ferdesk("study", "report", tmp_path)
    assert isinstance(result.exception, StudyError)
    assert "stimuli.csv, line 1, cannot be read: it has other columns" in str(result.exception)


@pytest.mark.parametrize("times_s", [(8.5, 1e300), (-1e300, 8.5)])
def test_trials_that_no_session_can_have_are_one_sentence(
    tmp_path: Path, times_s: tuple[float, float]
) -> None:
    write_run(tmp_path, "P1", trials=[*TRIALS, trial(3, "oak", *times_s)])
    result = ferdesk("study", "report", tmp_path)
    assert isinstance(result.exception, StudyError)
    assert "trial 3 lies outside of the session" in str(result.exception)


def test_study_report_is_the_same_page_by_its_own_name(tmp_path: Path) -> None:
    folder, out = write_run(tmp_path, "P1"), tmp_path / "page.html"
    assert ferdesk("study", "report", folder, "--out", out).output == f"{out}\n"
    assert "<h2>lake</h2>" in out.read_text("utf-8")
