"""Curves for pyqtgraph that are cheap to move: drawn in segments, never measured.

Apart from ``timeline``, so that pyqtgraph is imported only when a plot is first seen.
"""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPen
from PySide6.QtWidgets import QWidget

from ferdesk.ui.kit.history import LONGEST_S
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.theme import GRID, colours

_DASHES_PX: dict[Qt.PenStyle, tuple[float, ...]] = {
    Qt.PenStyle.SolidLine: (),
    Qt.PenStyle.DashLine: (10.0, 6.0),
    Qt.PenStyle.DotLine: (2.0, 4.0),
    Qt.PenStyle.DashDotLine: (10.0, 4.0, 2.0, 4.0),
}
"""How long each dash and each gap is, in pixels."""


def ago_plot(parent: QWidget, name: str) -> pg.PlotWidget:
    """A plot of the last seconds, which neither mouse nor keyboard moves; see ``colour_plot``."""
    plot = pg.PlotWidget(parent, axisItems={"bottom": ago_axis()})
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(x=False, y=False)
    plot.setYRange(-0.08, 1.08, padding=0.0)
    plot.getAxis("left").setWidth(6 * GRID)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    plot.setAccessibleName(name)
    return plot


def colour_plot(plot: pg.PlotWidget, font: QFont) -> None:
    """Paint ground, axes and grid of ``plot`` in the colours of the theme that is shown now."""
    theme = colours()
    plot.setBackground(QColor(theme.surface))
    for name in ("left", "bottom"):
        axis = plot.getAxis(name)
        axis.setPen(QColor(theme.line))
        axis.setTextPen(QColor(theme.muted))
        axis.setStyle(tickFont=font)
    plot.showGrid(x=True, y=True, alpha=0.15)


class Curve(pg.PlotCurveItem):  # type: ignore[misc]
    """Curve: one line of the timeline.

    Qt strokes a thick dashed line at fifty times the cost of plain segments, and its dashes swim
    as the line moves on. Here the dashes are segments left out, and belong to their time.
    """

    def __init__(self, colour: QColor, width: float, style: Qt.PenStyle) -> None:
        pen = QPen(colour, width)
        # keeps its width however the plot is stretched
        pen.setCosmetic(True)
        super().__init__(pen=pen, skipFiniteCheck=True)
        self.setSegmentedLineMode("on")
        self._dashes = _DASHES_PX[style]

    def move(
        self,
        along_px: NDArray[np.float64],
        times: NDArray[np.float64],
        values: NDArray[np.float32],
        *,
        dashed: bool = True,
    ) -> None:
        """Draw ``values`` [n] at ``times`` [n]; where one is NaN the line is broken.

        ``along_px`` [n] says how far along its dashes each point is, in pixels.
        """
        shown = np.isfinite(values)
        shown[:-1] &= shown[1:]
        if self._dashes and dashed:
            ends = np.cumsum(self._dashes)
            shown &= np.searchsorted(ends, along_px % ends[-1], side="right") % 2 == 0
        filled = np.nan_to_num(values.astype(np.float64))
        self.setData(times, filled, connect=shown)

    def boundingRect(self) -> QRectF:
        """All that there can be, so that it need not be measured each time."""
        return QRectF(-LONGEST_S, -0.1, LONGEST_S, 1.2)

    def dataBounds(
        self, ax: int, frac: float = 1.0, orthoRange: object = None
    ) -> tuple[None, None]:
        """None: the plot's range does not follow its lines."""
        return (None, None)


class _AgoAxis(pg.AxisItem):  # type: ignore[misc]
    """Axis of seconds before now."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [
            tr("now") if value == 0 else tr("{time:g} s ago").format(time=round(-value, 3))
            for value in values
        ]


def ago_axis() -> pg.AxisItem:
    """Axis for times that are seconds before now, 0 or negative."""
    return _AgoAxis(orientation="bottom")
