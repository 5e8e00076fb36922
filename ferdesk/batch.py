"""Batch work without a window: ``analyze`` writes a session a source, ``bench`` times stages."""

import contextlib
import logging
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue

from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.adapters.outputs.video_writer import VideoMode
from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.smoother import SMOOTHING_TAU_S
from ferdesk.core.types import (
    ITS_OWN,
    CameraFormat,
    DeviceInfo,
    Frame,
    FrameResult,
    ModelInfo,
    SourceInfo,
)
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, EXIT_UNUSABLE, FerdeskError, SourceError
from ferdesk.factory.recordings import new_folder, open_video, session_header
from ferdesk.factory.sources import is_live, open_source, shown_name
from ferdesk.runtime.engine import Engine
from ferdesk.runtime.reconnect import FrameSource, events_of
from ferdesk.runtime.recording import Recorder, SessionOutput, Stream
from ferdesk.runtime.status import EventKind, State, Status, device_change

log = logging.getLogger(__name__)

_POLL_S = 0.05
_USUAL_INTERVAL_S = 1 / 30

Tell = Callable[[str], None]
Advance = Callable[[str, float], None]
"""Called after each frame with the source's name and the seconds of it that are done."""


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """Options of ``analyze``: every ``every``-th frame, at most ``duration_s`` seconds.

    ``asked`` is what cameras are asked for.
    """

    out: Path
    every: int = 1
    duration_s: float | None = None
    streams: tuple[Stream, ...] = ()
    """Streams that get each result as it comes."""
    video: VideoMode | None = None
    """Write the pictures too: clean, with overlay, or anonymous."""
    asked: CameraFormat = ITS_OWN
    film_began: datetime | None = None
    """When the file began, in place of the date that it carries."""


@dataclass(slots=True)
class _Work:
    """Analysis of one source: its parts, its callbacks, and how it ended.

    ``usable`` once a session has begun; ``cut_off`` where not all of the source was analysed,
    ``incomplete`` where pictures of it are damaged.
    """

    name: str
    pipeline: Pipeline
    options: AnalysisOptions
    tell: Tell
    warn: Tell
    advance: Advance
    stop_requested: Callable[[], bool]
    usable: bool = False
    cut_off: bool = False
    incomplete: bool = False
    warned: str = ""
    """The kind of the warning that was told last."""


def analyze(
    names: list[str],
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
    done: list[_Work] = []
    for name in names:
        if stop_requested():
            break
        work = _Work(name, pipeline.for_new_source(), options, tell, warn, advance, stop_requested)
        done.append(work)
        try:
            tell(f"{shown_name(name)}: {_analyze_one(work)}")
        except FerdeskError as error:
            warn(str(error))
            work.cut_off = True
        except Exception as error:
            # one odd source must not cost the others
            log.exception("the analysis of %s ended", shown_name(name))
            warn(
                f"{shown_name(name)} could not be analysed: {error}. The log file has the details."
            )
            work.cut_off = True
    if done and not any(work.usable for work in done):
        return EXIT_UNUSABLE
    partial = len(done) < len(names) or any(work.cut_off or work.incomplete for work in done)
    return EXIT_PARTIAL if partial else EXIT_OK


def _analyze_one(work: _Work) -> Path:
    session = _follow_live(work) if is_live(work.name) else _read_through(work)
    _warn_of(work, session)
    if session.problem:
        work.cut_off = True
        work.warn(session.problem)
    return session.folder


def _warn_of(work: _Work, session: SessionOutput) -> None:
    """Tell what threatens the recording, once for each kind of threat."""
    kind = session.warning_kind
    if kind and kind != work.warned:
        work.warn(session.warning)
    work.warned = kind


def _new_session(
    info: SourceInfo, model: ModelInfo, device: DeviceInfo, options: AnalysisOptions
) -> SessionWriter:
    settings: dict[str, object] = {
        "every": options.every,
        "duration_s": options.duration_s,
        "camera_format": str(options.asked),
        "smoothing_tau_s": SMOOTHING_TAU_S,
        "video": options.video,
    }
    header = session_header(info, model, device, settings)
    folder = new_folder(options.out, info.name)
    return SessionWriter(
        folder,
        header,
        live=info.live,
        lossless=not info.live,
        video=open_video(folder, options.video, lossless=not info.live),
    )


def _add_streams(recorder: Recorder, options: AnalysisOptions) -> None:
    for number, stream in enumerate(options.streams):
        recorder.add_stream(f"{number}", stream)


def _read_through(work: _Work) -> SessionOutput:
    """Analyse a file: every frame in turn, nothing dropped."""
    options = work.options
    source = open_source(work.name, duration_s=options.duration_s)
    recorder = Recorder()
    _add_streams(recorder, options)
    num_seen = 0
    try:
        info = source.open()
        if options.film_began is not None:
            info = replace(info, starts_utc=options.film_began)
        classifier = work.pipeline.classifier
        device = classifier.device
        recording = recorder.begin()
        recording.open(lambda: _new_session(info, classifier.info, device, options))
        session = recording.session
        work.usable = True
        last_s = 0.0
        try:
            for frame in frames_of(source):
                last_s = frame.t_s
                if options.duration_s is not None and frame.t_s >= options.duration_s:
                    break
                num_seen += 1
                if frame.index % options.every == 0:
                    recorder.take(work.pipeline.process(frame))
                _note_events(work, source, recorder, frame.t_s)
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
                    text = "The analysis was stopped before the source's end."
                    recorder.note_event("stopped", text, time.monotonic())
                if work.cut_off or session.problem:
                    break
        except FerdeskError as error:
            work.cut_off = True
            recorder.note_event("source_error", str(error), time.monotonic())
            work.warn(str(error))
        except Exception as error:
            text = f"The analysis ended here: {error}"
            recorder.note_event("error", text, time.monotonic())
            raise
        finally:
            _note_events(work, source, recorder, last_s)
            recorder.end(frames_seen=num_seen)
            recording.close()
    finally:
        source.close()
    return session


def _note_events(work: _Work, source: FrameSource, recorder: Recorder, now_s: float) -> None:
    """Keep and tell what the file does not keep, each at its moment; ``now_s`` is the frame's."""
    for event in events_of(source):
        ago_s = max(0.0, now_s - event.t_s)
        recorder.note_event(event.kind, event.text, time.monotonic() - ago_s)
        damaged = event.kind == "pictures_damaged"
        (work.warn if damaged else work.tell)(event.text)
        work.incomplete |= damaged


def _follow_live(work: _Work) -> SessionOutput:
    """Analyse a live source: the newest frame wins, until the duration or the source ends."""
    options = work.options
    next_index = 0
    events: SimpleQueue[tuple[EventKind, str]] = SimpleQueue()

    def record(result: FrameResult) -> None:
        # on the engine's inference thread, where an error ends the run with its sentence
        nonlocal next_index
        if not recording.opened:
            recording.open(lambda: _session_of(engine.status(), options))
        if result.frame.index >= next_index:
            next_index = result.frame.index + options.every
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
    recorder = Recorder(status=engine.status, classify_every_face=engine.classify_every_face)
    _add_streams(recorder, options)
    recording = recorder.begin()
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
    work.usable = True
    work.cut_off = status.state is State.FAILED
    recording.close()
    return recording.session


def _session_of(status: Status, options: AnalysisOptions) -> SessionWriter:
    """A session for what runs; there is a result, so all of it is known."""
    if status.source is None or status.model is None or status.device is None:
        raise SourceError("The source gave a result before it was open.")
    return _new_session(status.source, status.model, status.device, options)


def frames_of(source: FrameSource) -> Iterator[Frame]:
    """The frames of an open source, to its end."""
    while (frame := source.read()) is not None:
        yield frame


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one stage over all frames."""

    stage: str
    median_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What ``bench`` measured; ``fps`` is frames over the time for reading and analysing them."""

    source: str
    width: int
    height: int
    num_frames: int
    mean_faces: float
    fps: float
    timings: tuple[Timing, ...]


def bench(
    name: str, pipeline: Pipeline, *, num_frames: int = 300, warm_up: int = 10
) -> BenchResult:
    """Time each stage on the frames of a source, one after the other, as fast as they go.

    Raises:
        FerdeskError: the source cannot be used.
    """
    source = open_source(name)
    pipeline.set_pacing(FramePacing(_USUAL_INTERVAL_S, every_face=True))
    samples: dict[str, list[float]] = {"read": []}
    num_faces = num_done = 0
    info = source.open()
    try:
        began_s = read_from_s = time.perf_counter()
        for number, frame in enumerate(frames_of(source)):
            read_s = time.perf_counter() - read_from_s
            result = pipeline.process(frame)
            if number == warm_up - 1:
                began_s = time.perf_counter()
            elif number >= warm_up:
                samples["read"].append(read_s * 1000)
                for stage, spent_ms in result.stage_ms.items():
                    samples.setdefault(stage, []).append(spent_ms)
                num_faces += len(result.faces)
                num_done += 1
            if num_done >= num_frames:
                break
            read_from_s = time.perf_counter()
        elapsed_s = time.perf_counter() - began_s
    finally:
        source.close()
    if num_done == 0:
        raise FerdeskError(f"{name} is too short to be timed: it has at most {warm_up} frames.")
    samples["total"] = [sum(values) for values in zip(*samples.values(), strict=True)]
    return BenchResult(
        source=info.name,
        width=info.width,
        height=info.height,
        num_frames=num_done,
        mean_faces=num_faces / num_done,
        fps=num_done / elapsed_s,
        timings=tuple(
            Timing(stage, statistics.median(values), _quantile(values, 0.95))
            for stage, values in samples.items()
        ),
    )


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
