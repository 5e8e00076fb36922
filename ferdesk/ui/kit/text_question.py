"""Text question: asks for one text, in a dialog that is wide enough for its title and an answer."""

from PySide6.QtWidgets import QDialog, QInputDialog, QLabel, QWidget

from ferdesk.ui.kit.theme import GRID

_LEAST_PX = 48 * GRID
_TITLE_BAR_PX = 16 * GRID
"""The icon and the buttons beside a title."""


def ask_text(
    parent: QWidget, title: str, question: str, text: str = "", *, lines: bool = False
) -> str | None:
    """The text that the user gives, with ``text`` to begin with; None where they cancel.

    ``lines``: it may have several.
    """
    dialog = text_dialog(parent, title, question, text, lines=lines)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    dialog.deleteLater()
    return dialog.textValue() if accepted else None


def text_dialog(
    parent: QWidget, title: str, question: str, text: str = "", *, lines: bool = False
) -> QInputDialog:
    """The dialog of ``ask_text``."""
    dialog = QInputDialog(parent)
    dialog.setWindowTitle(title)
    dialog.setLabelText(question)
    if lines:
        dialog.setOption(QInputDialog.InputDialogOption.UsePlainTextEditForTextInput)
    dialog.setTextValue(text)
    # Qt's own width is that of a question, and a window's title is cut where it is longer
    title_px = dialog.fontMetrics().horizontalAdvance(title) + _TITLE_BAR_PX
    # the dialog itself is held at the size of what is in it
    for label in dialog.findChildren(QLabel):
        label.setMinimumWidth(max(_LEAST_PX, title_px))
    return dialog
