"""Recorder: a session and the open streams, fed on the engine's threads; without a window.

A recording takes in what comes from the moment it is asked for. While its session is being opened,
which may take seconds, results, markers and events are kept in their order and written once it is
open; those that come after its end belong to no session.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ferdesk.core.baseline import Baseline
from ferdesk.core.types import FrameResult
from ferdesk.messages import counted
from ferdesk.runtime.status import Status

log = logging.getLogger(__name__)

EARLIEST_S = 1.0
"""A marker of another program may lie so long before the recording, and then has its beginning."""
MAX_WAITING_RESULTS = 60
"""Results kept while a session opens; each holds its picture. More are counted as lost."""


@dataclass(frozen=True, slots=True)
class MarkerNote:
    """Note of a marker of another program: its stream, and by how much its time may be wrong."""

    origin: str
    uncertainty_s: float | None = None

    @property
    def about(self) -> dict[str, object]:
        """What ``session.json`` says beside the marker's time and label."""
        if self.uncertainty_s is None:
            return {"origin": self.origin}
        return {"origin": self.origin, "uncertainty_s": round(self.uncertainty_s, 6)}


class SessionOutput(Protocol):
    """Session that is being written; ``add``, ``mark`` and the notes never wait in a live one."""

    @property
    def folder(self) -> Path: ...

    @property
    def problem(self) -> str:
        """Empty, or a sentence that says why nothing more is written."""
        ...

    @property
    def warning(self) -> str:
        """Empty, or a sentence about what threatens the recording: the disk is nearly full."""
        ...

    @property
    def warning_kind(self) -> str:
        """Which threat ``warning`` tells of; it stays while the numbers in it change."""
        ...

    @property
    def video_problem(self) -> str:
        """Empty, or a sentence that says why the video has stopped while the rows go on."""
        ...

    @property
    def num_rows(self) -> int: ...

    @property
    def num_lost(self) -> int:
        """Analysed frames that found no room on their way to the disk."""
        ...

    def add(self, result: FrameResult) -> object:
        """Take one result."""
        ...

    def mark(self, label: str, at_s: float | None = None, note: MarkerNote | None = None) -> float:
        """Set a marker now, or at ``at_s`` on the monotonic clock.

        Returns its seconds in the session.
        """
        ...

    def note_event(self, kind: str, text: str, at_s: float | None = None) -> None:
        """Keep what happened to the source, now or at ``at_s`` on the monotonic clock."""
        ...

    def note_baseline(self, face_id: int, baseline: Baseline | None) -> None:
        """Keep that a face's neutral baseline is used from now on, or no longer."""
        ...

    def close(self, *, frames_seen: int | None = None, frames_dropped: int = 0) -> None:
        """Write what is left and finish; may take a moment."""
        ...


class Stream(Protocol):
    """Stream of results to other programs; nothing of it waits for one of them."""

    @property
    def address(self) -> str:
        """Where it can be reached, in a sentence."""
        ...

    def put(self, result: FrameResult) -> None: ...

    def mark(self, label: str, at_s: float | None = None) -> None:
        """Send a marker of now, or of ``at_s`` on the monotonic clock."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Counts:
    """Frame counts of a recording that has ended."""

    seen: int | None
    dropped: int


class Recording:
    """Recording of one session, from the wish for it to its last byte; from any thread."""

    def __init__(
        self, num_dropped_before: int, clock: Callable[[], float], stretch: int = 0
    ) -> None:
        """``stretch`` is that of the frames to record: those of a place that was left are not."""
        self.num_dropped_before = num_dropped_before
        """Frames that the run had dropped when this began."""
        self._stretch = stretch
        self._clock = clock
        self._began_s = clock()
        self._lock = threading.Lock()
        self._session: SessionOutput | None = None
        self._waiting: list[Callable[[SessionOutput], object]] = []
        self._num_waiting = 0
        self._num_lost = 0
        self._lost_at_s = 0.0
        self._first_captured_s: float | None = None
        self._counts: _Counts | None = None
        self._closed = False
        self._paused = False

    @property
    def paused(self) -> bool:
        """Whether what comes now is left out."""
        return self._paused

    @property
    def opened(self) -> bool:
        """Whether its session is there."""
        return self._session is not None

    @property
    def session(self) -> SessionOutput:
        """Its session, once it is open."""
        session = self._session
        assert session is not None, "the session is not open yet"
        return session

    @property
    def num_lost(self) -> int:
        """Analysed frames that were not written."""
        session = self._session
        return self._num_lost + (0 if session is None else session.num_lost)

    def open(self, make: Callable[[], SessionOutput]) -> bool:
        """Open the session and write what has come meanwhile; on a thread that may wait.

        Returns:
            whether the end has come meanwhile, so that ``close`` is due now.

        Raises:
            FerdeskError: it cannot be opened; what has come is lost with it.
        """
        session = make()
        with self._lock:
            # in their order, and before anything newer, which waits for this lock
            for write in self._waiting:
                write(session)
            if self._num_lost:
                text = (
                    f"{counted(self._num_lost, 'analysed frame')} came before the session was open."
                )
                session.note_event("rows_lost", text, self._lost_at_s)
            self._waiting.clear()
            self._session = session
            return self._counts is not None

    def add(self, result: FrameResult) -> None:
        with self._lock:
            # times never fall in a recording, so that a film may not be moved while it runs
            if self._counts is not None or self._paused:
                return
            if result.frame.stretch != self._stretch:
                return
            if self._session is not None:
                self._session.add(result)
                return
            if self._first_captured_s is None:
                self._first_captured_s = result.frame.captured_s
            if self._num_waiting == MAX_WAITING_RESULTS:
                self._lost_at_s = self._lost_at_s or self._clock()
                self._num_lost += 1
                return
            self._num_waiting += 1
            self._waiting.append(lambda session: session.add(result))

    def set_paused(self, paused: bool, at_s: float) -> None:
        """Leave out what comes from now on, or take it in again; an event keeps the moment.

        Times stay true: a pause is a gap in the rows and in the video.
        """
        with self._lock:
            if self._counts is not None or paused == self._paused:
                return
            self._paused = paused
        kind = "recording_paused" if paused else "recording_resumed"
        text = "The recording was paused." if paused else "The recording goes on."
        self.note_event(kind, text, at_s)

    def mark(self, label: str, at_s: float, note: MarkerNote | None = None) -> float | None:
        """Set a marker at ``at_s`` on the monotonic clock; None where the end has come.

        Returns its seconds in the session. One of another program, of a moment before this began,
        is none of this: an event keeps it, and None is returned.
        """
        early_s = self._began_s - at_s
        if note is not None and early_s > EARLIEST_S:
            text = (
                f"“{label}” ({note.origin}) is left out: of {early_s:.3f} s before the beginning."
            )
            self.note_event("marker_left_out", text, self._clock())
            return None
        with self._lock:
            if self._counts is not None:
                return None
            if self._session is not None:
                return self._session.mark(label, at_s, note)
            self._waiting.append(lambda session: session.mark(label, at_s, note))
            began_s = self._first_captured_s
            return 0.0 if began_s is None else max(0.0, at_s - began_s)

    def note_event(self, kind: str, text: str, at_s: float) -> None:
        self._write(lambda session: session.note_event(kind, text, at_s))

    def note_baseline(self, face_id: int, baseline: Baseline | None) -> None:
        self._write(lambda session: session.note_baseline(face_id, baseline))

    def end(self, *, frames_seen: int | None = None, frames_dropped: int = 0) -> bool:
        """Take nothing more; True where ``close`` is due now, else whoever opens it closes it."""
        with self._lock:
            if self._counts is None:
                self._counts = _Counts(frames_seen, frames_dropped)
            return self._session is not None

    def close(self) -> None:
        """Write what is left and finish, once; on a thread that may wait."""
        with self._lock:
            if self._closed or self._session is None:
                return
            self._closed = True
            session, counts = self._session, self._counts
        seen, dropped = (None, 0) if counts is None else (counts.seen, counts.dropped)
        session.close(frames_seen=seen, frames_dropped=dropped)

    def _write(self, write: Callable[[SessionOutput], object]) -> None:
        with self._lock:
            if self._counts is not None:
                return
            if self._session is None:
                self._waiting.append(write)
            else:
                write(self._session)


class Recorder:
    """Recorder of results and events: the session being recorded, and the streams.

    Any thread may call it; the engine's call ``take`` and ``note_event``. While anything is
    recorded or sent, it has every face of a frame classified.
    """

    def __init__(
        self,
        *,
        status: Callable[[], Status] = Status,
        classify_every_face: Callable[[bool], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The first two are the engine's; reading a file frame by frame needs neither."""
        self._status, self._classify_every_face, self._clock = status, classify_every_face, clock
        self._lock = threading.Lock()
        self._pacing = threading.Lock()
        self._recording: Recording | None = None
        self._streams: dict[str, Stream] = {}
        self._closed = False
        self._num_dropped_paused = 0
        """Frames that the run had dropped when the recording was paused."""

    @property
    def recording(self) -> Recording | None:
        """The one under way, open or being opened."""
        return self._recording

    @property
    def streams(self) -> frozenset[str]:
        """The kinds of stream that are open."""
        return frozenset(self._streams)

    def begin(self) -> Recording:
        """A new recording, which takes in what comes from now on; ``open`` it where one may wait.

        The one before it must have ended.
        """
        # the engine is asked outside our lock, which its threads wait for
        status = self._status()
        stretch = 0 if status.playback is None else status.playback.stretch
        recording = Recording(status.num_dropped, self._clock, stretch)
        with self._lock:
            assert self._recording is None, "one recording at a time"
            self._recording = recording
        self._settle_pacing()
        return recording

    def end(
        self, *, frames_seen: int | None = None, frames_dropped: int | None = None
    ) -> tuple[Recording, bool] | None:
        """End the recording, if there is one: it, and whether it is to be closed now.

        Args:
            frames_seen: frames the source gave; by default those analysed, lost and dropped.
            frames_dropped: frames left out for lack of time; by default as the engine counted.
        """
        with self._lock:
            recording, self._recording = self._recording, None
        if recording is None:
            return None
        if frames_dropped is None:
            until = self._num_dropped_paused if recording.paused else self._status().num_dropped
            frames_dropped = until - recording.num_dropped_before
        due = recording.end(frames_seen=frames_seen, frames_dropped=max(0, frames_dropped))
        self._settle_pacing()
        return recording, due

    def set_paused(self, paused: bool) -> None:
        """Pause the recording, if there is one, or let it go on; streams go on meanwhile."""
        recording = self._recording
        if recording is None or recording.paused == paused:
            return
        num_dropped = self._status().num_dropped
        recording.set_paused(paused, self._clock())
        # frames dropped during a pause are none that the recording lacks
        if paused:
            self._num_dropped_paused = num_dropped
        else:
            recording.num_dropped_before += num_dropped - self._num_dropped_paused

    def take(self, result: FrameResult) -> None:
        """Record and send one result; on the inference thread.

        The frames in work when a recording began may have left a face out: those are not for it.
        """
        if not result.complete:
            return
        with self._lock:
            if self._recording is not None:
                self._recording.add(result)
            for stream in self._streams.values():
                stream.put(result)

    def note_event(self, kind: str, text: str, at_s: float) -> None:
        """Keep what happened to the run, at ``at_s`` on the monotonic clock.

        A picture of another size is noted by the session itself, with its first row.
        """
        recording = self._recording
        if recording is not None and kind != "picture_changed":
            recording.note_event(kind, text, at_s)

    def note_baseline(self, face_id: int, baseline: Baseline | None) -> None:
        """Keep that a face's neutral baseline is used from now on, or no longer."""
        recording = self._recording
        if recording is not None:
            recording.note_baseline(face_id, baseline)

    def mark(self, label: str, at_s: float, note: MarkerNote | None = None) -> float | None:
        """Set and send a marker; its seconds in the session, None where nothing is recorded."""
        with self._lock:
            for stream in self._streams.values():
                stream.mark(label, at_s)
        recording = self._recording
        return None if recording is None else recording.mark(label, at_s, note)

    def add_stream(self, kind: str, stream: Stream) -> Stream | None:
        """Send results there too.

        Returns:
            the stream to close now: one of that kind that was open, or this one after ``close``.
        """
        with self._lock:
            if self._closed:
                return stream
            before = self._streams.pop(kind, None)
            self._streams[kind] = stream
        # who listens gets every face of every frame, as a recording does
        self._settle_pacing()
        return before

    def remove_stream(self, kind: str) -> Stream | None:
        """Send nothing there any more; the stream is to be closed."""
        with self._lock:
            stream = self._streams.pop(kind, None)
        self._settle_pacing()
        return stream

    def close(self) -> tuple[Stream, ...]:
        """Send nothing any more; the streams are to be closed."""
        with self._lock:
            self._closed = True
            streams, self._streams = tuple(self._streams.values()), {}
        self._settle_pacing()
        return streams

    def _settle_pacing(self) -> None:
        # one after the other, so that what is wanted last is what was decided last
        with self._pacing:
            with self._lock:
                wanted = self._recording is not None or bool(self._streams)
            self._classify_every_face(wanted)
