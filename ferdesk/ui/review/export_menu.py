"""Export button: a menu of the formats that sessions are exported to."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from ferdesk.ui.kit.actions import ignore_checked
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import tr
from ferdesk.ui.review.exports import EXPORTS


def export_button(parent: QWidget, does: Callable[[str], None]) -> QToolButton:
    """A button whose menu calls ``does`` with the key of a format."""
    button = QToolButton(parent)
    button.setText(tr("Export") + "  ▾")
    button.setAccessibleName(tr("Export"))
    give_icon(button, "download")
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    menu = QMenu(button)
    for kind, title in EXPORTS.items():
        menu.addAction(tr(title)).triggered.connect(partial(ignore_checked, partial(does, kind)))
    button.setMenu(menu)
    return button
