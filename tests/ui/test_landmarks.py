"""Landmarks in the live picture, and whose measures come first."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from ferdesk.core.measures.drawing import LandmarksShown
from ferdesk.core.types import FaceResult
from ferdesk.settings import Settings
from ferdesk.ui.kit.picture import Look, PictureMaker
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.landmarks import CANONICAL
from tests.helpers.results import FACE, made_measures, make_result
from tests.ui.fakes import FakeServices
from tests.ui.test_window import run

GREY = np.full((120, 200, 3), 90, np.uint8)


def face_at(x: float, y: float) -> FaceResult:
    """A face with the canonical face's landmarks, eighty pixels high, its middle there."""
    points = np.zeros((478, 3), np.float32)
    size = 80 / np.ptp(CANONICAL.points[:, 1])
    points[:468, :2] = CANONICAL.points[:, :2] * [size, -size] + [x, y]
    points[468:] = points[1]
    raw = replace(made_measures(0).landmarks, points=points + 500)
    measures = replace(
        made_measures(0), landmarks=raw, smoothed=points, triangles=CANONICAL.triangles
    )
    return replace(FACE, measures=measures)


def drawn(shown: LandmarksShown, *faces: FaceResult, mirrored: bool = False) -> NDArray[np.int_]:
    """[120, 200]: how much each pixel differs from the bare picture."""
    look = Look(200, 120, mirrored=mirrored, landmarks=shown)
    image = PictureMaker().draw(make_result(*faces, image=GREY), look).image
    image = image.convertToFormat(QImage.Format.Format_Grayscale8)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(120, image.bytesPerLine())
    return np.asarray(np.abs(pixels[:, :200].astype(int) - 90))


@pytest.mark.parametrize("mirrored", [False, True])
def test_landmarks_lie_on_the_smoothed_points_mirrored_or_not(qtbot: QtBot, mirrored: bool) -> None:
    for shown in ("points", "contours", "mesh"):
        rows, columns = np.nonzero(drawn(shown, face_at(60, 55), mirrored=mirrored) > 20)
        assert abs((columns.min() + columns.max()) / 2 - (140 if mirrored else 60)) < 3
        assert 70 <= rows.max() - rows.min() <= 86


def test_contours_leave_cheeks_free_and_the_mesh_covers_them(qtbot: QtBot) -> None:
    sums = [int((drawn(shown, face_at(60, 55)) > 10).sum()) for shown in ("contours", "mesh")]
    assert 0 < sums[0] < sums[1]
    assert not drawn("off", face_at(60, 55)).any()


def test_the_mesh_of_a_small_face_is_no_mask(qtbot: QtBot) -> None:
    # a face of eighty pixels over a grey of 90: white would be 150 more
    face = drawn("mesh", face_at(60, 55))[25:85, 40:80]
    assert 5 < face.mean() < 40


def test_nothing_is_drawn_of_a_face_that_was_not_measured(qtbot: QtBot) -> None:
    hidden = replace(face_at(60, 55), measures=None, unmeasured="hidden")
    assert not drawn("mesh", hidden).any()


def test_the_chosen_face_is_measured_first_until_the_source_is_left(
    window: MainWindow, qtbot: QtBot
) -> None:
    run(window, qtbot)

    def first() -> int:
        return window.live.status_now().post_processing.chosen_face

    assert first() == 1
    window.live_page.choose_face(2)
    qtbot.waitUntil(lambda: first() == 2)
    window.live.stop()
    window.live_page._clear()
    assert window.live.post_processing.chosen_face == 0


def test_recordings_keep_landmarks_where_the_settings_say_so(
    make_window: Callable[..., MainWindow], qtbot: QtBot, services: FakeServices
) -> None:
    window = make_window(Settings(record_landmarks=True))
    run(window, qtbot)
    window.actions_by_name["record"].trigger()
    qtbot.waitUntil(lambda: bool(services.options))
    assert services.options[0].landmarks
    qtbot.waitUntil(lambda: window.live_page.recordings.state.active)
    window.live.stop_recording()
    qtbot.waitUntil(lambda: bool(services.recordings[0].closed_with))


def test_what_is_drawn_is_chosen_beside_the_heatmap_and_remembered(
    make_window: Callable[..., MainWindow],
) -> None:
    window = make_window(Settings(measures="pose", landmarks_shown="mesh"))
    page, choice = window.live_page, window.live_page.measuring.row.choice
    assert choice.isEnabled()
    shown = [(choice.currentData(), page.view._landmarks)]
    choice.setCurrentIndex(choice.findData("points"))
    shown.append((window.store.settings.landmarks_shown, page.view._landmarks))
    assert shown == [("mesh", "mesh"), ("points", "points")]
    window.store.replace_by(replace(window.store.settings, measures="off"))
    assert not choice.isEnabled()
    assert "Face measurements" in page.measuring.row.toolTip()
