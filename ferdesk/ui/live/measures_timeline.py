"""Timeline of measures: head pose, valence or movements of the selected face over half a minute."""

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QHideEvent, QIcon, QPixmap, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from ferdesk.core.labels import LABELS
from ferdesk.core.types import FrameResult
from ferdesk.ui.kit.history import History
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.measure_charts import CHARTS, LINES, plotted_values
from ferdesk.ui.kit.scrolls import RowScroll
from ferdesk.ui.kit.theme import GRID, label_colour

if TYPE_CHECKING:
    import pyqtgraph as pg

_SPAN_S = 30.0
_REPAINT_MS = 100
_STEP_S = 0.1
_LINE_PX = 2.0


class MeasuresTimeline(QWidget):
    """Timeline of measures: takes every result, and paints ten times a second while it is seen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.history = History(len(LINES), plotted_values)
        self._face_id: int | None = None
        self._plot: Any = None
        self._curves: list[Any] = []
        self._dirty = False
        self._timer = QTimer(self, interval=_REPAINT_MS)
        self._timer.timeout.connect(self._repaint)
        self.choice = QComboBox(self)
        self.choice.setAccessibleName(tr("Plot"))
        for name, chart in CHARTS.items():
            self.choice.addItem(tr(chart.title), name)
        self.choice.currentIndexChanged.connect(self._choose)
        self.buttons = [self._button(index) for index in range(len(LINES))]
        top = QHBoxLayout()
        top.setSpacing(GRID // 2)
        top.addWidget(self.choice)
        top.addWidget(RowScroll(self.buttons, self), 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(2 * GRID, 0, 2 * GRID, GRID)
        self._column.setSpacing(GRID // 2)
        self._column.addLayout(top)
        self._column.addStretch(1)
        self._choose()

    def sizeHint(self) -> QSize:
        return QSize(80 * GRID, 20 * GRID)

    @property
    def plot(self) -> "pg.PlotWidget | None":
        """The plot, once there was something to draw."""
        return self._plot

    def take(self, result: FrameResult, face_id: int | None) -> None:
        """Keep ``result``; the lines are those of ``face_id``."""
        self.history.add(result)
        self._face_id = face_id
        self._dirty = True
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def clear(self) -> None:
        """Another source: its faces have lines of their own."""
        self.history.clear()
        self._face_id = None
        self._dirty = True
        self._repaint()

    def shown_lines(self) -> list[str]:
        """Names of the lines that are drawn."""
        return [
            line.name
            for (_, line), button in zip(LINES, self.buttons, strict=True)
            if not button.isHidden() and button.isChecked()
        ]

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._dirty = True
        self._repaint()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _choose(self) -> None:
        chart = CHARTS[self.choice.currentData()]
        for (of_line, _), button in zip(LINES, self.buttons, strict=True):
            button.setVisible(of_line is chart)
        if self._plot is not None:
            self._plot.getAxis("left").setTicks([chart.ticks(), []])
        self._dirty = True
        self._repaint()

    def _repaint(self) -> None:
        if not self._dirty or not self.isVisible():
            self._timer.stop()
            return
        if self._plot is None and self.history.face_ids:
            self._make_plot()
        if self._plot is None:
            return
        self._dirty = False
        steps, times, values = self.history.sampled(self._face_id, _SPAN_S, _STEP_S)
        for i, curve in enumerate(self._curves):
            shown = not self.buttons[i].isHidden() and self.buttons[i].isChecked()
            curve.setVisible(shown)
            if shown:
                curve.move(steps.astype(np.float64), times, values[:, i])

    def _make_plot(self) -> None:
        # pyqtgraph takes a good part of a second to import, which the start has not
        from ferdesk.ui.kit.curves import Curve, ago_plot

        plot = ago_plot(self, tr("Measures of the selected face"))
        plot.setXRange(-_SPAN_S, 0.0, padding=0.0)
        for index in range(len(LINES)):
            curve = Curve(_colour(index), _LINE_PX, Qt.PenStyle.SolidLine)
            plot.addItem(curve)
            self._curves.append(curve)
        self._plot = plot
        self._paint_plot()
        self._column.takeAt(1)
        self._column.addWidget(plot, 1)
        self._choose()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and self._plot is not None:
            self._paint_plot()

    def _paint_plot(self) -> None:
        from ferdesk.ui.kit.curves import colour_plot

        colour_plot(self._plot, self.font())

    def _button(self, index: int) -> QToolButton:
        button = QToolButton(self)
        # MediaPipe's names, which the rows have too
        button.setText(LINES[index][1].name)
        pixmap = QPixmap(24, 6)
        pixmap.fill(_colour(index))
        button.setIcon(QIcon(pixmap))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setCheckable(True)
        button.setChecked(True)
        button.setAutoRaise(True)
        button.setToolTip(tr("Show or hide this line"))
        button.toggled.connect(self._toggled)
        return button

    def _toggled(self, _shown: bool) -> None:
        self._dirty = True
        self._repaint()


def _colour(index: int) -> QColor:
    """A line's colour: those of its chart differ."""
    chart, line = LINES[index]
    return label_colour(LABELS[chart.lines.index(line)])
