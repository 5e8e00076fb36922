"""Session filters: one study, participant or condition alone, and groups by one of them."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from ferdesk.sessions.catalogue import Entry
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.theme import GRID

_WIDEST = 14
"""Characters of the longest choice for which a box makes room."""
_KINDS = (
    ("study", mark("Study"), mark("All studies"), mark("Grouped by study")),
    ("participant", mark("Participant"), mark("All participants"), mark("Grouped by participant")),
    ("condition", mark("Condition"), mark("All conditions"), mark("Grouped by condition")),
)


class SessionFilters(QWidget):
    """Session filters; each is hidden where there is nothing to choose."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes: dict[str, QComboBox] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for kind, name, _, _ in _KINDS:
            self.boxes[kind] = self._box(tr(name))
            row.addWidget(self.boxes[kind])
        self.groups = self._box(tr("Grouping"))
        row.addWidget(self.groups)
        self.hide()

    @property
    def group(self) -> str:
        """``study``, ``participant`` or ``condition``; empty for no groups."""
        return str(self.groups.currentData() or "")

    def fits(self, entry: Entry) -> bool:
        """Whether a session is one of those that are wanted."""
        return all(
            (box.currentData() or "") in ("", getattr(entry, kind))
            for kind, box in self.boxes.items()
        )

    def show_for(self, entries: Sequence[Entry]) -> None:
        """Offer what these sessions have; a choice that there is no more is given up."""
        present = []
        for kind, _, every, grouped in _KINDS:
            values = sorted({value for one in entries if (value := getattr(one, kind))})
            _fill(self.boxes[kind], [(tr(every), ""), *((value, value) for value in values)])
            self.boxes[kind].setVisible(bool(values))
            if values:
                present.append((tr(grouped), kind))
        _fill(self.groups, [(tr("Not grouped"), ""), *present])
        self.groups.setVisible(bool(present))
        self.setVisible(bool(present))

    def _box(self, name: str) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.activated.connect(lambda _: self.changed.emit())
        return box


def _fill(box: QComboBox, choices: Sequence[tuple[str, str]]) -> None:
    wanted = box.currentData() or ""
    box.clear()
    for text, value in choices:
        box.addItem(text, value)
    box.setCurrentIndex(max(box.findData(wanted), 0))
    box.setMinimumContentsLength(min(max(len(text) for text, _ in choices), _WIDEST))
