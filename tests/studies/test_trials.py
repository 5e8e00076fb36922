"""What is kept of a study: rows that survive a kill, and are read as they were written."""

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ferdesk.errors import StudyError
from ferdesk.studies.order import StimulusOrder
from ferdesk.studies.recorded import RecordedRun, number_of, participants_of, recorded_runs
from ferdesk.studies.study_file import Stimulus, Study
from ferdesk.studies.trial_log import TrialLog
from ferdesk.studies.trials import (
    ANSWERS_FILE,
    STIMULI_FILE,
    Answer,
    Trial,
    end_marker,
    onset_marker,
    parse_marker,
    read_answers,
    read_trials,
    study_of,
    study_table,
)
from tests.sessions.conftest import SessionMaker

UTC_ONSET = datetime(2026, 3, 4, 5, 6, 7, 891234, tzinfo=UTC)
FIRST = Trial(
    1, "lake", "image", "stimulus", "water", 5.0, 12.25, 17.5, UTC_ONSET, "frameSwapped", 16.7,
    "shown",
)  # fmt: skip
SECOND = Trial(
    2, "waves", "video", "stimulus", "", None, 20.125, 21.0, UTC_ONSET, "paint", None,
    "failed", 'The file, "waves.mp4", broke off.',
)  # fmt: skip
CALM = Answer(1, "lake", "calm", "How calm, 1 to 9?", "scale", "7", 7.0, 19.5, 2.125)
KNOWN = Answer(1, "lake", "known", "Known?", "buttons", "No", None, 22.0, 0.5)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    log = TrialLog(tmp_path)
    for trial in (FIRST, SECOND):
        log.add_trial(trial)
    for answer in (CALM, KNOWN):
        log.add_answer(answer)
    assert log.close() == ""
    assert read_trials(tmp_path) == (FIRST, SECOND)
    assert read_answers(tmp_path) == (CALM, KNOWN)
    lines = (tmp_path / STIMULI_FILE).read_text("utf-8").splitlines()
    assert lines[0] == (
        "trial,stimulus,kind,phase,condition,planned_s,onset_t_s,end_t_s,onset_utc,method,"
        "error_ms,status,note"
    )
    assert lines[1] == (
        "1,lake,image,stimulus,water,5,12.25,17.5,2026-03-04T05:06:07.891234Z,frameSwapped,"
        "16.7,shown,"
    )
    assert (tmp_path / ANSWERS_FILE).read_text("utf-8").splitlines()[1] == (
        '1,lake,calm,"How calm, 1 to 9?",scale,7,7,19.5,2.125'
    )


def test_a_row_is_on_the_disk_before_the_next_one_comes(tmp_path: Path) -> None:
    log = TrialLog(tmp_path)
    log.add_trial(FIRST)
    for _ in range(500):
        if (tmp_path / STIMULI_FILE).exists() and read_trials(tmp_path):
            break
        log._thread.join(0.01)
    assert read_trials(tmp_path) == (FIRST,)
    log.close()


def test_a_last_row_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    log = TrialLog(tmp_path)
    log.add_trial(FIRST)
    log.add_trial(SECOND)
    log.close()
    path = tmp_path / STIMULI_FILE
    path.write_bytes(path.read_bytes()[:-9])
    assert read_trials(tmp_path) == (FIRST,)


def test_a_session_without_a_study_has_no_rows(tmp_path: Path) -> None:
    assert read_trials(tmp_path) == ()
    assert read_answers(tmp_path) == ()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("image", "smell", "line 2, cannot be read: 'smell' is none of video, image, text, pause"),
        ("12.25", "99999", "line 2, cannot be read: it ends before it begins"),
        ("12.25", "nan", "line 2, cannot be read: 'nan' is no number"),
        ("trial,", "row,", "line 1, cannot be read: it has other columns"),
        (",shown,", "", "line 2, cannot be read: it has too few columns"),
    ],
)
def test_a_damaged_row_is_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    log = TrialLog(tmp_path)
    log.add_trial(FIRST)
    log.close()
    path = tmp_path / STIMULI_FILE
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(StudyError, match=sentence):
        read_trials(tmp_path)


def test_rows_that_found_no_room_are_written_when_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = [True]
    forced = os.fsync

    def fsync(number: int) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        forced(number)

    def in_use(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, "as Windows says of a file that is open")

    monkeypatch.setattr("ferdesk.studies.trial_log.os.fsync", fsync)
    monkeypatch.setattr(Path, "unlink", in_use)
    log = TrialLog(tmp_path)
    log.add_trial(FIRST)
    for _ in range(500):
        if log.problem:
            break
        log._thread.join(0.01)
    assert log.problem == f"{tmp_path / STIMULI_FILE} cannot be written: the disk is full."
    assert read_trials(tmp_path) == ()
    full[0] = False
    log.add_answer(CALM)
    assert log.close() == ""
    assert read_trials(tmp_path) == (FIRST,)
    assert read_answers(tmp_path) == (CALM,)


def test_a_marker_says_which_trial_began_or_ended() -> None:
    assert onset_marker("stimulus", 3, "lake") == "stimulus 3 onset: lake"
    assert end_marker("baseline", 0, "baseline") == "baseline 0 end: baseline"
    found = parse_marker("stimulus 12 end: wood.2")
    assert found is not None
    assert (found.phase, found.trial, found.is_onset, found.stimulus) == (
        "stimulus", 12, False, "wood.2",
    )  # fmt: skip
    assert parse_marker("stimulus onset") is None
    assert parse_marker(f"stimulus {5000 * '1'} onset: lake") is None


STUDY = Study(
    Path(), "Water", "ab" * 32, "random", (Stimulus("a", "pause", duration_s=1.0),), version="3"
)
ORDER = StimulusOrder(("lake", "waves", "wood"), "random", seed=77)


def run(participant: str, *trials: Trial, resumed_from: int | None = None) -> RecordedRun:
    table = study_table(STUDY, ORDER, participant, "late", {"age": "31"}, resumed_from=resumed_from)
    study = study_of({"study": table})
    assert study is not None
    return RecordedRun(Path(), study, trials)


def test_session_json_keeps_the_order_and_what_was_asked() -> None:
    table = study_table(STUDY, ORDER, "P7", "late", {"age": "31"}, resumed_from=2)
    study = study_of({"study": table, "participant": "P8"})
    assert study is not None
    # what was corrected in the library counts
    assert (study.participant, study.condition) == ("P8", "late")
    assert (study.name, study.version, study.sha256) == ("Water", "3", "ab" * 32)
    assert (study.order, study.order_rule) == (("lake", "waves", "wood"), "random")
    assert (study.order_seed, study.row, study.resumed_from) == (77, None, 2)
    assert study.fields == {"age": "31"}
    assert study_of({}) is None
    assert study_of({"study": {"name": 3}}) is None


def test_a_participant_goes_on_behind_what_was_begun() -> None:
    assert run("P1").next_trial == 1
    assert run("P1", FIRST).next_trial == 2
    assert run("P1", FIRST, SECOND).next_trial == 3
    third = Trial(3, "wood", "image", "stimulus", "", 1.0, 1.0, 2.0, None, "paint", 9.0, "shown")
    assert run("P1", third, resumed_from=3).next_trial is None
    skipped = Trial(
        2, "waves", "video", "stimulus", "", None, None, None, None, "", None, "skipped"
    )
    assert run("P1", FIRST, skipped).next_trial == 2


def test_what_came_behind_a_stimulus_that_could_not_be_shown_is_not_shown_again() -> None:
    broken = Trial(2, "waves", "video", "stimulus", "", None, None, None, None, "", None, "failed")
    third = Trial(3, "wood", "image", "stimulus", "", 1.0, 9.0, 9.5, None, "paint", 9.0, "shown")
    assert run("P1", FIRST, broken, third).next_trial is None
    assert run("P1", FIRST, broken).next_trial == 2


def test_runs_of_a_study_are_found_among_sessions(tmp_path: Path) -> None:
    make = SessionMaker(tmp_path)
    make([[(1, "happy")]], name="other")
    early, late = "2026-01-01T10:00:00.000000Z", "2026-01-02T10:00:00.000000Z"
    table = study_table(STUDY, ORDER, "P2", "", {})
    make([[(1, "happy")]], name="b", study=table, participant="P2", started_utc=late)
    table = study_table(STUDY, ORDER, "P1", "", {})
    make([[(1, "happy")]], name="a", study=table, participant="P1", started_utc=early)
    runs = recorded_runs(tmp_path, "Water")
    assert [one.folder.name for one in runs] == ["b", "a"]
    assert participants_of(runs) == ["P1", "P2"]
    assert [number_of(code, ["P1", "P2"]) for code in ("P1", "P2", "P3")] == [0, 1, 2]
    assert recorded_runs(tmp_path, "Fire") == []


def test_who_has_damaged_rows_is_still_known(tmp_path: Path) -> None:
    table = study_table(STUDY, ORDER, "P1", "", {})
    folder = SessionMaker(tmp_path)(
        [[(1, "happy")]], name="a", study=table, participant="P1",
        markers=[(1.0, onset_marker("stimulus", 1, "lake"))], origin="study",
    )  # fmt: skip
    (folder / STIMULI_FILE).write_text("trial,nothing\n1,2\n", "utf-8")
    runs = recorded_runs(tmp_path, "Water")
    assert participants_of(runs) == ["P1"]
    assert [one.next_trial for one in runs] == [2]


@pytest.mark.parametrize("origin", ["", "LSL: paradigm"])
def test_a_label_that_somebody_typed_or_another_program_sent_is_no_onset(
    tmp_path: Path, origin: str
) -> None:
    table = study_table(STUDY, ORDER, "P1", "", {})
    SessionMaker(tmp_path)(
        [[(1, "happy")]], name="typed", study=table, participant="P1",
        markers=[(1.0, onset_marker("stimulus", 2, "waves"))], origin=origin,
    )  # fmt: skip
    assert [one.next_trial for one in recorded_runs(tmp_path, "Water")] == [1]


def test_who_was_cut_off_by_a_kill_goes_on_behind_the_stimulus_that_was_seen(
    tmp_path: Path,
) -> None:
    table = study_table(STUDY, ORDER, "P1", "", {})
    labels = ["baseline 0 onset: baseline", onset_marker("stimulus", 2, "waves"), "a laugh"]
    folder = SessionMaker(tmp_path)(
        [[(1, "happy")]], name="killed", study=table, participant="P1", complete=False,
        markers=[(float(at_s), label) for at_s, label in enumerate(labels)], origin="study",
    )  # fmt: skip
    log = TrialLog(folder)
    log.add_trial(FIRST)
    log.close()
    # the second stimulus has its onset's marker, and no row: it was on the screen
    (killed,) = recorded_runs(tmp_path, "Water")
    assert [one.stimulus for one in killed.trials] == ["lake"]
    assert killed.next_trial == 3
