"""One session opened: picture, faces, notes, timeline, and all that changes its review."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.types import Frame, FrameResult
from ferdesk.errors import FerdeskError
from ferdesk.runtime.ports import Services
from ferdesk.sessions.markers import clean_label, outside, read_markers
from ferdesk.sessions.outputs import write_report
from ferdesk.sessions.reader import Marker
from ferdesk.sessions.review import Comment, Review, Segment, Track
from ferdesk.ui.kit.face_names import LONGEST_NAME
from ferdesk.ui.kit.folders import open_folder
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import mark, tr, translated
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.kit.video_view import VideoView, ViewState
from ferdesk.ui.live.marker_keys import NUM_KEYS
from ferdesk.ui.review.actions import Spec, button_of, make_action
from ferdesk.ui.review.edits import Edits
from ferdesk.ui.review.exports import export
from ferdesk.ui.review.library import export_button
from ferdesk.ui.review.opened import Opened
from ferdesk.ui.review.panels import LanesPanel, NotesPanel
from ferdesk.ui.review.player import SPEEDS, Player, Still
from ferdesk.ui.review.timeline import SessionTimeline
from ferdesk.ui.review.times import length_text, moment_text, read_moment
from ferdesk.ui.review.tracks import Note, text_of

AskText = Callable[[QWidget, str, str, str], str | None]
_JUMP_S = 5.0
_GREY = 26

ACTIONS = {
    "play": Spec(mark("Play"), "P", "play", mark("Play or hold")),
    "back": Spec(mark("Previous frame"), ",", "step-back", mark("One analysed frame back (Left)")),
    "on": Spec(mark("Next frame"), ".", "step-forward", mark("One analysed frame on (Right)")),
    "previous_note": Spec(
        mark("Previous marker"), "Ctrl+Left", "flag", mark("Go to the marker or comment before")
    ),
    "next_note": Spec(
        mark("Next marker"), "Ctrl+Right", "flag", mark("Go to the next marker or comment")
    ),
    "slower": Spec(mark("Slower"), "<"),
    "faster": Spec(mark("Faster"), ">"),
    "go_to": Spec(mark("Go to…"), "Ctrl+G", "", mark("Type the time to go to")),
    "zoom_in": Spec(mark("Zoom in"), "+ =", "zoom-in", mark("See a shorter time")),
    "zoom_out": Spec(mark("Zoom out"), "-", "zoom-out", mark("See a longer time")),
    "whole": Spec(mark("Whole session"), "0", "maximize", mark("See the whole session")),
    "smoothing": Spec(mark("Smoothed or raw"), "Y"),
    "next_lane": Spec(mark("Next face"), "]"),
    "previous_lane": Spec(mark("Previous face"), "["),
    "name": Spec(mark("Name…"), "N", "pencil", mark("Name the chosen face")),
    "merge": Spec(mark("Merge…"), "G", "merge", mark("Take another face for the chosen one")),
    "split": Spec(
        mark("Split here"), "X", "split", mark("Part the chosen face in two at the cursor")
    ),
    "exclude": Spec(
        mark("Exclude"), "E", "eye-off", mark("Leave the chosen face out of figures, or take it in")
    ),
    "restore": Spec(
        mark("As recorded"), "U", "rotate-ccw", mark("Undo merges and splits of the chosen face")
    ),
    "marker": Spec(mark("Marker…"), "M", "flag", mark("Set a marker at the cursor")),
    "comment": Spec(mark("Comment…"), "C", "message-square", mark("Write a comment at the cursor")),
    "import": Spec(
        mark("Import…"), "Ctrl+I", "upload", mark("Add the markers of a CSV with time and label")
    ),
    "notes": Spec(
        mark("Notes…"), "Ctrl+N", "file-text", mark("Write what is to be said of the session")
    ),
    "edit": Spec(mark("Edit…"), "F2", "pencil", mark("Change the chosen marker or comment")),
    "move": Spec(
        mark("Move here"), "Shift+M", "crosshair", mark("Move the chosen one to the cursor")
    ),
    "remove": Spec(mark("Remove"), "Del", "trash-2", mark("Take the chosen one away")),
    "undo": Spec(mark("Undo"), "Ctrl+Z", "undo-2"),
    "redo": Spec(mark("Redo"), "Ctrl+Shift+Z Ctrl+Y", "redo-2"),
    "report": Spec(mark("Report"), "Ctrl+R", "file-text", mark("Make the report of this session")),
    "export": Spec(mark("Export"), "Ctrl+E"),
    "folder": Spec(mark("Open folder"), "Ctrl+D", "folder-open", mark("Show the session's files")),
}
_SAVING = {
    "saved": mark("Saved"),
    "saving": mark("Saving…"),
    "failed": mark("Not saved"),
}


class SessionView(QWidget):
    """Shows one ``Opened`` at a time. The recording is never changed; all goes to its review."""

    told = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        services: Services,
        chores: TaskRunner,
        parent: QWidget | None = None,
        *,
        ask_text: AskText | None = None,
        ask_notes: Callable[[QWidget, str, str], str | None] | None = None,
        ask_file: Callable[[QWidget], str] | None = None,
    ) -> None:
        """The ``ask_`` ones return None, or "" for a file, where the user wants nothing."""
        super().__init__(parent)
        self._services, self._chores = services, chores
        self.ask_text = ask_text or _ask_text
        self.ask_notes = ask_notes or _ask_notes
        self.ask_file = ask_file or _ask_file
        self.marker_names: tuple[str, ...] = tuple(str(i + 1) for i in range(NUM_KEYS))
        self.opened: Opened | None = None
        self.lane_id: int | None = None
        self.note: Note | None = None
        self._canvas: NDArray[np.uint8] = np.full((16, 16, 3), _GREY, np.uint8)
        self._shown_frame = -1
        self.player = Player(self)
        self.edits = Edits(chores, self)
        self.actions_by_name: dict[str, QAction] = {
            name: make_action(self, spec, getattr(self, f"_{name}"))
            for name, spec in ACTIONS.items()
        }
        self._make_marker_keys()
        self.view = VideoView(self)
        self.view.setAccessibleName(tr("Recorded picture"))
        self.view.setMinimumSize(24 * GRID, 18 * GRID)
        self.view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.timeline = SessionTimeline(self)
        self.faces = LanesPanel(self)
        self.notes = NotesPanel(self)
        self.time = QLineEdit(self)
        self.time.setAccessibleName(tr("Position; type a time to go to"))
        self.time.setFixedWidth(self.time.fontMetrics().horizontalAdvance("0:00:00.000") + 4 * GRID)
        self.length = QLabel(self)
        self.length.setProperty("role", "muted")
        self.speed = QComboBox(self)
        self.speed.setAccessibleName(tr("Speed"))
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g} x", speed)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.saved = QLabel(self)
        words = [self.saved.fontMetrics().horizontalAdvance(tr(text)) for text in _SAVING.values()]
        self.saved.setMinimumWidth(max(words) + GRID)
        self.tools = QWidget(self)
        self._lay_out()
        self._connect()
        self.setEnabled(False)

    @property
    def folder(self) -> Path | None:
        """Of the session that is open."""
        return None if self.opened is None else self.opened.session.folder

    @property
    def review(self) -> Review:
        return self.edits.review

    def show_session(self, opened: Opened) -> None:
        """Open a session that was read."""
        self.leave()
        self.opened = opened
        self.setEnabled(True)
        width, height = opened.picture_size
        self._canvas = np.full((height, width, 3), _GREY, np.uint8)
        longest = opened.longest_lane(opened.review)
        self.lane_id = None if longest is None else longest.id
        self._shown_frame = -1
        self.length.setText(f"/ {length_text(opened.session.length_s)}")
        self.edits.begin(opened)
        self.timeline.show_session(opened, self.review, self.lane_id)
        session = opened.session
        self.player.load(opened.times, session.length_s, session.video, self._services.open_film)
        self.timeline.setFocus()

    def leave(self) -> None:
        """Close the session; what is not saved yet is being saved."""
        self.player.unload()
        self.edits.end()
        self.opened = None
        self.note = None
        self.setEnabled(False)
        self.timeline.clear()
        self.view.clear()

    def set_marker_names(self, names: tuple[str, ...]) -> None:
        """What the keys 1 to 9 set."""
        self.marker_names = names

    def choose_lane(self, lane_id: int) -> None:
        self.lane_id = lane_id
        self.timeline.choose_lane(lane_id)
        self.faces.choose(lane_id)
        self.view.set_chosen(lane_id)
        self._enable()

    def choose_note(self, note: Note | None) -> None:
        """Choose a marker or comment, and go there."""
        self.note = note
        self.timeline.choose_note(note)
        self.notes.choose(note)
        if note is not None:
            self.player.seek(note.t_s)
        self._enable()

    # ---- playing

    def _play(self) -> None:
        self.player.toggle()

    def _back(self) -> None:
        self.player.step(-1)

    def _on(self) -> None:
        self.player.step(1)

    def _slower(self) -> None:
        self.speed.setCurrentIndex(max(self.speed.currentIndex() - 1, 0))

    def _faster(self) -> None:
        self.speed.setCurrentIndex(min(self.speed.currentIndex() + 1, len(SPEEDS) - 1))

    def _go_to(self) -> None:
        self.time.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.time.selectAll()

    def _time_typed(self) -> None:
        t_s = read_moment(self.time.text())
        if t_s is None:
            self._say_time(self.player.position_s)
            text = tr("That is no time; write seconds, or 1:02:03.5.")
            self.told.emit(Notice(text, stays=False))
            return
        self.timeline.setFocus()
        self._go(t_s)

    def _go(self, t_s: float) -> None:
        """Seek, and have it in sight."""
        self.player.seek(t_s)
        from_s, to_s = self.timeline.range_s
        if not from_s <= self.player.position_s <= to_s:
            half_s = (to_s - from_s) / 2
            self.timeline.set_range(
                self.player.position_s - half_s, self.player.position_s + half_s
            )

    def _previous_note(self) -> None:
        before = [n for n in self._all_notes() if n.t_s < self.player.position_s - 1e-6]
        if before:
            self.choose_note(before[-1])
            self._go(before[-1].t_s)

    def _next_note(self) -> None:
        after = [n for n in self._all_notes() if n.t_s > self.player.position_s + 1e-6]
        if after:
            self.choose_note(after[0])
            self._go(after[0].t_s)

    @Slot(float)
    def _moved(self, t_s: float) -> None:
        self.timeline.set_cursor(t_s, follow=self.player.playing)
        if not self.time.hasFocus():
            self._say_time(t_s)
        if self.opened is not None and not self.player.has_film:
            frame = self.opened.frame_at(t_s)
            if frame != self._shown_frame:
                self._shown_frame = frame
                self._show(self._canvas, t_s, "")
        self._say_faces()
        self._enable_split()

    @Slot(object)
    def _shown(self, still: Still) -> None:
        """The film's picture of a moment, or why there is none."""
        opened = self.opened
        if opened is None:
            return
        if still.image is None:
            note = translated(still.problem) or tr("The video has no picture of this moment.")
            self._show(self._canvas, still.t_s, note)
            return
        frame = opened.frame_at(still.t_s)
        note = translated(still.problem)
        began_s = still.began_s if still.began_s is not None else still.t_s
        # the video lacks what the encoder could not keep up with; an older picture is no proof
        if len(opened.times) and opened.times[frame] - began_s > max(0.1, 2 * opened.step_s):
            note = note or tr("The video lacks this moment; the picture is older.")
        self._show(still.image, still.t_s, note)

    def _show(self, image: NDArray[np.uint8], t_s: float, note: str) -> None:
        opened = self.opened
        if opened is None:
            return
        frame = opened.frame_at(t_s)
        film = self.player.has_film and image is not self._canvas
        burnt_in = film and opened.video_mode == "overlay"
        faces = opened.faces_at(frame, self.review) if len(opened.times) and not burnt_in else ()
        if film and faces:
            faces = opened.scaled(faces, image.shape[1], image.shape[0])
        result = FrameResult(Frame(image, frame, t_s, t_s), faces, 0.0, {})
        self.view.set_names({lane.id: lane.name for lane in self.review.tracks if lane.name})
        self.view.show_result(result, self.lane_id)
        if not self.player.has_film:
            note = tr("No video was recorded; the boxes show where the faces were.")
        if not len(opened.times):
            note = tr("This session has no rows.")
        self.view.set_state(ViewState(note=note))

    def _show_again(self) -> None:
        """The same moment, with what has changed over it."""
        result = self.view.result
        if result is not None:
            self._show(result.frame.image, result.frame.t_s, self.view.state.note)

    def _playing(self, playing: bool) -> None:
        action = self.actions_by_name["play"]
        action.setText(tr("Hold") if playing else tr("Play"))
        give_icon(action, "pause" if playing else "play")

    # ---- looking at the timeline

    def _zoom_in(self) -> None:
        self.timeline.zoom_in()

    def _zoom_out(self) -> None:
        self.timeline.zoom_out()

    def _whole(self) -> None:
        self.timeline.show_whole()

    def _smoothing(self) -> None:
        self.timeline.set_smoothed(not self.timeline.smoothed)

    def _next_lane(self) -> None:
        self._step_lane(1)

    def _previous_lane(self) -> None:
        self._step_lane(-1)

    def _step_lane(self, by: int) -> None:
        ids = [lane.id for lane in self.review.tracks]
        if ids:
            here = ids.index(self.lane_id) if self.lane_id in ids else -max(by, 0)
            self.choose_lane(ids[(here + by) % len(ids)])

    # ---- faces

    def _name(self) -> None:
        if (lane := self._lane()) is not None:
            title = tr("Name of face #{id}").format(id=lane.id)
            name = self.ask_text(self, title, tr("Name; empty takes it away:"), lane.name)
            if name is not None:
                tidy = " ".join(name.split())[:LONGEST_NAME]
                self._do(tr("Name"), self.review.named(lane.id, tidy))

    def _merge(self) -> None:
        self.faces.open_merge_menu()

    def merge_with(self, other_id: int) -> None:
        """The chosen lane and the other are one from now on."""
        if self.lane_id is not None:
            self._do(tr("Merge"), self.review.merged(self.lane_id, other_id))

    def _split(self) -> None:
        if self.lane_id is not None:
            before = self.review
            after = before.split(self.lane_id, self.player.position_s)
            if after == before:
                text = tr("The face has no rows on one side of the cursor; nothing was split.")
                self.told.emit(Notice(text, stays=False))
            self._do(tr("Split"), after)

    def _exclude(self) -> None:
        if (lane := self._lane()) is not None:
            text = tr("Include") if lane.excluded else tr("Exclude")
            self._do(text, self.review.excluding(lane.id, not lane.excluded))

    def _restore(self) -> None:
        if (lane := self._lane()) is not None:
            self._do(tr("As recorded"), self.review.restored(lane.id))

    # ---- markers and comments

    def _marker(self) -> None:
        at_s = self.player.position_s
        label = self.ask_text(self, tr("Marker"), _at(at_s), "")
        if label is not None:
            self.set_marker(label, at_s)

    def set_marker(self, label: str, at_s: float) -> None:
        """Set a marker at ``at_s`` afterwards."""
        if (label := clean_label(label)) != "":
            marker = Marker(round(at_s, 6), label, "review")
            self._do(tr("Marker"), self.review.with_markers(marker))
            self._take_note(marker)

    def _comment(self) -> None:
        at_s = self.player.position_s
        text = self.ask_text(self, tr("Comment"), _at(at_s), "")
        if text is not None and text.strip():
            comment = Comment(round(at_s, 6), text.strip(), self.lane_id)
            self._do(tr("Comment"), self.review.with_comment(comment))
            self._take_note(comment)

    def _import(self) -> None:
        """Add the markers of a stimulus program's file."""
        opened = self.opened
        if opened is None or (name := self.ask_file(self)) == "":
            return
        try:
            found = read_markers(Path(name), opened.session)
        except FerdeskError as error:
            self._failed(str(error))
            return
        before = len(self.review.markers)
        self._do(tr("Import"), self.review.with_markers(*found))
        text = tr("%n markers were added.", "", len(self.review.markers) - before)
        if strays := len(outside(found, opened.session)):
            text += " " + tr("%n of the file's lie outside the session.", "", strays)
        self.told.emit(Notice(text, stays=False))

    def _notes(self) -> None:
        text = self.ask_notes(self, tr("Notes on the session"), self.review.notes)
        if text is not None:
            self._do(tr("Notes"), replace(self.review, notes=text.strip()))

    def _edit(self) -> None:
        note = self.note
        if note is None or not self._changeable(note):
            return
        title = tr("Marker") if isinstance(note, Marker) else tr("Comment")
        text = self.ask_text(self, title, _at(note.t_s), text_of(note))
        if text is None or not text.strip():
            return
        if isinstance(note, Marker):
            self._replace(note, replace(note, label=clean_label(text)))
        else:
            self._replace(note, replace(note, text=text.strip()))

    def _move(self) -> None:
        if self.note is not None and self._changeable(self.note):
            self._replace(self.note, replace(self.note, t_s=round(self.player.position_s, 6)))

    def _remove(self) -> None:
        if self.note is not None and self._changeable(self.note):
            review, note = _without(self.review, self.note), self.note
            self.note = None
            self._do(tr("Remove “{text}”").format(text=text_of(note)), review)

    def _replace(self, note: Note, other: Note) -> None:
        review = _without(self.review, note)
        if isinstance(other, Marker):
            review = review.with_markers(other)
        else:
            review = review.with_comment(other)
        self._do(tr("Edit"), review)
        self._take_note(other)

    def _take_note(self, note: Note) -> None:
        self.note = note
        self.timeline.choose_note(note)
        self.notes.choose(note)
        self._enable()

    def _changeable(self, note: Note) -> bool:
        """What was recorded stays; all that was added afterwards may be changed."""
        return isinstance(note, Comment) or note in self.review.markers

    def _all_notes(self) -> list[Note]:
        if self.opened is None:
            return []
        notes: list[Note] = [
            *self.review.all_markers(self.opened.session),
            *self.review.comments,
        ]
        return sorted(notes, key=lambda note: note.t_s)

    # ---- undo, files

    def _undo(self) -> None:
        self.edits.undo()

    def _redo(self) -> None:
        self.edits.redo()

    def _report(self) -> None:
        opened, review = self.opened, self.review
        if opened is None:
            return
        path = opened.session.folder / "report.html"

        def work() -> Path:
            write_report([opened.session], path, reviews=[review])
            return path

        self.told.emit(Notice(tr("Making the report…"), stays=False))
        self._chores.run(work, self._reported, self._failed)

    def _export(self) -> None:
        self.export_button.showMenu()

    def export_as(self, kind: str) -> None:
        """Write one of the formats into the session's folder, with the review as it is now."""
        opened, review = self.opened, self.review
        if opened is not None:
            self._chores.run(
                partial(export, kind, opened.session, review, self._services),
                self._exported,
                self._failed,
            )

    def _folder(self) -> None:
        if self.folder is not None:
            open_folder(self.folder)

    def _reported(self, path: Path) -> None:
        text = tr("The report is in {path}.").format(path=path)
        self.told.emit(Notice(text, file=path))

    def _exported(self, paths: list[Path]) -> None:
        show = Choice(tr("Open folder"), partial(open_folder, paths[0].parent))
        text = tr("Exported to {path}.").format(path=", ".join(map(str, paths)))
        self.told.emit(Notice(text, stays=False, choices=(show,)))

    def _failed(self, message: str) -> None:
        self.told.emit(Notice(message, "error"))

    # ---- what is shown

    def _do(self, text: str, review: Review) -> None:
        self.edits.do(text, review)

    def _lane(self) -> Track | None:
        return next((lane for lane in self.review.tracks if lane.id == self.lane_id), None)

    @Slot()
    def _show_review(self) -> None:
        opened, review = self.opened, self.review
        if opened is None:
            return
        ids = [lane.id for lane in review.tracks]
        if self.lane_id not in ids:
            self.lane_id = ids[0] if ids else None
        if self.note is not None and self.note not in self._all_notes():
            self.note = None
        self.timeline.lane_id = self.lane_id
        self.timeline.show_review(review)
        self.timeline.choose_note(self.note)
        seen = {lane.id: opened.seen_s(lane) for lane in review.tracks}
        self.faces.show_lanes(review.tracks, seen, self.lane_id)
        titles = {lane.id: lane.title for lane in review.tracks}
        self.notes.show_notes(self._all_notes(), self.note, titles)
        self._say_faces()
        self._show_again()
        self._enable()

    def _enable(self) -> None:
        named, lane, note = self.actions_by_name, self._lane(), self.note
        for name in ("name", "exclude"):
            named[name].setEnabled(lane is not None)
        named["merge"].setEnabled(lane is not None and len(self.review.tracks) > 1)
        named["restore"].setEnabled(lane is not None and not _as_recorded(lane))
        named["exclude"].setText(
            tr("Include") if lane is not None and lane.excluded else tr("Exclude")
        )
        for name in ("edit", "move", "remove"):
            named[name].setEnabled(note is not None and self._changeable(note))
        fixed = note is not None and not self._changeable(note)
        self.notes.hint.setText(
            tr("Recorded markers stay as they are; set another beside them.") if fixed else ""
        )
        for name, text in (("undo", self.edits.undo_text), ("redo", self.edits.redo_text)):
            named[name].setEnabled(bool(text))
            said = tr(ACTIONS[name].text)
            keys = named[name].shortcut().toString()
            named[name].setToolTip(f"{said}: {text} ({keys})" if text else f"{said} ({keys})")
        self._enable_split()

    def _enable_split(self) -> None:
        inside = 0 < self.player.position_s < self.player.length_s
        self.actions_by_name["split"].setEnabled(self.lane_id is not None and inside)

    def _say_time(self, t_s: float) -> None:
        self.time.setText(moment_text(t_s))

    def _say_faces(self) -> None:
        """What each lane shows at the position."""
        opened = self.opened
        if opened is not None:
            t_s = self.player.position_s
            self.faces.show_values(
                {
                    lane.id: opened.value_at(lane, t_s, smoothed=self.timeline.smoothed)
                    for lane in self.faces.lanes_in_sight(self.review.tracks)
                }
            )

    def _say_saving(self, state: str) -> None:
        self.saved.setText(tr(_SAVING[state]))
        self.saved.setProperty("role", "red" if state == "failed" else "muted")
        self.saved.style().unpolish(self.saved)
        self.saved.style().polish(self.saved)

    # ---- how it is put together

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys on picture, timeline and lanes that elsewhere keep their usual meaning."""
        if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            position_s = self.player.position_s
            match event.key():
                case Qt.Key.Key_Space:
                    self.player.toggle()
                case Qt.Key.Key_Left if far:
                    self._go(position_s - _JUMP_S)
                case Qt.Key.Key_Right if far:
                    self._go(position_s + _JUMP_S)
                case Qt.Key.Key_Left:
                    self.player.step(-1)
                case Qt.Key.Key_Right:
                    self.player.step(1)
                case Qt.Key.Key_Home:
                    self._go(0.0)
                case Qt.Key.Key_End:
                    self._go(self.player.length_s)
                case Qt.Key.Key_PageUp:
                    self.timeline.shift(-0.8)
                case Qt.Key.Key_PageDown:
                    self.timeline.shift(0.8)
                case _:
                    return False
            return True
        return False

    def _make_marker_keys(self) -> None:
        for index in range(NUM_KEYS):
            tip = mark("Set the marker of that number at the cursor, 1 to 9")
            spec = Spec(str(index + 1), str(index + 1), "", tip)
            action = make_action(self, spec, partial(self._marker_key, index))
            action.setAutoRepeat(False)
            if index:
                # one line of the sheet of keys tells of all nine
                action.setWhatsThis("")
                action.setText("")

    def _marker_key(self, index: int) -> None:
        self.set_marker(self.marker_names[index], self.player.position_s)

    def _connect(self) -> None:
        self.player.moved.connect(self._moved)
        self.player.shown.connect(self._shown)
        self.player.playing_changed.connect(self._playing)
        self.edits.changed.connect(self._show_review)
        self.edits.saving.connect(self._say_saving)
        self.edits.told.connect(self.told)
        self.timeline.seek_wanted.connect(self._scrubbed)
        self.timeline.lane_chosen.connect(self.choose_lane)
        self.timeline.note_chosen.connect(self.choose_note)
        self.view.face_clicked.connect(self.choose_lane)
        self.faces.chosen.connect(self.choose_lane)
        self.faces.merge_wanted.connect(self.merge_with)
        self.notes.chosen.connect(self.choose_note)
        self.time.returnPressed.connect(self._time_typed)
        self.speed.currentIndexChanged.connect(
            lambda _: self.player.set_speed(self.speed.currentData())
        )
        for widget in (self.view, self.timeline, self.timeline.lanes):
            widget.installEventFilter(self)

    @Slot(float)
    def _scrubbed(self, t_s: float) -> None:
        self.player.seek(t_s)

    def _lay_out(self) -> None:
        named = self.actions_by_name
        of_faces = ("name", "merge", "split", "exclude", "restore")
        self.faces.add_buttons([named[name] for name in of_faces], 3)
        of_notes = ("marker", "comment", "import", "notes", "edit", "move", "remove")
        self.notes.add_buttons([named[name] for name in of_notes], 4)
        side = QSplitter(Qt.Orientation.Vertical, self)
        for panel in (self.faces, self.notes):
            side.addWidget(panel)
        side.setChildrenCollapsible(False)
        upper = QSplitter(Qt.Orientation.Horizontal, self)
        upper.addWidget(self.view)
        upper.addWidget(side)
        upper.setStretchFactor(0, 1)
        upper.setSizes([100 * GRID, 48 * GRID])
        below = QWidget(self)
        column = QVBoxLayout(below)
        column.setContentsMargins(0, GRID // 2, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(self._transport())
        column.addWidget(self.timeline, 1)
        whole = QSplitter(Qt.Orientation.Vertical, self)
        whole.addWidget(upper)
        whole.addWidget(below)
        whole.setChildrenCollapsible(False)
        whole.setStretchFactor(0, 3)
        whole.setStretchFactor(1, 2)
        whole.setSizes([46 * GRID, 38 * GRID])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, GRID, 0, 0)
        layout.addWidget(whole)
        row = QHBoxLayout(self.tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for name in ("undo", "redo"):
            row.addWidget(button_of(named[name], self.tools, with_text=False))
        row.addSpacing(GRID)
        row.addWidget(button_of(named["report"], self.tools))
        self.export_button: QToolButton = export_button(self.tools, self.export_as)
        row.addWidget(self.export_button)
        row.addWidget(button_of(named["folder"], self.tools, with_text=False))

    def _transport(self) -> QHBoxLayout:
        named = self.actions_by_name
        row = QHBoxLayout()
        row.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        row.setSpacing(GRID // 2)
        row.addWidget(button_of(named["back"], self, with_text=False))
        play = button_of(named["play"], self)
        play.setMinimumWidth(play.fontMetrics().horizontalAdvance(tr("Play")) + 7 * GRID)
        row.addWidget(play)
        row.addWidget(button_of(named["on"], self, with_text=False))
        row.addWidget(self.time)
        row.addWidget(self.length)
        row.addSpacing(GRID)
        row.addWidget(self.speed)
        row.addStretch(1)
        row.addWidget(self.timeline.smoothing)
        for name in ("zoom_out", "zoom_in", "whole"):
            row.addWidget(button_of(named[name], self, with_text=False))
        return row


def _without(review: Review, note: Note) -> Review:
    if isinstance(note, Marker):
        return review.without_marker(note)
    return review.without_comment(note)


def _as_recorded(lane: Track) -> bool:
    """Whether the lane is one recorded face, the whole of it, under its own number."""
    return lane.segments == (Segment(lane.id),)


def _at(t_s: float) -> str:
    return tr("At {time}:").format(time=moment_text(t_s))


def _ask_text(parent: QWidget, title: str, question: str, text: str) -> str | None:
    answer, accepted = QInputDialog.getText(
        parent, title, question, QLineEdit.EchoMode.Normal, text
    )
    return answer if accepted else None


def _ask_notes(parent: QWidget, title: str, text: str) -> str | None:
    question = tr("They stand in the report:")
    answer, accepted = QInputDialog.getMultiLineText(parent, title, question, text)
    return answer if accepted else None


def _ask_file(parent: QWidget) -> str:
    csv, every = tr("Markers"), tr("All files")
    kinds = f"{csv} (*.csv *.tsv *.txt);;{every} (*)"
    path, _ = QFileDialog.getOpenFileName(parent, tr("Import markers"), "", kinds)
    return path
