"""Analysis of files for the window: the same that ``ferdesk analyze`` does, in the background."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ferdesk.core.detection.networks import DetectorChoice
from ferdesk.runtime.analysis_queue import AnalysisQueue, QueueFound, QueueOptions
from ferdesk.runtime.ports import FileAnalysis
from ferdesk.settings import Provider


def analyze_for_window(
    file: Path,
    out: Path,
    model: str | None,
    provider: Provider,
    *,
    detector: DetectorChoice = "ferdesk",
    advance: Callable[[float], None],
    stop_requested: Callable[[], bool],
) -> FileAnalysis:
    """Write the session of ``file`` into ``out``; every frame is analysed, nothing dropped.

    Args:
        file: a video or picture, or a folder, whose pictures are one session.
        out: where the session's folder is made.
        model: a bundled model's name or a path; by default ``analyze``'s.
        provider: the device to run it on.
        detector: who finds faces.
        advance: called after each frame with the seconds that are done.
        stop_requested: whether to end now; what is done by then is a whole session.

    Raises:
        ModelError: the model is missing or broken.
    """
    # these take a second, which the start of the window has not
    from ferdesk.batch import AnalysisOptions, analyze_one
    from ferdesk.factory.models import open_pipeline
    from ferdesk.factory.sources import PictureFiles, expand_folders, picture_files

    source: str | PictureFiles = str(file)
    if file.is_dir():
        sets, others = picture_files(expand_folders([str(file)]))
        source = sets[0] if sets else others[0]
    warnings: list[str] = []
    pipeline = open_pipeline(model, provider, thorough=True, detector=detector)
    try:
        outcome = analyze_one(
            source,
            pipeline,
            AnalysisOptions(out, detector=detector),
            tell=lambda _text: None,
            warn=warnings.append,
            advance=lambda _name, done_s: advance(done_s),
            stop_requested=stop_requested,
        )
    finally:
        pipeline.close()
    if outcome.problem and outcome.problem not in warnings and not stop_requested():
        warnings.append(outcome.problem)
    return FileAnalysis(file.name, outcome.folder, tuple(warnings), stopped=stop_requested())


def find_for_window(places: Sequence[Path]) -> QueueFound:
    """The videos and pictures at these places and below them."""
    from ferdesk.archive.queue import find_files

    return find_files(places)


def work_for_window(
    queue: AnalysisQueue,
    options: QueueOptions,
    model: str | None,
    provider: Provider,
    detector: DetectorChoice,
    *,
    allowed: Callable[[], int | None],
    stop_requested: Callable[[], bool],
) -> None:
    """Analyse what waits in the window's queue; see ``ferdesk.archive.queue.work_on_queue``.

    Raises:
        FerdeskError: the model or the folder cannot be used, or no worker can begin.
    """
    from ferdesk.archive.queue import work_on_queue

    work_on_queue(
        queue, options, model, provider, detector, allowed=allowed, stop_requested=stop_requested
    )
