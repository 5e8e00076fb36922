"""Played video: a file at its own pace that can be paused, moved, stepped through and repeated."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.core.types import Frame, SourceEvent, SourceInfo
from ferdesk.runtime.playback import PlaybackStatus

_USUAL_RATE_FPS = 25.0


class PlayedVideo:
    """Played video as a source, for the window; ``Playback`` says what may be asked of it.

    It reads on one thread and is asked from others. At the end it waits for what is asked next.
    """

    def __init__(self, location: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._file = VideoFile(location, clock=clock)
        self._asked = threading.Condition()
        self._status = PlaybackStatus(0.0, 0.0)
        self._seek_to: float | None = None
        self._num_steps = 0
        self._closed = False
        self._still = False
        self._step_s = 1 / _USUAL_RATE_FPS
        self._held: Frame | None = None
        self._last_s: float | None = None
        self._began_s: float | None = None
        """When the frame of time 0 would have been due, at the pace that is kept now."""

    def open(self) -> SourceInfo:
        """Open the file.

        Raises:
            SourceError: see ``VideoFile``.
        """
        info = self._file.open()
        self._still = info.kind == "still"
        if info.rate_fps:
            self._step_s = 1 / info.rate_fps
        with self._asked:
            self._status = replace(self._status, length_s=self._file.length_s)
        return info

    def read(self) -> Frame | None:
        """The next frame when it is due; None once it is closed, and at the end of a picture.

        Raises:
            SourceError: the file breaks off; frames so far were whole.
        """
        while True:
            with self._asked:
                self._asked.wait_for(self._has_work)
                if self._closed:
                    return None
                seek_to, self._seek_to = self._seek_to, None
                stretch = self._status.stretch
                stepping = self._num_steps > 0
                self._num_steps -= stepping
            if seek_to is not None:
                self._go_to(seek_to)
                stepping = True  # shown at once, paused or not
            frame = self._held or self._file.read()
            self._held = None
            if frame is None:
                if self._still:
                    return None
                self._end()
                continue
            if stepping:
                self._began_s = self._clock() - frame.t_s
            elif not self._wait_for(frame):
                # asked for something else meanwhile; this one comes next, unless it is elsewhere
                self._held = frame
                continue
            return self._given(frame, stretch)

    def close(self) -> None:
        with self._asked:
            self._closed = True
            self._asked.notify_all()
        self._file.close()

    def take_events(self) -> list[SourceEvent]:
        """What the file does not keep, since the last call."""
        return self._file.take_events()

    def playback(self) -> PlaybackStatus:
        return self._status

    def set_paused(self, paused: bool) -> None:
        with self._asked:
            if not paused and self._status.at_end:
                self._move(0.0)
            self._status = replace(self._status, paused=paused, at_end=False)
            self._began_s = None
            self._asked.notify_all()

    def set_loops(self, loops: bool) -> None:
        with self._asked:
            self._status = replace(self._status, loops=loops)
            self._asked.notify_all()

    def seek(self, t_s: float) -> None:
        with self._asked:
            self._move(t_s)
            self._status = replace(self._status, at_end=False)
            self._asked.notify_all()

    def step(self, by: int) -> None:
        with self._asked:
            at_end = self._status.at_end
            self._status = replace(self._status, paused=True, at_end=at_end and by > 0)
            if by > 0 and not at_end:
                self._num_steps += by
            elif by < 0:
                self._move(self._status.position_s + by * self._step_s)
            self._asked.notify_all()

    def _move(self, t_s: float) -> None:
        """Let the next read begin at ``t_s``, in another stretch; under the lock."""
        self._seek_to = max(0.0, t_s)
        self._num_steps = 0
        self._status = replace(self._status, stretch=self._status.stretch + 1)

    def _has_work(self) -> bool:
        """Whether there is anything to do; under the lock."""
        moving = not (self._status.paused or self._status.at_end)
        return self._closed or moving or self._seek_to is not None or self._num_steps > 0

    def _go_to(self, t_s: float) -> None:
        self._held = None
        length_s = self._status.length_s
        # at the very end there is a last frame to be shown
        self._file.seek(min(t_s, length_s - self._step_s) if length_s else t_s)

    def _end(self) -> None:
        with self._asked:
            # a file that promises too little, or nothing, is as long as it turned out to be
            length_s = (self._last_s or 0.0) + self._step_s
            self._num_steps = 0
            self._began_s = None
            if self._status.loops and not self._status.paused and self._seek_to is None:
                self._move(0.0)
                self._status = replace(self._status, length_s=length_s)
            else:
                at_end = self._seek_to is None
                self._status = replace(self._status, length_s=length_s, at_end=at_end)

    def _wait_for(self, frame: Frame) -> bool:
        """Wait until ``frame`` is due; False where something else was asked meanwhile."""
        with self._asked:
            # set_paused forgets when it began, on another thread
            if self._began_s is None:
                self._began_s = self._clock() - frame.t_s
            due_s = self._began_s + frame.t_s
            while (wait_s := due_s - self._clock()) > 0:
                if self._interrupted():
                    return False
                self._asked.wait(wait_s)
            return not self._interrupted()

    def _interrupted(self) -> bool:
        return self._closed or self._status.paused or self._seek_to is not None

    def _given(self, frame: Frame, stretch: int) -> Frame:
        with self._asked:
            self._last_s = frame.t_s
            self._status = replace(self._status, position_s=frame.t_s)
        return replace(frame, captured_s=self._clock(), stretch=stretch)
