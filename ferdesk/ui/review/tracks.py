"""What lies above and below the lines on the same time axis: flags of markers, lanes of faces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygon,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ferdesk.core.labels import LABELS
from ferdesk.sessions.reader import Marker
from ferdesk.sessions.review import Comment, Track
from ferdesk.ui.kit.language import say_label, tr
from ferdesk.ui.kit.theme import GRID, colours, contrast, label_colour
from ferdesk.ui.review.downsampling import ABSENT, UNSURE, LaneLines
from ferdesk.ui.review.times import moment_text

Note = Marker | Comment
LANE_PX = 26
_GAP_PX = 3
FLAGS_PX = 24
_FLAG_PX = 9
_NEAR_PX = 6


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds ``from_s`` to ``to_s`` over the pixels ``left`` to ``right``."""

    from_s: float = 0.0
    to_s: float = 1.0
    left: int = 0
    right: int = 1

    @property
    def s_per_px(self) -> float:
        return (self.to_s - self.from_s) / max(self.right - self.left, 1)

    def x(self, t_s: float) -> float:
        return self.left + (t_s - self.from_s) / self.s_per_px

    def t_s(self, x: float) -> float:
        return self.from_s + (x - self.left) * self.s_per_px


class _Track(QWidget):
    """Keeps scale and cursor, and tells where the mouse wants the cursor."""

    seek_wanted = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scale = Scale()
        self.cursor_s = 0.0
        self.setMouseTracking(True)

    def set_scale(self, scale: Scale) -> None:
        if scale != self.scale:
            self.scale = scale
            self.update()

    def set_cursor(self, t_s: float) -> None:
        for at in (self.cursor_s, t_s):
            self.update(round(self.scale.x(at)) - 2, 0, 5, self.height())
        self.cursor_s = t_s

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._seek_to(event)

    def _seek_to(self, event: QMouseEvent) -> None:
        if event.position().x() >= self.scale.left:
            self.seek_wanted.emit(self.scale.t_s(event.position().x()))

    def _paint_cursor(self, painter: QPainter) -> None:
        x = round(self.scale.x(self.cursor_s))
        if self.scale.left <= x <= self.scale.right:
            painter.setPen(QPen(QColor(colours().text), 1))
            painter.drawLine(x, 0, x, self.height())


class Flags(_Track):
    """Markers as flags with their labels, comments as notes; a click goes to one."""

    note_chosen = Signal(object)
    """A ``Marker`` or a ``Comment``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notes: tuple[Note, ...] = ()
        self.chosen: Note | None = None
        self.setFixedHeight(FLAGS_PX)
        self.setAccessibleName(tr("Markers and comments on the timeline"))

    def set_notes(self, notes: Sequence[Note]) -> None:
        self.notes = tuple(sorted(notes, key=lambda note: note.t_s))
        self.update()

    def set_chosen(self, note: Note | None) -> None:
        self.chosen = note
        self.update()

    def note_at(self, x: float) -> Note | None:
        """The note whose flag or label is at ``x``."""
        hit = None
        for note, at, width in self._placed():
            if at - _NEAR_PX <= x <= at + _FLAG_PX + width:
                hit = note
        return hit

    def mousePressEvent(self, event: QMouseEvent) -> None:
        note = self.note_at(event.position().x())
        if note is not None:
            self.note_chosen.emit(note)
        else:
            self._seek_to(event)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip:
            note = self.note_at(event.pos().x())  # type: ignore[attr-defined]
            text = "" if note is None else f"{moment_text(note.t_s)}  {text_of(note)}"
            QToolTip.showText(event.globalPos(), text, self)  # type: ignore[attr-defined]
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = colours()
        metrics = QFontMetrics(self.font())
        base = self.height() - 2
        for note, x, width in self._placed():
            if not self.scale.left - 1 <= x <= self.scale.right:
                continue
            chosen = note == self.chosen
            colour = QColor(theme.focus if chosen else theme.text)
            painter.setPen(QPen(colour, 1))
            painter.setBrush(colour)
            if isinstance(note, Marker):
                painter.drawLine(x, 2, x, self.height())
                painter.drawPolygon(QPolygon([*_flag(x)]))
            else:
                painter.drawLine(x, 14, x, self.height())
                painter.drawRoundedRect(QRect(x - 1, 4, 9, 8), 2, 2)
            if width > 2 * GRID:
                room = metrics.elidedText(text_of(note), Qt.TextElideMode.ElideRight, width - 4)
                painter.setPen(QColor(theme.focus if chosen else theme.muted))
                area = QRect(x + _FLAG_PX + 3, 0, width, base)
                painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, room)
        self._paint_cursor(painter)

    def _placed(self) -> list[tuple[Note, int, int]]:
        """Each note in sight with its x and the width that its text has until the next."""
        scale = self.scale
        seen = [n for n in self.notes if scale.from_s <= n.t_s <= scale.to_s]
        xs = [round(scale.x(note.t_s)) for note in seen]
        metrics = QFontMetrics(self.font())
        placed = []
        for i, (note, x) in enumerate(zip(seen, xs, strict=True)):
            until = xs[i + 1] if i + 1 < len(xs) else scale.right
            room = until - x - _FLAG_PX - 6
            # measured only where there is room for anything
            width = min(room, metrics.horizontalAdvance(text_of(note)) + 8) if room > 16 else 0
            placed.append((note, x, max(width, 0)))
        return placed


class Lanes(_Track):
    """A row for each lane: where it was seen, in the colour of what it showed, with the word."""

    lane_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lanes: tuple[Track, ...] = ()
        self.chosen_id: int | None = None
        self._lines: Mapping[int, LaneLines] = {}
        self._pictures: dict[int, tuple[Scale, QImage, list[tuple[int, int, str]]]] = {}
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Faces on the timeline"))

    def sizeHint(self) -> QSize:
        return QSize(40 * GRID, max(1, len(self.lanes)) * LANE_PX)

    def set_lanes(self, lanes: Sequence[Track], lines: Mapping[int, LaneLines]) -> None:
        """``lines`` by the lane's id."""
        self.lanes, self._lines = tuple(lanes), lines
        self._pictures.clear()
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def set_chosen(self, lane_id: int | None) -> None:
        self.chosen_id = lane_id
        self.update()
        lane = next((one for one in self.lanes if one.id == lane_id), None)
        self.setAccessibleDescription("" if lane is None else lane.title)

    def row_of(self, lane_id: int | None) -> QRect:
        """Where the lane's row lies in this widget."""
        for row, lane in enumerate(self.lanes):
            if lane.id == lane_id:
                return QRect(0, row * LANE_PX, self.width(), LANE_PX)
        return QRect()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = int(event.position().y()) // LANE_PX
        if 0 <= row < len(self.lanes):
            self.lane_chosen.emit(self.lanes[row].id)
        self._seek_to(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        ids = [lane.id for lane in self.lanes]
        if step is None or not ids:
            super().keyPressEvent(event)
            return
        here = ids.index(self.chosen_id) if self.chosen_id in ids else 0
        self.lane_chosen.emit(ids[min(max(here + step, 0), len(ids) - 1)])

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._pictures.clear()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._pictures.clear()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = colours()
        metrics = QFontMetrics(self.font())
        left, right = self.scale.left, self.scale.right
        for row, lane in enumerate(self.lanes):
            top = row * LANE_PX
            area = QRect(0, top, self.width(), LANE_PX)
            if not event.rect().intersects(area) or right <= left:
                continue
            chosen = lane.id == self.chosen_id
            if chosen:
                painter.fillRect(QRect(0, top, left, LANE_PX), QColor(theme.raised))
            painter.setPen(QColor(theme.disabled if lane.excluded else theme.text))
            font = painter.font()
            font.setStrikeOut(lane.excluded)
            font.setBold(chosen)
            painter.setFont(font)
            title = metrics.elidedText(lane.title, Qt.TextElideMode.ElideRight, left - 3 * GRID)
            painter.drawText(
                QRect(2 * GRID, top, left - 2 * GRID, LANE_PX), Qt.AlignmentFlag.AlignVCenter, title
            )
            font.setStrikeOut(False)
            font.setBold(False)
            painter.setFont(font)
            picture, words = self._picture(lane, metrics)
            bar = QRect(left, top + _GAP_PX, right - left, LANE_PX - 2 * _GAP_PX)
            painter.setOpacity(0.35 if lane.excluded else 1.0)
            painter.setClipRect(bar.adjusted(0, -_GAP_PX, 1, _GAP_PX))
            painter.drawImage(bar, picture)
            for x, width, label in words:
                ink = _ink(label)
                painter.setPen(ink)
                painter.drawText(
                    QRect(left + x, bar.top(), width, bar.height()),
                    Qt.AlignmentFlag.AlignCenter,
                    _word(label),
                )
            painter.setOpacity(1.0)
            if chosen:
                painter.setPen(QPen(QColor(theme.focus), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(bar.adjusted(0, -2, 0, 1))
            painter.setClipping(False)
        self._paint_cursor(painter)

    def _picture(
        self, lane: Track, metrics: QFontMetrics
    ) -> tuple[QImage, list[tuple[int, int, str]]]:
        """The lane's bar as a picture, and where in it there is room for which word."""
        kept = self._pictures.get(lane.id)
        if kept is not None and kept[0] == self.scale:
            return kept[1], kept[2]
        scale = self.scale
        num = max(scale.right - scale.left, 1)
        edges = scale.from_s + np.arange(num + 1, dtype=np.float64) * np.float64(scale.s_per_px)
        kinds = self._lines[lane.id].columns(edges)
        height = LANE_PX - 2 * _GAP_PX
        image = _bar(kinds, height)
        words = []
        changes = np.flatnonzero(np.diff(kinds)) + 1
        starts, ends = np.append(0, changes), np.append(changes, num)
        roomy = (ends - starts > 4 * GRID) & (kinds[starts] < ABSENT)
        for start, end in zip(starts[roomy].tolist(), ends[roomy].tolist(), strict=True):
            kind = int(kinds[start])
            label = "" if kind == UNSURE else LABELS[kind]
            if metrics.horizontalAdvance(_word(label)) + GRID <= end - start:
                words.append((start, end - start, label))
        self._pictures[lane.id] = (scale, image, words)
        return image, words


def text_of(note: Note) -> str:
    """A marker's label, or a comment's text."""
    return note.label if isinstance(note, Marker) else note.text


def _flag(x: int) -> list[QPoint]:
    return [QPoint(x, 2), QPoint(x + _FLAG_PX, 6), QPoint(x, 11)]


def _word(label: str) -> str:
    return say_label(label) if label else tr("unsure")


def _ink(label: str) -> QColor:
    """Black or white, whichever reads better on the label's colour."""
    ground = label_colour(label) if label else QColor(colours().raised)
    black, white = QColor("#000000"), QColor("#FFFFFF")
    return black if contrast(black, ground) >= contrast(white, ground) else white


def _bar(kinds: NDArray[np.int8], height: int) -> QImage:
    """``kinds`` [n] as columns of their colours; uncertain ones are hatched, absent ones empty."""
    palette = [label_colour(label).rgba() for label in LABELS]
    theme = colours()
    palette += [QColor(theme.raised).rgba(), 0]
    pixels = np.tile(np.array(palette, np.uint32)[kinds], (height, 1))
    unsure = np.flatnonzero(kinds == UNSURE)
    for row in range(height) if len(unsure) else ():
        pixels[row, unsure[(unsure + row) % 6 == 0]] = QColor(theme.muted).rgba()
    data = np.ascontiguousarray(pixels)
    image = QImage(data.data, len(kinds), height, 4 * len(kinds), QImage.Format.Format_ARGB32)
    return image.copy()
