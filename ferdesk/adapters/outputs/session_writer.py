"""Session writer: rows, markers and events go to the disk on a thread of their own.

A crash costs at most a second of rows. Rows depend on nothing but their own file: a
``session.json`` that another program holds is written at the next occasion.
"""

import contextlib
import logging
import queue
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ferdesk.core.baseline import Baseline, offsets_table
from ferdesk.core.types import Frame, FrameResult
from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.runtime.clock_watch import ClockWatch, sleep_label
from ferdesk.runtime.priority import give_way
from ferdesk.runtime.recording import MarkerNote
from ferdesk.sessions.fields import choice_of
from ferdesk.sessions.files import JsonFile, reason_of
from ferdesk.sessions.landmarks_file import LandmarksFile, landmark_rows
from ferdesk.sessions.markers import clean_label
from ferdesk.sessions.recording_warnings import (
    RecordingSound,
    RecordingVideo,
    RecordingWarnings,
    not_closed_text,
    stopped_text,
)
from ferdesk.sessions.rows_file import FrameRows, RowsFile
from ferdesk.sessions.schema import (
    RESULTS_FILE,
    SESSION_FILE,
    Moment,
    SessionCounts,
    SessionHeader,
    header_line,
    rows_of,
    session_table,
)
from ferdesk.sessions.table import CACHE_FROM_ROWS, read_table

log = logging.getLogger(__name__)

FLUSH_EVERY_S = 0.5
NOTE_EVERY_S = 5.0
"""How often ``session.json`` is brought up to date, so that a killed program's is nearly true."""
ABOUT_LATE_S = 10.0
"""A ``session.json`` that could not be written for longer is told."""
_LAST_WAIT_S = 5.0
"""How long the last ``session.json`` waits for whoever holds it."""
LOW_DISK_BYTES = 1_000_000_000
_MAX_WAITING_FRAMES = 20_000
"""About ten minutes of frames, a few MB of text; a slower disk loses frames, which are counted."""
_MAX_WAITING_WITH_LANDMARKS = 2_000
"""Landmarks are larger: 12 MB for each face."""
_MAX_EVENTS = 10_000


class SessionWriter:
    """One recording. ``add`` never waits for the disk unless ``lossless`` (offline analysis).

    A ``live`` session begins when its first frame was captured: from there it counts frames and
    seconds, and dates its rows. A file's session keeps the file's frame numbers and times.
    """

    def __init__(
        self,
        folder: Path,
        header: SessionHeader,
        *,
        live: bool,
        lossless: bool = False,
        video: RecordingVideo | None = None,
        sound: RecordingSound | None = None,
        clock: Callable[[], float] = time.monotonic,
        clock_watch: ClockWatch | None = None,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        """Begin a session in ``folder``, which exists and is empty.

        Raises:
            RecordingError: the folder cannot be created or written.
        """
        self.folder = folder
        self._header, self._live, self._lossless = header, live, lossless
        self._measures = choice_of(header.settings)
        self._watch = clock_watch or ClockWatch()
        self._clock, self._free_bytes = clock, free_bytes
        self._video = video
        self._started_s: float | None = None
        self._last_t_s = 0.0
        self._counts = SessionCounts()
        self._lock, self._problem = threading.Lock(), ""
        self._warnings = RecordingWarnings(folder, video, sound)
        self._changed = self._looking_failed = False
        self._pending_labels: list[str] = []
        self._first_index: int | None = None
        self._size: tuple[int, int] | None = None
        wants_landmarks = header.settings.get("landmarks") is True
        most = _MAX_WAITING_WITH_LANDMARKS if wants_landmarks else _MAX_WAITING_FRAMES
        self._waiting: queue.Queue[FrameRows | None] = queue.Queue(most)
        try:
            line = header_line(self._measures, both_labels=header.both_labels)
            self._rows = RowsFile(folder, line)
            try:
                self._about = JsonFile(folder / SESSION_FILE)
                self._about.write(self._table(complete=False))
                self._landmarks = LandmarksFile(folder) if wants_landmarks else None
            except OSError:
                self._rows.close()
                raise
        except OSError as error:
            raise RecordingError(
                translatable(
                    "A session cannot be written to {path}: {why}. Choose another folder.",
                    path=folder,
                    why=error.strerror or error,
                )
            ) from error
        self._noted_s = self._looked_s = time.monotonic()
        self._thread = threading.Thread(target=self._write, name="ferdesk-recorder", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why recording had to stop, in a sentence; empty while all is well."""
        with self._lock:
            return self._problem

    @property
    def warning(self) -> str:
        """What threatens the recording, in a sentence; empty while nothing does."""
        return self._warnings.worst[1]

    @property
    def warning_kind(self) -> str:
        """Which threat ``warning`` tells of; it stays while the numbers in it change."""
        return self._warnings.worst[0]

    @property
    def video_problem(self) -> str:
        """Why the video has stopped, in a sentence; empty while it goes on, or where none is."""
        return "" if self._video is None else self._video.problem

    @property
    def num_rows(self) -> int:
        with self._lock:
            return self._counts.rows

    @property
    def num_lost(self) -> int:
        """Analysed frames that could not be written, as the disk did not keep up."""
        with self._lock:
            return self._counts.frames_lost

    def add(self, result: FrameResult, marker: str = "") -> float | None:
        """Record one analysed frame; returns its time in the session, None once it has stopped."""
        if self.problem:
            return None
        frame = result.frame
        if self._live:
            first_index, started_s = self._beginning(frame)
            t_s = frame.captured_s - started_s
            moment = Moment(frame.index - first_index, t_s, self._header.utc_at(t_s, live=True))
        else:
            moment = Moment(frame.index, frame.t_s, self._header.utc_at(frame.t_s, live=False))
            if self._counts.first_t_s is None:
                with self._lock:
                    self._counts.begin_at(frame.t_s)
        self._last_t_s = moment.t_s
        self._note_size(frame)
        with self._lock:
            labels, self._pending_labels = self._pending_labels, []
        if marker:
            labels.append(clean_label(marker))
        both_labels = self._header.both_labels
        rows = FrameRows(
            rows_of(result, moment, ";".join(labels), self._measures, both_labels=both_labels),
            moment.frame,
            moment.t_s,
            tuple(face.face_id for face in result.faces),
            landmark_rows(result, moment) if self._landmarks is not None else b"",
        )
        if self._video is not None:
            self._video.add(result, moment.t_s)
        if self._lossless:
            self._waiting.put(rows)
            return moment.t_s
        try:
            self._waiting.put_nowait(rows)
        except queue.Full:
            self._lose(moment.t_s, labels)
        return moment.t_s

    def mark(self, label: str, at_s: float | None = None, note: MarkerNote | None = None) -> float:
        """Set a marker now, or at ``at_s`` on the monotonic clock; returns its seconds since start.

        It stands in ``markers`` with its ``t_s`` and in the next analysed frame's row. Before the
        first frame it is set at the start.
        """
        label, about = clean_label(label), {} if note is None else note.about
        t_s = self._session_time(self._clock() if at_s is None else at_s)
        with self._lock:
            self._counts.markers.append({"t_s": round(t_s, 6), "label": label, **about})
            self._pending_labels.append(label)
            self._changed = True
            return t_s - (self._counts.first_t_s or 0.0)

    def _session_time(self, at_s: float) -> float:
        if not self._live:
            # a file plays at its own pace: the moment lies as far back as the clock says
            first_s = self._counts.first_t_s or 0.0
            return max(first_s, self._last_t_s - max(0.0, self._clock() - at_s))
        return 0.0 if self._started_s is None else max(0.0, at_s - self._started_s)

    def _note_size(self, frame: Frame) -> None:
        """Note the moment from which frames have another size: boxes are in their pixels."""
        height, width = frame.image.shape[:2]
        if self._header.pictures:
            with self._lock:
                self._counts.add_picture(self._header, frame.index, width, height)
            return
        before = self._size
        if before is not None and before != (width, height):
            text = f"The picture is now {width}x{height}; before it was {before[0]}x{before[1]}."
            self.note_event("picture_changed", text, frame.captured_s if self._live else None)
        self._size = (width, height)

    def _lose(self, t_s: float, labels: list[str]) -> None:
        """Count a frame that finds no room, and say so the first time."""
        with self._lock:
            self._pending_labels = labels + self._pending_labels
            self._counts.frames_lost += 1
            count = self._counts.frames_lost
            self._changed = True
        self._warnings.rows_lost(count)
        if count == 1:
            self.note_event("rows_lost", f"From {t_s:.1f} s on the disk did not keep up.")

    def _beginning(self, frame: Frame) -> tuple[int, float]:
        """The first frame's index and capture time; the session is dated by that moment."""
        if self._first_index is None or self._started_s is None:
            self._first_index, self._started_s = frame.index, frame.captured_s
            age = timedelta(seconds=self._clock() - frame.captured_s)
            self._header = replace(self._header, started_utc=datetime.now(UTC) - age)
        return self._first_index, self._started_s

    def note_event(self, kind: str, text: str, at_s: float | None = None) -> None:
        """Put an event (``source_error``, ``camera_lost``, ...) into ``session.json``.

        It is dated now, or ``at_s`` on the monotonic clock.
        """
        t_s = self._session_time(self._clock() if at_s is None else at_s)
        self._warnings.take_event(kind)
        with self._lock:
            if len(self._counts.events) < _MAX_EVENTS:
                self._counts.events.append({"t_s": round(t_s, 6), "event": kind, "text": text})
            self._changed = True

    def note_video(self, about: dict[str, object]) -> None:
        """What is known of the video beside the rows: codec, kind, frames, frames lost."""
        with self._lock:
            self._counts.video = about
            self._changed = True

    def note_baseline(self, face_id: int, baseline: Baseline | None) -> None:
        """Put a face's neutral baseline, or that it was undone, into ``session.json``."""
        entry: dict[str, object] = {
            "t_s": round(self._session_time(self._clock()), 6),
            "face_id": face_id,
            "offsets": offsets_table(baseline),
            "frames": 0 if baseline is None else baseline.num_frames,
        }
        with self._lock:
            self._counts.baselines.append(entry)
            self._changed = True

    def close(self, *, frames_seen: int | None = None, frames_dropped: int = 0) -> None:
        """Write what is waiting, close the files, and mark it complete if its video is whole.

        Args:
            frames_seen: frames the source gave; by default those analysed and dropped.
            frames_dropped: frames that were not analysed for lack of time.
        """
        if self._video is not None:
            self._video.close()
            self.note_video(self._video.about())
            if self.video_problem:
                self.note_event("video_stopped", self.video_problem)
        self._waiting.put(None)
        self._thread.join()
        self._rows.give_up_reserve()
        with self._lock:
            counts = self._counts
            counts.frames_dropped = frames_dropped
            counts.frames_seen = (
                counts.frames_analysed + counts.frames_lost + frames_dropped
                if frames_seen is None
                else frames_seen
            )
        try:
            self._about.write(self._table(complete=not self.video_problem), wait_s=_LAST_WAIT_S)
        except OSError as error:
            self._fail_to_close(error)
        if self.num_rows >= CACHE_FROM_ROWS and not self.problem:
            # seconds now, so that whoever opens the session later waits for nothing
            keep = threading.Thread(target=self._keep_columns, name="ferdesk-columns", daemon=True)
            keep.start()
            keep.join()

    def _keep_columns(self) -> None:
        """On a thread of its own, which gives way where a camera is still being analysed."""
        if self._live:
            give_way()
        with contextlib.suppress(RecordingError):
            read_table(self.folder / RESULTS_FILE)

    def _write(self) -> None:
        """The recorder's thread: whole lines in, forced to the disk at least twice a second."""
        ended = False
        while not ended:
            waiting: list[FrameRows] = []
            deadline_s = time.monotonic() + FLUSH_EVERY_S
            while not ended and (left_s := deadline_s - time.monotonic()) > 0:
                try:
                    rows = self._waiting.get(timeout=left_s)
                except queue.Empty:
                    break
                if rows is None:
                    ended = True
                else:
                    waiting.append(rows)
            if self.problem:
                continue
            try:
                if waiting:
                    self._append(waiting)
                self._rows.check()
            except Exception as error:
                # the loop must go on: a writer may be waiting for room, and for the end
                log.exception("the session %s cannot be written on", self.folder)
                self._rows.cut_to_whole_lines()
                self._fail(error)
                continue
            try:
                self._look_around()
            except Exception:
                # rows go on whatever happens here; told once, not twice a second
                if not self._looking_failed:
                    log.exception("the state of %s is not watched", self.folder)
                self._looking_failed = True
        if self._landmarks is not None:
            self._landmarks.close()
        try:
            self._rows.close()
        except OSError as error:
            self._fail(error)

    def _look_around(self) -> None:
        """Twice a second: what do the clocks say, is there room, is ``session.json`` up to date."""
        now_s = time.monotonic()
        for kind, text in self._watch.look():
            self.note_event(kind, text)
            if kind == "slept" and self._live:  # a file's times know nothing of it
                self.mark(sleep_label(self._watch.slept_s))
        if now_s - self._looked_s >= 1.0:
            self._looked_s = now_s
            self._warn_of_low_disk()
        if why := self._warnings.new_end_of_sound():
            self.note_event("sound_ended", why)
        with self._lock:
            changed = self._changed
        if changed or now_s - self._noted_s >= NOTE_EVERY_S:
            self._noted_s = now_s
            with self._lock:
                self._changed = False
                if self._video is not None:
                    self._counts.video = self._video.about()
            self._bring_about_up_to_date(now_s)

    def _bring_about_up_to_date(self, now_s: float) -> None:
        """Write ``session.json``; where it is held, again at the next occasion."""
        late_s = self._about.try_to_write(self._table(complete=False), now_s)
        if late_s is None:
            self._warnings.about_written()
            return
        with self._lock:
            self._changed = True
        if late_s >= ABOUT_LATE_S:
            self._warnings.about_late(self.folder / SESSION_FILE, self._about.problem)

    def _warn_of_low_disk(self) -> None:
        try:
            free = self._free_bytes(self.folder)
        except OSError:
            return  # some drives do not tell
        if free >= LOW_DISK_BYTES:
            self._warnings.disk_has_room()
        elif self._warnings.disk_low(free):
            self.note_event("disk_low", f"{free} bytes are left.")

    def _append(self, waiting: list[FrameRows]) -> None:
        if cut := self._rows.cut_by_others():
            text = f"Another program cut {cut} bytes off {RESULTS_FILE}; the rows go on behind."
            self._warnings.rows_cut(self.folder / RESULTS_FILE)
            self.note_event("rows_cut", text)
        self._rows.append(
            [rows.text for rows in waiting], lambda whole: self._count(waiting[:whole])
        )
        file = self._landmarks
        why = "" if file is None or file.problem else file.append([r.landmarks for r in waiting])
        if why:
            self.note_event("landmarks_stopped", why)

    def _count(self, written: list[FrameRows]) -> None:
        if not written:
            return
        with self._lock:
            counts = self._counts
            counts.rows += sum(rows.text.count("\n") for rows in written)
            counts.frames_analysed += len(written)
            counts.frames_seen = max(counts.frames_seen, written[-1].frame + 1)
            counts.last_t_s = written[-1].t_s
            counts.face_ids.update(*(rows.face_ids for rows in written))

    def _fail(self, error: Exception) -> None:
        reason, gone = reason_of(error), isinstance(error, FileNotFoundError)
        with self._lock:
            if self._problem:
                return
            self._problem = stopped_text(self.folder, reason, self._counts.rows, gone=gone)
        self.note_event("recording_stopped", reason)

    def _fail_to_close(self, error: OSError) -> None:
        """Report that only the last ``session.json`` is missing, unless worse was told before."""
        with self._lock:
            text = not_closed_text(self.folder, SESSION_FILE, reason_of(error), self._counts.rows)
            self._problem = self._problem or text

    def _table(self, *, complete: bool) -> dict[str, object]:
        ended_utc = datetime.now(UTC) if complete else None
        with self._lock:
            return session_table(self._header, self._counts, ended_utc, complete=complete)
