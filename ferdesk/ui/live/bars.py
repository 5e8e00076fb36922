"""Bars: the seven probabilities of the selected face, smoothed as bars, raw as ticks."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEasingCurve, QRect, QRectF, QSize, Qt, QVariantAnimation
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ferdesk.core.annotation import percent
from ferdesk.core.labels import LABELS, NUM_LABELS
from ferdesk.core.types import FaceResult
from ferdesk.ui.kit.language import label_text, tr
from ferdesk.ui.kit.theme import GRID, colours, label_colour

EASE_MS = 100
_SELDOM_S = 0.06
"""Bars ease where values come less often; many values a second move them smoothly enough."""
_ROW_PX = 22
_BAR_PX = 12
_TICK_PX = 2


class Bars(QWidget):
    """Bars: one row a label, with word, bar, smoothed and raw per cent; ``BarsKey`` heads them.

    Figures are exact at once; only the bars ease.
    """

    def __init__(
        self, parent: QWidget | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self._shown_s = -float("inf")
        nothing = np.zeros(NUM_LABELS, dtype=np.float32)
        self._drawn = self._from = self._smoothed = self._raw = nothing
        self._face_id: int | None = None
        self._faded = True
        self.reduced_motion = False
        self._ease = QVariantAnimation(self)
        self._ease.setDuration(EASE_MS)
        self._ease.setEasingCurve(QEasingCurve.Type.OutQuad)
        self._ease.setStartValue(0.0)
        self._ease.setEndValue(1.0)
        self._ease.valueChanged.connect(self._move)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Probabilities of the selected face"))

    @property
    def drawn(self) -> NDArray[np.float32]:
        """[7] in LABELS' order: the bars' lengths as they are drawn now, in [0, 1]."""
        return self._drawn

    def show_face(self, face: FaceResult) -> None:
        # another face's bars do not grow out of this one's
        now_s = self._clock()
        often = now_s - self._shown_s < _SELDOM_S
        self._shown_s = now_s
        jump = self.reduced_motion or often or face.face_id != self._face_id
        self._face_id, self._faded = face.face_id, False
        self._smoothed, self._raw = face.smoothed, face.expression.probabilities
        self._from = face.smoothed if jump else self._drawn
        self._ease.stop()
        if np.array_equal(self._from, self._smoothed):
            self._move(1.0)
        else:
            self._ease.start()
        self.update()

    def fade(self) -> None:
        """The face is out of sight: what was last seen, without colour."""
        self._faded = True
        self.update()

    def clear(self) -> None:
        self._ease.stop()
        nothing = np.zeros(NUM_LABELS, dtype=np.float32)
        self._drawn = self._from = self._smoothed = self._raw = nothing
        self._face_id, self._faded = None, True
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(32 * GRID, NUM_LABELS * _ROW_PX)

    def _move(self, share: float) -> None:
        moved = self._from + share * (self._smoothed - self._from)
        self._drawn = np.clip(moved, 0.0, 1.0).astype(np.float32)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme, metrics = colours(), self.fontMetrics()
        words = [label_text(label) for label in LABELS]
        word_px = max(metrics.horizontalAdvance(word) for word in words) + GRID
        raw_px, figure_px = column_widths(metrics)
        track_px = max(self.width() - word_px - figure_px - raw_px, 0)
        for i, label in enumerate(LABELS):
            row = QRect(0, i * _ROW_PX, self.width(), _ROW_PX)
            top = row.top() + (_ROW_PX - _BAR_PX) // 2
            self._paint_words(painter, row, i, words[i], raw_px)
            # on whole pixels: sharp, and filled at once
            painter.fillRect(QRect(word_px, top, track_px, _BAR_PX), QColor(theme.raised))
            if self._face_id is None:
                continue
            colour = QColor(theme.disabled) if self._faded else label_colour(label)
            bar_px = round(track_px * float(self._drawn[i]))
            painter.fillRect(QRect(word_px, top, bar_px, _BAR_PX), colour)
            if not self._faded:
                at = word_px + round((track_px - _TICK_PX) * float(self._raw[i]))
                painter.fillRect(QRect(at, top - 3, _TICK_PX, _BAR_PX + 6), QColor(theme.text))

    def _paint_words(self, painter: QPainter, row: QRect, i: int, word: str, raw_px: int) -> None:
        leads = not self._faded and i == int(self._smoothed.argmax())
        painter.setPen(QColor(colours().text if leads else colours().muted))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(row, left, word)
        if self._face_id is not None:
            smoothed = row.adjusted(0, 0, -raw_px, 0)
            painter.drawText(smoothed, right, percent(float(self._smoothed[i])))
            painter.setPen(QColor(colours().muted))
            painter.drawText(row, right, f"{round(float(self._raw[i]) * 100)}")


def column_widths(metrics: QFontMetrics) -> tuple[int, int]:
    """Width of the raw figures' column, and of the smoothed ones' beside it, heads included."""
    wide = metrics.horizontalAdvance
    return (
        max(wide("100"), wide(tr("raw"))) + GRID,
        max(wide("100 %"), wide(tr("now"))) + GRID,
    )


class BarsKey(QWidget):
    """Key of the bars: heads over the two columns of figures, and what bar and tick mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Bar: smoothed over time. Tick: raw value of this frame."))
        self.setToolTip(
            tr(
                "Bar and “now”: smoothed over time, in per cent. "
                "Tick and “raw”: the value of this frame alone."
            )
        )

    def sizeHint(self) -> QSize:
        raw_px, _ = column_widths(self.fontMetrics())
        now_px = self.fontMetrics().horizontalAdvance(tr("now")) + 3 * GRID
        return QSize(raw_px + now_px, 2 * GRID + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        metrics = self.fontMetrics()
        middle = self.height() / 2
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(colours().muted))
        raw_px, figure_px = column_widths(metrics)
        # over each figure its glyph and its word: the bar is what is smoothed, the tick is raw
        for text, width, height, colour, end, room in (
            (
                tr("now"), 1.5 * GRID, float(_BAR_PX) - 4, colours().disabled,
                self.width() - raw_px, figure_px + 3 * GRID,
            ),
            (tr("raw"), float(_TICK_PX), float(_BAR_PX), colours().text, self.width(), raw_px),
        ):  # fmt: skip
            painter.setPen(QColor(colours().muted))
            painter.drawText(QRectF(end - room, 0, room, self.height()), right, text)
            left = end - metrics.horizontalAdvance(text) - GRID / 2 - width
            glyph = QRectF(left, middle - height / 2, width, height)
            painter.fillRect(glyph, QColor(colour))
