"""``ferdesk analyze``: sources analysed without a window, a session folder for each."""

import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ferdesk.cli.options import (
    DebugOption,
    FpsOption,
    ModelOption,
    ProviderName,
    ProviderOption,
    ResolutionOption,
    camera_format_of,
)
from ferdesk.cli.terminal import stop_on_signals, terminal
from ferdesk.core.types import CameraFormat
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, EXIT_UNUSABLE, EXIT_USAGE, FerdeskError
from ferdesk.paths import sessions_folder

if TYPE_CHECKING:
    from ferdesk.batch import AnalysisOptions

log = logging.getLogger(__name__)


class VideoKind(StrEnum):
    """Content of the video beside the rows."""

    CLEAN = "clean"
    OVERLAY = "overlay"
    ANONYMOUS = "anonymous"


class StreamKind(StrEnum):
    """Stream that results are sent to while they come."""

    LSL = "lsl"
    WEBSOCKET = "websocket"


def analyze(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, camera:N, URLs, or demo.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the session folders (default: the user's sessions)."),
    ] = None,
    model: ModelOption = None,
    provider: ProviderOption = ProviderName.AUTO,
    every: Annotated[int, typer.Option(min=1, help="Analyse every Nth frame.")] = 1,
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
    debug: DebugOption = False,
) -> None:
    """Analyse sources without a window; one session folder each."""
    from ferdesk.batch import AnalysisOptions
    from ferdesk.factory.streams import open_streams

    terminal.debug = terminal.debug or debug
    folder = out or sessions_folder()
    began = None if film_began is None else _moment(film_began)
    with (
        stop_on_signals() as stop_requested,
        open_streams(
            [kind.value for kind in stream or ()], stream_port, stream_origin or (), sources
        ) as streams,
    ):
        for one in streams:
            terminal.console.print(one.address, markup=False)
        options = AnalysisOptions(
            folder,
            every,
            duration,
            asked=camera_format_of(resolution, fps),
            video=(video_mode or VideoKind.CLEAN).value if video or video_mode else None,
            streams=tuple(streams),
            film_began=began,
        )
        code = analyze_sources(sources, options, model, provider, stop_requested)
    raise typer.Exit(code)


def _moment(text: str) -> datetime:
    """A moment with its zone.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter(
        f"{text!r} is no moment with its zone; write one like 2026-05-06T07:08:09+02:00.",
        param_hint="--film-began",
    )


def analyze_without_display(
    source: str, model: str | None, provider: ProviderName, asked: CameraFormat
) -> int:
    """Analysis in place of the window where there is no display, into the folder ``out``."""
    from ferdesk.batch import AnalysisOptions
    from ferdesk.core.locations import is_url, shown_location

    shown = shown_location(source) if is_url(source) else source
    terminal.console.print(
        f"There is no display, so no window can open; analysing {shown} into out/ instead.",
        markup=False,
    )
    with stop_on_signals() as stop_requested:
        options = AnalysisOptions(Path("out"), asked=asked)
        return analyze_sources([source], options, model, provider, stop_requested)


def analyze_sources(
    sources: list[str],
    options: "AnalysisOptions",
    model: str | None,
    provider: ProviderName,
    stop_requested: Callable[[], bool],
) -> int:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from ferdesk import batch
    from ferdesk.factory.models import open_pipeline
    from ferdesk.factory.sources import expand_folders, is_live

    unusable: list[str] = []
    names: list[str] = []
    for source in sources:
        try:
            names += expand_folders([source], tell=terminal.warn)
        except FerdeskError as error:
            terminal.warn(f"Error: {error}")
            unusable.append(source)
    if not names:
        return EXIT_UNUSABLE
    if options.film_began is not None and (
        len(names) > 1 or names[0] == "demo" or is_live(names[0])
    ):
        terminal.warn("Error: --film-began holds for one file; give it with that file alone.")
        return EXIT_USAGE
    with (
        contextlib.closing(open_pipeline(model, provider.value, thorough=True)) as pipeline,
        Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
            console=terminal.console, transient=True,
        ) as progress,
    ):  # fmt: skip
        device = pipeline.classifier.device
        if device.fell_back:
            progress.console.print(f"Using the CPU: {device.reason}.", markup=False)
        task = progress.add_task("starting")

        def tell(text: str) -> None:
            progress.console.print(text, markup=False)

        def warn(text: str) -> None:
            log.warning(text)
            progress.console.print(f"Error: {text}", markup=False)

        def advance(name: str, done_s: float) -> None:
            progress.update(task, description=f"{name} {done_s:.1f} s")

        code = batch.analyze(
            names, pipeline, options,
            tell=tell, warn=warn, advance=advance, stop_requested=stop_requested,
        )  # fmt: skip
    return EXIT_PARTIAL if unusable and code == EXIT_OK else code
