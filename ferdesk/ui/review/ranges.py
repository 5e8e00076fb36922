"""Ranges on the chart's time axis: the annotations of the selected face, and one being marked."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from ferdesk.core.labels import LABELS
from ferdesk.sessions.review import Annotation
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.theme import GRID, colours, label_colour
from ferdesk.ui.review.strips import Strip, ink_of, text_of
from ferdesk.ui.review.times import SessionClock

RANGES_PX = 22
_GAP_PX = 2


class Ranges(Strip):
    """Strip of annotations as bars with their words; it takes room only where there are any."""

    annotation_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.annotations: tuple[Annotation, ...] = ()
        self.clock = SessionClock()
        self.chosen: object = None
        self._open_s: tuple[float, float] | None = None
        self.setFixedHeight(0)
        self.setAccessibleName(tr("Annotations on the timeline"))

    def set_annotations(self, annotations: Sequence[Annotation]) -> None:
        self.annotations = tuple(annotations)
        self._fit()

    def set_chosen(self, note: object) -> None:
        self.chosen = note
        self.update()

    def set_open(self, from_s: float | None, to_s: float = 0.0) -> None:
        """A range that is being marked, in ``t_s``; None for none."""
        self._open_s = None if from_s is None else (min(from_s, to_s), max(from_s, to_s))
        self._fit()

    def annotation_at(self, x: float) -> Annotation | None:
        """The annotation whose bar is at ``x``; of two, the shorter."""
        t_s = self.scale.t_s(x)
        near_s = 3 * self.scale.s_per_px
        found = [one for one in self.annotations if one.from_s - near_s <= t_s < one.to_s + near_s]
        return min(found, key=lambda one: one.to_s - one.from_s, default=None)

    def tip_of(self, annotation: Annotation) -> str:
        """Its times and label, for a tooltip."""
        from_s, to_s = (self.clock.moment(at) for at in (annotation.from_s, annotation.to_s))
        return plain(f"{from_s} - {to_s}  {text_of(annotation)}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        annotation = self.annotation_at(event.position().x())
        if annotation is not None:
            self.annotation_chosen.emit(annotation)
        else:
            self._seek_to(event)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip:
            annotation = self.annotation_at(event.pos().x())  # type: ignore[attr-defined]
            text = "" if annotation is None else self.tip_of(annotation)
            QToolTip.showText(event.globalPos(), text, self)  # type: ignore[attr-defined]
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme, metrics = colours(), QFontMetrics(self.font())
        left, right = self.scale.left, self.scale.right
        painter.setPen(QColor(theme.muted))
        title = tr("Annotations")
        if metrics.horizontalAdvance(title) <= left - 2 * GRID:
            name = QRect(2 * GRID, 0, left - 2 * GRID, self.height())
            painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, title)
        painter.setClipRect(left, 0, right - left + 1, self.height())
        for one in sorted(self.annotations, key=lambda one: one.from_s - one.to_s):
            bar = self._bar(one.from_s, one.to_s)
            known = one.label in LABELS
            painter.fillRect(bar, label_colour(one.label) if known else QColor(theme.raised))
            if one == self.chosen:
                painter.setPen(QPen(QColor(theme.focus), 2))
                painter.drawRect(bar.adjusted(1, 1, -1, -1))
            if bar.width() > 3 * GRID:
                painter.setPen(ink_of(one.label if known else ""))
                room = bar.adjusted(GRID // 2, 0, -GRID // 2, 0)
                word = metrics.elidedText(text_of(one), Qt.TextElideMode.ElideRight, room.width())
                painter.drawText(room, Qt.AlignmentFlag.AlignCenter, word)
        if self._open_s is not None:
            painter.setPen(QPen(QColor(theme.focus), 2, Qt.PenStyle.DashLine))
            painter.drawRect(self._bar(*self._open_s).adjusted(0, 0, -1, -1))
        painter.setClipping(False)
        self._paint_cursor(painter)

    def _bar(self, from_s: float, to_s: float) -> QRect:
        from_x, to_x = round(self.scale.x(from_s)), round(self.scale.x(to_s))
        return QRect(from_x, _GAP_PX, max(to_x - from_x, 3), RANGES_PX - 2 * _GAP_PX)

    def _fit(self) -> None:
        shown = bool(self.annotations) or self._open_s is not None
        self.setFixedHeight(RANGES_PX if shown else 0)
        self.update()
