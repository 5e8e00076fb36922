"""Live recording: begins, pauses and ends the session of what runs; no widget."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from ferdesk.errors import FerdeskError
from ferdesk.runtime.ports import Services
from ferdesk.runtime.recording import MarkerNote, Recorder, Recording, SessionOutput
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.runtime.status import Status
from ferdesk.ui.kit.folders import open_folder
from ferdesk.ui.kit.language import rows_text, tr, translated
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.live.recording_state import RecordingEnd, RecordingState

log = logging.getLogger(__name__)

Joined = tuple[tuple[int, int], ...]
"""Pairs of ids that are one person, the later one first."""


class LiveRecording(QObject):
    """Live recording: one at a time, opened and closed on worker threads."""

    changed = Signal(object)
    """A ``RecordingState``."""
    notified = Signal(object)
    """A ``Notice``."""
    marked = Signal(float, str)
    """A marker that is kept or sent: its time on the monotonic clock, and its label."""
    review_wanted = Signal(object)
    """The folder of a session that the user wants to look at."""
    began = Signal(object)
    """The folder of a session that is open now."""
    refused = Signal(str)
    """Why a session could not be opened, in a sentence."""
    ended = Signal(object)
    """A ``RecordingEnd``, once it is on the disk."""

    def __init__(
        self,
        services: Services,
        recorder: Recorder,
        tasks: TaskRunner,
        status: Callable[[], Status],
        clock: Callable[[], float],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._services, self._recorder, self._tasks = services, recorder, tasks
        self._engine_status, self._clock = status, clock
        self.names: Mapping[int, str] = {}
        """What the faces of this source are called, by id; a session that ends keeps it."""
        self._joined: tuple[tuple[int, int], ...] = ()
        self._options = RecordingOptions()
        self._num_opening = self._num_closing = 0
        self._since_s = 0.0
        self._paused_since_s: float | None = None
        self._paused_s = 0.0
        self._begins_at_s: float | None = None
        self._warned = self._marker = ""

    @property
    def active(self) -> bool:
        """Whether a session is open, being opened, or counted down to."""
        counting = self._begins_at_s is not None
        return counting or self._recorder.recording is not None or self._num_opening > 0

    @property
    def paused(self) -> bool:
        recording = self._recorder.recording
        return recording is not None and recording.paused

    @property
    def changing(self) -> bool:
        """Whether a session is being opened or closed on another thread."""
        return self._num_opening > 0 or self._num_closing > 0

    @property
    def begun_at_s(self) -> float | None:
        """When the session began that takes markers now, on the monotonic clock."""
        return None if self._recorder.recording is None else self._since_s

    @property
    def folder(self) -> Path | None:
        """The folder of the session that is open."""
        return None if self.session is None else self.session.folder

    @property
    def options(self) -> RecordingOptions:
        """What the recording was begun with, the last one where none runs."""
        return self._options

    def note(self, kind: str, text: str) -> None:
        """Keep an event of this moment in the session that is recorded."""
        self._recorder.note_event(kind, text, self._clock())

    def start(self, options: RecordingOptions) -> None:
        """Begin a session, after the countdown where there is one."""
        if self.active:
            return
        self._options = options
        if options.countdown_s > 0:
            self._begins_at_s = self._clock() + options.countdown_s
            self._tell()
        else:
            self._begin()

    def stop(self) -> None:
        """Close the session, if there is one, without waiting for the disk; end a countdown."""
        self._begins_at_s = None
        ended = self._recorder.end()
        if ended is not None and ended[1]:
            self._close(ended[0])
        self._tell()

    def set_paused(self, paused: bool) -> None:
        """Leave out what comes from now on, or take it in again; times stay true."""
        if self._recorder.recording is None or paused == self.paused:
            return
        self._recorder.set_paused(paused)
        now_s = self._clock()
        if paused:
            self._paused_since_s = now_s
        elif self._paused_since_s is not None:
            self._paused_s += now_s - self._paused_since_s
            self._paused_since_s = None
        self._tell()

    @property
    def session(self) -> SessionOutput | None:
        """The session that is being written, once it is open."""
        recording = self._recorder.recording
        return recording.session if recording is not None and recording.opened else None

    def mark(
        self, label: str, at_s: float | None = None, note: MarkerNote | None = None
    ) -> float | None:
        """Set a marker in the session that is being recorded, now or at ``at_s``.

        ``note`` says where it comes from, if not from a person. Returns its seconds in the
        session, None where there is none.
        """
        moment_s = self._clock() if at_s is None else at_s
        t_s = self._recorder.mark(label, moment_s, note)
        streams = self._recorder.streams
        if t_s is not None or streams:
            self.marked.emit(moment_s, label)
        if t_s is None:
            text = _needs_recording()
            if streams:
                text = tr("Marker sent to the stream only (not recording).")
            self.notified.emit(Notice(text, brief=True))
            return None
        self._marker = label
        minutes, seconds = divmod(t_s, 60)
        text = tr("Marker “{label}” at {time}.").format(
            label=label, time=f"{int(minutes):02d}:{seconds:04.1f}"
        )
        self.notified.emit(Notice(text, brief=True))
        self._tell()
        return t_s

    def takes_marker(self) -> bool:
        """Whether a marker of now is kept or sent; says what it needs where it is not."""
        if self._recorder.recording is not None or self._recorder.streams:
            return True
        self.notified.emit(Notice(_needs_recording(), brief=True))
        return False

    def show_marker(self, label: str, at_s: float) -> None:
        """Show a marker that is kept already: one of another program's stream."""
        self._marker = label
        self.marked.emit(at_s, label)
        self._tell()

    def join_faces(self, face_id: int, earlier_id: int) -> None:
        """Both ids are one person, as the user says: an event now, one track in the review."""
        self._joined = (*self._joined, (face_id, earlier_id))
        text = f"Face #{face_id} is the same person as face #{earlier_id}, as the user said."
        self._recorder.note_event("faces_joined", text, self._clock())

    def forget_joined(self) -> None:
        """Another source: its ids mean other people."""
        self._joined = ()

    def refresh(self) -> None:
        """Look at the clock and at the session; a few times a second."""
        if self._begins_at_s is not None and self._clock() >= self._begins_at_s:
            self._begin()
        session, length_s = self.session, self._options.length_s
        over = length_s is not None and self.elapsed_s >= length_s
        if session is not None and (session.problem or over):
            self.stop()
        self._tell()

    @property
    def elapsed_s(self) -> float:
        """Recorded time, without pauses."""
        paused_s = self._paused_s
        if self._paused_since_s is not None:
            paused_s += self._clock() - self._paused_since_s
        return max(0.0, self._clock() - self._since_s - paused_s)

    def _begin(self) -> None:
        self._begins_at_s = None
        self._num_opening += 1
        self._since_s, self._paused_s, self._paused_since_s = self._clock(), 0.0, None
        self._warned = self._marker = ""
        recording = self._recorder.begin()
        make = partial(self._services.start_recording, self._engine_status(), self._options)
        self._tasks.run(
            partial(_open, recording, make, dict(self.names), self._joined),
            partial(self._opened, recording),
            partial(self._refused, recording),
        )
        self._tell()

    def _opened(self, recording: Recording, notice: Notice | None) -> None:
        """``notice`` says how it ended, where the end came while it was being opened."""
        self._num_opening -= 1
        self.began.emit(recording.session.folder)
        if notice is not None:
            self._num_closing += 1
            self._closed(recording.session, notice)
        self._tell()

    def _refused(self, recording: Recording, message: str) -> None:
        self._num_opening -= 1
        if self._recorder.recording is recording:
            self._recorder.end()
        self.notified.emit(Notice(message, "error"))
        self.refused.emit(message)
        self._tell()

    def _close(self, recording: Recording) -> None:
        self._num_closing += 1
        self._tasks.run(
            partial(_finish, recording, dict(self.names), self._joined),
            partial(self._closed, recording.session),
            partial(self._close_failed, recording.session),
        )
        self._tell()

    def _closed(self, session: SessionOutput, notice: Notice) -> None:
        folder = session.folder
        look = Choice(tr("Review"), partial(self.review_wanted.emit, folder))
        show = Choice(tr("Open folder"), partial(open_folder, folder))
        end = RecordingEnd(folder, session.num_rows, session.problem)
        self._close_told(replace(notice, choices=(look, show), about=folder), end)

    def _close_failed(self, session: SessionOutput, message: str) -> None:
        end = RecordingEnd(session.folder, session.num_rows, message)
        self._close_told(Notice(message, "error"), end)

    def _close_told(self, notice: Notice, end: RecordingEnd) -> None:
        self._num_closing -= 1
        self.notified.emit(notice)
        self.ended.emit(end)
        self._tell()

    def _warn_once(self, session: SessionOutput) -> None:
        """Tell what threatens the recording when it begins to, not with every new number in it."""
        kind = session.warning_kind
        if kind and kind != self._warned:
            self.notified.emit(Notice(session.warning, "warning"))
        self._warned = kind

    def _tell(self) -> None:
        recording, session = self._recorder.recording, self.session
        active = session is not None
        if session is not None:
            self._warn_once(session)
        begins_at_s = self._begins_at_s
        left_s = self._options.length_s
        self.changed.emit(
            RecordingState(
                num_lost=recording.num_lost if recording is not None else 0,
                marker=self._marker if active else "",
                active=active,
                changing=self.changing,
                elapsed_s=self.elapsed_s if active else 0.0,
                paused=active and self.paused,
                begins_in_s=0.0 if begins_at_s is None else max(0.0, begins_at_s - self._clock()),
                counting_down=begins_at_s is not None,
                length_s=left_s if active else None,
            )
        )


def _needs_recording() -> str:
    return tr("Start recording (R) to add markers.")


def _open(
    recording: Recording,
    make: Callable[[], SessionOutput],
    names: Mapping[int, str],
    joined: Joined,
) -> Notice | None:
    """Where the recording was stopped while its session was being opened, close it at once."""
    return _finish(recording, names, joined) if recording.open(make) else None


def _finish(recording: Recording, names: Mapping[int, str], joined: Joined) -> Notice:
    recording.close()
    session = recording.session
    if names or joined:
        # what reads and reviews sessions takes a part of a start that has no session yet
        from ferdesk.sessions.naming import name_faces

        try:
            name_faces(session.folder, names, joined)
        except FerdeskError as error:  # the rows are whole; only the names are missing
            log.warning("the names of the faces are not kept: %s", error)
    saved = tr("Recording saved to {folder} ({rows}).").format(
        folder=session.folder, rows=rows_text(session.num_rows)
    )
    if session.problem:
        log.error("a recording stopped: %s", session.problem)
        return Notice(f"{translated(session.problem)} {saved}", "error")
    return Notice(saved, topic="recording")
