"""End labels of the timeline: each line's word at its right end, where there is room."""

from collections.abc import Mapping

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ferdesk.core.labels import LABELS
from ferdesk.ui.kit.language import label_text
from ferdesk.ui.kit.theme import GRID, colours, label_colour

LEAST = 0.05
"""Lines below this lie on each other at the bottom, and have no word."""
LOWEST, HIGHEST = -0.08, 1.08
"""The values at the lower and upper edge of the plot's inside."""
_TICK_PX = 6


class EndLabels(QWidget):
    """End labels: a column beside the plot, as wide as its longest word."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: Mapping[str, float] = {}
        self._area = QRectF()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        wide = self.fontMetrics().horizontalAdvance
        return QSize(max(wide(label_text(label)) for label in LABELS) + _TICK_PX + 2 * GRID, GRID)

    def show_values(self, values: Mapping[str, float], area: QRectF) -> None:
        """``values`` are the newest of each line that is drawn; ``area`` is the plot's inside."""
        if values != self._values or area != self._area:
            self._values, self._area = values, area
            self.update()

    def move_to(self, area: QRectF) -> None:
        """The plot's inside has moved."""
        self.show_values(self._values, area)

    def places(self) -> list[tuple[str, float, float]]:
        """Each word that is shown, where its line ends and where it stands, from above to below.

        Words keep a line's distance; those of the largest values come first, and what finds no
        room is left out.
        """
        area, step = self._area, float(self.fontMetrics().height())
        shown = [(label, v) for label, v in self._values.items() if v >= LEAST]
        placed: list[tuple[str, float, float]] = []
        lowest = area.top() + step / 2
        for label, value in sorted(shown, key=lambda one: -one[1]):
            end = area.bottom() - (value - LOWEST) / (HIGHEST - LOWEST) * area.height()
            at = max(end, lowest)
            if at + step / 2 > area.bottom():
                break
            placed.append((label, end, at))
            lowest = at + step
        return placed

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        height = self.fontMetrics().height()
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for label, _end, at in self.places():
            # in its line's colour; the word itself in one that can be read
            painter.fillRect(QRectF(0, at - 1, _TICK_PX, 2), label_colour(label))
            painter.setPen(QColor(colours().text))
            room = QRectF(_TICK_PX + GRID / 2, at - height / 2, self.width(), height)
            painter.drawText(room, left, label_text(label))
