"""Strips on the chart's time axis: flags of markers and comments above, tracks of faces below."""

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
from ferdesk.sessions.review import Annotation, Comment, Track
from ferdesk.ui.kit.language import label_text, tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.theme import GRID, colours, contrast, label_colour
from ferdesk.ui.review.downsampling import ABSENT, LOW_CONFIDENCE, TrackLines
from ferdesk.ui.review.times import SessionClock

Note = Marker | Comment | Annotation
TRACK_PX = 26
_GAP_PX = 3
FLAGS_PX = 24
_FLAG_PX = 9
_NEAR_PX = 6
_SHORTEST_TEXT_PX = 8 * GRID
_FAR_PX = 1e6


@dataclass(frozen=True, slots=True)
class Scale:
    """Scale of the time axis: seconds ``from_s`` to ``to_s`` over pixels ``left`` to ``right``."""

    from_s: float = 0.0
    to_s: float = 1.0
    left: int = 0
    right: int = 1

    @property
    def s_per_px(self) -> float:
        return (self.to_s - self.from_s) / max(self.right - self.left, 1)

    def x(self, t_s: float) -> float:
        x = self.left + (t_s - self.from_s) / self.s_per_px
        # far outside is as good as further outside, and Qt's integers hold it
        return min(max(x, -_FAR_PX), _FAR_PX)

    def t_s(self, x: float) -> float:
        return self.from_s + (x - self.left) * self.s_per_px


class Strip(QWidget):
    """Strip with scale and cursor, which tells where the mouse wants the cursor."""

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


class Flags(Strip):
    """Strip of markers as flags with their labels, and of comments; a click goes to one."""

    note_chosen = Signal(object)
    """A ``Marker`` or a ``Comment``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notes: tuple[Note, ...] = ()
        self.clock = SessionClock()
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

    def tip_of(self, note: Note) -> str:
        """Its time and text, for a tooltip."""
        return plain(f"{self.clock.moment(note.t_s)}  {text_of(note)}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        note = self.note_at(event.position().x())
        if note is not None:
            self.note_chosen.emit(note)
        else:
            self._seek_to(event)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip:
            note = self.note_at(event.pos().x())  # type: ignore[attr-defined]
            text = "" if note is None else self.tip_of(note)
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
            # measured only where there is room for anything; a stump of a word tells nothing
            whole = metrics.horizontalAdvance(text_of(note)) + 8 if room > 16 else 0
            width = min(room, whole) if room >= min(whole, _SHORTEST_TEXT_PX) else 0
            placed.append((note, x, max(width, 0)))
        return placed


class TrackStrips(Strip):
    """Strips of the tracks: where each was seen, in the colour of its label, with the word."""

    track_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tracks: tuple[Track, ...] = ()
        self.chosen_id: int | None = None
        self._lines: Mapping[int, TrackLines] = {}
        self._pictures: dict[int, tuple[Scale, QImage, list[tuple[int, int, str]]]] = {}
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Faces on the timeline"))

    def sizeHint(self) -> QSize:
        return QSize(40 * GRID, max(1, len(self.tracks)) * TRACK_PX)

    def set_tracks(self, tracks: Sequence[Track], lines: Mapping[int, TrackLines]) -> None:
        """``lines`` by the track's id."""
        self.tracks, self._lines = tuple(tracks), lines
        self._pictures.clear()
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def set_chosen(self, track_id: int | None) -> None:
        self.chosen_id = track_id
        self.update()
        track = next((one for one in self.tracks if one.id == track_id), None)
        self.setAccessibleDescription("" if track is None else track.title)

    def row_of(self, track_id: int | None) -> QRect:
        """Where the track's row lies in this widget."""
        for row, track in enumerate(self.tracks):
            if track.id == track_id:
                return QRect(0, row * TRACK_PX, self.width(), TRACK_PX)
        return QRect()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = int(event.position().y()) // TRACK_PX
        if 0 <= row < len(self.tracks):
            self.track_chosen.emit(self.tracks[row].id)
        self._seek_to(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        ids = [track.id for track in self.tracks]
        if step is None or not ids:
            super().keyPressEvent(event)
            return
        here = ids.index(self.chosen_id) if self.chosen_id in ids else 0
        self.track_chosen.emit(ids[min(max(here + step, 0), len(ids) - 1)])

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
        for row, track in enumerate(self.tracks):
            top = row * TRACK_PX
            area = QRect(0, top, self.width(), TRACK_PX)
            if not event.rect().intersects(area) or right <= left:
                continue
            chosen = track.id == self.chosen_id
            if chosen:
                painter.fillRect(QRect(0, top, left, TRACK_PX), QColor(theme.raised))
            painter.setPen(QColor(theme.disabled if track.excluded else theme.text))
            font = painter.font()
            font.setStrikeOut(track.excluded)
            font.setBold(chosen)
            painter.setFont(font)
            title = metrics.elidedText(track.title, Qt.TextElideMode.ElideRight, left - 3 * GRID)
            painter.drawText(
                QRect(2 * GRID, top, left - 2 * GRID, TRACK_PX),
                Qt.AlignmentFlag.AlignVCenter,
                title,
            )
            font.setStrikeOut(False)
            font.setBold(False)
            painter.setFont(font)
            picture, words = self._picture(track, metrics)
            bar = QRect(left, top + _GAP_PX, right - left, TRACK_PX - 2 * _GAP_PX)
            painter.setOpacity(0.35 if track.excluded else 1.0)
            painter.setClipRect(bar.adjusted(0, -_GAP_PX, 1, _GAP_PX))
            painter.drawImage(bar, picture)
            for x, width, label in words:
                ink = ink_of(label)
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
        self, track: Track, metrics: QFontMetrics
    ) -> tuple[QImage, list[tuple[int, int, str]]]:
        """The track's bar as a picture, and where in it there is room for which word."""
        kept = self._pictures.get(track.id)
        if kept is not None and kept[0] == self.scale:
            return kept[1], kept[2]
        scale = self.scale
        num = max(scale.right - scale.left, 1)
        edges = scale.from_s + np.arange(num + 1, dtype=np.float64) * np.float64(scale.s_per_px)
        kinds = self._lines[track.id].columns(edges)
        height = TRACK_PX - 2 * _GAP_PX
        image = _bar(kinds, height)
        words = []
        changes = np.flatnonzero(np.diff(kinds)) + 1
        starts, ends = np.append(0, changes), np.append(changes, num)
        roomy = (ends - starts > 4 * GRID) & (kinds[starts] < ABSENT)
        for start, end in zip(starts[roomy].tolist(), ends[roomy].tolist(), strict=True):
            kind = int(kinds[start])
            label = "" if kind == LOW_CONFIDENCE else LABELS[kind]
            if metrics.horizontalAdvance(_word(label)) + GRID <= end - start:
                words.append((start, end - start, label))
        self._pictures[track.id] = (scale, image, words)
        return image, words


def text_of(note: Note) -> str:
    """A marker's or annotation's label, or a comment's text."""
    if isinstance(note, Annotation):
        return label_text(note.label) if note.label in LABELS else note.label
    return note.label if isinstance(note, Marker) else note.text


def _flag(x: int) -> list[QPoint]:
    return [QPoint(x, 2), QPoint(x + _FLAG_PX, 6), QPoint(x, 11)]


def _word(label: str) -> str:
    return label_text(label) if label else tr("low confidence")


def ink_of(label: str) -> QColor:
    """Black or white, whichever reads better on the label's colour."""
    ground = label_colour(label) if label else QColor(colours().raised)
    black, white = QColor("#000000"), QColor("#FFFFFF")
    return black if contrast(black, ground) >= contrast(white, ground) else white


def _bar(kinds: NDArray[np.int8], height: int) -> QImage:
    """``kinds`` [n] as columns of their colours; low confidence is hatched, absent ones empty."""
    palette = [label_colour(label).rgba() for label in LABELS]
    theme = colours()
    palette += [QColor(theme.raised).rgba(), 0]
    pixels = np.tile(np.array(palette, np.uint32)[kinds], (height, 1))
    hatched = np.flatnonzero(kinds == LOW_CONFIDENCE)
    for row in range(height) if len(hatched) else ():
        pixels[row, hatched[(hatched + row) % 6 == 0]] = QColor(theme.muted).rgba()
    data = np.ascontiguousarray(pixels)
    image = QImage(data.data, len(kinds), height, 4 * len(kinds), QImage.Format.Format_ARGB32)
    return image.copy()
