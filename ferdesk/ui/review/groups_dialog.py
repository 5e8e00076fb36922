"""Groups of a comparison: which of the selected sessions are in group A, and which in B."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ferdesk.sessions.catalogue import Entry
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.theme import GRID

_ROW_PX = 4 * GRID
_MOST_ROWS_SEEN = 10


@dataclass(frozen=True, slots=True)
class GroupChoice:
    """Group of a comparison, as the user chose it."""

    name: str
    folders: tuple[Path, ...]


def pair_of(one: Entry, other: Entry) -> tuple[GroupChoice, GroupChoice]:
    """Two sessions, each a group of its own under its own name."""
    first, second = (
        GroupChoice(entry.title or entry.name, (entry.folder,)) for entry in (one, other)
    )
    return first, second


def proposed_groups(entries: Sequence[Entry]) -> list[int]:
    """[n] 0 or 1 for each session: by its condition where there are two, else the first and rest.

    With more conditions than two, those of the first session and all others; -1 is in neither.
    """
    conditions = list(dict.fromkeys(entry.condition for entry in entries))
    if len(conditions) == 2:
        return [conditions.index(entry.condition) for entry in entries]
    if len(conditions) > 2:
        first, second = [one for one in conditions if one][:2]
        order = {first: 0, second: 1}
        return [order.get(entry.condition, -1) for entry in entries]
    half = (len(entries) + 1) // 2
    return [int(number >= half) for number in range(len(entries))]


class GroupsDialog(QDialog):
    """Groups dialog: a name for each group, and a choice for each session."""

    def __init__(self, entries: Sequence[Entry], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Compare sessions"))
        self._entries = list(entries)
        proposed = proposed_groups(entries)
        self.names = [QLineEdit(self), QLineEdit(self)]
        form = QFormLayout()
        form.setSpacing(GRID)
        for number, line in enumerate(self.names):
            title = tr("Group A") if number == 0 else tr("Group B")
            line.setAccessibleName(title)
            line.setMaxLength(60)
            members = [e for e, group in zip(entries, proposed, strict=True) if group == number]
            line.setText(_name_of(members) or "AB"[number])
            form.addRow(title, line)
        self.table = QTableWidget(len(entries), 3, self)
        self.table.setAccessibleName(tr("Sessions"))
        self.table.setHorizontalHeaderLabels([tr("Session"), tr("Condition"), tr("Group")])
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(_ROW_PX)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.choices: list[QComboBox] = []
        for row, (entry, group) in enumerate(zip(entries, proposed, strict=True)):
            for column, text in enumerate((entry.title or entry.name, entry.condition)):
                item = QTableWidgetItem(text)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                self.table.setItem(row, column, item)
            choice = QComboBox(self.table)
            choice.setAccessibleName(
                tr("Group of {session}").format(session=entry.title or entry.name)
            )
            choice.addItems(["A", "B", tr("Neither")])
            choice.setCurrentIndex(group if group >= 0 else 2)
            choice.currentIndexChanged.connect(lambda _: self._show_state())
            self.table.setCellWidget(row, 2, choice)
            self.choices.append(choice)
        rows = min(len(entries), _MOST_ROWS_SEEN)
        self.table.setMinimumHeight(rows * _ROW_PX + header.sizeHint().height() + 4)
        self.table.setMinimumWidth(64 * GRID)
        self.hint = QLabel(self)
        self.hint.setProperty("role", "muted")
        buttons = QDialogButtonBox(self)
        self._compare = buttons.addButton(tr("Compare"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._compare.setDefault(True)
        buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addLayout(form)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.hint)
        layout.addWidget(buttons)
        self._show_state()

    @property
    def answer(self) -> tuple[GroupChoice, GroupChoice]:
        """The groups as they are chosen now."""
        first, second = (
            GroupChoice(
                " ".join(self.names[number].text().split()) or "AB"[number],
                tuple(
                    entry.folder
                    for entry, choice in zip(self._entries, self.choices, strict=True)
                    if choice.currentIndex() == number
                ),
            )
            for number in (0, 1)
        )
        return first, second

    def _show_state(self) -> None:
        whole = all(group.folders for group in self.answer)
        self._compare.setEnabled(whole)
        self.hint.setText("" if whole else tr("Each group needs a session."))


def _name_of(members: Sequence[Entry]) -> str:
    """The condition that all have in common, or the session's own name where it is alone."""
    if len(members) == 1:
        return members[0].title or members[0].name
    conditions = {entry.condition for entry in members}
    return conditions.pop() if len(conditions) == 1 else ""


def ask_groups(parent: QWidget, entries: Sequence[Entry]) -> tuple[GroupChoice, GroupChoice] | None:
    """Two groups of the sessions; None where the user cancels."""
    dialog = GroupsDialog(entries, parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    answer = dialog.answer
    dialog.deleteLater()
    return answer if accepted else None
