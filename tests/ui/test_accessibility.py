"""What users of screen readers, of the keyboard and of large type rely on."""

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from ferdesk.settings import Settings
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.tab_order import controls_of
from ferdesk.ui.kit.theme import DARK, LIGHT, colours
from ferdesk.ui.preferences.appearance import Appearance
from ferdesk.ui.preferences.consent import ConsentPage
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.test_window import run

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
)
INNER = ("qt_spinbox_lineedit", "qt_dockwidget_closebutton", "qt_dockwidget_floatbutton")


@pytest.fixture
def look() -> Iterator[Callable[[Settings], Appearance]]:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    made: list[Appearance] = []

    def make(settings: Settings) -> Appearance:
        made.append(Appearance(app, settings))
        return made[-1]

    yield make
    for one in made:
        one.apply(Settings(theme="dark", language="en"))
        one.rings.deleteLater()
        one.deleteLater()
    app.setStyleSheet("")


def nameless(top: QWidget) -> list[str]:
    """The controls below ``top`` that a screen reader could not name."""
    found = []
    for widget in top.findChildren(QWidget):
        # the lists that combo boxes open, and what spin boxes are made of
        parent = widget.parentWidget()
        above = parent.parentWidget() if parent is not None else None
        inner = isinstance(parent, QComboBox | QAbstractItemView | QAbstractSpinBox)
        inner = inner or isinstance(above, QComboBox)
        if not isinstance(widget, CONTROLS) or isinstance(widget, QScrollBar) or inner:
            continue
        if widget.objectName().startswith("qt_") or widget.objectName() in INNER:
            continue
        interface = QAccessible.queryAccessibleInterface(widget)
        if not interface.text(QAccessible.Text.Name).strip():
            found.append(f"{type(widget).__name__} {widget.objectName()} in {widget.parent()}")
    return found


def test_every_control_of_the_window_and_its_dialogs_has_a_name(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    window.choose_settings()
    window.show_keys()
    window.notices.show_notice(Notice("Odd.", "error", "details"))
    assert nameless(window) == []
    for dialog in window.findChildren(QDialog):
        assert dialog.windowTitle()


def test_every_control_of_the_first_page_has_a_name(qtbot: QtBot) -> None:
    page = ConsentPage(Settings())
    qtbot.addWidget(page)
    assert nameless(page) == []


def test_every_dock_has_a_title_and_a_name_that_is_kept(window: MainWindow) -> None:
    docks = window.findChildren(QDockWidget)
    assert len({dock.objectName() for dock in docks}) == len(docks) >= 2
    assert all(dock.windowTitle() and dock.objectName() for dock in docks)


def test_tab_reaches_every_button_of_the_bar(window: MainWindow) -> None:
    assert QTest.qWaitForWindowActive(window)
    window.live_page.sources.button.setFocus(Qt.FocusReason.TabFocusReason)
    met: set[QWidget] = set()
    focus = QApplication.focusWidget()
    while focus is not None and focus not in met:
        met.add(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
        focus = QApplication.focusWidget()
    buttons = [b for b in window.live_page.toolbar.findChildren(QAbstractButton) if b.isVisible()]
    assert {b for b in buttons if b.isEnabled()} <= met
    assert window.live_page.faces.list in met


@pytest.mark.parametrize("page", ["live", "queue"])
def test_tab_goes_on_as_the_page_is_read(window: MainWindow, qtbot: QtBot, page: str) -> None:
    window.resize(1900, 1000)
    run(window, qtbot)
    if page == "queue":
        window.show_queue()
    assert QTest.qWaitForWindowActive(window)
    first: QWidget = window.live_page.sources.button
    groups: list[QWidget] = [window.live_page.toolbar, window.live_page.faces]
    groups.append(window.live_page.live_actions.timeline)
    if page == "queue":
        queue = window.queueing.opened()
        groups = [queue]
        first = next(one for one in queue.findChildren(QToolButton) if one.objectName() == "live")
    first.setFocus(Qt.FocusReason.TabFocusReason)
    met: list[QWidget] = []
    while (focus := QApplication.focusWidget()) is not None and focus not in met:
        met.append(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    for group in groups:
        inside = [one for one in met if group.isAncestorOf(one)]
        assert len(inside) > 2
        assert inside == [one for one in controls_of(group) if one in inside]
    if page == "live":
        places = [one.mapTo(window, QPoint()).x() for one in met if groups[0].isAncestorOf(one)]
        assert places == sorted(places)
        heights = [one.mapTo(window, QPoint()).y() for one in met if groups[1].isAncestorOf(one)]
        assert heights == sorted(heights)


def test_the_focus_is_shown_where_the_keyboard_went(
    make_window: Callable[..., MainWindow], look: Callable[[Settings], Appearance]
) -> None:
    one = look(Settings(theme="light", language="en"))
    window = make_window()
    assert QTest.qWaitForWindowActive(window)
    window.live_page.sources.button.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(window.live_page.sources.button, Qt.Key.Key_Tab)
    assert one.rings.around is QApplication.focusWidget()


def test_text_grows_and_shrinks_with_the_setting(
    make_window: Callable[..., MainWindow], look: Callable[[Settings], Appearance]
) -> None:
    one = look(Settings(language="en"))
    window = make_window()
    before = window.font().pointSizeF()
    one.apply(Settings(language="en", font_scale=1.5))
    assert window.font().pointSizeF() == pytest.approx(1.5 * before)
    one.apply(Settings(language="en"))
    assert window.font().pointSizeF() == pytest.approx(before)


def test_the_theme_follows_the_system_while_the_program_runs(
    make_window: Callable[..., MainWindow],
    look: Callable[[Settings], Appearance],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schemes = {"now": Qt.ColorScheme.Dark}
    monkeypatch.setattr("ferdesk.ui.kit.theme.system_scheme", lambda: schemes["now"])
    look(Settings(theme="system", language="en"))
    make_window()
    assert QApplication.palette().windowText().color() == QColor(DARK.text)
    schemes["now"] = Qt.ColorScheme.Light
    # offscreen has no desktop whose scheme could change; the signal is the desktop's
    QApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert colours() == LIGHT
    assert QApplication.palette().windowText().color() == QColor(LIGHT.text)


def test_the_window_fits_a_small_screen(
    make_window: Callable[..., MainWindow], look: Callable[[Settings], Appearance]
) -> None:
    look(Settings(language="en"))
    window = make_window()
    assert window.minimumSizeHint().width() <= 1280
    assert window.minimumSizeHint().height() <= 720
