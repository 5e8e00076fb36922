"""The picture: where things are painted, what is clicked, and whether it can be read."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.core.geometry import Box
from ferdesk.core.heatmap import HeatColours, HeatmapChoice, heat_colours
from ferdesk.core.labels import LABELS
from ferdesk.core.palette import LABEL_COLOURS
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import FrameResult, MapPlace
from ferdesk.ui.kit.heatmap import HeatmapImages, heatmap_image
from ferdesk.ui.kit.overlay import face_text
from ferdesk.ui.kit.picture import Look, PictureMaker
from ferdesk.ui.kit.plates import place_plate
from ferdesk.ui.kit.selection import KEEP_S, Selection
from ferdesk.ui.kit.theme import DARK, LIGHT, Theme, contrast, plate_colour
from ferdesk.ui.kit.video_view import VideoView, ViewState
from ferdesk.ui.kit.view_transform import ViewTransform
from tests.ui.fakes import LEFT_FACE, FakeClassifier, FakeDetector, FakeSource, likely


@pytest.fixture
def result() -> FrameResult:
    frame = FakeSource().read()
    assert frame is not None
    return Pipeline(FakeDetector(), FakeClassifier()).process(frame)


@pytest.fixture
def view(qtbot: QtBot) -> VideoView:
    view = VideoView()
    qtbot.addWidget(view)
    view.resize(1000, 480)  # twice the letterbox: 180 pixels of nothing on each side
    return view


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_point_goes_to_the_picture_and_back(mirrored: bool) -> None:
    placement = ViewTransform.fit(QSizeF(640, 480), QSizeF(1000, 480), mirrored=mirrored)
    point = QPointF(210, 33)
    there = placement.to_picture(point)
    assert placement.transform().map(there) == point
    assert there.x() == pytest.approx(640 - 30 if mirrored else 30)


def test_a_mirrored_box_is_on_the_other_side() -> None:
    plain = ViewTransform.fit(QSizeF(640, 480), QSizeF(1000, 480), mirrored=False)
    mirrored = replace(plain, mirrored=True)
    box = Box(100, 120, 160, 180)
    assert plain.rect(box) == QRectF(280, 120, 160, 180)
    assert mirrored.rect(box) == QRectF(560, 120, 160, 180)


@pytest.mark.parametrize(("mirrored", "x"), [(False, 180 + 150), (True, 180 + 640 - 150)])
def test_clicking_a_face_chooses_it_mirrored_or_not(
    qtbot: QtBot, view: VideoView, result: FrameResult, mirrored: bool, x: int
) -> None:
    view.show_result(result, None)
    view.set_mirrored(mirrored)
    with qtbot.waitSignal(view.face_clicked) as clicked:
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(x, 200))
    assert clicked.args == [1]


def test_clicking_beside_the_faces_chooses_none(
    qtbot: QtBot, view: VideoView, result: FrameResult
) -> None:
    view.show_result(result, None)
    with qtbot.assertNotEmitted(view.face_clicked):
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))


def test_of_two_faces_under_the_mouse_the_smaller_is_meant(view: VideoView) -> None:
    small = replace(LEFT_FACE, box=Box(140, 160, 60, 70))
    frame = FakeSource().read()
    assert frame is not None
    result = Pipeline(FakeDetector((LEFT_FACE, small)), FakeClassifier()).process(frame)
    view.show_result(result, None)
    assert view.face_at(QPointF(180 + 160, 190)) == 2
    assert view.face_at(QPointF(180 + 110, 140)) == 1


def test_the_picture_is_mirrored_and_the_words_are_not(
    view: VideoView, result: FrameResult
) -> None:
    view.show_result(replace(result, faces=()), None)
    plain = as_array(view.snapshot())
    view.set_mirrored(True)
    assert np.abs(as_array(view.snapshot()) - plain[:, ::-1]).max() <= 2
    view.show_result(result, None)
    left = as_array(view.snapshot())
    view.set_mirrored(False)
    # far above smoothing: the words are written the right way round in both
    assert np.abs(as_array(view.snapshot()) - left[:, ::-1]).max() > 60


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("cell", [(1, 1), (2, 3), (4, 1)])
def test_a_map_with_one_hot_cell_lands_within_one_pixel(
    view: VideoView, result: FrameResult, cell: tuple[int, int], mirrored: bool
) -> None:
    row, column = cell
    place = MapPlace(5.5, 5.5, 7.0, 0.0, 1.0)
    cells = np.zeros((6, 6), dtype=np.float32)
    cells[row, column] = 1.0
    face = result.faces[0]
    hot = replace(face, expression=replace(face.expression, maps={"attention": cells}))
    black = replace(result.frame, image=np.zeros((480, 640, 3), dtype=np.uint8))
    view.set_mirrored(mirrored)
    view.show_result(replace(result, frame=black, faces=(hot,)), None)
    cold = as_array(view.grab().toImage())
    view.set_heatmap(HeatmapChoice("attention", 1.0), {"attention": place})
    added = np.abs(as_array(view.grab().toImage()) - cold).sum(axis=2)

    side = face.square.side
    x = face.square.x + (place.start_x + column * place.stride + 0.5) * side / 48
    y = face.square.y + (place.start_y + row * place.stride + 0.5) * side / 48
    placement = view.view_transform()
    assert placement is not None
    expected = placement.transform().map(QPointF(x, y))
    middle = (np.argwhere(added >= 0.95 * added.max()) + 0.5).mean(axis=0)
    assert middle == pytest.approx([expected.y(), expected.x()], abs=1.0)


def test_no_heat_is_fully_transparent_and_heat_grows() -> None:
    alpha = heat_colours(0.5) >> 24
    assert heat_colours(0.5)[0] == 0
    assert np.all(np.diff(alpha.astype(int)) >= 0)
    assert alpha[-1] == 128


@pytest.mark.parametrize("colours", get_args(HeatColours))
def test_the_cover_is_proportional_to_the_value_and_lightness_only_rises(
    colours: HeatColours,
) -> None:
    table = heat_colours(0.8, colours)
    alpha = (table >> 24).astype(int)
    assert alpha == pytest.approx(np.linspace(0, 0.8 * 255, 256), abs=0.51)
    solid = heat_colours(1.0, colours)
    channels = [((solid >> shift) & 255).astype(float) for shift in (16, 8, 0)]
    share = np.linspace(0, 1, 256)
    red, green, blue = (c[32:] / share[32:] for c in channels)
    lightness = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert np.all(np.diff(lightness[::16]) > 0)


def test_the_heat_fades_out_within_the_square_and_is_whole_on_the_face(
    result: FrameResult,
) -> None:
    face = result.faces[0]
    flat = np.ones((6, 6), np.float32)
    hot = replace(face, expression=replace(face.expression, maps={"attention": flat}))
    choice = HeatmapChoice("attention", 1.0)
    image = heatmap_image(hot, choice, MapPlace(5.5, 5.5, 7.0, 0.0, 1.0))
    assert image is not None
    alpha = [image.pixelColor(x, 48).alpha() for x in (0, 2, 8, 14, 24, 48)]
    assert alpha == sorted(alpha)
    assert (alpha[0], alpha[-1], image.pixelColor(0, 0).alpha()) == (0, 255, 0)
    assert image.pixelColor(26, 30).alpha() == 255  # an eye


def test_a_face_that_is_not_classified_has_no_heat(result: FrameResult) -> None:
    face, place = result.faces[0], MapPlace(5.5, 5.5, 7.0, 0.0, 1.0)
    small = replace(face, low_confidence=True, reason="small")
    unclear = replace(face, low_confidence=True, reason="unclear")
    images, choice = HeatmapImages(), HeatmapChoice("attention", 1.0)
    assert images.image(face, choice, place) is not None
    assert images.image(small, choice, place) is None
    assert images.image(unclear, choice, place) is not None


def test_class_activation_is_the_plane_of_the_shown_label(result: FrameResult) -> None:
    planes = np.zeros((7, 6, 6), dtype=np.float32)
    planes[LABELS.index("happy")] = 1.0
    face = result.faces[0]
    place = MapPlace(5.5, 5.5, 7.0, 0.0, 0.5)
    happy = replace(face, expression=replace(face.expression, maps={"cam": planes}))
    sad = replace(happy, smoothed=likely("sad", 0.9))
    shown = heatmap_image(happy, HeatmapChoice("cam", 1.0), place)
    hidden = heatmap_image(sad, HeatmapChoice("cam", 1.0), place)
    assert shown is not None
    assert hidden is not None
    assert QColor(shown.pixelColor(48, 48)).alpha() == 255
    assert QColor(hidden.pixelColor(48, 48)).alpha() == 0


def test_a_face_without_the_map_has_no_heat(result: FrameResult) -> None:
    face = result.faces[0]
    bare = replace(face, expression=replace(face.expression, maps={}))
    assert heatmap_image(bare, HeatmapChoice("cam", 1.0), MapPlace(0, 0, 1, 0, 1)) is None


@pytest.mark.parametrize("x", [0.0, 300.0, 560.0])
@pytest.mark.parametrize("y", [0.0, 200.0, 400.0])
def test_a_plate_keeps_off_the_faces_and_inside_the_picture(x: float, y: float) -> None:
    view = QRectF(0, 0, 640, 480)
    box, other = QRectF(x, y, 80, 80), QRectF(x, y - 90, 80, 80)
    plate = place_plate(box, 150, 24, [box, other], view)
    assert view.contains(plate)
    assert not plate.intersects(box)
    assert not plate.intersects(other)


def test_a_label_of_low_confidence_is_called_so(result: FrameResult) -> None:
    face = result.faces[0]
    assert face_text(face) == "#1  happy 82 %"
    unsure = replace(face, smoothed=likely("fear", 0.3), low_confidence=True)
    assert face_text(unsure) == "#1  Low confidence: fear 30 %"


def test_a_dimmed_picture_offers_no_face(view: VideoView, result: FrameResult) -> None:
    view.show_result(result, 1)
    view.set_state(ViewState("No picture for 3 s", dimmed=True))
    assert view.face_at(QPointF(180 + 150, 200)) is None
    assert not view.grab().isNull()


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_text_reads_well_on_every_surface(theme: Theme) -> None:
    for surface in (theme.canvas, theme.surface, theme.raised, theme.line):
        for text in (theme.text, theme.amber, theme.red):
            assert contrast(QColor(text), QColor(surface)) >= 4.5, (text, surface)
    for surface in (theme.canvas, theme.surface, theme.raised):
        assert contrast(QColor(theme.muted), QColor(surface)) >= 4.5
        assert contrast(QColor(theme.focus), QColor(surface)) >= 3.0
    assert contrast(QColor(theme.accent_text), QColor(theme.accent)) >= 4.5


def test_text_on_its_plate_reads_well_over_any_picture() -> None:
    plate = plate_colour()
    for grey in (0, 128, 255):
        seen = [round(c * plate.alphaF() + grey * (1 - plate.alphaF())) for c in (11, 13, 16)]
        assert contrast(QColor(DARK.text), QColor(*seen)) >= 7.0


def test_the_seven_colours_show_on_the_panel() -> None:
    assert tuple(LABEL_COLOURS) == LABELS
    for colour in LABEL_COLOURS.values():
        assert contrast(QColor(colour), QColor(DARK.surface)) >= 3.0


def test_the_largest_face_is_chosen_until_the_user_chooses(result: FrameResult) -> None:
    selection = Selection()
    assert selection.update(result) is result.faces[0]
    selection.choose(2)
    assert selection.update(result) is result.faces[1]


def test_a_chosen_face_out_of_sight_is_waited_for(result: FrameResult) -> None:
    selection = Selection()
    selection.choose(2)
    selection.update(result)
    alone = replace(result, faces=result.faces[:1])
    soon = replace(alone, frame=replace(result.frame, t_s=result.frame.t_s + KEEP_S / 2))
    late = replace(alone, frame=replace(result.frame, t_s=result.frame.t_s + KEEP_S * 2))
    assert selection.update(soon) is None
    assert selection.face_id == 2
    assert selection.update(late) is result.faces[0]


def test_faces_are_cycled_both_ways(result: FrameResult) -> None:
    selection = Selection()
    order = []
    for by in (1, 1, 1, -1):
        selection.step(result, by)
        order.append(selection.face_id)
    assert order == [1, 2, 1, 2]
    selection.step(replace(result, faces=()), 1)
    assert selection.face_id == 2


def test_a_picture_drawn_ahead_is_what_the_view_paints_itself(
    view: VideoView, result: FrameResult
) -> None:
    assert view.draw_ahead(result) is None  # nobody has seen the view yet
    view.set_heatmap(
        HeatmapChoice("attention", 0.8), {"attention": MapPlace(5.5, 5.5, 8.0, 0.2, 0.9)}
    )
    view.show_result(result, 1)
    own = as_array(view.grab().toImage())
    ahead = view.draw_ahead(replace(result))
    assert ahead is not None
    view.show_result(ahead.result, 1, ahead)
    assert np.array_equal(as_array(view.grab().toImage()), own)
    assert view._picture is ahead


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_picture_of_another_look_is_not_shown(
    view: VideoView, result: FrameResult, mirrored: bool
) -> None:
    view.grab()
    ahead = view.draw_ahead(result)
    view.set_mirrored(not mirrored)
    view.set_mirrored(mirrored)
    view.show_result(result, None, ahead)
    view.grab()
    assert (view._picture is ahead) is not mirrored


def test_a_window_that_is_dragged_stretches_its_picture_and_then_draws_it(
    qtbot: QtBot, view: VideoView, result: FrameResult
) -> None:
    view.show_result(replace(result, faces=()), None)
    view.grab()
    view.resize(640, 480)
    stretched = as_array(view.grab().toImage())
    # the same place and colours at once, sharp a moment later
    assert np.abs(stretched - result.frame.image).mean() < 3
    qtbot.waitUntil(lambda: view._picture is None)
    assert np.array_equal(as_array(view.grab().toImage()), result.frame.image)


def test_a_picture_that_is_still_held_is_not_drawn_over(result: FrameResult) -> None:
    maker, look = PictureMaker(), Look(320, 240)
    white = replace(result.frame, image=np.full((480, 640, 3), 255, dtype=np.uint8))
    held = maker.draw(replace(result, faces=()), look)
    before = as_array(held.image)
    for _ in range(6):
        other = maker.draw(replace(result, frame=white, faces=()), look)
        assert as_array(other.image).min() == 255
    assert np.array_equal(as_array(held.image), before)


def test_on_a_fine_screen_the_picture_has_all_its_pixels(result: FrameResult) -> None:
    look = Look(320, 240, ratio=2.0)
    drawn = PictureMaker().draw(replace(result, faces=()), look).image
    assert (drawn.width(), drawn.height(), drawn.devicePixelRatio()) == (640, 480, 2.0)
    assert np.array_equal(as_array(drawn), result.frame.image)


def as_array(image: QImage) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """[H, W, 3] of the picture's own pixels."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    pixels = rows[:, : rgb.width() * 3].reshape(rgb.height(), rgb.width(), 3)
    return pixels.astype(np.int16)
