"""Details of sessions: name, participant, condition and notes, for one or for several at once."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from ferdesk.sessions.catalogue import Entry
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.theme import GRID

_LONGEST = 120


class DetailsDialog(QDialog):
    """Details dialog; of several sessions only what they have in common is filled in."""

    def __init__(self, entries: Sequence[Entry], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        alone = len(entries) == 1
        title = tr("Session details") if alone else tr("Details of %n sessions", "", len(entries))
        self.setWindowTitle(title)
        self._before = {
            key: _shared([value(entry) for entry in entries]) for key, value in _VALUES.items()
        }
        self.participant = self._line(self._before["participant"] or "", tr("Participant"))
        self.condition = self._line(self._before["condition"] or "", tr("Condition"))
        for key, line in (("participant", self.participant), ("condition", self.condition)):
            if self._before[key] is None:
                # an empty line among several sessions is no wish to empty them
                line.setPlaceholderText(tr("They differ; left empty, each stays as it is"))
        form = QFormLayout()
        form.setSpacing(GRID)
        self.name: QLineEdit | None = None
        self.notes: QPlainTextEdit | None = None
        if alone:
            self.name = self._line(entries[0].title, tr("Name"))
            self.name.setPlaceholderText(entries[0].name)
            form.addRow(tr("Name"), self.name)
        form.addRow(tr("Participant"), self.participant)
        form.addRow(tr("Condition"), self.condition)
        if alone:
            self.notes = QPlainTextEdit(entries[0].notes, self)
            self.notes.setAccessibleName(tr("Notes"))
            self.notes.setTabChangesFocus(True)
            self.notes.setFixedHeight(10 * GRID)
            form.addRow(tr("Notes"), self.notes)
        buttons = QDialogButtonBox(self)
        save = buttons.addButton(tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        save.setDefault(True)
        buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addLayout(form)
        layout.addWidget(buttons)

    @property
    def answer(self) -> dict[str, str]:
        """The texts that are to be changed, by their keys in ``session.json``."""
        now = {"participant": self.participant.text(), "condition": self.condition.text()}
        if self.name is not None and self.notes is not None:
            now |= {"name": self.name.text(), "notes": self.notes.toPlainText()}
        return {key: text.strip() for key, text in now.items() if text != (self._before[key] or "")}

    def _line(self, text: str, name: str) -> QLineEdit:
        line = QLineEdit(text, self)
        line.setAccessibleName(name)
        line.setMaxLength(_LONGEST)
        line.setMinimumWidth(36 * GRID)
        return line


_VALUES: dict[str, Callable[[Entry], str]] = {
    "name": lambda entry: entry.title,
    "participant": lambda entry: entry.participant,
    "condition": lambda entry: entry.condition,
    "notes": lambda entry: entry.notes,
}


def _shared(texts: Sequence[str]) -> str | None:
    """The text that all have; None where they differ."""
    return texts[0] if len(set(texts)) == 1 else None


def ask_details(parent: QWidget, entries: Sequence[Entry]) -> dict[str, str] | None:
    """The texts that the user changed; None where the user cancels."""
    dialog = DetailsDialog(entries, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    answer = dialog.answer
    dialog.deleteLater()
    return answer if accepted else None
