"""Landmarks in videos and copies of pictures: where they are measured, on the points' places."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ferdesk.adapters.outputs.landmark_drawing import draw_landmarks
from ferdesk.adapters.outputs.video_writer import VideoWriter
from ferdesk.core.measures.drawing import OVAL, LandmarksShown
from ferdesk.core.measures.pose import rotation_of
from ferdesk.core.types import FaceResult, Frame, FrameResult
from ferdesk.factory.analysis_options import AnalysisOptions
from ferdesk.factory.recordings import open_picture_writer
from tests.helpers.landmarks import CANONICAL, seen_by_camera
from tests.helpers.results import FACE, made_measures

POINTS = seen_by_camera(rotation_of(0, 0, 0), (3.0, -2.0, 60.0), (200, 160)).astype(np.float32)
GREEN = np.full((160, 200, 3), (20, 120, 40), np.uint8)


def face(points: np.ndarray = POINTS) -> FaceResult:
    measures = replace(made_measures(0), smoothed=points, triangles=CANONICAL.triangles)
    return replace(FACE, measures=measures)


@pytest.mark.parametrize("shown", ["points", "contours", "mesh"])
def test_landmarks_are_drawn_on_their_places_and_nowhere_else(shown: LandmarksShown) -> None:
    drawn = draw_landmarks(GREEN, (face(),), shown)
    changed = (drawn != GREEN).any(axis=2)
    for index in OVAL:
        x, y = POINTS[index, :2].astype(int)
        assert changed[y, x]
        # the light line lies on its dark edge
        assert drawn[y, x].mean() > GREEN[y, x].mean()
    low, high = POINTS[:, :2].min(axis=0) - 4, POINTS[:, :2].max(axis=0) + 4
    changed[int(low[1]) : int(high[1]) + 1, int(low[0]) : int(high[0]) + 1] = False
    assert not changed.any()


@pytest.mark.parametrize("shown", ["points", "contours", "mesh"])
def test_a_small_face_can_still_be_seen_behind_them(shown: LandmarksShown) -> None:
    # 60 pixels high, in the picture of a webcam
    size = 60 / np.ptp(POINTS[:, 1])
    points = (POINTS - POINTS.mean(axis=0)) * np.float32(size) + np.float32(100)
    drawn = draw_landmarks(GREEN, (face(points),), shown)
    low, high = points[:, :2].min(axis=0).astype(int), points[:, :2].max(axis=0).astype(int)
    part = drawn[low[1] : high[1], low[0] : high[0]].astype(int)
    lighter = (part - GREEN[: part.shape[0], : part.shape[1]]).mean(axis=2) / (230 - 60)
    # the mean share of the way from the face to white
    assert 0.02 < lighter.mean() < 0.3


def test_what_is_not_measured_or_lies_outside_is_not_drawn() -> None:
    outside = face(POINTS + np.float32(1000))
    cut_off = face(POINTS - np.array([105, 75, 0], np.float32))
    drawn = draw_landmarks(GREEN, (replace(FACE, measures=None), outside), "mesh")
    np.testing.assert_array_equal(drawn, GREEN)
    assert (draw_landmarks(GREEN, (cut_off,), "mesh") != GREEN).any()
    np.testing.assert_array_equal(draw_landmarks(GREEN, (face(),), "off"), GREEN)


@pytest.mark.parametrize(("mode", "is_drawn"), [("overlay", True), ("clean", False)])
def test_a_video_with_overlay_has_them_and_a_clean_one_has_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, is_drawn: bool
) -> None:
    written: list[np.ndarray] = []

    def encode(_writer: VideoWriter, image: np.ndarray, _t_s: float, _captured_s: float) -> None:
        written.append(image)

    monkeypatch.setattr(VideoWriter, "_encode", encode)
    result = FrameResult(Frame(GREEN.copy(), 0, 0.0, 0.0), (face(),), 1.0, {})
    for landmarks in ("off", "contours"):
        video = VideoWriter(
            tmp_path / "video.mp4",
            mode,  # type: ignore[arg-type]
            lossless=True,
            landmarks=landmarks,
        )
        video.add(result, 0.0)
        video.close()
    without, with_landmarks = written
    x, y = POINTS[152, :2].astype(int)  # the chin, off box and plate
    assert (with_landmarks[y, x] != without[y, x]).any() == is_drawn


def test_copies_of_pictures_have_them_too(tmp_path: Path) -> None:
    writer = open_picture_writer(tmp_path, "overlay", "contours")
    assert writer is not None
    drawn = writer._draw(GREEN, (face(),))
    x, y = POINTS[152, :2].astype(int)
    assert (drawn[y, x] != GREEN[y, x]).any()


def test_workers_of_an_archive_draw_the_same(tmp_path: Path) -> None:
    options = AnalysisOptions(tmp_path, video_landmarks="mesh", measures="pose")
    assert AnalysisOptions.of_table(tmp_path, options.table()).video_landmarks == "mesh"
    assert options.settings()["video_landmarks"] == "mesh"
