"""Room: on a small screen the panels show all that they have, and scrolling changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QIcon, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QScrollArea, QSpinBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from ferdesk.settings import Settings
from ferdesk.ui.kit.scrolls import ColumnScroll
from ferdesk.ui.live.faces_panel import FacesList
from ferdesk.ui.live.timeline import Timeline
from ferdesk.ui.preferences.appearance import Appearance
from ferdesk.ui.shell import main_window
from ferdesk.ui.shell.main_window import MainWindow, first_size
from tests.ui.test_window import run

SMALL = QSize(1264, 684)
"""What a window manager's frame leaves of a screen of 1280x720."""


@pytest.fixture
def settings() -> Iterator[Settings]:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    wanted = Settings(theme="dark")
    look = Appearance(app, wanted)
    yield wanted
    look.rings.deleteLater()
    look.deleteLater()
    app.setStyleSheet("")


def test_the_panels_of_a_small_screen_show_all_that_they_have(
    make_window: Callable[..., MainWindow],
    qtbot: QtBot,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(main_window, "first_size", lambda _room, _frame: SMALL)
    window = make_window(settings)
    page = window.live_page

    def hidden() -> list[int]:
        panels = [page.dock_area.docks[name].widget() for name in ("faces", "heat")]
        return [
            bar.maximum()
            for panel in panels
            if isinstance(panel, QScrollArea)
            for bar in (panel.verticalScrollBar(), panel.horizontalScrollBar())
        ]

    qtbot.waitUntil(lambda: hidden() == [0, 0, 0, 0])
    run(window, qtbot)
    assert len(page.view.result.faces) == 2  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: hidden() == [0, 0, 0, 0])
    widest = max(
        page.heatmap.maps.fontMetrics().horizontalAdvance(page.heatmap.maps.itemText(i))
        for i in range(page.heatmap.maps.count())
    )
    assert page.heatmap.maps.width() >= widest + 20


def turn(widget: QWidget) -> bool:
    """The wheel, one notch down, over ``widget``; whether it took that or left it to others."""
    middle = QPointF(widget.rect().center())
    event = QWheelEvent(
        middle,
        QPointF(widget.mapToGlobal(widget.rect().center())),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def test_whoever_scrolls_past_a_control_does_not_change_it(qtbot: QtBot) -> None:
    inside = QWidget()
    column = QVBoxLayout(inside)
    combo, spin = QComboBox(), QSpinBox()
    combo.addItems(["predicted label", "surprise", "happy"])
    for widget in (combo, spin, QWidget()):
        widget.setMinimumHeight(200)
        column.addWidget(widget)
    scroll = ColumnScroll(inside)
    qtbot.addWidget(scroll)
    scroll.resize(200, 150)
    scroll.show()
    taken = [turn(combo), turn(spin)]
    assert (combo.currentIndex(), spin.value()) == (0, 0)
    assert taken == [False, False]  # then the scroll area has it
    combo.setFocus()
    qtbot.waitUntil(combo.hasFocus)
    assert turn(combo)
    assert combo.currentIndex() == 1


def test_the_panels_and_the_settings_are_guarded(
    make_window: Callable[..., MainWindow], qtbot: QtBot, settings: Settings
) -> None:
    window = make_window(replace(settings, heatmap=True, map_name="cam"))
    window.choose_settings()
    dialog = window.preferences.dialog
    assert dialog is not None
    controls = [window.live_page.heatmap.label, dialog.editors["theme"]]
    for control in controls:
        assert isinstance(control, QComboBox)
        control.clearFocus()
        before = control.currentIndex()
        turn(control)
        assert control.currentIndex() == before


def test_a_large_screen_gets_a_large_first_window() -> None:
    size = first_size(QRect(0, 0, 1920, 1040), QSize(16, 40))
    assert (size.width(), size.height()) == (1536, 832)
    size = first_size(QRect(0, 0, 3840, 2120), QSize(16, 40))
    assert (size.width(), size.height()) == (1600, 960)


def test_a_selected_face_keeps_the_colour_of_its_label(qtbot: QtBot) -> None:
    faces = FacesList()
    qtbot.addWidget(faces)
    icon = faces._icons["happy"]
    shown, selected = (
        icon.pixmap(32, mode).toImage().pixelColor(16, 16)
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected)
    )
    assert selected == shown
    assert shown.name() == "#e69f00"


def test_the_timelines_controls_stay_at_the_top_while_there_is_no_plot(qtbot: QtBot) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(800, 240)
    timeline.show()
    assert timeline._plot is None
    before = timeline.pause.geometry()
    assert before.top() < 20
    timeline._ensure_plot()
    QTest.qWait(20)
    assert timeline.pause.geometry() == before
    plot = timeline.plot
    assert plot is not None
    assert plot.height() > 120


def test_the_sheet_of_shortcuts_scrolls_in_one_direction_at_most(
    make_window: Callable[..., MainWindow], settings: Settings
) -> None:
    window = make_window(settings)
    window.show_keys()
    sheet = window.keys_sheet
    assert sheet is not None
    sheet.resize(1000, 500)
    QTest.qWait(30)
    scroll = sheet.findChild(QScrollArea)
    assert isinstance(scroll, QScrollArea)
    assert scroll.horizontalScrollBar().maximum() == 0
    assert max(len(text) for _, text in sheet.entries) > 50
