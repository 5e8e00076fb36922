"""Live engine: runs one source at a time, and is started and stopped from any thread.

The engine knows no window. It is given a source and a pipeline as factories, since opening either
may take seconds, and reports by three callbacks: ``on_result`` from the inference thread for each
analysed frame, ``on_event`` from the thread on which something happened to the run, with the
moment, and ``on_change`` from any of its threads when ``status()`` says something new.
"""

import threading
import time
from collections.abc import Callable, Sequence

from ferdesk.core.pipeline import Pipeline
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import FrameResult
from ferdesk.runtime.model_choice import Candidate
from ferdesk.runtime.playback import Playback
from ferdesk.runtime.reconnect import FrameSource
from ferdesk.runtime.run import Callbacks, Run, join_all
from ferdesk.runtime.status import EventKind, Status


class Engine:
    """Live engine; ``start`` and ``stop`` may be called in any order, any number of times."""

    def __init__(
        self,
        *,
        on_result: Callable[[FrameResult], None] = lambda _: None,
        on_event: Callable[[EventKind, str, float], None] = lambda _kind, _text, _at_s: None,
        on_change: Callable[[], None] = lambda: None,
        on_thread: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``on_thread`` is called first on each thread of a run.

        ``on_event`` gets the kind, a sentence, and the moment on ``clock``; events come one after
        the other in the order in which they happened.
        """
        self._callbacks = Callbacks(on_result, on_event, on_change, on_thread)
        self._clock = clock
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._leaving: list[threading.Thread] = []
        self._every_face = False
        self._post_processing = PostProcessing()

    def start(
        self,
        open_source: Callable[[], FrameSource],
        open_pipeline: Callable[[], Pipeline],
        candidates: Callable[[], Sequence[Candidate]] = lambda: (),
    ) -> None:
        """Begin with a source; one that is running is stopped first. Returns at once.

        After the first analysed frame the ``candidates`` are timed in the background, and the best
        one that keeps the camera's rate takes the place of the pipeline's classifier.
        """
        self.stop(wait_s=0.0)
        with self._lock:
            self._leaving = [thread for thread in self._leaving if thread.is_alive()]
            self._post_processing = self._post_processing.for_other_faces()
            run = self._run = Run(
                open_source,
                open_pipeline,
                candidates,
                self._callbacks,
                self._clock,
                tuple(self._leaving),
                every_face=self._every_face,
                post_processing=self._post_processing,
            )
        run.begin()

    def stop(self, wait_s: float = 2.0) -> None:
        """End the run; afterwards none of its results and events is reported.

        A read that hangs is left behind in its daemon thread.
        """
        with self._lock:
            run, self._run = self._run, None
            if run is not None:
                self._leaving += run.threads
            leaving = tuple(self._leaving)
        if run is not None:
            run.end()
        join_all(leaving, wait_s)
        if run is not None:
            self._callbacks.on_change()

    def classify_every_face(self, wanted: bool) -> None:
        """Whether each face of an analysed frame is classified, however long that takes.

        A recording wants it: then fewer frames are analysed, but no face is left out.
        """
        with self._lock:
            self._every_face = wanted
            run = self._run
        if run is not None:
            run.set_pacing(every_face=wanted)

    @property
    def post_processing(self) -> PostProcessing:
        return self._post_processing

    def set_post_processing(self, post_processing: PostProcessing) -> None:
        """Apply ``post_processing`` from the next frame on.

        It stays over starts, but for the baselines, whose ids mean other people then.
        """
        with self._lock:
            self._post_processing = post_processing
            run = self._run
        if run is not None:
            run.set_post_processing(post_processing)

    @property
    def playback(self) -> Playback | None:
        """The source that runs, where it can be paused and moved; None otherwise."""
        with self._lock:
            run = self._run
        return None if run is None else run.playback

    def status(self) -> Status:
        with self._lock:
            run = self._run
        return Status(post_processing=self._post_processing) if run is None else run.status()
