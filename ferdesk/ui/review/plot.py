"""Chart of the seven probabilities over a session's time, by pyqtgraph."""

import math

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QWidget

from ferdesk.core.labels import LABELS
from ferdesk.ui.kit.curves import Curve
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.measure_charts import Chart
from ferdesk.ui.kit.theme import GRID, colours, label_colour
from ferdesk.ui.review.downsampling import LineView
from ferdesk.ui.review.times import SessionClock

GUTTER_PX = 14 * GRID
"""Left of the plot: names of the tracks, and the axis' labels."""
MARGIN_PX = 2 * GRID
_LOW, _HIGH = -0.1, 1.1
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200)
_BAND_ALPHA = 0.16
_PER_CENT = [(0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")]
_LONG_PX = 12_000
"""Lines that are longer together are drawn thin, which costs a third."""


class TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """Ticks at round times since ``clock``'s start, written as people write them."""

    clock = SessionClock()

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        wanted = (high - low) / max(size / 110, 1)
        step = next((step for step in _STEPS_S if step >= wanted), _STEPS_S[-1])
        if wanted > step:
            # rows of a damaged file may lie years apart
            step *= math.ceil(wanted / step)
        return [(step, self.clock.starts_at_s)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if spacing >= 1:
            return [self.clock.length(value) for value in values]
        # of the moment, as 59.98 s is 0:00:59.9 and no 0:01:00.9
        return [self.clock.moment(value + 1e-6)[:-2] for value in values]


class _Bands(pg.GraphicsObject):  # type: ignore[misc]
    """Band from the least to the greatest value in each bin, in the seven colours."""

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()
        self._rect = QRectF()

    def show(self, image: QImage, rect: QRectF) -> None:
        self.prepareGeometryChange()
        self._image, self._rect = image, rect
        self.update()

    def boundingRect(self) -> QRectF:
        return self._rect

    def paint(self, painter: QPainter, *_: object) -> None:
        if not self._image.isNull():
            painter.drawImage(self._rect, self._image)


class Line(Curve):
    """Curve of one label; its bounds are what is in sight, and as much beside it.

    Qt drops an item whose rectangle in pixels does not fit its integers, as it would with bounds of
    a whole day seen closely: the curve is gone as soon as a part of the chart is painted anew.
    """

    _range = (0.0, 1.0)

    def set_range(self, from_s: float, to_s: float) -> None:
        if (from_s, to_s) != self._range:
            self.prepareGeometryChange()
            self._range = (from_s, to_s)

    def boundingRect(self) -> QRectF:
        from_s, to_s = self._range
        span_s = to_s - from_s
        return QRectF(from_s - span_s, _LOW, 3 * span_s, _HIGH - _LOW)


class LinesPlot(pg.PlotWidget):  # type: ignore[misc]
    """Chart of one ``LineView``; mouse and keys are its owner's."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, axisItems={"bottom": TimeAxis("bottom")})
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMouseEnabled(x=False, y=False)
        self.setYRange(_LOW, _HIGH, padding=0.0)
        self.plotItem.layout.setContentsMargins(0, 2, MARGIN_PX, 0)
        for name in ("left", "bottom"):
            # seconds and per cent as they are; looking for a prefix costs a layout with each move
            self.getAxis(name).enableAutoSIPrefix(False)
        left = self.getAxis("left")
        left.setTicks([_PER_CENT, []])
        left.setWidth(GUTTER_PX)
        self.setMinimumHeight(11 * GRID)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(tr("Probabilities of the selected face over time"))
        self._shown: dict[str, bool] = dict.fromkeys(LABELS, True)
        self._view: LineView | None = None
        self._bands = _Bands()
        self.addItem(self._bands)
        self.curves: dict[str, Line] = {}
        for label in LABELS:
            # whole lines: the words at their ends tell them apart, where colours do not
            self.curves[label] = Line(label_colour(label), 2.0, Qt.PenStyle.SolidLine)
            self.addItem(self.curves[label])
        self._marks = pg.PlotCurveItem(connect="pairs", skipFiniteCheck=True)
        self.addItem(self._marks)
        self._cursor = pg.InfiniteLine(0.0, angle=90, movable=False)
        self.addItem(self._cursor)
        self.colour()

    def span_px(self) -> tuple[int, int]:
        """The first and last pixel of the lines in this widget."""
        rect = self.getViewBox().sceneBoundingRect()
        return round(rect.left()), round(rect.right())

    def plot_area(self, low: float, high: float) -> QRectF:
        """Where the values from ``low`` to ``high`` lie in this widget."""
        box = self.getViewBox().sceneBoundingRect()
        each = box.height() / (_HIGH - _LOW)
        return QRectF(
            box.left(), box.top() + (_HIGH - high) * each, box.width(), (high - low) * each
        )

    def show_view(self, view: LineView, from_s: float, to_s: float) -> None:
        """Draw ``view`` between two moments."""
        self._view = view
        self._set_range(from_s, to_s)
        height = max(self.getViewBox().height(), 1.0)
        pixel_s = (to_s - from_s) / max(self.getViewBox().width(), 1.0)
        drawn = [i for i, label in enumerate(LABELS) if self._shown[label]]
        steps = np.abs(np.diff(view.middle[drawn], axis=1))
        long = float(np.nansum(steps)) * height + self.width() * len(drawn) > _LONG_PX
        for i, label in enumerate(LABELS):
            curve = self.curves[label]
            if not self._shown[label]:
                continue
            curve.setPen(_pen(label, 1.0 if long else 2.0))
            curve.move(view.times / pixel_s, view.times, view.middle[i])
        self._show_bands(view, drawn)

    def show_nothing(self, from_s: float, to_s: float) -> None:
        """No track is selected: an empty plot of that time."""
        self._set_range(from_s, to_s)
        nothing = np.zeros(0)
        for curve in self.curves.values():
            curve.move(nothing, nothing, nothing.astype(np.float32))
        self._bands.show(QImage(), QRectF())

    def set_chart(self, chart: Chart | None) -> None:
        """The axis of a chart of measures; of the probabilities for None."""
        self.getAxis("left").setTicks([_PER_CENT if chart is None else chart.ticks(), []])
        of_face = tr("Measures of the selected face")
        name = tr("Probabilities of the selected face over time") if chart is None else of_face
        self.setAccessibleName(name)

    def set_clock(self, clock: SessionClock) -> None:
        """Write times since this start."""
        self.getAxis("bottom").clock = clock

    def _set_range(self, from_s: float, to_s: float) -> None:
        for curve in self.curves.values():
            curve.set_range(from_s, to_s)
        self.setXRange(from_s, to_s, padding=0.0)

    def show_line(self, label: str, shown: bool) -> None:
        self._shown[label] = shown
        self.curves[label].setVisible(shown)

    def show_marks(self, times: NDArray[np.float64]) -> None:
        """A faint line at each of ``times``."""
        ends = np.tile([_LOW, _HIGH], len(times))
        self._marks.setData(np.repeat(times, 2), ends)

    def show_cursor(self, t_s: float) -> None:
        self._cursor.setValue(t_s)

    def colour(self) -> None:
        """Take the colours of the theme."""
        theme = colours()
        self.setBackground(QColor(theme.surface))
        for name in ("left", "bottom"):
            axis = self.getAxis(name)
            axis.setPen(QColor(theme.line))
            axis.setTextPen(QColor(theme.muted))
            axis.setStyle(tickFont=self.font())
        self.showGrid(x=True, y=True, alpha=0.12)
        self._cursor.setPen(QPen(QColor(theme.text), 0))
        self._marks.setPen(QPen(QColor(theme.muted), 0, Qt.PenStyle.DotLine))

    def _show_bands(self, view: LineView, drawn: list[int]) -> None:
        if view.low is None or view.high is None or len(view.times) < 2 or not drawn:
            self._bands.show(QImage(), QRectF())
            return
        step = float(np.median(np.diff(view.times)))
        first = view.times[0] - step / 2
        columns = np.round((view.times - first) / step - 0.5).astype(np.int64)
        num = int(columns[-1]) + 1
        rows = max(int(self.getViewBox().height()) // 3, 16)
        image = _band_image(view.low[drawn], view.high[drawn], columns, num, rows, drawn)
        self._bands.show(image, QRectF(first, _LOW, num * step, _HIGH - _LOW))


def _pen(label: str, width: float) -> QPen:
    pen = QPen(label_colour(label), width)
    pen.setCosmetic(True)
    return pen


def _band_image(
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    columns: NDArray[np.int64],
    num: int,
    rows: int,
    labels: list[int],
) -> QImage:
    """``low`` and ``high`` [k, m] as a picture of ``num`` columns, the lowest value in row 0."""
    levels = _LOW + (np.arange(rows, dtype=np.float32) + 0.5) * ((_HIGH - _LOW) / rows)
    half = np.float32((_HIGH - _LOW) / rows / 2)
    inside = (levels[None, :, None] >= (low - half)[:, None, :]) & (
        levels[None, :, None] <= (high + half)[:, None, :]
    )
    cover = inside.reshape(len(labels), -1).astype(np.float32)
    count = cover.sum(axis=0)
    rgb = [(c.red(), c.green(), c.blue()) for i in labels for c in (label_colour(LABELS[i]),)]
    mixed = np.array(rgb, np.float32).T @ cover / np.maximum(count, 1)
    alpha = 255 * (1 - (1 - _BAND_ALPHA) ** count)
    pixels = np.zeros((4, rows, num), np.uint8)
    for plane, values in zip((2, 1, 0, 3), (*mixed, alpha), strict=True):
        pixels[plane][:, columns] = values.reshape(rows, -1)
    data = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    return QImage(data.data, num, rows, 4 * num, QImage.Format.Format_ARGB32).copy()
