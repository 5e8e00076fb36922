"""Timeline of a session: flags, seven lines of one face, tracks of all faces, and the cursor."""

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent, QShowEvent, QWheelEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QScrollBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.labels import LABELS
from ferdesk.sessions.review import Review
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.measure_charts import recorded_charts
from ferdesk.ui.kit.scrolls import RowScroll
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.end_labels import HIGHEST, LOWEST, EndLabels
from ferdesk.ui.review.downsampling import LineView
from ferdesk.ui.review.legend import Legend
from ferdesk.ui.review.opened_session import OpenedSession
from ferdesk.ui.review.plot import LinesPlot
from ferdesk.ui.review.ranges import Ranges
from ferdesk.ui.review.strips import TRACK_PX, Flags, Note, Scale, TrackStrips

SHORTEST_VIEW_S = 0.5
_ZOOM = 1.5
_WHEEL_STEP = 120
_BAR_STEPS = 10_000
_TRACKS_SEEN = 4


class SessionTimeline(QWidget):
    """Timeline with the mouse: left button seeks; wheel zooms, with Shift or sideways it moves.

    Dragging with Shift marks a range.
    """

    seek_wanted = Signal(float)
    track_chosen = Signal(int)
    note_chosen = Signal(object)
    range_marked = Signal(float, float)
    """With Shift and the left button, in ``t_s``."""
    smoothed_changed = Signal()
    range_changed = Signal(float, float)
    """The visible part, in ``t_s``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._opened: OpenedSession | None = None
        self._review = Review()
        self._range = (0.0, 1.0)
        self._smoothed = True
        self._cursor_s = 0.0
        self._panning: QPointF | None = None
        self._marked_from_s: float | None = None
        self._begun_s: float | None = None
        self.track_id: int | None = None
        self.flags = Flags(self)
        self.ranges = Ranges(self)
        self.plot = LinesPlot(self)
        self.ends = EndLabels(self)
        # the plot gets its place later than this widget its size, and other heights move it too
        self.plot.getViewBox().sigResized.connect(self._move_ends)
        self.tracks = TrackStrips(self)
        self.bar = QScrollBar(Qt.Orientation.Horizontal, self)
        self.bar.setAccessibleName(tr("Visible part of the session"))
        self.bar.valueChanged.connect(self._bar_moved)
        self.legend_row = Legend(self)
        self.legend = self.legend_row.buttons
        self.legend_row.chosen.connect(self._choose_chart)
        self.legend_row.line_toggled.connect(self._show_line)
        self.smoothing = QToolButton(self)
        self.smoothing.setCheckable(True)
        self.smoothing.setChecked(True)
        self.smoothing.toggled.connect(self.set_smoothed)
        self._show_smoothing()
        for strip in (self.flags, self.ranges, self.tracks):
            strip.seek_wanted.connect(self._seek)
        self.ranges.annotation_chosen.connect(self.note_chosen)
        self.flags.note_chosen.connect(self.note_chosen)
        self.tracks.track_chosen.connect(self.track_chosen)
        self.plot.viewport().installEventFilter(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Timeline of the session"))
        self._lay_out()

    def sizeHint(self) -> QSize:
        return QSize(100 * GRID, 38 * GRID)

    @property
    def range_s(self) -> tuple[float, float]:
        """The visible part, in ``t_s``."""
        return self._range

    @property
    def smoothed(self) -> bool:
        return self._smoothed

    def show_session(self, opened: OpenedSession, review: Review, track_id: int | None) -> None:
        """Show a session from its beginning to its end."""
        self._opened = opened
        self._range = opened.shown_s
        self._cursor_s = opened.starts_at_s
        self.flags.clock = self.ranges.clock = opened.clock
        self.plot.set_clock(opened.clock)
        self.legend_row.offer(recorded_charts(opened.session.table))
        self.show_review(review, track_id)

    def clear(self) -> None:
        """Let go of the session, whose file may be deleted then."""
        self._opened = None
        self._review = Review()
        self.tracks.set_tracks((), {})
        self.flags.set_notes(())
        self.ranges.set_annotations(())
        self.set_begun(None)

    def show_review(self, review: Review, track_id: int | None) -> None:
        """The tracks, markers and comments as they are now, with one track selected."""
        opened = self._opened
        if opened is None:
            return
        self._review = review
        self.tracks.set_tracks(
            review.tracks, {one.id: opened.lines_of(one) for one in review.tracks}
        )
        notes: list[Note] = [*review.all_markers(opened.session), *review.comments]
        self.flags.set_notes(notes)
        times = np.array([note.t_s for note in notes], np.float64)
        self.plot.show_marks(times[np.isfinite(times)])
        self._tracks_area.setMaximumHeight(min(len(review.tracks), _TRACKS_SEEN) * TRACK_PX + 2)
        self._tracks_area.setMinimumHeight(min(len(review.tracks), 2) * TRACK_PX)
        self.choose_track(track_id)

    def choose_track(self, track_id: int | None) -> None:
        """Draw the lines of this track."""
        self.track_id = track_id
        self.tracks.set_chosen(track_id)
        shown = () if track_id is None else self._review.annotations_of(track_id)
        self.ranges.set_annotations(shown)
        row = self.tracks.row_of(track_id)
        self._tracks_area.ensureVisible(0, row.center().y(), 0, TRACK_PX)
        self._draw()
        self._show_values()

    def choose_note(self, note: Note | None) -> None:
        self.flags.set_chosen(note)
        self.ranges.set_chosen(note)

    def set_begun(self, t_s: float | None) -> None:
        """Where an annotation begins that reaches to the cursor; None for none."""
        self._begun_s = t_s
        self.ranges.set_open(t_s, self._cursor_s)

    def set_smoothed(self, smoothed: bool) -> None:
        """Lines of the smoothed probabilities, or of each frame's own."""
        self._smoothed = smoothed
        self.smoothed_changed.emit()
        with QSignalBlocker(self.smoothing):
            self.smoothing.setChecked(smoothed)
        self._show_smoothing()
        self._draw()
        self._show_values()

    def toggle_smoothed(self) -> None:
        self.set_smoothed(not self._smoothed)

    def set_cursor(self, t_s: float, *, follow: bool = False) -> None:
        """Put the cursor there; ``follow`` moves the view along where it leaves it."""
        self._cursor_s = t_s
        from_s, to_s = self._range
        if follow and not from_s <= t_s <= to_s:
            self.set_range(t_s, t_s + to_s - from_s)
        self.plot.show_cursor(t_s)
        for strip in (self.flags, self.ranges, self.tracks):
            strip.set_cursor(t_s)
        if self._begun_s is not None:
            self.ranges.set_open(self._begun_s, t_s)
        self._show_values()

    def set_range(self, from_s: float, to_s: float) -> None:
        """Show this part, moved so that it lies within the session."""
        if self._opened is None:
            return
        first_s, last_s = self._opened.shown_s
        length_s = last_s - first_s
        span_s = min(max(to_s - from_s, min(SHORTEST_VIEW_S, length_s)), length_s)
        from_s = min(max(from_s, first_s), last_s - span_s)
        self._range = (from_s, from_s + span_s)
        self._draw()
        self.range_changed.emit(*self._range)

    def zoom(self, factor: float, around_s: float | None = None) -> None:
        """See ``factor`` times as closely, with ``around_s`` (or the cursor) kept in its place."""
        from_s, to_s = self._range
        at_s = self._cursor_s if around_s is None else around_s
        if not from_s <= at_s <= to_s:
            at_s = (from_s + to_s) / 2
        self.set_range(at_s - (at_s - from_s) / factor, at_s + (to_s - at_s) / factor)

    def zoom_in(self) -> None:
        self.zoom(_ZOOM)

    def zoom_out(self) -> None:
        self.zoom(1 / _ZOOM)

    def show_whole(self) -> None:
        if self._opened is not None:
            self.set_range(*self._opened.shown_s)

    def shift(self, share: float) -> None:
        """Move the view by that share of itself, to the right where it is positive."""
        from_s, to_s = self._range
        by_s = share * (to_s - from_s)
        self.set_range(from_s + by_s, to_s + by_s)

    # ---- mouse, wheel and size

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The plot's own mouse handling knows no cursor that is scrubbed."""
        match event.type():
            case QEvent.Type.MouseButtonPress | QEvent.Type.MouseMove:
                return self._mouse(event)  # type: ignore[arg-type]
            case QEvent.Type.MouseButtonRelease:
                self._panning = None
                self._end_range(event)  # type: ignore[arg-type]
                return True
            case QEvent.Type.MouseButtonDblClick:
                return True
            case QEvent.Type.Wheel:
                self._wheel(event)  # type: ignore[arg-type]
                return True
            case _:
                return False

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._wheel(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            self.plot.colour()
            self._draw()

    def _mouse(self, event: QMouseEvent) -> bool:
        left = event.buttons() & Qt.MouseButton.LeftButton
        other = event.buttons() & (Qt.MouseButton.MiddleButton | Qt.MouseButton.RightButton)
        if left and (
            self._marked_from_s is not None or event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        ):
            self._mark_range(event)
        elif left:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._seek(self._scale().t_s(event.position().x()))
        elif other:
            if self._panning is not None:
                moved = self._panning.x() - event.position().x()
                by_s = moved * self._scale().s_per_px
                self.set_range(self._range[0] + by_s, self._range[1] + by_s)
            self._panning = event.position()
        return True

    def _mark_range(self, event: QMouseEvent) -> None:
        t_s = self._scale().t_s(event.position().x())
        if self._marked_from_s is None:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._marked_from_s = t_s
        self.ranges.set_open(self._marked_from_s, t_s)

    def _end_range(self, event: QMouseEvent) -> None:
        from_s, self._marked_from_s = self._marked_from_s, None
        if from_s is None or self._opened is None:
            return
        first_s, last_s = self._opened.shown_s
        to_s = self._scale().t_s(event.position().x())
        ends = sorted(min(max(at, first_s), last_s) for at in (from_s, to_s))
        self.ranges.set_open(self._begun_s, self._cursor_s)
        if (ends[1] - ends[0]) > 3 * self._scale().s_per_px:
            self.range_marked.emit(*ends)

    def _wheel(self, event: QWheelEvent) -> None:
        turned = event.angleDelta()
        sideways = turned.x()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            sideways = sideways or turned.y()
        if sideways:
            self.shift(-0.1 * sideways / _WHEEL_STEP)
        elif turned.y():
            x = self.plot.mapFromGlobal(event.globalPosition()).x()
            self.zoom(1.25 ** (turned.y() / _WHEEL_STEP), self._scale().t_s(x))
        event.accept()

    def _seek(self, t_s: float) -> None:
        if self._opened is not None:
            first_s, last_s = self._opened.shown_s
            self.seek_wanted.emit(min(max(t_s, first_s), last_s))

    def _bar_moved(self, value: int) -> None:
        if self._opened is not None:
            span_s = self._range[1] - self._range[0]
            first_s, last_s = self._opened.shown_s
            from_s = first_s + value / _BAR_STEPS * (last_s - first_s)
            self.set_range(from_s, from_s + span_s)

    # ---- what is drawn

    def _scale(self) -> Scale:
        left, right = self.plot.span_px()
        return Scale(*self._range, left, right)

    def _draw(self) -> None:
        opened = self._opened
        if opened is None or not self.isVisible():
            return
        from_s, to_s = self._range
        left, right = self.plot.span_px()
        track = next((one for one in self._review.tracks if one.id == self.track_id), None)
        if track is not None:
            lines = opened.lines_of(track)
            most = max((right - left) // 2, 64)
            plotted = self.legend_row.name or self._smoothed
            view = lines.view(from_s, to_s, most, smoothed=plotted)
            self.plot.show_view(view, from_s, to_s)
            self._show_ends(view)
        else:
            self.plot.show_nothing(from_s, to_s)
            self.ends.show_values({}, self.plot.plot_area(LOWEST, HIGHEST))
        for strip in (self.flags, self.ranges, self.tracks):
            strip.set_scale(self._scale())
        first_s, last_s = opened.shown_s
        span = (to_s - from_s) / (last_s - first_s)
        with QSignalBlocker(self.bar):
            page = max(round(_BAR_STEPS * span), 1)
            self.bar.setRange(0, _BAR_STEPS - page)
            self.bar.setPageStep(page)
            self.bar.setSingleStep(max(page // 20, 1))
            self.bar.setValue(round((from_s - first_s) / (last_s - first_s) * _BAR_STEPS))

    def _show_ends(self, view: LineView) -> None:
        """Each line's word, where the line is last seen."""
        known = np.flatnonzero(np.isfinite(view.middle[0]))
        values = {
            label: float(view.middle[i, known[-1]])
            for i, label in enumerate(LABELS)
            if len(known) and self.legend[label].isChecked() and self.legend_row.chart is None
        }
        self.ends.show_values(values, self.plot.plot_area(LOWEST, HIGHEST))

    def _move_ends(self, _box: object) -> None:
        self.ends.move_to(self.plot.plot_area(LOWEST, HIGHEST))

    def _show_values(self) -> None:
        """The chosen track's probabilities at the cursor, beside their names."""
        opened = self._opened
        track = next((one for one in self._review.tracks if one.id == self.track_id), None)
        row = (
            None
            if opened is None or track is None
            else opened.lines_of(track).row_at(self._cursor_s)
        )
        table = None if opened is None else opened.session.table
        self.legend_row.show_values(table, row, smoothed=self._smoothed)

    def _choose_chart(self) -> None:
        """Draw the probabilities, or a chart of measures with all its lines."""
        chart = self.legend_row.chart
        self.plot.set_chart(chart)
        self.smoothing.setEnabled(chart is None)
        self._draw()
        self._show_values()

    def _show_smoothing(self) -> None:
        self.smoothing.setText(tr("Smoothed") if self._smoothed else tr("Raw"))
        self.smoothing.setToolTip(tr("Show smoothed or raw probabilities (Y)"))

    def _show_line(self, label: str, shown: bool) -> None:
        self.plot.show_line(label, shown)
        self._draw()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        top.setSpacing(2)
        top.addWidget(self.legend_row.choice)
        top.addWidget(RowScroll(list(self.legend.values()), self), 1)
        self._tracks_area = QScrollArea(self)
        self._tracks_area.setWidget(self.tracks)
        self._tracks_area.setWidgetResizable(True)
        self._tracks_area.setFrameShape(QFrame.Shape.NoFrame)
        self._tracks_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._tracks_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, GRID // 2)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self.flags)
        column.addWidget(self.ranges)
        chart = QHBoxLayout()
        chart.setSpacing(0)
        chart.addWidget(self.plot, 1)
        chart.addWidget(self.ends)
        column.addLayout(chart, 1)
        column.addWidget(self._tracks_area)
        column.addWidget(self.bar)
