"""Landmarks beside the rows: whole after a kill, read by numpy alone, written as they come."""

import errno
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.core.measures.landmarks import FaceLandmarks
from ferdesk.core.types import FaceResult
from ferdesk.errors import RecordingError
from ferdesk.factory.analysis_options import AnalysisOptions
from ferdesk.sessions.landmarks_file import (
    LANDMARKS_FILE,
    LANDMARKS_ROW,
    LandmarksFile,
    landmark_rows,
    read_landmarks,
)
from ferdesk.sessions.schema import Moment, SessionHeader
from tests.helpers.results import FACE, OTHER, made_measures, make_result

RAW = np.random.default_rng(5).uniform(-50, 900, (478, 3)).astype(np.float32)


def with_points(face: FaceResult, points: np.ndarray) -> FaceResult:
    """Its smoothed points are others than the raw ones."""
    landmarks = FaceLandmarks(points, 0.9)
    return replace(
        face, measures=replace(made_measures(0), landmarks=landmarks, smoothed=points + 1)
    )


FIRST, SECOND = with_points(FACE, RAW), with_points(OTHER, RAW + 1000)
LATE = replace(SECOND, measures=replace(made_measures(1), measured_now=False))
HIDDEN = replace(SECOND, measures=None, unmeasured="hidden")


def rows(*faces: FaceResult, frame: int = 7) -> bytes:
    return landmark_rows(make_result(*faces), Moment(frame, frame / 8, None))


def test_each_measured_face_has_a_row_with_its_raw_points(tmp_path: Path) -> None:
    file = LandmarksFile(tmp_path)
    file.append([rows(FIRST, SECOND), rows(frame=8), rows(FIRST, LATE, frame=9), rows(HIDDEN)])
    file.close()
    read = np.load(tmp_path / LANDMARKS_FILE)
    assert read["frame"].tolist() == [7, 7, 9]
    assert read["t_s"].tolist() == [0.875, 0.875, 1.125]
    assert read["face_id"].tolist() == [3, 5, 3]
    assert np.array_equal(read["points"], [RAW, RAW + 1000, RAW])
    assert np.array_equal(read_landmarks(tmp_path), read)


def test_a_killed_program_leaves_what_was_counted(tmp_path: Path) -> None:
    file = LandmarksFile(tmp_path)
    assert len(read_landmarks(tmp_path)) == 0
    file.append([rows(FIRST)])
    # the next piece reached the disk by half, and was not counted
    half = rows(SECOND)[:2000]
    with (tmp_path / LANDMARKS_FILE).open("ab") as cut:
        cut.write(half)
    assert read_landmarks(tmp_path)["face_id"].tolist() == [3]
    file.append([rows(SECOND, frame=8)])
    assert read_landmarks(tmp_path)["face_id"].tolist() == [3, 5]
    file.close()


def test_it_is_mapped_and_not_loaded(tmp_path: Path) -> None:
    file = LandmarksFile(tmp_path)
    file.append([rows(FIRST)])
    file.close()
    assert isinstance(read_landmarks(tmp_path), np.memmap)


def test_a_file_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no landmarks; analyse with"):
        read_landmarks(tmp_path)
    path = tmp_path / LANDMARKS_FILE
    path.write_bytes(b"PAR1")
    with pytest.raises(RecordingError, match="cannot be read"):
        read_landmarks(tmp_path)
    np.save(path, np.zeros(3))
    with pytest.raises(RecordingError, match="other columns"):
        read_landmarks(tmp_path)


def header(**settings: object) -> SessionHeader:
    return SessionHeader(
        program_version="1", model={}, provider="CPU", provider_reason="", source={}, width=96,
        height=54, settings={"measures": "pose", **settings}, started_utc=datetime.now(UTC),
    )  # fmt: skip


def recorded(folder: Path, **settings: object) -> SessionWriter:
    folder.mkdir()
    writer = SessionWriter(folder, header(**settings), live=False, lossless=True)
    for index in range(40):
        writer.add(make_result(FIRST, SECOND, index=index, t_s=index / 8))
    writer.close()
    return writer


def test_a_recording_keeps_landmarks_where_they_are_wanted(tmp_path: Path) -> None:
    recorded(tmp_path / "without")
    assert not (tmp_path / "without" / LANDMARKS_FILE).exists()
    recorded(tmp_path / "with", landmarks=True)
    read = read_landmarks(tmp_path / "with")
    assert read["frame"].tolist() == [index // 2 for index in range(80)]
    assert np.array_equal(read["points"][1], RAW + 1000)


def test_rows_go_on_where_landmarks_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: LandmarksFile, rows: list[bytes]) -> str:
        self.problem = "No space left on device"
        return self.problem

    monkeypatch.setattr(LandmarksFile, "append", full)
    writer = recorded(tmp_path / "s", landmarks=True)
    assert (writer.problem, writer.num_rows) == ("", 80)
    events = (tmp_path / "s" / "session.json").read_text("utf-8")
    assert events.count("landmarks_stopped") == 1


def test_a_full_disk_ends_the_landmarks_and_keeps_the_whole_ones(tmp_path: Path) -> None:
    file = LandmarksFile(tmp_path)
    file.append([rows(FIRST)])

    class Full:
        name = "landmarks"

        def seek(self, at: int) -> None:
            pass

        def write(self, content: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    real, file._file = file._file, Full()  # type: ignore[assignment]
    file.append([rows(SECOND)])
    assert file.problem == "No space left on device"
    real.close()
    assert read_landmarks(tmp_path)["face_id"].tolist() == [3]


def test_options_of_an_analysis_carry_landmarks_to_a_worker_and_the_session(
    tmp_path: Path,
) -> None:
    options = AnalysisOptions(tmp_path, measures="pose", landmarks=True)
    assert options.settings()["landmarks"] is True
    assert AnalysisOptions.of_table(tmp_path, options.table()).landmarks
    assert "landmarks" not in AnalysisOptions(tmp_path, landmarks=True).settings()


def test_a_row_is_as_large_as_the_docs_say() -> None:
    assert LANDMARKS_ROW.itemsize == 5756
