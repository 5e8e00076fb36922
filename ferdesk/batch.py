"""Analysis without a window: a session for each source."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import (
    DeviceInfo,
    Frame,
    FrameResult,
    ModelInfo,
    SourceEvent,
    SourceInfo,
)
from ferdesk.core.unrelated_pictures import UnrelatedPictures
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, EXIT_UNUSABLE, FerdeskError, SourceError
from ferdesk.factory.analysis_options import AnalysisOptions as AnalysisOptions
from ferdesk.factory.analysis_options import FrameChoice
from ferdesk.factory.recordings import (
    new_folder,
    open_session,
    session_header,
    take_back_folder,
)
from ferdesk.factory.sources import (
    PictureFiles,
    frames_of,
    is_live,
    open_source,
    shown_name,
)
from ferdesk.paths import threads_of_process
from ferdesk.runtime.ahead import Ahead
from ferdesk.runtime.engine import Engine
from ferdesk.runtime.reconnect import FrameSource, events_of
from ferdesk.runtime.recording import Recorder, SessionOutput
from ferdesk.runtime.status import EventKind, State, Status, device_change
from ferdesk.sessions.outputs import write_faces_table
from ferdesk.sessions.source_content import SourceContent, content_of, stamp_of

log = logging.getLogger(__name__)

_POLL_S = 0.05
STOPPED = "The analysis was stopped before the source's end."

Tell = Callable[[str], None]
Begin = Callable[[Frame], Callable[[], FrameResult]]
"""Detects the faces of a frame, and returns what does the rest."""
Read = tuple[Frame, Callable[[], FrameResult] | None, Sequence[SourceEvent]]
"""A frame, what finishes its analysis where it was chosen, and what came with it."""
Advance = Callable[[str, float], None]
"""Called after each frame with the source's name and the seconds of it that are done."""


@dataclass(slots=True)
class _Work:
    """Analysis of one source: its parts, its callbacks, and how it ended.

    ``folder`` once a session has begun; ``cut_off`` where not all of the source was analysed,
    ``incomplete`` where pictures of it are damaged; ``problem`` is the first sentence on either.
    """

    name: str
    pipeline: Pipeline
    options: AnalysisOptions
    tell: Tell
    warn: Tell
    advance: Advance
    stop_requested: Callable[[], bool]
    pictures: PictureFiles | None = None
    """What is analysed in place of the source called ``name``."""
    folder: Path | None = None
    cut_off: bool = False
    incomplete: bool = False
    problem: str = ""
    warned: str = ""
    """The kind of the warning that was told last."""

    def fail(self, text: str) -> None:
        """Tell why not all of the source can be analysed."""
        self.cut_off = True
        self.problem = self.problem or text
        self.warn(text)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of one source's analysis.

    ``folder`` is its session, None where none was begun. ``whole``: all of it was analysed, and
    none of its pictures is damaged; else ``problem`` says why not.
    """

    folder: Path | None
    whole: bool
    problem: str = ""


def analyze(
    names: Sequence[str | PictureFiles],
    pipeline: Pipeline,
    options: AnalysisOptions,
    *,
    tell: Tell,
    warn: Tell,
    advance: Advance = lambda _name, _done_s: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> int:
    """Write one session folder for each source, and return the exit code.

    A source that cannot be used is named by ``warn`` and the others go on. Once
    ``stop_requested`` is true the session in work is closed properly, and that is the last.
    """
    done: list[Outcome] = []
    for name in names:
        if stop_requested():
            break
        outcome = analyze_one(
            name, pipeline, options,
            tell=tell, warn=warn, advance=advance, stop_requested=stop_requested,
        )  # fmt: skip
        done.append(outcome)
        if outcome.folder is not None:
            shown = name.name if isinstance(name, PictureFiles) else shown_name(name)
            tell(f"{shown}: {outcome.folder}")
    return exit_code(done, len(names))


def exit_code(done: Sequence[Outcome], num_wanted: int) -> int:
    """The exit code for what became of ``num_wanted`` sources."""
    if done and not any(outcome.folder for outcome in done):
        return EXIT_UNUSABLE
    whole = len(done) == num_wanted and all(outcome.whole for outcome in done)
    return EXIT_OK if whole else EXIT_PARTIAL


def analyze_one(
    name: str | PictureFiles,
    pipeline: Pipeline,
    options: AnalysisOptions,
    *,
    tell: Tell,
    warn: Tell,
    advance: Advance = lambda _name, _done_s: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Write the session of one source; what is wrong with it is told by ``warn``, never raised."""
    pictures = name if isinstance(name, PictureFiles) else None
    name = name.name if isinstance(name, PictureFiles) else name
    pipeline = pipeline.for_new_source()
    options = options.for_model(pipeline.classifier.info)
    voted = pipeline.post_processing.with_labels_from(options.labels_from)
    pipeline.set_post_processing(replace(voted, measures=options.measures))
    work = _Work(name, pipeline, options, tell, warn, advance, stop_requested, pictures)
    try:
        _analyze_one(work)
    except FerdeskError as error:
        work.fail(str(error))
    except Exception as error:
        # one odd source must not cost the others
        log.exception("the analysis of %s ended", shown_name(name))
        work.fail(
            f"{shown_name(name)} could not be analysed: {error}. The log file has the details."
        )
    return Outcome(work.folder, not (work.cut_off or work.incomplete), work.problem)


def _analyze_one(work: _Work) -> None:
    live = work.pictures is None and is_live(work.name)
    session = _follow_live(work) if live else _read_through(work)
    _warn_of(work, session)
    if session.problem:
        work.fail(session.problem)
    elif session.video_problem:
        # told as a warning already
        work.incomplete, work.problem = True, work.problem or session.video_problem


def _warn_of(work: _Work, session: SessionOutput) -> None:
    """Tell what threatens the recording, once for each kind of threat."""
    kind = session.warning_kind
    if kind and kind != work.warned:
        work.warn(session.warning)
    work.warned = kind


def _new_session(
    info: SourceInfo,
    model: ModelInfo,
    device: DeviceInfo,
    options: AnalysisOptions,
    content: SourceContent | None = None,
    pictures: PictureFiles | None = None,
) -> SessionWriter:
    files = () if pictures is None else tuple(path.name for path in pictures.paths)
    header = session_header(info, model, device, options.settings(), pictures=files)
    header = replace(header, both_labels=options.both_labels)
    about = {key: text for key, text in options.labels.items() if text}
    known = {} if content is None else content.table()
    header = replace(header, source={**header.source, **known}, about=about)
    folder = new_folder(options.out, options.folder_name or info.name)
    try:
        return open_session(
            folder, header, options.video, live=info.live, landmarks=options.video_landmarks
        )
    except FerdeskError:
        take_back_folder(folder)
        raise


def _add_streams(recorder: Recorder, options: AnalysisOptions) -> None:
    for number, stream in enumerate(options.streams):
        recorder.add_stream(f"{number}", stream)


def _read_through(work: _Work) -> SessionOutput:
    """Analyse a file: every frame in turn, nothing dropped."""
    options = work.options
    pictures = work.pictures
    source: FrameSource
    if pictures is not None:
        source, begin = pictures.open(), _beginning_of_pictures(work.pipeline)
    else:
        source = open_source(work.name, duration_s=options.duration_s)
        begin = _beginning(work.pipeline)
    recorder = Recorder()
    _add_streams(recorder, options)
    num_seen = 0
    try:
        info = source.open()
        content = _content_of(work)
        if options.film_began is not None:
            info = replace(info, starts_utc=options.film_began)
        work.pipeline.set_pacing(FramePacing(key_every=options.key_every(info)))
        classifier = work.pipeline.classifier
        device = classifier.device
        recording = recorder.begin()
        recording.open(
            lambda: _new_session(info, classifier.info, device, options, content, pictures)
        )
        session = recording.session
        work.folder = session.folder
        last_s = 0.0
        stack = contextlib.ExitStack()
        try:
            reads = stack.enter_context(_ahead(_reads(source, FrameChoice(options), begin)))
            for frame, finish, noted in reads:
                last_s = frame.t_s
                num_seen += 1
                if finish is not None:
                    recorder.take(finish())
                _note_events(work, noted, recorder, frame.t_s)
                if classifier.device != device:
                    device = classifier.device
                    # the network left its device in the middle: the session says from when on
                    text = device_change(device)
                    recorder.note_event("device_changed", text, time.monotonic())
                    work.warn(text)
                work.advance(info.name, frame.t_s)
                if num_seen % 100 == 0:
                    _warn_of(work, session)
                if work.stop_requested():
                    work.cut_off = True
                    work.problem = STOPPED
                    recorder.note_event("stopped", work.problem, time.monotonic())
                if work.cut_off or session.problem:
                    break
            _check_clip(work, recorder, last_s)
            _check_unchanged(work, recorder, content)
        except FerdeskError as error:
            recorder.note_event("source_error", str(error), time.monotonic())
            work.fail(str(error))
        except Exception as error:
            text = f"The analysis ended here: {error}"
            recorder.note_event("error", text, time.monotonic())
            raise
        finally:
            stack.close()
            _note_events(work, events_of(source), recorder, last_s)
            if session.problem:
                recorder.note_event("recording_stopped", session.problem, time.monotonic())
            recorder.end(frames_seen=num_seen)
            recording.close()
    finally:
        source.close()
    if pictures is not None and not session.problem:
        write_faces_table(session.folder)
    return session


def _beginning(pipeline: Pipeline) -> Begin:
    return lambda frame: partial(pipeline.classify, pipeline.detect(frame))


def _beginning_of_pictures(pipeline: Pipeline) -> Begin:
    pictures = UnrelatedPictures(pipeline)
    return lambda frame: partial(pictures.process, frame)


def _reads(source: FrameSource, choice: FrameChoice, begin: Begin) -> Iterator[Read]:
    for frame in frames_of(source):
        if choice.is_over(frame):
            return
        yield frame, begin(frame) if choice.takes(frame) else None, events_of(source)


@contextlib.contextmanager
def _ahead(reads: Iterator[Read]) -> Iterator[Iterable[Read]]:
    """The same, read and begun on a second thread where this process has more than one core."""
    if threads_of_process() == 1:
        yield reads
        return
    with contextlib.closing(Ahead(reads, "ferdesk-ahead")) as ahead:
        yield ahead


def _note_events(
    work: _Work, noted: Sequence[SourceEvent], recorder: Recorder, now_s: float
) -> None:
    """Keep and tell what the file does not keep, each at its moment; ``now_s`` is the frame's."""
    for event in noted:
        ago_s = max(0.0, now_s - event.t_s)
        recorder.note_event(event.kind, event.text, time.monotonic() - ago_s)
        damaged = event.kind == "pictures_damaged"
        (work.warn if damaged else work.tell)(event.text)
        if damaged:
            work.incomplete, work.problem = True, work.problem or event.text


def _content_of(work: _Work) -> SourceContent | None:
    """What is analysed; None for the demo, which is no file.

    Raises:
        SourceError: it cannot be read.
    """
    if work.pictures is not None:
        return work.pictures.content()
    return None if work.name == "demo" else content_of(Path(work.name))


def _check_clip(work: _Work, recorder: Recorder, last_s: float) -> None:
    """Tell where the source ended before the part of it that was to be analysed."""
    clip_s = work.options.clip_s
    if clip_s is not None and last_s < clip_s[0] and not work.cut_off:
        text = (
            f"{shown_name(work.name)} ends at {last_s:.1f} s, before the part that --clip names; "
            f"its session is empty."
        )
        recorder.note_event("clip_behind_end", text, time.monotonic())
        work.tell(text)


def _check_unchanged(work: _Work, recorder: Recorder, content: SourceContent | None) -> None:
    """Tell where the file is another than it was at the start, as while it is still written."""
    if work.pictures is not None:
        return
    try:
        now = None if content is None else stamp_of(Path(work.name))
    except OSError:
        return
    if content is not None and now != (content.size_bytes, content.modified_ns):
        text = (
            f"{work.name} changed while it was analysed; analyse it again once it is "
            f"written to its end."
        )
        recorder.note_event("source_changed", text, time.monotonic())
        work.fail(text)


def _follow_live(work: _Work) -> SessionOutput:
    """Analyse a live source: the newest frame wins, until the duration or the source ends."""
    options = work.options
    choice = FrameChoice(options)
    events: SimpleQueue[tuple[EventKind, str]] = SimpleQueue()

    def record(result: FrameResult) -> None:
        # on the engine's inference thread, where an error ends the run with its sentence
        if not recording.opened:
            recording.open(lambda: _session_of(engine.status(), options))
        if choice.takes(result.frame):
            recorder.take(result)

    def note(kind: EventKind, text: str, at_s: float) -> None:
        recorder.note_event(kind, text, at_s)
        events.put((kind, text))

    def tell_events() -> None:
        with contextlib.suppress(Empty):
            while True:
                kind, text = events.get_nowait()
                good = kind in ("camera_back", "picture_changed")
                # without a session it is the reason for which there is none, and told as that
                if kind != "source_error" or recording.opened:
                    (work.tell if good else work.warn)(text)

    engine = Engine(on_result=record, on_event=note)
    engine.set_post_processing(work.pipeline.post_processing)
    recorder = Recorder(status=engine.status, classify_every_face=engine.classify_every_face)
    _add_streams(recorder, options)
    recording = recorder.begin()
    engine.set_post_processing(work.pipeline.post_processing)
    engine.start(lambda: open_source(work.name, asked=options.asked), lambda: work.pipeline)
    began_s: float | None = None
    status = engine.status()
    try:
        while not (work.stop_requested() or status.state in (State.FAILED, State.ENDED)):
            tell_events()
            if recording.opened:
                _warn_of(work, recording.session)
            if status.source is not None and began_s is None:
                began_s = time.monotonic()
                if status.source.refused:
                    work.tell(status.source.refused)
            elapsed_s = 0.0 if began_s is None else time.monotonic() - began_s
            if options.duration_s is not None and elapsed_s >= options.duration_s:
                break
            if recording.opened and recording.session.problem:
                break
            work.advance(shown_name(work.name), elapsed_s)
            time.sleep(_POLL_S)
            status = engine.status()
        status = engine.status()
    finally:
        engine.stop()
        recorder.end(frames_seen=status.num_seen, frames_dropped=status.num_dropped)
    tell_events()
    if not recording.opened:
        reason = status.message or f"{shown_name(work.name)} gave no picture before it was stopped."
        raise SourceError(reason)
    work.folder = recording.session.folder
    work.cut_off = status.state is State.FAILED
    recording.close()
    return recording.session


def _session_of(status: Status, options: AnalysisOptions) -> SessionWriter:
    """A session for what runs; there is a result, so all of it is known."""
    if status.source is None or status.model is None or status.device is None:
        raise SourceError("The source gave a result before it was open.")
    return _new_session(status.source, status.model, status.device, options)
