"""Writes a session's folder from its own thread; a crash costs at most a second of rows."""

import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from ferdesk.core.baseline import Baseline, offsets_table
from ferdesk.core.types import Frame, FrameResult
from ferdesk.errors import RecordingError
from ferdesk.sessions.schema import (
    HEADER,
    RESULTS_FILE,
    SESSION_FILE,
    Moment,
    SessionCounts,
    SessionHeader,
    rows_of,
    session_table,
)

log = logging.getLogger(__name__)

FLUSH_EVERY_S = 0.5
_MAX_WAITING_FRAMES = 20_000
"""About ten minutes of frames, a few MB of text: a disk that stalls that long has failed."""


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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin a session in ``folder``, which exists and is empty.

        Raises:
            RecordingError: the folder cannot be created or written.
        """
        self.folder = folder
        self._header, self._live, self._lossless = header, live, lossless
        self._clock = clock
        self._started_s: float | None = None
        self._last_t_s = 0.0
        self._counts = SessionCounts()
        self._lock = threading.Lock()
        self._problem = ""
        self._first_index: int | None = None
        self._waiting: queue.Queue[str | None] = queue.Queue(_MAX_WAITING_FRAMES)
        try:
            self._file: IO[bytes] = (folder / RESULTS_FILE).open("xb", buffering=0)
            try:
                self._file.write(HEADER.encode())
                self._write_about(complete=False)
            except OSError:
                self._file.close()
                raise
        except OSError as error:
            raise RecordingError(
                f"A session cannot be written to {folder}: {error.strerror or error}. Choose "
                "another folder."
            ) from error
        self._whole_bytes = len(HEADER)
        self._thread = threading.Thread(target=self._write, name="ferdesk-recorder", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why recording had to stop, in a sentence; empty while all is well."""
        with self._lock:
            return self._problem

    @property
    def num_rows(self) -> int:
        with self._lock:
            return self._counts.rows

    def add(self, result: FrameResult, marker: str = "") -> None:
        """Record one analysed frame."""
        if self.problem:
            return
        frame = result.frame
        if self._live:
            first_index, started_s = self._beginning(frame)
            t_s = frame.captured_s - started_s
            moment = Moment(frame.index - first_index, t_s, self._header.utc_at(t_s, live=True))
        else:
            moment = Moment(frame.index, frame.t_s, self._header.utc_at(frame.t_s, live=False))
        self._last_t_s = moment.t_s
        rows = rows_of(result, moment, marker)
        if self._lossless:
            self._waiting.put(rows)
            return
        try:
            self._waiting.put_nowait(rows)
        except queue.Full:
            self._fail("the disk does not keep up")

    def _beginning(self, frame: Frame) -> tuple[int, float]:
        """The first frame's index and capture time; the session is dated by that moment."""
        if self._first_index is None or self._started_s is None:
            self._first_index, self._started_s = frame.index, frame.captured_s
            age = timedelta(seconds=self._clock() - frame.captured_s)
            self._header = replace(self._header, started_utc=datetime.now(UTC) - age)
        return self._first_index, self._started_s

    def note_event(self, kind: str, text: str) -> None:
        """Put an event (``source_error``, ``camera_lost``, ...) into ``session.json``."""
        t_s = self._now_s()
        with self._lock:
            self._counts.events.append({"t_s": t_s, "event": kind, "text": text})

    def note_baseline(self, face_id: int, baseline: Baseline | None) -> None:
        """Put a face's neutral baseline, or that it was undone, into ``session.json``."""
        entry: dict[str, object] = {
            "t_s": self._now_s(),
            "face_id": face_id,
            "offsets": offsets_table(baseline),
            "frames": 0 if baseline is None else baseline.num_frames,
        }
        with self._lock:
            self._counts.baselines.append(entry)

    def _now_s(self) -> float:
        """Seconds of the session: by the clock where it is live, else of the last frame."""
        live = self._live and self._started_s is not None
        t_s = self._clock() - (self._started_s or 0.0) if live else self._last_t_s
        return round(t_s, 6)

    def close(self, *, frames_seen: int | None = None, frames_dropped: int = 0) -> None:
        """Write what is waiting, close the files, and mark the session complete.

        Args:
            frames_seen: frames the source gave; by default those analysed and dropped.
            frames_dropped: frames that were not analysed for lack of time.
        """
        self._waiting.put(None)
        self._thread.join()
        with self._lock:
            analysed = self._counts.frames_analysed
            self._counts.frames_dropped = frames_dropped
            self._counts.frames_seen = (
                analysed + frames_dropped if frames_seen is None else frames_seen
            )
        try:
            self._write_about(complete=True)
        except OSError as error:
            self._fail(error.strerror or str(error))

    def _write(self) -> None:
        """The recorder's thread: whole lines in, forced to the disk at least twice a second."""
        ended = False
        while not ended:
            lines: list[str] = []
            deadline_s = time.monotonic() + FLUSH_EVERY_S
            while not ended and (left_s := deadline_s - time.monotonic()) > 0:
                try:
                    rows = self._waiting.get(timeout=left_s)
                except queue.Empty:
                    break
                if rows is None:
                    ended = True
                else:
                    lines.append(rows)
            if lines and not self.problem:
                try:
                    self._append(lines)
                except Exception as error:
                    # the loop must go on: a writer may be waiting for room, and for the end
                    log.exception("the session %s cannot be written on", self.folder)
                    self._cut_to_whole_lines()
                    self._fail(getattr(error, "strerror", None) or str(error))
        try:
            self._file.close()
        except OSError as error:
            self._fail(error.strerror or str(error))

    def _append(self, lines: list[str]) -> None:
        content = "".join(lines).encode()
        written = 0
        while written < len(content):
            written += self._file.write(content[written:])
        os.fsync(self._file.fileno())
        self._whole_bytes += len(content)
        with self._lock:
            self._counts.rows += content.count(b"\n")
            self._counts.frames_analysed += len(lines)

    def _cut_to_whole_lines(self) -> None:
        try:
            self._file.truncate(self._whole_bytes)
        except OSError:
            log.warning("the last line of %s may be cut off", self.folder, exc_info=True)

    def _fail(self, reason: str) -> None:
        with self._lock:
            if self._problem:
                return
            self._problem = (
                f"Recording has stopped: {self.folder} cannot be written ({reason}). "
                f"The {self._counts.rows} rows up to there are kept."
            )
        self.note_event("recording_stopped", reason)

    def _write_about(self, *, complete: bool) -> None:
        ended_utc = datetime.now(UTC) if complete else None
        with self._lock:
            table = session_table(self._header, self._counts, ended_utc, complete=complete)
        aside = self.folder / (SESSION_FILE + ".tmp")
        with aside.open("w", encoding="utf-8") as file:
            json.dump(table, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.folder / SESSION_FILE)
