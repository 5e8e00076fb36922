"""Actions of an opened session: the table of all, the marker keys, and the playback keys."""

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent

from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.live.marker_keys import NUM_KEYS
from ferdesk.ui.review.actions import Spec, make_action

if TYPE_CHECKING:
    from ferdesk.ui.review.session_view import SessionView

_JUMP_S = 5.0
TRACK_BUTTONS = ("name", "merge", "split", "exclude", "reset")
NOTE_BUTTONS = ("marker", "comment", "import", "notes", "edit", "move", "delete")


def session_actions(view: "SessionView") -> dict[str, Spec]:
    """The table: by name what an action of ``view`` does, its text, keys, icon and tip."""
    player, transport, timeline = view.player, view.transport, view.timeline
    tracks, notes, outputs = view.track_editor, view.note_editor, view.outputs
    return {
        "play": Spec(player.toggle, mark("Play"), "P", "play", mark("Play/pause")),
        "back": Spec(
            partial(player.step, -1),
            mark("Previous frame"), ",", "step-back", mark("Previous frame (Left)"),
        ),
        "on": Spec(
            partial(player.step, 1),
            mark("Next frame"), ".", "step-forward", mark("Next frame (Right)"),
        ),
        "previous_note": Spec(
            notes.go_to_previous,
            mark("Previous marker"), "Ctrl+Left", "flag", mark("Previous marker or comment"),
        ),
        "next_note": Spec(
            notes.go_to_next,
            mark("Next marker"), "Ctrl+Right", "flag", mark("Next marker or comment"),
        ),
        "slower": Spec(transport.slower, mark("Slower"), "<"),
        "faster": Spec(transport.faster, mark("Faster"), ">"),
        "go_to": Spec(
            transport.begin_typing, mark("Go to…"), "Ctrl+G", "", mark("Go to a time")
        ),
        "zoom_in": Spec(timeline.zoom_in, mark("Zoom in"), "+ =", "zoom-in"),
        "zoom_out": Spec(timeline.zoom_out, mark("Zoom out"), "-", "zoom-out"),
        "whole": Spec(
            timeline.show_whole,
            mark("Whole session"), "0", "maximize", mark("Show the whole session"),
        ),
        "smoothing": Spec(timeline.toggle_smoothed, mark("Smoothed or raw"), "Y"),
        "next_track": Spec(tracks.select_next, mark("Next face"), "]"),
        "previous_track": Spec(tracks.select_previous, mark("Previous face"), "["),
        "name": Spec(
            tracks.rename, mark("Name…"), "N", "pencil", mark("Name the selected face")
        ),
        "merge": Spec(
            view.faces.open_merge_menu,
            mark("Merge…"), "G", "merge", mark("Merge with another face"),
        ),
        "split": Spec(
            tracks.split, mark("Split here"), "X", "split", mark("Split track at cursor")
        ),
        "exclude": Spec(
            tracks.toggle_excluded,
            mark("Exclude"), "E", "eye-off", mark("Exclude/include face in statistics"),
        ),
        "reset": Spec(
            tracks.reset,
            mark("Reset edits"), "U", "rotate-ccw",
            mark("Undo all merges and splits of the selected face"),
        ),
        "marker": Spec(
            notes.ask_marker, mark("Marker…"), "M", "flag", mark("Add a marker at the cursor")
        ),
        "comment": Spec(
            notes.ask_comment,
            mark("Comment…"), "C", "message-square", mark("Add a comment at the cursor"),
        ),
        "import": Spec(
            notes.import_markers,
            mark("Import…"), "Ctrl+I", "upload",
            mark("Import markers from a CSV file with time and label"),
        ),
        "notes": Spec(
            notes.edit_session_notes,
            mark("Notes…"), "Ctrl+N", "file-text", mark("Edit session notes"),
        ),
        "edit": Spec(
            notes.edit, mark("Edit…"), "F2", "pencil", mark("Edit the selected marker or comment")
        ),
        "move": Spec(
            notes.move_here,
            mark("Move here"), "Shift+M", "crosshair",
            mark("Move the selected marker or comment to the cursor"),
        ),
        "delete": Spec(
            notes.delete,
            mark("Delete"), "Del", "trash-2", mark("Delete the selected marker or comment"),
        ),
        "undo": Spec(view.edits.undo, mark("Undo"), "Ctrl+Z", "undo-2"),
        "redo": Spec(view.edits.redo, mark("Redo"), "Ctrl+Shift+Z Ctrl+Y", "redo-2"),
        "report": Spec(
            outputs.make_report,
            mark("Report"), "Ctrl+R", "file-text", mark("Create a report of this session"),
        ),
        "export": Spec(view.open_export_menu, mark("Export"), "Ctrl+E"),
        "folder": Spec(
            outputs.show_files,
            mark("Show files"), "Ctrl+D", "folder-open", mark("Open the session's folder"),
        ),
    }  # fmt: skip


def make_marker_keys(view: "SessionView") -> None:
    """The keys 1 to 9, which add the markers of these numbers."""
    for index in range(NUM_KEYS):
        number = str(index + 1)
        spec = Spec(
            partial(view.add_numbered_marker, index),
            number, number, "", mark("Add numbered marker at the cursor, 1 to 9"),
        )  # fmt: skip
        action = make_action(view, spec)
        action.setAutoRepeat(False)
        if index:
            # one line of the sheet of keys tells of all nine
            action.setWhatsThis("")
            action.setText("")


def show_state(view: "SessionView", named: dict[str, QAction]) -> None:
    """Enable what can be done with the selected track and note, and say what can be undone."""
    tracks, notes = view.track_editor, view.note_editor
    track, note = tracks.track, notes.note
    for name in ("name", "exclude"):
        named[name].setEnabled(track is not None)
    named["merge"].setEnabled(tracks.can_merge)
    named["reset"].setEnabled(tracks.can_reset)
    named["split"].setEnabled(tracks.can_split)
    excluded = track is not None and track.excluded
    named["exclude"].setText(tr("Include") if excluded else tr("Exclude"))
    for name in ("edit", "move", "delete"):
        named[name].setEnabled(note is not None and notes.changeable(note))
    edits = view.edits
    for name, title, text in (
        ("undo", tr("Undo"), edits.undo_text),
        ("redo", tr("Redo"), edits.redo_text),
    ):
        named[name].setEnabled(bool(text))
        keys = named[name].shortcut().toString()
        # what is undone may name a marker's text
        named[name].setToolTip(plain(f"{title}: {text} ({keys})" if text else f"{title} ({keys})"))


class PlaybackKeys(QObject):
    """Playback keys on picture and timeline; elsewhere they keep their usual meaning."""

    def __init__(self, view: "SessionView") -> None:
        super().__init__(view)
        self._view = view

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is not QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        view, player = self._view, self._view.player
        match event.key():
            case Qt.Key.Key_Space:
                player.toggle()
            case Qt.Key.Key_Left if far:
                view.go_to(player.position_s - _JUMP_S)
            case Qt.Key.Key_Right if far:
                view.go_to(player.position_s + _JUMP_S)
            case Qt.Key.Key_Left:
                player.step(-1)
            case Qt.Key.Key_Right:
                player.step(1)
            case Qt.Key.Key_Home:
                view.go_to(player.starts_at_s)
            case Qt.Key.Key_End:
                view.go_to(player.ends_at_s)
            case Qt.Key.Key_PageUp:
                view.timeline.shift(-0.8)
            case Qt.Key.Key_PageDown:
                view.timeline.shift(0.8)
            case _:
                return False
        return True
