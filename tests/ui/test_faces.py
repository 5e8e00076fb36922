"""The faces of the picture: names, colours, plates that keep still, maps of a chosen expression."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.core.heatmap import HeatmapChoice
from ferdesk.core.labels import LABELS
from ferdesk.core.palette import LABEL_COLOURS
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import FrameResult, MapPlace
from ferdesk.settings import Settings
from ferdesk.ui.kit.face_names import LONGEST_NAME, FaceNames, own_colour
from ferdesk.ui.kit.heatmap import HeatmapImages, heatmap_image
from ferdesk.ui.kit.overlay import BASELINE_SIGN, face_text
from ferdesk.ui.kit.plates import PlatePlaces
from ferdesk.ui.kit.theme import DARK, contrast, plate_colour
from ferdesk.ui.live.faces_panel import FacesPanel
from ferdesk.ui.shell.main_window import MainWindow
from tests.helpers.results import FACE, OTHER, faces
from tests.ui.fakes import FakeClassifier, FakeDetector, FakeServices, FakeSource
from tests.ui.test_window import run

VIEW = QRectF(0, 0, 640, 480)


@pytest.fixture
def result() -> FrameResult:
    frame = FakeSource().read()
    assert frame is not None
    return Pipeline(FakeDetector(), FakeClassifier()).process(frame)


def test_a_name_is_given_shown_and_kept_until_the_source_is_left(
    window: MainWindow, qtbot: QtBot
) -> None:
    run(window, qtbot)
    QTest.keyClick(window, Qt.Key.Key_N)
    assert window.live_page.faces.name.hasFocus()
    QTest.keyClicks(window.live_page.faces.name, "Ana")
    QTest.keyClick(window.live_page.faces.name, Qt.Key.Key_Return)
    # the next key is the page's, and no button's that happens to come next
    assert window.live_page.view.hasFocus()
    item = window.live_page.faces.list.item(0, 0)
    assert item is not None
    qtbot.waitUntil(lambda: item.text() == "#1 Ana")
    assert window.live_page.view.names == {1: "Ana"}
    window.live_page.sources.choose("demo")
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    assert window.live_page.view.names == {}
    assert window.live_page.faces.name.text() == ""


def test_escape_leaves_a_name_and_nothing_else(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    window.actions_by_name["full"].trigger()
    window.actions_by_name["panel"].trigger()
    name = window.live_page.faces.name
    name.setFocus()
    QTest.keyClicks(name, "Ana")
    QTest.keyClick(name, Qt.Key.Key_Escape)
    assert window.live_page.view.hasFocus()
    assert window.live_page.view.names == {1: "Ana"}
    assert window.actions_by_name["full"].isChecked()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not window.actions_by_name["full"].isChecked()


def test_a_per_cent_is_whole_in_large_type_too(qtbot: QtBot) -> None:
    panel = FacesPanel()
    qtbot.addWidget(panel)
    font = panel.font()
    font.setPointSizeF(1.5 * font.pointSizeF())
    panel.list.setFont(font)
    panel.list.show_faces((FACE,), FACE.face_id)
    assert panel.list.columnWidth(2) > panel.list.fontMetrics().horizontalAdvance("100 %")


def test_the_selected_one_of_a_crowd_is_in_sight(qtbot: QtBot) -> None:
    panel = FacesPanel()
    qtbot.addWidget(panel)
    panel.show()
    crowd = tuple(replace(FACE, face_id=number) for number in range(1, 21))
    panel.list.show_faces(crowd, 15)
    shown = panel.list.viewport().rect()
    row = panel.list.model().index(14, 0)
    qtbot.waitUntil(lambda: shown.contains(panel.list.visualRect(row).center()))


@pytest.mark.parametrize("name", ["Ana", "Somebody with a long name"])
def test_a_name_takes_no_room_from_the_label_beside_it(qtbot: QtBot, name: str) -> None:
    panel = FacesPanel()
    qtbot.addWidget(panel)
    panel.setFixedWidth(226)
    panel.show()
    panel.list.show_faces((FACE,), FACE.face_id, {FACE.face_id: name})
    advance = panel.list.fontMetrics().horizontalAdvance
    beside_px = 5 * 8
    assert panel.list.columnWidth(1) >= max(map(advance, LABELS)) + beside_px
    if name == "Ana":
        assert panel.list.columnWidth(0) >= advance("#3 Ana") + 3 * 8


def test_letters_typed_into_a_name_are_no_commands(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    window.live_page.faces.edit_name()
    QTest.keyClicks(window.live_page.faces.name, "hbr")
    assert window.live_page.faces.name.text() == "hbr"
    assert not window.live_page.heatmap.switch.isChecked()


def test_another_face_has_another_name(window: MainWindow, qtbot: QtBot) -> None:
    run(window, qtbot)
    window.live_page.faces.names.give(1, "Ana")
    window.live_page.choose_face(2)
    assert window.live_page.faces.name.text() == ""
    window.live_page.choose_face(1)
    assert window.live_page.faces.name.text() == "Ana"


def test_a_session_that_ends_keeps_the_names(
    window: MainWindow, qtbot: QtBot, services: FakeServices
) -> None:
    run(window, qtbot)
    window.live_page.faces.names.give(2, "Bo")
    assert window.live.names == {2: "Bo"}


def test_names_are_tidied_and_taken_back() -> None:
    names = FaceNames()
    names.give(3, "  Ana \n Maria " + "x" * 100)
    assert names.by_id[3].startswith("Ana Maria x")
    assert len(names.by_id[3]) == LONGEST_NAME
    names.give(3, "")
    assert names.by_id == {}


def test_the_plate_says_name_and_baseline(result: FrameResult) -> None:
    face = replace(result.faces[0], baseline_applied=True)
    assert face_text(face, {1: "Ana"}) == f"#1 Ana  happy 82 %  {BASELINE_SIGN}"


def test_faces_have_colours_that_show_on_the_plate_and_are_no_labels() -> None:
    for face_id in range(1, 9):
        colour = own_colour(face_id)
        assert contrast(colour, plate_colour()) >= 4.5
        assert colour.name().upper() not in LABEL_COLOURS.values()
    assert own_colour(9) == own_colour(1)
    assert DARK.plate


def test_a_plate_stays_where_it_was_while_there_is_room() -> None:
    places = PlatePlaces()
    box = QRectF(300, 4, 100, 100)  # no room above: below
    below = places.place(1, box, 120, 24, [box], VIEW)
    assert below.top() > box.bottom()
    lower = box.translated(0, 60)  # now there is room above, and below is still free
    assert places.place(1, lower, 120, 24, [lower], VIEW) == below.translated(0, 60)
    blocked = QRectF(lower.left(), lower.bottom(), 200, 60)
    above = places.place(1, lower, 120, 24, [lower, blocked], VIEW)
    assert above.bottom() < lower.top()


def test_plates_of_a_crowd_cover_neither_faces_nor_each_other() -> None:
    boxes = [QRectF(40 + 118 * (i % 5), 60 + 190 * (i // 5), 80, 100) for i in range(10)]
    places, taken = PlatePlaces(), list(boxes)
    for i, box in enumerate(boxes):
        plate = places.place(i, box, 110, 24, taken, VIEW)
        assert not any(plate.intersects(other) for other in taken), i
        taken.append(plate)


def test_the_map_of_a_chosen_expression_is_shown(window: MainWindow) -> None:
    window.live_page.heatmap.switch.setChecked(True)
    window.live_page.heatmap.maps.setCurrentIndex(window.live_page.heatmap.maps.findData("cam"))
    assert window.live_page.heatmap.choosing.isVisible()
    assert window.live_page.heatmap.choice.label is None
    window.live_page.heatmap.label.setCurrentIndex(window.live_page.heatmap.label.findData("sad"))
    assert window.live_page.heatmap.choice == HeatmapChoice("cam", 0.7, "sad", in_oval=True)
    assert window.store.settings.cam_label == "sad"
    window.live_page.heatmap.maps.setCurrentIndex(
        window.live_page.heatmap.maps.findData("attention")
    )
    assert not window.live_page.heatmap.choosing.isVisible()
    assert window.live_page.heatmap.choice.label is None


def test_the_chosen_expression_is_remembered(make_window: Callable[..., MainWindow]) -> None:
    window = make_window(Settings(heatmap=True, map_name="cam", cam_label="fear"))
    assert window.live_page.heatmap.choice == HeatmapChoice("cam", 0.7, "fear", in_oval=True)


def test_the_chosen_expressions_plane_is_painted(result: FrameResult) -> None:
    planes = np.zeros((7, 6, 6), dtype=np.float32)
    planes[LABELS.index("sad")] = 1.0
    face = result.faces[0]
    face = replace(face, expression=replace(face.expression, maps={"cam": planes}))
    place = MapPlace(5.5, 5.5, 7.0, 0.0, 0.5)
    for label, alpha in ((None, 0), ("sad", 255), ("happy", 0)):
        image = heatmap_image(face, HeatmapChoice("cam", 1.0, label), place)
        assert image is not None
        assert image.pixelColor(48, 48).alpha() == alpha


def test_a_repaint_makes_no_map_anew_and_a_new_judgement_does(result: FrameResult) -> None:
    images, face = HeatmapImages(), result.faces[0]
    place, choice = MapPlace(5.5, 5.5, 8.0, 0.2, 0.9), HeatmapChoice("attention", 0.5)
    first = images.image(face, choice, place)
    assert images.image(face, choice, place) is first
    moved = replace(face, box=replace(face.box, x=face.box.x + 9))
    assert images.image(moved, choice, place) is first
    assert images.image(face, replace(choice, opacity=0.4), place) is not first
    again = replace(face, expression=replace(face.expression))
    kept = images.image(face, choice, place)
    assert images.image(again, choice, place) is not kept


def test_a_maps_absence_is_explained_where_it_is_greyed(window: MainWindow) -> None:
    window.live_page.heatmap.set_places({"attention": MapPlace(5.5, 5.5, 8.0, 0.2, 0.9)})
    model = window.live_page.heatmap.maps.model()
    row = window.live_page.heatmap.maps.findData("cam")
    assert not model.flags(model.index(row, 0)) & Qt.ItemFlag.ItemIsEnabled
    assert "has no such map" in str(
        window.live_page.heatmap.maps.itemData(row, Qt.ItemDataRole.ToolTipRole)
    )


def test_a_snapshot_offers_its_folder(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr("ferdesk.ui.live.snapshot.open_folder", opened.append)
    run(window, qtbot)
    QTest.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: bool(window.notices.cards))
    button = window.notices.cards[0].choices[0]
    assert button.text() == "Open folder"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: opened == [tmp_path / "pictures"])


def test_a_face_that_is_not_classified_shows_no_bars_and_says_why_on_a_click(qtbot: QtBot) -> None:
    panel = FacesPanel()
    qtbot.addWidget(panel)
    panel.show()
    small = replace(FACE, reason="small")
    panel.show_faces((OTHER, small), OTHER, OTHER.face_id)
    assert panel.bars.drawn.max() == pytest.approx(17 / 64)
    assert not panel.why.isVisible()
    panel.show_faces((OTHER, small), small, small.face_id)
    assert panel.bars.drawn.max() == 0
    assert panel.headline.text() == "Too small"
    panel.why.click()
    assert panel.why.popover.isVisible()
    assert "move closer" in panel.why.words.text()
    panel.why.popover.hide()


def test_a_label_of_low_confidence_is_explained_in_place(qtbot: QtBot) -> None:
    panel = FacesPanel()
    qtbot.addWidget(panel)
    panel.show()
    unclear = replace(FACE, reason="unclear")
    panel.show_faces((unclear,), unclear, unclear.face_id)
    assert panel.headline.text() == "Low confidence: angry 27 %"
    assert "F1" not in panel.hint.text()
    assert panel.why.isVisible()
    assert "no label is clearly ahead" in panel.why.words.text()


def test_the_list_is_as_high_as_the_most_faces_at_once_up_to_five(qtbot: QtBot) -> None:
    panel = FacesPanel()
    qtbot.addWidget(panel)
    heights = []
    for number in (1, 3, 2, 9):
        shown = faces(number)
        panel.show_faces(shown, shown[0], 1)
        heights.append(panel.list.height())
    row = (heights[1] - heights[0]) // 2
    assert heights == [heights[0], heights[0] + 2 * row, heights[0] + 2 * row, heights[0] + 4 * row]
    panel.forget()
    assert panel.list.height() == heights[0]
