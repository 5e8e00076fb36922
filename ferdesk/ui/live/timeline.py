"""Timeline: the seven probabilities of the selected face over the last seconds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetricsF,
    QHideEvent,
    QIcon,
    QPainter,
    QPen,
    QPixmap,
    QShowEvent,
)
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from ferdesk.core.labels import LABELS
from ferdesk.core.types import FrameResult
from ferdesk.ui.kit.debounced_resize import DebouncedResize
from ferdesk.ui.kit.history import LONGEST_S, History
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import label_text, tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.scrolls import RowScroll
from ferdesk.ui.kit.theme import GRID, colours, label_colour
from ferdesk.ui.live.end_labels import EndLabels

if TYPE_CHECKING:
    import pyqtgraph as pg

SPANS_S = (10, 20, 30, 60, 120)
_EMPTY_AFTER_MS = 2000
_REPAINT_MS = 70
_STEP_PX = 2.0
"""Lines are sampled this finely."""
_MOVES_PX = 1.5
"""Lines that have moved by less are not painted again yet."""
_LONGEST_FLAG_PX = 13 * GRID
"""A longer word is cut; the whole of it is the tooltip of its flag."""
_LINE_PX = 2.0
_PAUSED_STEP_S = 0.05
"""A paused timeline is sampled for zooming in."""
DASHES: dict[str, Qt.PenStyle] = {
    "angry": Qt.PenStyle.SolidLine,
    "disgust": Qt.PenStyle.DashLine,
    "fear": Qt.PenStyle.DotLine,
    "happy": Qt.PenStyle.SolidLine,
    "sad": Qt.PenStyle.DashLine,
    "surprise": Qt.PenStyle.DotLine,
    "neutral": Qt.PenStyle.DashDotLine,
}
"""Lines differ in shape too, for eyes that do not tell the colours apart."""


class Timeline(QWidget):
    """Timeline: takes every result; paints at most 15 times a second, while it is visible."""

    span_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.history = History()
        self._face_id: int | None = None
        self._dirty = False
        self._plot: Any = None
        self._curves: dict[str, Any] = {}
        self._flags: list[Any] = []
        self._timer = QTimer(self, interval=_REPAINT_MS)
        self._timer.timeout.connect(self._repaint)
        self.title = QLabel(self)
        self.title.setProperty("role", "muted")
        self.span = QComboBox(self)
        self.span.setAccessibleName(tr("Timeline length"))
        for seconds in SPANS_S:
            self.span.addItem(tr("{time} s").format(time=seconds), seconds)
        self.span.setCurrentIndex(SPANS_S.index(30))
        self.span.currentIndexChanged.connect(self._span_chosen)
        self.pause = QToolButton(self)
        self.pause.setText(tr("Pause"))
        self.pause.setCheckable(True)
        self.pause.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        give_icon(self.pause, "pause")
        self.pause.setToolTip(tr("Pause the timeline; scroll to zoom, drag to pan (P)"))
        self.pause.toggled.connect(self._paused)
        self.closer = QToolButton(self)
        give_icon(self.closer, "zoom-in")
        self.closer.setAccessibleName(tr("Zoom in"))
        self.closer.setToolTip(tr("Zoom in (wheel)"))
        self.closer.clicked.connect(lambda: self.zoom(1))
        self.wider = QToolButton(self)
        give_icon(self.wider, "zoom-out")
        self.wider.setAccessibleName(tr("Zoom out"))
        self.wider.setToolTip(tr("Zoom out (wheel)"))
        self.wider.clicked.connect(lambda: self.zoom(-1))
        self.ends = EndLabels(self)
        self.legend = {label: self._legend_button(label) for label in LABELS}
        self._lay_out()
        self._show_title()

    def sizeHint(self) -> QSize:
        return QSize(80 * GRID, 24 * GRID)

    @property
    def span_s(self) -> int:
        return int(self.span.currentData())

    @property
    def plot(self) -> "pg.PlotWidget | None":
        """The plot, once it was seen for the first time."""
        return self._plot

    def set_span(self, seconds: int) -> None:
        """Show the last ``seconds``, or the nearest length that is offered."""
        nearest = min(SPANS_S, key=lambda offered: abs(offered - seconds))
        self.span.setCurrentIndex(SPANS_S.index(nearest))

    def zoom(self, by: int) -> None:
        """A shorter (1) or longer (-1) time, as long as there is one."""
        self.span.setCurrentIndex(min(max(self.span.currentIndex() - by, 0), len(SPANS_S) - 1))

    def take(self, result: FrameResult, face_id: int | None) -> None:
        """Keep ``result``; the lines are those of ``face_id``."""
        self.history.add(result)
        self.choose(face_id)

    def choose(self, face_id: int | None) -> None:
        """The lines are those of ``face_id`` from now on."""
        if face_id != self._face_id:
            self._face_id = face_id
            self._show_title()
        self._dirty = True
        if self.isVisible() and not self._timer.isActive() and not self.pause.isChecked():
            self._timer.start()

    def clear(self) -> None:
        """Another source: its faces have lines of their own."""
        self.history.clear()
        self._face_id = None
        self.pause.setChecked(False)
        self._show_title()
        self._dirty = True
        self._repaint()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._plot is None:
            QTimer.singleShot(_EMPTY_AFTER_MS, self, self._ensure_plot)
        self._dirty = True
        self._repaint()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and self._plot is not None:
            self._colour()

    def _ensure_plot(self) -> None:
        if self._plot is None and self.isVisible():
            self._make_plot()

    def _make_plot(self) -> None:
        # imported once there is something to draw, or nothing for a while: it takes a good part of
        # a second, which the start of the program has not
        from PySide6.QtWidgets import QGraphicsItem

        from ferdesk.ui.kit.curves import Curve, ago_plot

        plot = ago_plot(self, tr("Timeline of the selected face"))
        plot.getAxis("left").setTicks([[(0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")], []])
        view = plot.getViewBox()
        view.setLimits(xMin=-LONGEST_S, xMax=0.0, yMin=-0.08, yMax=1.08)
        for label in LABELS:
            # whole lines: the words at their ends tell them apart, where colours do not
            curve = Curve(label_colour(label), _LINE_PX, Qt.PenStyle.SolidLine)
            curve.setVisible(self.legend[label].isChecked())
            plot.addItem(curve)
            self._curves[label] = curve
        for name in ("left", "bottom"):
            # its figures and grid stay while the lines move: painted once, then copied
            plot.getAxis(name).setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        plot.installEventFilter(self)
        plot.viewport().installEventFilter(self)
        self._plot = plot
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(DebouncedResize(plot), 1)
        row.addWidget(self.ends)
        self._column.takeAt(1)
        self._column.addLayout(row, 1)
        self._colour()
        self._follow()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """The wheel chooses the length while the lines run; paused, it zooms into them."""
        if event.type() is QEvent.Type.Wheel and not self.pause.isChecked():
            self.zoom(1 if event.angleDelta().y() > 0 else -1)  # type: ignore[attr-defined]
            return True
        return False

    def _repaint(self) -> None:
        if self.history.face_ids:
            self._ensure_plot()
        if not self._dirty or self.pause.isChecked() or self._plot is None or not self.isVisible():
            self._timer.stop()
            return
        self._dirty = False
        pixel_s = self.span_s / max(self._plot.getViewBox().width(), 1.0)
        self._timer.setInterval(max(_REPAINT_MS, round(1000 * _MOVES_PX * pixel_s)))
        self._draw(self.span_s, _STEP_PX * pixel_s)

    def _draw(self, span_s: float, step_s: float) -> None:
        self._draw_flags(self.history.marks(span_s))
        steps, times, values = self.history.sampled(self._face_id, span_s, step_s)
        for i, label in enumerate(LABELS):
            if self.legend[label].isChecked():
                self._curves[label].move(steps * _STEP_PX, times, values[:, i])
        self.ends.show_values(
            {
                label: float(values[-1, i])
                for i, label in enumerate(LABELS)
                if len(values) and self.legend[label].isChecked()
            },
            self._plot.getViewBox().sceneBoundingRect(),
        )

    def _draw_flags(self, marks: Sequence[tuple[float, str]]) -> None:
        """A thin line with its label where each marker was set; the items are used again."""
        import pyqtgraph as pg

        while len(self._flags) < len(marks):
            flag = pg.InfiniteLine(
                0.0, angle=90, movable=False, label="", labelOpts={"anchors": [(1, 0.5), (1, 0.5)]}
            )
            flag.label.setPosition(0.94)
            self._plot.addItem(flag)
            self._flags.append(flag)
            self._colour_flag(flag)
        for flag, (at_s, label) in zip(self._flags, marks, strict=False):
            flag.setValue(at_s)
            if flag.toolTip() != plain(label):
                metrics = QFontMetricsF(flag.label.textItem.font())
                short = metrics.elidedText(label, Qt.TextElideMode.ElideRight, _LONGEST_FLAG_PX)
                # pyqtgraph takes it for a template
                flag.label.setFormat(f"⚑ {short}".replace("{", "{{").replace("}", "}}"))
                for item in (flag, flag.label):  # of words that collide only the line is shown
                    item.setToolTip(plain(label))
            flag.show()
        for flag in self._flags[len(marks) :]:
            flag.hide()
        self._hide_colliding(marks)

    def _hide_colliding(self, marks: Sequence[tuple[float, str]]) -> None:
        """Of words that would overprint each other only the newest are shown; the lines stay."""
        view = self._plot.getViewBox()
        span_s = view.viewRange()[0][1] - view.viewRange()[0][0]
        pixel_s = span_s / max(view.width(), 1.0)
        free_until_s = float("inf")
        newest_first = sorted(zip(marks, self._flags, strict=False), key=lambda one: -one[0][0])
        for (at_s, _), flag in newest_first:
            # a word stands to the left of its line
            begins_s = at_s - flag.label.boundingRect().width() * pixel_s
            fits = at_s <= free_until_s
            flag.label.setVisible(fits)
            if fits:
                free_until_s = begins_s

    def _colour_flag(self, flag: "pg.InfiniteLine") -> None:
        flag.setPen(QPen(QColor(colours().muted), 0, Qt.PenStyle.DotLine))
        flag.label.setColor(QColor(colours().text))
        # a line near the top would strike the word through
        flag.label.fill = QBrush(QColor(colours().surface))
        flag.label.update()

    def mark(self, time_s: float, label: str) -> None:
        """A marker was set at ``time_s`` on the monotonic clock."""
        self.history.mark(time_s, label)
        self._dirty = True

    def _show_title(self) -> None:
        if self._face_id is None:
            self.title.setText(tr("No face"))
        else:
            self.title.setText(tr("Face #{id}").format(id=self._face_id))

    def _span_chosen(self) -> None:
        self.closer.setEnabled(self.span.currentIndex() > 0)
        self.wider.setEnabled(self.span.currentIndex() < len(SPANS_S) - 1)
        self._follow()
        self.span_changed.emit(self.span_s)

    def _paused(self, paused: bool) -> None:
        self.pause.setText(tr("Resume") if paused else tr("Pause"))
        give_icon(self.pause, "play" if paused else "pause")
        if self._plot is None:
            return
        self._plot.setMouseEnabled(x=paused, y=False)
        if paused:
            self._refresh()
        else:
            self._follow()

    def _refresh(self) -> None:
        if self.pause.isChecked():
            # all that is kept, so that zooming out and moving find something
            self._draw(LONGEST_S, _PAUSED_STEP_S)
        else:
            self._dirty = True
            self._repaint()

    def _follow(self) -> None:
        self._dirty = True
        if self._plot is not None:
            self._plot.setXRange(-float(self.span_s), 0.0, padding=0.0)
            self._repaint()

    def _legend_button(self, label: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(label_text(label))
        button.setIcon(line_icon(label, solid=True))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setCheckable(True)
        button.setChecked(True)
        button.setAutoRaise(True)
        # seven of them stand side by side, also in a narrow window
        button.setStyleSheet("padding: 2px 4px;")
        button.setToolTip(tr("Show or hide this line"))
        button.toggled.connect(lambda shown: self._show_line(label, shown))
        return button

    def _show_line(self, label: str, shown: bool) -> None:
        if self._plot is not None:
            self._curves[label].setVisible(shown)
            self._refresh()

    def _colour(self) -> None:
        from ferdesk.ui.kit.curves import colour_plot

        colour_plot(self._plot, self.font())
        for flag in self._flags:
            self._colour_flag(flag)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GRID // 2)
        top.addWidget(self.title)
        top.addSpacing(GRID)
        top.addWidget(RowScroll(list(self.legend.values()), self), 1)
        for widget in (self.wider, self.span, self.closer, self.pause):
            top.addWidget(widget)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(2 * GRID, 0, 2 * GRID, GRID)
        self._column.setSpacing(GRID // 2)
        self._column.addLayout(top)
        # keeps the controls at the top until there is a plot below them
        self._column.addStretch(1)


def line_pen(label: str, width: float, *, solid: bool = False) -> QPen:
    """The pen of a label's line, in its colour and, unless ``solid``, with its own dashes."""
    pen = QPen(label_colour(label), width, Qt.PenStyle.SolidLine if solid else DASHES[label])
    # a pen that keeps its width however the plot is stretched
    pen.setCosmetic(True)
    return pen


def line_icon(label: str, *, solid: bool = False) -> QIcon:
    """A piece of the label's line."""
    pixmap = QPixmap(32, 32)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setPen(line_pen(label, 5.0, solid=solid))
    painter.drawLine(1, 16, 31, 16)
    painter.end()
    return QIcon(pixmap)
