"""Icons: a toolbar's are there at once, a menu's soon after, and each in the theme's colours."""

from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from ferdesk.ui.kit.actions import ActionSpec, ActionTable, button_of
from ferdesk.ui.kit.icons import themed_icon
from ferdesk.ui.kit.theme import colours


def test_menus_get_their_icons_after_the_window(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    table = ActionTable()
    names = {"snapshot": "camera", "marker": "flag", "bare": ""}
    table.add(window, *(ActionSpec(name, name, print, icon=icon) for name, icon in names.items()))
    button = button_of(table["snapshot"], window)
    assert not button.icon().isNull()
    assert table["marker"].icon().isNull()
    table.add(window, ActionSpec("late", "late", print, icon="tag"))
    drawn: list[QAction] = [table["marker"], table["late"]]
    qtbot.waitUntil(lambda: not any(action.icon().isNull() for action in drawn))
    assert table["bare"].icon().isNull()


def test_a_disabled_icon_has_the_same_shape_in_grey(qtbot: QtBot) -> None:
    icon = themed_icon("square", "#ff2010")
    normal, grey = (
        icon.pixmap(24, mode).toImage() for mode in (QIcon.Mode.Normal, QIcon.Mode.Disabled)
    )
    points = [(x, y) for x in range(24) for y in range(24)]
    shape = [normal.pixelColor(*p).alpha() for p in points]
    assert max(shape) == 255
    assert shape == [grey.pixelColor(*p).alpha() for p in points]
    full = points[shape.index(255)]
    assert normal.pixelColor(*full).name() == "#ff2010"
    assert grey.pixelColor(*full).name() == colours().disabled.lower()
