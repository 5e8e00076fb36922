"""What a film does not keep is an event of its session, at its moment, and told once."""

import contextlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ferdesk import batch
from ferdesk.cli.main import app
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, EXIT_USAGE
from ferdesk.factory.models import bundled_models, open_pipeline
from ferdesk.sessions.reader import Session, problems_of, read_session
from tests.helpers.videos import with_zeroed, write_film

pytestmark = pytest.mark.skipif(
    not bundled_models(), reason="no expression model ships in this checkout"
)


def analyze(path: Path, out: Path, every: int = 1) -> tuple[int, Session, list[str]]:
    told: list[str] = []
    with contextlib.closing(open_pipeline(provider="cpu")) as pipeline:
        code = batch.analyze(
            [str(path)], pipeline, batch.AnalysisOptions(out, every),
            tell=told.append, warn=told.append,
        )  # fmt: skip
    session = read_session(out / path.stem)
    assert problems_of(session) == []
    return code, session, told


def run(*arguments: str) -> int:
    """The exit code of ``ferdesk analyze``."""
    return CliRunner().invoke(app, ["analyze", *arguments]).exit_code


def test_the_moment_a_film_began_can_be_said(tmp_path: Path) -> None:
    film, out = write_film(tmp_path / "film.mp4", 12), tmp_path / "out"
    began = "2026-05-06T07:08:09.5+02:00"
    assert run(str(film), "--film-began", began, "--out", str(out)) == EXIT_OK
    session = read_session(out / "film")
    assert session.about["film_started_utc"] == "2026-05-06T05:08:09.500000Z"
    assert session.rows[6]["time_utc"] == "2026-05-06T05:08:09.700000Z"


@pytest.mark.parametrize("moment", ["yesterday", "2026-05-06T07:08:09", "2026-05-06", ""])
def test_what_is_no_moment_with_its_zone_is_refused(tmp_path: Path, moment: str) -> None:
    film, out = write_film(tmp_path / "film.mp4", 2), tmp_path / "out"
    assert run(str(film), "--film-began", moment, "--out", str(out)) == EXIT_USAGE
    assert not out.exists()


def test_two_films_did_not_begin_at_one_moment(tmp_path: Path) -> None:
    film, out = write_film(tmp_path / "film.mp4", 2), tmp_path / "out"
    began = "2026-05-06T07:08:09Z"
    for sources in ([str(film), str(film)], ["demo"]):
        assert run(*sources, "--film-began", began, "--out", str(out)) == EXIT_USAGE
    assert not out.exists()


@pytest.mark.parametrize("every", [1, 5])
def test_a_jump_of_the_clock_is_an_event_at_its_moment_and_no_failure(
    tmp_path: Path, every: int
) -> None:
    part = write_film(tmp_path / "part.ts", 30).read_bytes()
    (tmp_path / "joined.ts").write_bytes(part * 2)
    code, session, told = analyze(tmp_path / "joined.ts", tmp_path / "out", every)
    assert code == EXIT_OK
    times = [float(row["t_s"]) for row in session.rows]
    assert times == pytest.approx([n / 30 for n in range(0, 60, every)], abs=0.002)
    (event,) = session.about["events"]
    assert event["event"] == "time_jumped"
    assert event["t_s"] == pytest.approx(1.0, abs=0.01)
    assert [text for text in told if str(tmp_path) not in text] == [event["text"]]


def test_damaged_pictures_are_an_event_and_exit_1_and_all_others_have_rows(tmp_path: Path) -> None:
    whole = write_film(tmp_path / "whole.avi", 30, codec="mjpeg")
    damaged = with_zeroed(whole, tmp_path / "damaged.avi", 12)
    code, session, told = analyze(damaged, tmp_path / "out")
    assert code == EXIT_PARTIAL
    assert len(session.rows) == 29
    assert session.length_s == pytest.approx(29 / 30, abs=0.001)
    (event,) = session.about["events"]
    assert event["event"] == "pictures_damaged"
    assert event["t_s"] == pytest.approx(0.4, abs=0.05)
    assert [text for text in told if str(tmp_path) not in text] == [event["text"]]
