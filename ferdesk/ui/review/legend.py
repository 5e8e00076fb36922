"""Legend of the chart: what is plotted, its lines' names, and their values at the cursor."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QToolButton, QWidget

from ferdesk.core.annotation import percent
from ferdesk.core.labels import LABELS
from ferdesk.sessions.table import Table
from ferdesk.ui.kit.language import label_text, tr
from ferdesk.ui.kit.measure_charts import CHARTS, Chart, recorded_values
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.timeline import line_icon


class Legend(QObject):
    """Legend: a choice of the probabilities or a chart of measures, and a button for each line."""

    chosen = Signal()
    """Something else is to be plotted: ``chart``."""
    line_toggled = Signal(str, bool)
    """The label in whose colour a line is drawn, and whether it is shown."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = parent
        self.chart: Chart | None = None
        """The chart of measures; None for the probabilities."""
        self.choice = QComboBox(parent)
        self.choice.setAccessibleName(tr("Plot"))
        self.choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.choice.addItem(tr("Expressions"), "")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.choice.hide()
        self.choice.currentIndexChanged.connect(self._choose)
        self.buttons = {label: self._button(label) for label in LABELS}

    @property
    def name(self) -> str:
        """The name of the chart of measures, empty for the probabilities."""
        return str(self.choice.currentData() or "")

    def offer(self, names: Sequence[str]) -> None:
        """The charts that a session has; what was chosen before stays where it has that too."""
        before = self.name
        with QSignalBlocker(self.choice):
            self.choice.clear()
            self.choice.addItem(tr("Expressions"), "")
            for name in names:
                self.choice.addItem(tr(CHARTS[name].title), name)
            self.choice.setCurrentIndex(max(self.choice.findData(before), 0))
        self.choice.setVisible(self.choice.count() > 1)
        if before != self.name:
            self._choose()

    def show_values(self, table: Table | None, row: int | None, *, smoothed: bool) -> None:
        """The values of a row beside the names; dashes for None."""
        chart = self.chart
        if chart is not None:
            values = np.full(len(chart.lines), np.nan, np.float32)
            if row is not None and table is not None:
                values = recorded_values(chart, table, np.array([row], np.int64))[:, 0]
            for line, value, button in zip(
                chart.lines, values, self.buttons.values(), strict=False
            ):
                button.setText(f"{line.name} {chart.text_of(float(value))}")
            return
        for i, label in enumerate(LABELS):
            text = "–"  # noqa: RUF001
            if row is not None and table is not None:
                text = percent(float((table.smoothed if smoothed else table.raw)[row, i]))
            self.buttons[label].setText(f"{label_text(label)} {text}")

    def _choose(self) -> None:
        chart = self.chart = CHARTS.get(self.name)
        lines = () if chart is None else chart.lines
        for number, (label, button) in enumerate(self.buttons.items()):
            button.setVisible(chart is None or number < len(lines))
            widest = f"{label_text(label)} 100 %"
            if chart is not None and number < len(lines):
                widest = f"{lines[number].name} {chart.text_of(chart.low)}"
            self._make_room(button, widest)
            button.setChecked(True)
        self.chosen.emit()

    def _button(self, label: str) -> QToolButton:
        button = QToolButton(self._parent)
        button.setIcon(line_icon(label, solid=True))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setCheckable(True)
        button.setChecked(True)
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setStyleSheet("padding: 2px 4px;")
        button.setToolTip(tr("Show or hide this line"))
        self._make_room(button, f"{label_text(label)} 100 %")
        button.toggled.connect(lambda shown: self.line_toggled.emit(label, shown))
        return button

    def _make_room(self, button: QToolButton, widest: str) -> None:
        """As wide as its widest text, so that nothing moves while the cursor does."""
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance(widest) + 5 * GRID)
