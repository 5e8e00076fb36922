"""``ferdesk analyze``: sources analysed without a window, a session folder for each."""

import contextlib
import logging
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ferdesk.cli.options import (
    DebugOption,
    DetectorName,
    DetectorOption,
    FpsOption,
    LabelsFromName,
    LabelsFromOption,
    ModelOption,
    ProviderName,
    ProviderOption,
    ResolutionOption,
    StreamKind,
    camera_format_of,
    moment_of,
)
from ferdesk.cli.terminal import stop_on_signals, terminal
from ferdesk.core.types import CameraFormat
from ferdesk.errors import EXIT_USAGE
from ferdesk.paths import sessions_folder

if TYPE_CHECKING:
    from ferdesk.cli.archive import ArchiveOptions
    from ferdesk.factory.analysis_options import AnalysisOptions

log = logging.getLogger(__name__)


class VideoKind(StrEnum):
    """Content of the video beside the rows."""

    CLEAN = "clean"
    OVERLAY = "overlay"
    ANONYMOUS = "anonymous"


class MeasureKind(StrEnum):
    """What of the faces themselves is measured."""

    OFF = "off"
    POSE = "pose"
    ALL = "all"
    MEAN = "mean"


class LandmarksName(StrEnum):
    """What of the landmarks is drawn into a video."""

    OFF = "off"
    POINTS = "points"
    CONTOURS = "contours"
    MESH = "mesh"


def analyze(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, camera:N, URLs, or demo.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the session folders (default: the user's sessions)."),
    ] = None,
    model: ModelOption = None,
    provider: ProviderOption = ProviderName.AUTO,
    detector: DetectorOption = DetectorName.FERDESK,
    labels_from: LabelsFromOption = LabelsFromName.VOTES,
    both_labels: Annotated[
        bool, typer.Option("--both-labels", help="Write the other labels' probabilities too.")
    ] = False,
    every: Annotated[int, typer.Option(min=1, help="Analyse every Nth frame.")] = 1,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, max=1000, help="Analyse this many frames a second (not --every)."),
    ] = None,
    clip: Annotated[
        str | None, typer.Option(help="Part of each file to analyse, such as 00:10-02:00.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Files analysed at once (default: what suits this PC)."),
    ] = None,
    thorough: Annotated[
        bool,
        typer.Option("--thorough", help="Search every frame everywhere, not key frames (slow)."),
    ] = False,
    redo: Annotated[
        bool, typer.Option("--redo", help="Analyse again what --out holds already.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be analysed, and exit.")
    ] = False,
    match: Annotated[
        str, typer.Option(help="Only files of folders whose names match, such as '*.mp4'.")
    ] = "",
    recursive: Annotated[
        bool,
        typer.Option("--recursive", help="Subfolders too; each is a condition of the archive."),
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV file with the columns file, participant and condition."),
    ] = None,
    cluster: Annotated[
        str,
        typer.Option(help="Work on a Ray cluster: auto, or its address (needs the extra cluster)."),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print progress as lines of JSON.")
    ] = False,
    duration: Annotated[
        float | None, typer.Option(min=0.001, help="Stop after this many seconds of each source.")
    ] = None,
    film_began: Annotated[
        str | None,
        typer.Option(
            help="When the one file given began, with its zone: 2026-05-06T07:08:09+02:00."
        ),
    ] = None,
    resolution: ResolutionOption = None,
    fps: FpsOption = None,
    video: Annotated[bool, typer.Option("--video", help="Save a video too.")] = False,
    video_mode: Annotated[
        VideoKind | None,
        typer.Option(help="Video content: original, with overlay, or with faces blurred."),
    ] = None,
    measure: Annotated[
        MeasureKind,
        typer.Option(
            help="Measure landmarks and head pose; or movements, blinks and gaze too; "
            "or movements as the mean with the mirror image."
        ),
    ] = MeasureKind.OFF,
    landmarks: Annotated[
        bool, typer.Option("--landmarks", help="Save all 478 landmarks too (with --measure).")
    ] = False,
    video_landmarks: Annotated[
        LandmarksName,
        typer.Option(help="Draw landmarks into the overlay video too (with --measure)."),
    ] = LandmarksName.OFF,
    stream: Annotated[
        list[StreamKind] | None, typer.Option(help="Send results while they come (repeatable).")
    ] = None,
    stream_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the WebSocket.")
    ] = 8765,
    stream_origin: Annotated[
        list[str] | None,
        typer.Option(help="Web page origin that may read the WebSocket (repeatable)."),
    ] = None,
    separate: Annotated[
        bool, typer.Option("--separate", help="A session for each picture, not for each folder.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Analyse sources without a window; a session folder each, and one for a folder's pictures."""
    from ferdesk.cli.archive import ArchiveOptions
    from ferdesk.factory.analysis_options import AnalysisOptions
    from ferdesk.factory.streams import open_streams

    terminal.debug = terminal.debug or debug
    if not all(name.strip() for name in sources):
        # as a path it would be the folder in which one happens to be
        raise typer.BadParameter("a name is empty; write . for this folder.", param_hint="SOURCES")
    if landmarks and measure is MeasureKind.OFF:
        raise typer.BadParameter("--landmarks needs --measure pose, all or mean.")
    if video_landmarks is not LandmarksName.OFF and (
        measure is MeasureKind.OFF or video_mode is not VideoKind.OVERLAY
    ):
        raise typer.BadParameter(
            "--video-landmarks needs --video-mode overlay and --measure pose, all or mean."
        )
    if detector is DetectorName.MEDIAPIPE and video_mode is VideoKind.ANONYMOUS:
        raise typer.BadParameter(
            "an anonymous video needs ferdesk's own detector: MediaPipe's misses small faces, "
            "which would stay clear."
        )
    folder = out or sessions_folder()
    began = None if film_began is None else moment_of(film_began, "--film-began")
    with (
        stop_on_signals() as stop_requested,
        open_streams(
            [kind.value for kind in stream or ()],
            stream_port,
            stream_origin or (),
            sources,
            measure.value,
        ) as streams,
    ):
        for one in streams:
            terminal.console.print(one.address, markup=False)
        options = AnalysisOptions(
            folder,
            every,
            duration,
            rate,
            None if clip is None else _clip(clip),
            asked=camera_format_of(resolution, fps),
            video=(video_mode or VideoKind.CLEAN).value if video or video_mode else None,
            streams=tuple(streams),
            film_began=began,
            measures=measure.value,
            landmarks=landmarks,
            labels_from=labels_from.value,
            both_labels=both_labels,
            thorough=thorough,
            detector=detector.value,
            video_landmarks=video_landmarks.value,
        )
        archive = ArchiveOptions(
            jobs, redo, dry_run, match, recursive, labels, as_json, cluster, separate=separate
        )
        code = analyze_sources(sources, options, archive, model, provider, stop_requested)
    raise typer.Exit(code)


def _clip(text: str) -> tuple[float, float]:
    """The part of a file that a text such as 00:10-02:00 or 75-90.5 names, in seconds.

    Raises:
        typer.BadParameter: it names none.
    """
    with contextlib.suppress(ValueError):
        # a dash is what some programs make of a hyphen
        from_s, to_s = (_seconds(part) for part in text.replace("\u2013", "-").split("-"))
        if from_s < to_s:
            return from_s, to_s
    raise typer.BadParameter(
        f"{text!r} is no part of a file; write one like 00:10-02:00.", param_hint="--clip"
    )


_TIME = re.compile(r"(?:(?:([0-9]{1,3}):)?([0-9]{1,3}):)?([0-9]{1,7}(?:\.[0-9]{0,9})?)")


def _seconds(text: str) -> float:
    """Seconds of a time such as 01:02:03.5, 62:03.5 or 3723.5; below an hour or minute is 60."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    if (found[1] and minutes >= 60) or (found[2] and seconds >= 60):
        raise ValueError(text)
    return 3600 * hours + 60 * minutes + seconds


def analyze_without_display(
    source: str,
    model: str | None,
    provider: ProviderName,
    asked: CameraFormat,
    detector: DetectorName = DetectorName.FERDESK,
    stream_kinds: Sequence[str] = (),
    stream_port: int | None = None,
    stream_origins: Sequence[str] = (),
) -> int:
    """Analysis in place of the window where there is no display, into the folder ``out``."""
    from ferdesk.cli.archive import ArchiveOptions
    from ferdesk.core.locations import is_url, shown_location
    from ferdesk.factory.analysis_options import AnalysisOptions
    from ferdesk.factory.streams import open_streams

    shown = shown_location(source) if is_url(source) else source
    terminal.console.print(
        f"There is no display, so no window can open; analysing {shown} into out/ instead.",
        markup=False,
    )
    with (
        stop_on_signals() as stop_requested,
        open_streams(stream_kinds, stream_port, stream_origins, [source]) as streams,
    ):
        for one in streams:
            terminal.console.print(one.address, markup=False)
        options = AnalysisOptions(
            Path("out"), asked=asked, detector=detector.value, streams=tuple(streams)
        )
        archive = ArchiveOptions(redo=True)
        return analyze_sources([source], options, archive, model, provider, stop_requested)


def _is_folder(name: str) -> bool:
    with contextlib.suppress(OSError):
        return Path(name).is_dir()
    return False


def analyze_sources(
    sources: list[str],
    options: "AnalysisOptions",
    archive: "ArchiveOptions",
    model: str | None,
    provider: ProviderName,
    stop_requested: Callable[[], bool],
) -> int:
    from ferdesk.cli.archive import analyze_archive
    from ferdesk.factory.sources import is_live

    if options.rate_fps is not None and options.every > 1:
        terminal.warn("Error: --every and --rate choose frames both; give one of them.")
        return EXIT_USAGE
    if options.film_began is not None and (
        len(sources) > 1 or sources[0] == "demo" or is_live(sources[0]) or _is_folder(sources[0])
    ):
        terminal.warn("Error: --film-began holds for one file; give it with that file alone.")
        return EXIT_USAGE
    return analyze_archive(sources, options, archive, model, provider.value, stop_requested)
