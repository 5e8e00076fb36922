"""Actions of an opened session: the table of all, the marker keys, and the playback keys."""

from functools import partial
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent

from ferdesk.ui.kit.actions import ActionSpec, ActionTable
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.live.marker_keys import NUM_KEYS
from ferdesk.ui.review.annotating import AnnotationEditor
from ferdesk.ui.review.edits import Edits
from ferdesk.ui.review.notes import NoteEditor
from ferdesk.ui.review.outputs import SessionOutputs
from ferdesk.ui.review.panels import TracksPanel
from ferdesk.ui.review.player import Player
from ferdesk.ui.review.timeline import SessionTimeline
from ferdesk.ui.review.tracks import TrackEditor
from ferdesk.ui.review.transport import Transport

_JUMP_S = 5.0
TRACK_BUTTONS = ("name", "merge", "split", "exclude", "reset")
NOTE_BUTTONS = ("marker", "comment", "annotate", "import", "notes", "edit", "move", "delete")


class ActionTarget(Protocol):
    """Target of the actions: the parts of an opened session that they act on."""

    player: Player
    transport: Transport
    timeline: SessionTimeline
    track_editor: TrackEditor
    note_editor: NoteEditor
    annotating: AnnotationEditor
    outputs: SessionOutputs
    edits: Edits
    faces: TracksPanel

    def go_to(self, t_s: float) -> None: ...

    def open_export_menu(self) -> None: ...

    def add_numbered_marker(self, index: int) -> None: ...


def session_actions(view: ActionTarget) -> tuple[ActionSpec, ...]:
    """The lines of the action table for ``view``, apart from its marker keys."""
    player, transport, timeline = view.player, view.transport, view.timeline
    tracks, notes, outputs = view.track_editor, view.note_editor, view.outputs
    edits = view.edits
    return (
        ActionSpec("play", mark("Play"), player.toggle, "P", "play", mark("Play/pause")),
        ActionSpec(
            "back",
            mark("Previous frame"),
            partial(player.step, -1),
            ",",
            "step-back",
            mark("Previous frame (Left)"),
        ),
        ActionSpec(
            "on",
            mark("Next frame"),
            partial(player.step, 1),
            ".",
            "step-forward",
            mark("Next frame (Right)"),
        ),
        ActionSpec(
            "previous_note",
            mark("Previous marker"),
            notes.go_to_previous,
            "Ctrl+Left",
            "flag",
            mark("Previous marker or comment"),
        ),
        ActionSpec(
            "next_note",
            mark("Next marker"),
            notes.go_to_next,
            "Ctrl+Right",
            "flag",
            mark("Next marker or comment"),
        ),
        ActionSpec("slower", mark("Slower"), transport.slower, "<"),
        ActionSpec("faster", mark("Faster"), transport.faster, ">"),
        ActionSpec(
            "go_to", mark("Go to…"), transport.begin_typing, "Ctrl+G", "", mark("Go to a time")
        ),
        ActionSpec("zoom_in", mark("Zoom in"), timeline.zoom_in, "+ =", "zoom-in"),
        ActionSpec("zoom_out", mark("Zoom out"), timeline.zoom_out, "-", "zoom-out"),
        ActionSpec(
            "whole",
            mark("Whole session"),
            timeline.show_whole,
            "0",
            "maximize",
            mark("Show the whole session"),
        ),
        ActionSpec("smoothing", mark("Smoothed or raw"), timeline.toggle_smoothed, "Y"),
        ActionSpec("next_track", mark("Next face"), tracks.select_next, "]"),
        ActionSpec("previous_track", mark("Previous face"), tracks.select_previous, "["),
        ActionSpec(
            "name",
            mark("Name…"),
            tracks.rename,
            "N",
            "pencil",
            mark("Name the selected face"),
            enabled_when=tracks.is_selected,
        ),
        ActionSpec(
            "merge",
            mark("Merge…"),
            view.faces.merge,
            "G",
            "merge",
            mark("Merge the selected faces, or the selected one with another"),
            enabled_when=tracks.can_merge,
        ),
        ActionSpec(
            "split",
            mark("Split here"),
            tracks.split,
            "X",
            "split",
            mark("Split track at cursor"),
            enabled_when=tracks.can_split,
        ),
        ActionSpec(
            "exclude",
            mark("Exclude"),
            tracks.toggle_excluded,
            "E",
            "eye-off",
            mark("Exclude/include face in statistics"),
            enabled_when=tracks.is_selected,
        ),
        ActionSpec(
            "reset",
            mark("Reset edits"),
            tracks.reset,
            "U",
            "rotate-ccw",
            mark("Undo all merges and splits of the selected face"),
            enabled_when=tracks.can_reset,
        ),
        ActionSpec(
            "marker",
            mark("Marker…"),
            notes.ask_marker,
            "M",
            "flag",
            mark("Add a marker at the cursor"),
        ),
        ActionSpec(
            "comment",
            mark("Comment…"),
            notes.ask_comment,
            "C",
            "message-square",
            mark("Add a comment at the cursor"),
        ),
        ActionSpec(
            "annotate",
            mark("Annotate"),
            view.annotating.mark_end,
            "A",
            "tag",
            mark("Annotate a range of the selected face: press at its start and at its end"),
            enabled_when=view.annotating.can_annotate,
        ),
        ActionSpec(
            "import",
            mark("Import…"),
            notes.import_markers,
            "Ctrl+I",
            "upload",
            mark("Import markers from a CSV file with time and label"),
        ),
        ActionSpec(
            "notes",
            mark("Notes…"),
            notes.edit_session_notes,
            "Ctrl+N",
            "file-text",
            mark("Edit session notes"),
        ),
        ActionSpec(
            "edit",
            mark("Edit…"),
            notes.edit,
            "F2",
            "pencil",
            mark("Edit the selected marker, comment or annotation"),
            enabled_when=notes.can_change,
        ),
        ActionSpec(
            "move",
            mark("Move here"),
            notes.move_here,
            "Shift+M",
            "crosshair",
            mark("Move the selected marker, comment or annotation to the cursor"),
            enabled_when=notes.can_change,
        ),
        ActionSpec(
            "delete",
            mark("Delete"),
            notes.delete,
            "Del",
            "trash-2",
            mark("Delete the selected marker, comment or annotation"),
            enabled_when=notes.can_change,
        ),
        ActionSpec(
            "undo", mark("Undo"), edits.undo, "Ctrl+Z", "undo-2", enabled_when=edits.can_undo
        ),
        ActionSpec(
            "redo",
            mark("Redo"),
            edits.redo,
            "Ctrl+Shift+Z Ctrl+Y",
            "redo-2",
            enabled_when=edits.can_redo,
        ),
        ActionSpec(
            "report",
            mark("Report"),
            outputs.make_report,
            "Ctrl+R",
            "file-text",
            mark("Create a report of this session"),
        ),
        ActionSpec("export", mark("Export"), view.open_export_menu, "Ctrl+E"),
        ActionSpec(
            "folder",
            mark("Show files"),
            outputs.show_files,
            "Ctrl+D",
            "folder-open",
            mark("Open the session's folder"),
        ),
    )


def marker_keys(view: ActionTarget) -> tuple[ActionSpec, ...]:
    """The keys 1 to 9, which add the markers of these numbers."""
    tip = mark("Add numbered marker at the cursor, 1 to 9")
    return tuple(
        ActionSpec(
            f"marker_{number}",
            # one line of the list of shortcuts tells of all nine
            number if number == "1" else "",
            partial(view.add_numbered_marker, int(number) - 1),
            number,
            tip=tip if number == "1" else "",
            repeats=False,
            keys_text=f"1-{NUM_KEYS}" if number == "1" else "",
        )
        for number in map(str, range(1, NUM_KEYS + 1))
    )


def show_texts(view: ActionTarget, named: ActionTable) -> None:
    """Texts that follow the selected track, and what would be undone."""
    track, edits = view.track_editor.track, view.edits
    excluded = track is not None and track.excluded
    named["exclude"].setText(tr("Include") if excluded else tr("Exclude"))
    for name, title, text in (
        ("undo", tr("Undo"), edits.undo_text),
        ("redo", tr("Redo"), edits.redo_text),
    ):
        keys = named[name].shortcut().toString()
        # what is undone may name a marker's text
        named[name].setToolTip(plain(f"{title}: {text} ({keys})" if text else f"{title} ({keys})"))


class PlaybackKeys(QObject):
    """Playback keys on picture and timeline; elsewhere they keep their usual meaning."""

    def __init__(self, view: ActionTarget, parent: QObject) -> None:
        super().__init__(parent)
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
