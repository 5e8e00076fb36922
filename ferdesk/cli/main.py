"""The ``ferdesk`` command: the window, and the commands that need none."""

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

import ferdesk
from ferdesk.cli.options import (
    Command,
    CommandGroup,
    DebugOption,
    DetectorName,
    FpsOption,
    ModelOption,
    ProviderName,
    ResolutionOption,
    StreamKind,
    StreamPortOption,
    WantedDetectorOption,
    WantedOption,
    camera_format_of,
    remembered_model,
    wanted_detector,
    wanted_provider,
)
from ferdesk.cli.terminal import log_to_files, terminal
from ferdesk.cli.window_analysis import analyze_for_window, find_for_window, work_for_window
from ferdesk.display import display_problem, has_display
from ferdesk.errors import (
    EXIT_OK,
    EXIT_PARTIAL,
    EXIT_UNUSABLE,
    FerdeskError,
    RecordingError,
    StudyError,
)
from ferdesk.paths import sessions_folder
from ferdesk.text_output import prepare_streams

log = logging.getLogger(__name__)

_app = typer.Typer(
    cls=CommandGroup,
    help="Real-time facial-expression recognition. Everything runs on this computer.",
    pretty_exceptions_enable=False,
    add_completion=False,
)

_WINDOW_VALUES = (
    "--source",
    "--model",
    "--provider",
    "--detector",
    "--resolution",
    "--fps",
    "--study",
)


def _opens_window(arguments: Sequence[str]) -> bool:
    """Whether they are the window's own options and nothing else, which no other command needs."""
    rest = list(arguments)
    while rest:
        name, given, _ = rest.pop(0).partition("=")
        if name in _WINDOW_VALUES and (given or rest):
            if not given:
                rest.pop(0)
        elif name != "--debug" or given:
            return False
    return True


@cache
def _with_commands() -> typer.Typer:
    """The command with all that stands behind it; importing that is a part of a second."""
    from ferdesk.cli import inspect
    from ferdesk.cli.analyze import analyze
    from ferdesk.cli.remote import remote
    from ferdesk.cli.sessions import report, sessions
    from ferdesk.cli.study import study
    from ferdesk.cli.study_report import add_commands

    _app.add_typer(sessions, name="sessions")
    _app.add_typer(remote, name="remote")
    add_commands(study)
    _app.add_typer(study, name="study")
    for command in (
        analyze,
        report,
        inspect.doctor,
        inspect.models,
        inspect.licences,
        inspect.cameras,
        inspect.bench,
        review,
    ):
        _app.command(cls=Command)(command)
    return _app


def __getattr__(name: str) -> typer.Typer:
    if name == "app":
        return _with_commands()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@_app.callback(invoke_without_command=True)
def window(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Option(help="camera:N, a path, a URL, or demo (default: a camera).")
    ] = None,
    model: ModelOption = None,
    provider: WantedOption = None,
    detector: WantedDetectorOption = None,
    resolution: ResolutionOption = None,
    fps: FpsOption = None,
    stream: Annotated[
        list[StreamKind] | None, typer.Option(help="Send results while they come (repeatable).")
    ] = None,
    stream_port: StreamPortOption = None,
    stream_origin: Annotated[
        list[str] | None,
        typer.Option(help="Web page origin that may connect to the WebSocket (repeatable)."),
    ] = None,
    commands: Annotated[
        bool,
        typer.Option(
            "--commands", help="Take commands over the WebSocket, this time (see ferdesk remote)."
        ),
    ] = False,
    lsl_markers: Annotated[
        str,
        typer.Option(
            "--lsl-markers",
            help="Take markers from that LSL stream: name=...; type=...; source_id=....",
        ),
    ] = "",
    study: Annotated[
        Path | None, typer.Option(help="Folder of a study to be run (docs: studies).")
    ] = None,
    debug: DebugOption = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Check this installation and exit.")
    ] = False,
) -> None:
    """Open the window; the commands below work without one."""
    terminal.debug = debug
    if version:
        sys.stdout.write(f"ferdesk {ferdesk.__version__}\n")
        raise typer.Exit(EXIT_OK)
    if self_test:
        raise typer.Exit(_self_test())
    if context.invoked_subcommand is not None:
        given = (source, model, provider, detector, resolution, fps, stream, commands, lsl_markers)
        streams = (stream_port is not None, stream_origin)
        if any((*given, *streams, study)):
            raise typer.BadParameter(
                f"these options belong behind the command: ferdesk {context.invoked_subcommand} ..."
            )
        return
    if not has_display():
        _refuse_without_display(study=study, commands=commands, lsl_markers=lsl_markers)
        gc.enable()
        from ferdesk.cli.analyze import analyze_without_display

        raise typer.Exit(
            analyze_without_display(
                source or "demo",
                model,
                provider or ProviderName.AUTO,
                camera_format_of(resolution, fps),
                detector or DetectorName.FERDESK,
                [kind.value for kind in stream or ()],
                stream_port,
                stream_origin or (),
            )
        )
    _check_display()
    from ferdesk.app import StreamWish, run_app
    from ferdesk.factory.services import WindowServices

    services = WindowServices(
        model=model or remembered_model(),
        provider=wanted_provider(provider).value,
        detector=wanted_detector(detector).value,
        analysis=analyze_for_window,
        find=find_for_window,
        queue_work=work_for_window,
        stream_port=stream_port,
    )
    try:
        asked = camera_format_of(resolution, fps) if resolution or fps else None
        wish = StreamWish(
            kinds=tuple(kind.value for kind in stream or ()),
            origins=tuple(stream_origin or ()),
            commands=commands,
            lsl_markers=lsl_markers,
        )
        code = run_app(services, source=source, asked=asked, streams=wish, study=study)
    finally:
        services.close()
    raise typer.Exit(code)


def _refuse_without_display(*, study: Path | None, commands: bool, lsl_markers: str) -> None:
    """Raise where something is wanted that only a window can do."""
    if study is not None:
        raise StudyError("A study needs a display; ferdesk study check works without one.")
    if commands or lsl_markers:
        raise FerdeskError(
            f"{'--commands' if commands else '--lsl-markers'} works in the window, for which there "
            "is no display; leave it out, or use ferdesk analyze."
        )


def _check_display() -> None:
    """Raise where no window can open: Qt itself would abort the process without a word."""
    if (problem := display_problem()) != "":
        raise FerdeskError(problem)


def _self_test() -> int:
    from ferdesk.cli.selftest import all_checks, run_checks

    def tell(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    return EXIT_OK if run_checks(all_checks(), tell) else EXIT_PARTIAL


def review(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Session, or folder of sessions (default: the user's)."),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Open the window on recorded sessions."""
    terminal.debug = terminal.debug or debug
    if folder is not None and not folder.is_dir():
        raise RecordingError(f"There is no folder {folder}; check the path.")
    if not has_display():
        raise RecordingError(
            "The review page needs a display. ferdesk sessions and ferdesk report work without one."
        )
    _check_display()
    from ferdesk.app import run_app
    from ferdesk.factory.services import WindowServices

    services = WindowServices(
        model=remembered_model(),
        provider=wanted_provider(None).value,
        detector=wanted_detector(None).value,
        analysis=analyze_for_window,
        find=find_for_window,
        queue_work=work_for_window,
    )
    try:
        code = run_app(services, review=folder or sessions_folder())
    finally:
        services.close()
    raise typer.Exit(code)


def main() -> None:
    """Run the command; an error we know is one sentence on stderr and the contract's exit code."""
    prepare_streams()
    try:
        _run()
    except SystemExit as end:
        _leave_behind(end.code)
        raise
    _leave_behind(EXIT_OK)


def _leave_behind(code: str | int | None, wait_s: float = 2.0) -> None:
    """End the process here and now if a thread hangs, as in a camera's driver.

    Everything is written by then. Python would end such a thread in the middle of what it does,
    and one that is in a network aborts the process.
    """
    until_s = time.monotonic() + wait_s
    hanging = [thread for thread in threading.enumerate() if thread.name.startswith("ferdesk-")]
    for thread in hanging:
        thread.join(max(0.0, until_s - time.monotonic()))
    if any(thread.is_alive() for thread in hanging):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else EXIT_OK if code is None else EXIT_PARTIAL)


def _run() -> None:
    with log_to_files():
        try:
            if _opens_window(sys.argv[1:]):
                command = _app
            else:
                gc.enable()
                command = _with_commands()
            command()
        except FerdeskError as error:
            if terminal.debug:
                raise
            terminal.warn(f"Error: {error}")
            sys.exit(EXIT_UNUSABLE)
        except Exception as error:
            log.exception("the command ended")
            if terminal.debug:
                raise
            terminal.warn(f"Error: something unexpected went wrong ({error}); --debug shows where.")
            sys.exit(EXIT_PARTIAL)
