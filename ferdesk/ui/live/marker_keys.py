"""Marker keys: 1 to 9 add markers, whose names can be changed; the dialogs that ask for texts."""

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from ferdesk.ui.kit.actions import ActionSpec, make_action
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.text_question import ask_text
from ferdesk.ui.kit.theme import GRID

NUM_KEYS = 9
_LONGEST = 60


class MarkerKeys(QObject):
    """Marker keys: nine actions of ``parent``; ``add_marker`` gets the name."""

    def __init__(self, parent: QWidget, add_marker: Callable[[str], None]) -> None:
        super().__init__(parent)
        self._add_marker = add_marker
        self.names: tuple[str, ...] = tuple(str(key) for key in range(1, NUM_KEYS + 1))
        for index in range(NUM_KEYS):
            spec = ActionSpec(
                f"marker_{index + 1}",
                "",
                partial(self._pressed, index),
                str(index + 1),
                # one line of the shortcuts sheet stands for all nine
                tip=mark("Add numbered marker") if index == 0 else "",
                # a key that is held down is one marker
                repeats=False,
                keys_text="1-9" if index == 0 else "",
            )
            make_action(parent, spec)

    def set_names(self, names: Sequence[str]) -> None:
        """Take the names in the keys' order; an empty or missing one is the digit itself."""
        tidy = [" ".join(name.replace(";", ",").split())[:_LONGEST] for name in names]
        tidy += [""] * NUM_KEYS
        self.names = tuple(tidy[i] or str(i + 1) for i in range(NUM_KEYS))

    def as_setting(self) -> str:
        return ";".join(self.names)

    def _pressed(self, index: int) -> None:
        self._add_marker(self.names[index])


def ask_marker_text(parent: QWidget) -> str:
    """Ask for the text of one marker; empty for none."""
    return ask_text(parent, tr("Marker"), tr("Marker label:")) or ""


def ask_marker_names(parent: QWidget, names: Sequence[str]) -> Sequence[str] | None:
    """Ask for the nine names; None where nothing is to be changed."""
    dialog = MarkerNamesDialog(names, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    dialog.deleteLater()
    return dialog.names() if accepted else None


class MarkerNamesDialog(QDialog):
    """Marker names dialog: nine lines, one a key."""

    def __init__(self, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Marker names"))
        self._lines: list[QLineEdit] = []
        form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID)
        form.setVerticalSpacing(GRID)
        for index, name in enumerate(names):
            line = QLineEdit(name, self)
            line.setMaxLength(_LONGEST)
            line.setMinimumWidth(36 * GRID)
            form.addRow(str(index + 1), line)
            self._lines.append(line)
        hint = QLabel(tr("Press 1-9 while recording to add these markers."), self)
        hint.setProperty("role", "muted")
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(hint)
        layout.addLayout(form)
        layout.addWidget(buttons)

    def names(self) -> tuple[str, ...]:
        return tuple(line.text() for line in self._lines)
