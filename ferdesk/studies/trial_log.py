"""Trial log: rows of ``stimuli.csv`` and ``answers.csv``, each forced to the disk when it comes.

A disk that does not answer must not hold the participant's screen, so the rows are written on a
thread of their own. What cannot be written is kept and tried again with every row that comes, and
at the end.
"""

import logging
import os
import queue
import threading
from pathlib import Path

from ferdesk.messages import translatable
from ferdesk.sessions.files import reason_of
from ferdesk.studies.trials import (
    ANSWER_COLUMNS,
    ANSWERS_FILE,
    STIMULI_FILE,
    TRIAL_COLUMNS,
    Answer,
    Trial,
    answer_line,
    trial_line,
)

log = logging.getLogger(__name__)


class TrialLog:
    """Trial log of one session; any thread may add rows, which never waits for the disk."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is the session's, which exists."""
        self._trials = _Rows(folder / STIMULI_FILE, ",".join(TRIAL_COLUMNS) + "\n")
        self._answers = _Rows(folder / ANSWERS_FILE, ",".join(ANSWER_COLUMNS) + "\n")
        self._waiting: queue.Queue[tuple[_Rows, str] | None] = queue.Queue()
        self._problem = ""
        self._thread = threading.Thread(target=self._write, name="ferdesk-trials", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why rows are not on the disk now, in a sentence; empty while all is well."""
        return self._problem

    def add_trial(self, trial: Trial) -> None:
        """A stimulus has ended."""
        self._waiting.put((self._trials, trial_line(trial)))

    def add_answer(self, answer: Answer) -> None:
        """A question was answered."""
        self._waiting.put((self._answers, answer_line(answer)))

    def close(self, wait_s: float = 5.0) -> str:
        """Write what is left; returns ``problem``, where rows are still missing then."""
        self._waiting.put(None)
        self._thread.join(wait_s)
        if self._thread.is_alive():
            self._problem = self._problem or translatable("The disk does not answer.")
        return self._problem

    def _write(self) -> None:
        ended = False
        while not ended:
            entry = self._waiting.get()
            ended = entry is None
            if entry is not None:
                entry[0].lines.append(entry[1])
            problem = ""
            for rows in (self._trials, self._answers):
                try:
                    rows.write()
                except Exception as error:
                    # the thread must go on: the next try may find room
                    log.warning("%s cannot be written now", rows.path, exc_info=True)
                    problem = translatable(
                        "{path} cannot be written: {why}.", path=rows.path, why=reason_of(error)
                    )
            self._problem = problem


class _Rows:
    """A file and the lines that are not in it yet; it is made with its first line."""

    def __init__(self, path: Path, header: str) -> None:
        self.path, self._header = path, header
        self.lines: list[str] = []
        self._whole_bytes, self._is_ours = 0, False

    def write(self) -> None:
        """Append the lines that wait; what was written of one that is not whole goes."""
        if not self.lines:
            return
        content = "".join((*(() if self._whole_bytes else (self._header,)), *self.lines)).encode()
        # a file that is there already is another's
        with self.path.open("r+b" if self._is_ours else "xb", buffering=0) as file:
            self._is_ours = True
            file.seek(self._whole_bytes)
            try:
                written = 0
                while written < len(content):
                    written += file.write(content[written:])
                os.fsync(file.fileno())
            except OSError:
                # cut, not removed: Windows removes no file that is open
                os.truncate(file.fileno(), self._whole_bytes)
                raise
        self._whole_bytes += len(content)
        self.lines.clear()
