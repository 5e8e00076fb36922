"""Reconnecting source: lost after a second of silence, reopened with growing pauses.

Each connection has a thread of its own, since a driver's ``open`` and ``read`` may hang for ever
and cannot be interrupted. One that says nothing is left behind; its thread ends when the driver
lets it.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

from ferdesk.core.types import Frame, SourceEvent, SourceInfo
from ferdesk.errors import FerdeskError, SourceError
from ferdesk.messages import translatable
from ferdesk.runtime.mailbox import Mailbox

log = logging.getLogger(__name__)

LOST_AFTER_S = 1.0
"""A live source that gives no picture for this long is called lost."""
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
"""Before the first, second, ... attempt to open it again; the last one stays."""
OPEN_WITHIN_S = 60.0
_MOST_LEFT_BEHIND = 3
_LEAVE_WITHIN_S = 5.0
_SLICE_S = 0.05
"""How often a waiting thread looks at the clock; what arrives wakes it at once."""


class FrameSource(Protocol):
    """Source of frames, one after the other. ``read`` may block; None is the end.

    ``open`` and ``read`` raise ``FerdeskError`` with a sentence for the user.
    """

    def open(self) -> SourceInfo: ...

    def read(self) -> Frame | None: ...

    def close(self) -> None: ...


@runtime_checkable
class TellingSource(FrameSource, Protocol):
    """Source that also tells what its file does not keep: a clock that jumps, damaged pictures."""

    def take_events(self) -> list[SourceEvent]:
        """What happened since the last call, up to the last frame read; at the end, all of it."""
        ...


def events_of(source: FrameSource) -> list[SourceEvent]:
    """Events of ``source`` since the last call; none of one that never tells."""
    return source.take_events() if isinstance(source, TellingSource) else []


class Reconnecting:
    """Source around others that ``make`` gives, one for each connection.

    ``open`` fails as the first one does. Later ``read`` waits until there is a picture again,
    however long that takes; frames are numbered on and their times go on. Where a connection says
    that it has come to its end, so has this source. ``leave`` may be called from any thread.
    """

    def __init__(
        self,
        make: Callable[[], FrameSource],
        *,
        name: str,
        clock: Callable[[], float] = time.monotonic,
        open_within_s: float = OPEN_WITHIN_S,
    ) -> None:
        self._make = make
        self._name = name
        self._clock = clock
        self._open_within_s = open_within_s
        self._leaving = threading.Event()
        self._reading = threading.Event()
        self._news = threading.Condition()
        self._connection: _Connection | None = None
        self._left_behind: list[_Connection] = []
        self._num_failed = 0
        self._trouble = ""
        self._began_s: float | None = None
        self._next_index = self._first_index = 0
        self._num_dropped = 0

    @property
    def trouble(self) -> str:
        """Why there is no connection, as the last attempt said; empty while there is one."""
        return self._trouble

    @property
    def num_attempts(self) -> int:
        """How often it was tried in vain since the last picture."""
        return self._num_failed

    @property
    def num_dropped(self) -> int:
        """Pictures that came faster than they were read."""
        connection = self._connection
        return self._num_dropped + (connection.frames.num_dropped if connection else 0)

    def open(self) -> SourceInfo:
        """Open the first connection.

        Raises:
            SourceError: as that connection says, or it hangs.
        """
        connection = self._connect()
        self._wait(lambda: connection.decided, self._open_within_s)
        if connection.info is not None:
            return connection.info
        self._abandon()
        if not connection.decided and not self._leaving.is_set():
            raise SourceError(
                translatable(
                    "{name} did not open within {seconds:.0f} s; pull its plug "
                    "and put it in again, or choose another source.",
                    name=self._name,
                    seconds=self._open_within_s,
                )
            )
        raise SourceError(
            connection.problem
            or translatable("{name} was left before it was open.", name=self._name)
        )

    def read(self) -> Frame | None:
        """Wait for the next picture, through any number of losses; None once it was left."""
        self._reading.set()
        while not self._leaving.is_set():
            connection = self._connection
            if connection is None:
                self._try_again()
                continue
            self._wait(lambda: connection.has_news, LOST_AFTER_S)  # noqa: B023 (waited for here)
            frame = connection.frames.take(timeout_s=0)
            if frame is not None:
                self._num_failed, self._trouble = 0, ""
                return self._renumbered(frame)
            if connection.ended:
                return None
            self._lose(
                connection.problem
                or translatable("{name} gives no picture any more.", name=self._name)
            )
        return None

    def leave(self) -> None:
        """End every wait; returns at once."""
        self._leaving.set()
        self._reading.set()
        with self._news:
            self._news.notify_all()

    def close(self) -> None:
        """Leave, and give the connection's thread a moment to free its device."""
        self.leave()
        connection = self._abandon()
        if connection is not None:
            connection.thread.join(_LEAVE_WITHIN_S)

    def _renumbered(self, frame: Frame) -> Frame:
        if self._began_s is None:
            self._began_s = frame.captured_s
        index = self._first_index + frame.index
        self._next_index = index + 1
        return replace(frame, index=index, t_s=frame.captured_s - self._began_s)

    def _lose(self, why: str) -> None:
        self._num_failed += 1
        self._trouble = why
        log.info("%s: attempt %d: %s", self._name, self._num_failed, why)
        self._abandon()

    def _try_again(self) -> None:
        """Pause, wait until the device is free of the attempts before, and open it again."""
        pause_s = PAUSES_S[min(self._num_failed, len(PAUSES_S)) - 1]
        self._wait(lambda: False, pause_s)
        # a device that this program itself still holds would only be found busy
        self._wait(self._all_ended, _LEAVE_WITHIN_S)
        self._left_behind = [one for one in self._left_behind if one.thread.is_alive()]
        while len(self._left_behind) >= _MOST_LEFT_BEHIND and not self._leaving.is_set():
            self._wait(self._all_ended, _LEAVE_WITHIN_S)
            self._left_behind = [one for one in self._left_behind if one.thread.is_alive()]
        if self._leaving.is_set():
            return
        connection = self._connect()
        self._wait(lambda: connection.decided, self._open_within_s)
        if connection.info is None and not self._leaving.is_set():
            self._lose(connection.problem or translatable("{name} does not open.", name=self._name))

    def _all_ended(self) -> bool:
        return not any(one.thread.is_alive() for one in self._left_behind)

    def _connect(self) -> "_Connection":
        self._first_index = self._next_index
        connection = self._connection = _Connection(
            self._make, self._name, self._news, self._reading
        )
        connection.thread.start()
        return connection

    def _abandon(self) -> "_Connection | None":
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.leaving.set()
            self._num_dropped += connection.frames.num_dropped
            self._left_behind.append(connection)
        return connection

    def _wait(self, condition: Callable[[], bool], timeout_s: float) -> None:
        """Until ``condition``, ``timeout_s`` on this source's clock, or until it is left."""
        ends_s = self._clock() + timeout_s
        with self._news:
            while not (condition() or self._leaving.is_set() or self._clock() >= ends_s):
                self._news.wait(_SLICE_S)


class _Connection:
    """Connection and its thread; everything here is written by that thread alone."""

    def __init__(
        self,
        make: Callable[[], FrameSource],
        name: str,
        news: threading.Condition,
        reading: threading.Event,
    ) -> None:
        self._make, self._name, self._news, self._reading = make, name, news, reading
        self.leaving = threading.Event()
        self.frames: Mailbox[Frame] = Mailbox()
        self.info: SourceInfo | None = None
        self.problem = ""
        self.ended = False
        # a daemon: what hangs in a driver must not hold the program
        self.thread = threading.Thread(target=self._run, name="ferdesk-source", daemon=True)

    @property
    def decided(self) -> bool:
        """Whether opening it has come to an end, good or bad."""
        return self.info is not None or self.problem != "" or self.ended

    @property
    def has_news(self) -> bool:
        return self.problem != "" or self.ended or self.frames.waiting

    def _run(self) -> None:
        problem, ended = "", False
        try:
            ended = self._follow()
        except FerdeskError as error:
            problem = str(error)
        except Exception as error:
            log.exception("the source %s failed", self._name)
            problem = translatable(
                "{name} failed: {why}. The log file has the details.", name=self._name, why=error
            )
        finally:
            with self._news:
                self.problem, self.ended = problem, ended
                self._news.notify_all()

    def _follow(self) -> bool:
        """Hand on every picture; True where the source said that it has ended."""
        source = self._make()
        try:
            info = source.open()
            self._tell(info)
            # what nobody reads yet would only be counted as dropped
            self._reading.wait()
            while not self.leaving.is_set():
                frame = source.read()
                if frame is None:
                    return not self.leaving.is_set()
                self.frames.put(frame)
                self._tell(info)
        finally:
            source.close()
        return False

    def _tell(self, info: SourceInfo) -> None:
        with self._news:
            self.info = info
            self._news.notify_all()
