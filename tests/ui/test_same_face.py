"""Someone who comes back: asked, never assumed; a yes keeps name, baseline and timeline."""

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from ferdesk.core.baseline import Baseline
from ferdesk.core.tracking.returning import Resemblance
from ferdesk.sessions.naming import name_faces
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import load_review
from ferdesk.settings import Settings
from ferdesk.ui.kit.history import History
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.results import faces, make_result
from tests.helpers.sessions import write_two_faces
from tests.ui.fakes import FakeServices
from tests.ui.test_window import run

BASELINE = Baseline((-1.0, 0, 0, 0, -0.5, 0, 0), 30)


@pytest.fixture
def asked(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """Asks whether face 2 is a face 9, who was called Ana and had a baseline."""
    run(window, qtbot)
    page = window.live_page
    page.faces.names.give(9, "Ana")
    window.live.set_baseline(9, BASELINE)
    page.live_actions.same_faces._ask(Resemblance(2, 9, 0.95))
    return window


def test_a_question_stands_under_the_list(asked: MainWindow) -> None:
    row = asked.live_page.live_actions.same_faces.row
    assert row.isVisible()
    assert row.question.text() == "Is #2 the same person as #9 Ana?"


def test_a_yes_keeps_name_and_baseline_and_is_recorded(
    asked: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    asked.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.recordings) and bool(services.recordings[0].results))
    page = asked.live_page
    page.live_actions.same_faces.row.yes.click()
    assert page.faces.names.by_id[2] == "Ana"
    assert page.faces.name.text() == "Ana"
    assert asked.live.post_processing.baselines[2] == BASELINE
    assert page.chosen_id == 2
    assert not page.live_actions.same_faces.row.isVisible()
    qtbot.waitUntil(lambda: "faces_joined" in services.recordings[0].events)


def test_a_no_changes_nothing(asked: MainWindow) -> None:
    page = asked.live_page
    page.live_actions.same_faces.row.no.click()
    assert 2 not in page.faces.names.by_id
    assert 2 not in asked.live.post_processing.baselines
    assert not page.live_actions.same_faces.row.isVisible()


def test_who_leaves_before_the_answer_is_asked_about_no_longer(asked: MainWindow) -> None:
    same = asked.live_page.live_actions.same_faces
    same.take(make_result(*faces(1)))
    assert same.offer is None
    assert not same.row.isVisible()


def test_nothing_is_asked_where_the_user_does_not_want_it(window: MainWindow) -> None:
    same = window.live_page.live_actions.same_faces
    assert same.offers
    window.store.replace_by(Settings(offer_same_face=False))
    assert not same.offers


def test_joined_lines_go_on_in_the_timeline() -> None:
    history = History()
    for time_s, face_id in ((10.0, 1), (10.5, 1), (20.0, 3), (20.5, 3)):
        shown = faces(3)[face_id - 1]
        history.add(make_result(shown, captured_s=time_s))
    history.join(3, 1)
    times, values = history.lines(3, 60.0)
    assert times[[0, -1]] == pytest.approx([-10.5, 0.0])
    assert np.isnan(values).any()
    assert history.face_ids == (3,)


def test_joined_faces_are_one_track_of_the_review_and_the_rows_stay(tmp_path: Path) -> None:
    folder = write_two_faces(tmp_path / "session")
    rows = (folder / "results.csv").read_bytes()
    # 2 left before the recording began, and 30 came after it
    name_faces(folder, {4: "Ana", 9: "Ana"}, ((4, 2), (9, 4), (30, 9)))
    (track,) = load_review(read_session(folder)).tracks
    assert (track.id, track.name) == (4, "Ana")
    assert {segment.face_id for segment in track.segments} == {4, 9}
    assert (folder / "results.csv").read_bytes() == rows
