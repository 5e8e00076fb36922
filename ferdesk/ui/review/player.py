"""Playback of a session: the position, and the video frame there, decoded beside the window."""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from ferdesk.errors import FerdeskError
from ferdesk.runtime.mailbox import Mailbox
from ferdesk.runtime.ports import Film
from ferdesk.ui.kit.gate import Gate

log = logging.getLogger(__name__)

TICK_MS = 30
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """Video frame at ``t_s``: ``image`` [H, W, 3] RGB that began at ``began_s``, both in ``t_s``.

    Both are None where the film is broken, as ``problem`` says. Before its first picture that one
    is shown.
    """

    t_s: float
    image: NDArray[np.uint8] | None = None
    began_s: float | None = None
    problem: str = ""


class Projector:
    """Decoder thread of a film; the newest moment that is asked for wins."""

    def __init__(
        self, open_film: Callable[[], Film], starts_at_s: float, show: Callable[[Still], None]
    ) -> None:
        """``show`` is called on the projector's thread; the film's 0 is ``starts_at_s``."""
        self._open_film, self._starts_at_s, self._show = open_film, starts_at_s, show
        self._wanted: Mailbox[float] = Mailbox()
        self._thread = threading.Thread(target=self._run, name="ferdesk-film", daemon=True)
        self._thread.start()

    def ask(self, t_s: float) -> None:
        """The picture of that moment is wanted, instead of any that was asked for before."""
        self._wanted.put(t_s)

    def close(self) -> None:
        """Let the thread end, which closes the film."""
        self._wanted.close()
        self._wanted.take(0.0)

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        film: Film | None = None
        problem = ""
        try:
            while (t_s := self._wanted.take()) is not None:
                try:
                    if film is None and not problem:
                        film = self._open_film()
                    found = (
                        None if film is None else film.picture_at(max(t_s - self._starts_at_s, 0.0))
                    )
                except FerdeskError as error:
                    # a film that does not open is not tried again with each moment
                    problem = str(error) if film is None else ""
                    self._show(Still(t_s, problem=str(error)))
                except Exception as error:
                    log.exception("a film ended")
                    self._show(Still(t_s, problem=str(error)))
                else:
                    if found is None:
                        self._show(Still(t_s, problem=problem))
                    else:
                        image, film_s = found
                        self._show(Still(t_s, image, film_s + self._starts_at_s, problem))
        finally:
            if film is not None:
                film.close()


class Player(QObject):
    """Position in a session, and a clock that moves it; a film's frames come by ``shown``.

    All times are ``t_s`` of the session's rows, from ``starts_at_s`` to ``ends_at_s``.
    """

    moved = Signal(float)
    """The position in seconds, while it is played and when it is sought."""
    playing_changed = Signal(bool)
    shown = Signal(object)
    """A ``Still``."""
    _came = Signal(int, object)

    def __init__(
        self, parent: QObject | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self._times: NDArray[np.float64] = np.zeros(0)
        self._starts_at_s = self._ends_at_s = 0.0
        self._speed = 1.0
        self._position_s = 0.0
        self._began = (0.0, 0.0)
        self._projector: Projector | None = None
        self._asked = -1
        self._old: list[Projector] = []
        self._number = 0
        self._gate = Gate(self)
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._came.connect(self._take, Qt.ConnectionType.QueuedConnection)

    @property
    def position_s(self) -> float:
        return self._position_s

    @property
    def starts_at_s(self) -> float:
        return self._starts_at_s

    @property
    def ends_at_s(self) -> float:
        return self._ends_at_s

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def has_film(self) -> bool:
        return self._projector is not None

    def load(
        self,
        times: NDArray[np.float64],
        range_s: tuple[float, float],
        film: Path | None,
        open_film: Callable[[Path], Film],
        film_starts_at_s: float = 0.0,
    ) -> None:
        """Begin with a session: the times of its analysed frames, its range, and its video.

        The video file's 0 is the session's ``film_starts_at_s``.
        """
        self.unload()
        self._times = times
        self._starts_at_s, self._ends_at_s = range_s
        if film is not None:
            number = self._number
            self._projector = Projector(
                lambda: open_film(film),
                film_starts_at_s,
                partial(self._bring, number),
            )
        self.seek(self._starts_at_s)

    def unload(self) -> None:
        """Stop, and let the film go; its thread ends in its own time."""
        self.pause()
        self._number += 1
        if self._projector is not None:
            self._projector.close()
            self._old.append(self._projector)
            self._projector = None
        self._starts_at_s = self._ends_at_s = self._position_s = 0.0

    def join(self, timeout_s: float = 5.0) -> None:
        """Wait for the threads of films that were let go; for the end of the program."""
        for projector in self._old:
            projector.join(timeout_s)
        self._old.clear()

    def seek(self, t_s: float) -> None:
        """Go to that moment, or as near as the session has it; nowhere for what is no time."""
        if math.isnan(t_s):
            return
        self._position_s = min(max(t_s, self._starts_at_s), self._ends_at_s)
        self._began = (self._clock(), self._position_s)
        self._asked = -1
        self._tell()

    def step(self, by: int) -> None:
        """Go ``by`` analysed frames further, and stand there."""
        self.pause()
        if len(self._times):
            here = int(np.searchsorted(self._times, self._position_s + 1e-6)) - 1
            self.seek(float(self._times[min(max(here + by, 0), len(self._times) - 1)]))

    def play(self) -> None:
        if self._ends_at_s <= self._starts_at_s or self.playing:
            return
        if self._position_s >= self._ends_at_s:
            self._position_s = self._starts_at_s
        self._began = (self._clock(), self._position_s)
        self._timer.start()
        self.playing_changed.emit(True)

    def pause(self) -> None:
        if self.playing:
            self._timer.stop()
            self.playing_changed.emit(False)

    def toggle(self) -> None:
        if self.playing:
            self.pause()
        else:
            self.play()

    def set_speed(self, speed: float) -> None:
        """Seconds of the session in a second."""
        self._speed = speed
        self._began = (self._clock(), self._position_s)

    @Slot()
    def tick(self) -> None:
        """Move on by the time that has passed."""
        since_s, from_s = self._began
        to_s = from_s + (self._clock() - since_s) * self._speed
        self._position_s = min(to_s, self._ends_at_s)
        self._tell()
        if to_s >= self._ends_at_s:
            self.pause()

    def _tell(self) -> None:
        frame = int(np.searchsorted(self._times, self._position_s + 1e-6))
        # between two analysed frames the film has no other picture
        if self._projector is not None and frame != self._asked:
            self._asked = frame
            self._projector.ask(self._position_s)
        self.moved.emit(self._position_s)

    def _bring(self, number: int, still: Still) -> None:
        """On the projector's thread, which a film that hangs keeps beyond the window's end."""
        self._gate.let(lambda: self._came.emit(number, still))

    @Slot(int, object)
    def _take(self, number: int, still: Still) -> None:
        if number == self._number:
            self.shown.emit(still)
