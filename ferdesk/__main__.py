"""The ``ferdesk`` command: the window, and the work that needs none."""

import contextlib
import json
import logging
import logging.handlers
import os
import platform
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

# Before numpy is loaded: crops are small products, and with OpenBLAS's threads, which wait for each
# other, one took 177 ms instead of 4 while the cores were busy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import typer

import ferdesk
from ferdesk.cli.sessions import report, sessions
from ferdesk.core.types import CameraFormat
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, EXIT_UNUSABLE, FerdeskError, RecordingError
from ferdesk.paths import (
    assets_folder,
    detectors_folder,
    licences_folder,
    log_folder,
    sessions_folder,
)

if TYPE_CHECKING:
    from rich.console import Console

    from ferdesk.batch import AnalysisOptions

log = logging.getLogger(__name__)

app = typer.Typer(
    help="Live facial-expression labels, explained and recorded. Everything stays on this machine.",
    pretty_exceptions_enable=False,
    add_completion=False,
)


app.add_typer(sessions, name="sessions")
app.command()(report)


class ProviderName(StrEnum):
    """The device that the user asks for."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class VideoKind(StrEnum):
    """What the video beside the rows shows."""

    CLEAN = "clean"
    OVERLAY = "overlay"
    ANONYMOUS = "anonymous"


class StreamKind(StrEnum):
    """Where results are sent while they come."""

    LSL = "lsl"
    WEBSOCKET = "websocket"


ModelOption = Annotated[
    str | None, typer.Option("--model", help="A bundled model's name, or a path to an .onnx file.")
]
ProviderOption = Annotated[ProviderName, typer.Option("--provider", help="Device of the network.")]
WantedOption = Annotated[
    ProviderName | None,
    typer.Option("--provider", help="Device of the network; by default the setting's."),
]
ResolutionOption = Annotated[
    str | None, typer.Option("--resolution", help="Asked of cameras, for example 1280x720.")
]
FpsOption = Annotated[
    float | None, typer.Option("--fps", min=1, max=1000, help="Pictures a second asked of cameras.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


class _Terminal:
    """Where the user is spoken to: our own stderr, apart from the native libraries' chatter."""

    def __init__(self) -> None:
        self.stream: IO[str] = sys.stderr
        self.debug = False

    @property
    def console(self) -> "Console":
        from rich.console import Console

        return Console(file=self.stream, highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        log.warning(text)
        self.console.print(text, markup=False)


terminal = _Terminal()


@app.callback(invoke_without_command=True)
def window(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Option(help="camera:N, a path, a URL or demo; by default a camera.")
    ] = None,
    model: ModelOption = None,
    provider: WantedOption = None,
    resolution: ResolutionOption = None,
    fps: FpsOption = None,
    debug: DebugOption = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Try everything once and say what works.")
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
        if source or model or provider or resolution or fps:
            raise typer.BadParameter(
                f"these options belong behind the command: ferdesk {context.invoked_subcommand} ..."
            )
        return
    if not _has_display():
        raise typer.Exit(
            _without_window(
                source or "demo", model, provider or ProviderName.AUTO, _asked(resolution, fps)
            )
        )
    from ferdesk.app import run_app
    from ferdesk.wiring import WindowServices

    services = WindowServices(model=model or _remembered(), provider=_wanted(provider).value)
    try:
        asked = _asked(resolution, fps) if resolution or fps else None
        code = run_app(services, source=source, asked=asked)
    finally:
        services.close()
    raise typer.Exit(code)


@app.command()
def review(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A session, or a folder of them; by default the user's own."),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Open the window on recorded sessions: look, mark, name faces, report."""
    terminal.debug = terminal.debug or debug
    if folder is not None and not folder.is_dir():
        raise RecordingError(f"There is no folder {folder}; check the path.")
    if not _has_display():
        raise RecordingError(
            "The review page needs a display. ferdesk sessions and ferdesk report work without one."
        )
    from ferdesk.app import run_app
    from ferdesk.wiring import WindowServices

    services = WindowServices(model=_remembered(), provider=_wanted(None).value)
    try:
        code = run_app(services, review=folder or sessions_folder())
    finally:
        services.close()
    raise typer.Exit(code)


@app.command()
def analyze(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, camera:N, URLs or demo.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the session folders.")] = None,
    model: ModelOption = None,
    provider: ProviderOption = ProviderName.AUTO,
    every: Annotated[int, typer.Option(min=1, help="Analyse every N-th frame.")] = 1,
    duration: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds of each source.")
    ] = None,
    resolution: ResolutionOption = None,
    fps: FpsOption = None,
    video: Annotated[bool, typer.Option("--video", help="Write the pictures too.")] = False,
    video_mode: Annotated[
        VideoKind | None,
        typer.Option(help="With --video: as they are, with boxes, or with all faces covered."),
    ] = None,
    stream: Annotated[
        list[StreamKind] | None, typer.Option(help="Send results as they come; may be repeated.")
    ] = None,
    stream_port: Annotated[int, typer.Option(min=0, max=65535, help="Of the WebSocket.")] = 8765,
    stream_origin: Annotated[
        list[str] | None, typer.Option(help="A web page's origin that may read the WebSocket.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Analyse sources without a window: one session folder for each."""
    from ferdesk import wiring
    from ferdesk.batch import AnalysisOptions

    terminal.debug = terminal.debug or debug
    folder = out or sessions_folder()
    with (
        _stop_on_signals() as stop_requested,
        wiring.open_streams(
            [kind.value for kind in stream or ()], stream_port, stream_origin or ()
        ) as streams,
    ):
        for one in streams:
            terminal.console.print(one.told, markup=False)
        options = AnalysisOptions(
            folder,
            every,
            duration,
            asked=_asked(resolution, fps),
            video=(video_mode or VideoKind.CLEAN).value if video or video_mode else None,
            streams=tuple(streams),
        )
        code = _analyze(sources, options, model, provider, stop_requested)
    raise typer.Exit(code)


@app.command()
def doctor(provider: WantedOption = None, as_json: JsonOption = False) -> None:
    """Check what works here, and say why not where something does not.

    Exits 3 where something does not work, or where the wanted device is not the one that is used.
    """
    report = _examine(_wanted(provider))
    failed = [check for check in report["checks"] if not check["ok"]]
    if as_json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        from rich.console import Console

        console = Console(highlight=False, soft_wrap=True)
        for check in report["checks"]:
            mark = "[green]ok[/green]  " if check["ok"] else "[red]no[/red]  "
            console.print(f"{mark}{check['name']}: ", end="")
            console.print(str(check["says"]), markup=False)
    raise typer.Exit(EXIT_UNUSABLE if failed else EXIT_OK)


@app.command()
def models(
    name: Annotated[
        str | None, typer.Argument(help="Show this one's whole card: a bundled name or a path.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the bundled models with what they say of themselves, or show the card of one."""
    from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
    from ferdesk.wiring import bundled_models, find_model

    paths = bundled_models() if name is None else [find_model(name)]
    found = [
        {
            "file": path.name,
            **_plain(asdict(OnnxClassifier(path, "cpu").info)),
            "card": _card_beside(path),
        }
        for path in paths
    ]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if name is not None and found[0]["card"] is not None:
        _print_card(found[0]["card"], console)
        return
    for model in found:
        table = Table(title=model["file"], show_header=False, title_justify="left")
        for key in ("name", "version", "architecture", "trained_on", "licence", "sha256"):
            table.add_row(key, str(model[key]))
        for split, figures in model["accuracy"].items():
            table.add_row(f"accuracy, {split}", _figures_text(figures))
        if model["card"] is None:
            table.add_row("card", "none lies beside it; ferdesk-train card writes one")
        elif name is None:
            table.add_row("card", f"ferdesk models {Path(model['file']).stem}")
        console.print(table)


def _card_beside(path: Path) -> str | None:
    """The model's card, Markdown beside it under the same name; None where there is none."""
    try:
        return path.with_suffix(".md").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _print_card(card: str, console: "Console") -> None:
    """Laid out on a terminal; as it is into a file or a pipe, where it stays Markdown."""
    if console.is_terminal:
        from rich.markdown import Markdown

        console.print(Markdown(card))
    else:
        sys.stdout.write(card)


@app.command()
def licences() -> None:
    """Show under which licences ferdesk is, and what it is made of."""
    folder = licences_folder()
    if folder is not None:
        for name in ("NOTICE", "THIRD-PARTY.md"):
            sys.stdout.write((folder / name).read_text(encoding="utf-8") + "\n")
        sys.stdout.write(f"The texts of all licences lie in {folder}.\n")
        return
    from importlib import metadata

    in_checkout = assets_folder().parent / "NOTICE"
    if in_checkout.is_file():
        notice = in_checkout.read_text(encoding="utf-8")
    else:
        notice = metadata.distribution("ferdesk").read_text("licenses/NOTICE") or ""
    sys.stdout.write(notice + "\n")
    sys.stdout.write("The libraries were installed beside it, each under its own licence:\n")
    wanted = [line for line in metadata.requires("ferdesk") or () if "extra ==" not in line]
    for name in sorted({re.split(r"[\[<>=!~; ]", line)[0] for line in wanted}, key=str.lower):
        with contextlib.suppress(metadata.PackageNotFoundError):
            about = metadata.metadata(name).json
            said = about.get("license_expression") or about.get("license") or "see its files"
            line = f"{about['name']} {about['version']}: {str(said).strip().splitlines()[0]}"
            sys.stdout.write(f"  {line}\n")


@app.command()
def cameras(as_json: JsonOption = False) -> None:
    """List the cameras of this machine."""
    from ferdesk.adapters.sources.camera import list_cameras

    found = [{"source": f"camera:{index}", "name": name} for index, name in list_cameras()]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    elif found:
        for camera in found:
            sys.stdout.write(f"{camera['source']}  {camera['name']}\n")
    else:
        sys.stdout.write("No camera was found; ferdesk --source demo shows the program without.\n")


@app.command()
def bench(
    source: Annotated[str, typer.Option(help="A path or demo.")] = "demo",
    model: ModelOption = None,
    provider: ProviderOption = ProviderName.AUTO,
    frames: Annotated[int, typer.Option(min=1, help="How many frames are timed.")] = 300,
    as_json: JsonOption = False,
) -> None:
    """Time each stage of the analysis here."""
    from ferdesk import batch, wiring

    with contextlib.closing(wiring.open_pipeline(model, provider.value)) as pipeline:
        result = batch.bench(source, pipeline, num_frames=frames)
        device, name = pipeline.classifier.device, pipeline.classifier.info.name
    if as_json:
        table = {**asdict(result), "model": name, "provider": device.provider}
        sys.stdout.write(json.dumps(table, indent=2) + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(
        f"{result.source} {result.width}x{result.height}, {result.mean_faces:.2f} faces a frame, "
        f"{result.num_frames} frames; model {name} on {device.provider}: "
        f"[bold]{result.fps:.1f} frames a second[/bold]"
    )
    stages = Table("stage", "median ms", "95th percentile ms")
    for timing in result.timings:
        stages.add_row(timing.stage, f"{timing.median_ms:.2f}", f"{timing.p95_ms:.2f}")
    console.print(stages)


def _analyze(
    sources: list[str],
    options: "AnalysisOptions",
    model: str | None,
    provider: ProviderName,
    stop_requested: Callable[[], bool],
) -> int:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from ferdesk import batch, wiring

    unusable: list[str] = []
    names: list[str] = []
    for source in sources:
        try:
            names += wiring.expand_folders([source])
        except FerdeskError as error:
            terminal.warn(f"Error: {error}")
            unusable.append(source)
    if not names:
        return EXIT_UNUSABLE
    with (
        contextlib.closing(wiring.open_pipeline(model, provider.value, thorough=True)) as pipeline,
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


def _self_test() -> int:
    from ferdesk.cli.selftest import all_checks, run_checks

    def tell(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    return EXIT_OK if run_checks(all_checks(), tell) else EXIT_PARTIAL


def _without_window(
    source: str, model: str | None, provider: ProviderName, asked: CameraFormat
) -> int:
    """What ``ferdesk`` does where there is no display: the same job, into the folder ``out``."""
    from ferdesk.batch import AnalysisOptions
    from ferdesk.core.locations import is_url, shown_location

    shown = shown_location(source) if is_url(source) else source
    terminal.console.print(
        f"There is no display, so no window can open; analysing {shown} into out/ instead.",
        markup=False,
    )
    with _stop_on_signals() as stop_requested:
        options = AnalysisOptions(Path("out"), asked=asked)
        return _analyze([source], options, model, provider, stop_requested)


def _asked(resolution: str | None, fps: float | None) -> CameraFormat:
    """What the options ask of a camera.

    Raises:
        typer.BadParameter: the resolution is none.
    """
    try:
        return CameraFormat.of(resolution or "", fps or 0.0)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--resolution") from error


def _wanted(provider: ProviderName | None) -> ProviderName:
    """The device that is asked for: on the command line, else in the settings."""
    from ferdesk.settings import load_settings, settings_path

    return provider or ProviderName(load_settings(settings_path()).settings.provider)


def _remembered() -> str | None:
    """The model that was chosen in the window, as far as it is still there."""
    from ferdesk.settings import load_settings, settings_path
    from ferdesk.wiring import bundled_models

    chosen = load_settings(settings_path()).settings.model
    return chosen if chosen in {path.stem for path in bundled_models()} else None


def _has_display() -> bool:
    if os.environ.get("QT_QPA_PLATFORM") or sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _examine(provider: ProviderName) -> dict[str, Any]:
    from ferdesk import wiring
    from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
    from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier, runtime_text
    from ferdesk.adapters.sources.camera import list_cameras

    checks: list[dict[str, object]] = []

    def check(name: str, ok: bool, says: str) -> None:
        checks.append({"name": name, "ok": ok, "says": says})

    check(
        "Python",
        sys.version_info >= (3, 11),
        f"{platform.python_version()} on {platform.platform()}",
    )
    for builds in _PACKAGES:
        package, installed = _installed_one(builds)
        check(package, bool(installed), installed or "not installed; install ferdesk again")
    check("ONNX Runtime", True, runtime_text())
    try:
        MediaPipeNetworks(detectors_folder()).close()
        check("face detectors", True, "both load")
    except Exception as error:  # noqa: BLE001 (whatever keeps it from working is to be told)
        check("face detectors", False, str(error))
    device_text: dict[str, object] = {}
    try:
        path = wiring.find_model(None)
        classifier = OnnxClassifier(path, provider.value)
        device = classifier.device
        check("model", True, f"{path.stem} {classifier.info.version}")
        gpu = f" on {device.gpu}" if device.provider == "CUDA" else ""
        why = f"; {device.reason}" if device.reason else ""
        check("device", not device.fell_back, f"{device.provider} is used{gpu}{why}")
        device_text = wiring.device_table(device)
    except Exception as error:  # noqa: BLE001 (as above)
        check("model", False, str(error))
    found = list_cameras()
    names = ", ".join(name for _, name in found)
    # no camera is no fault: files and the demo work without one
    check("cameras", True, names or "none found; the demo and files work")
    for title, folder in (("sessions folder", sessions_folder()), ("log folder", log_folder())):
        problem = _write_problem(folder)
        check(title, not problem, problem or str(folder))
    check("display", True, "yes" if _has_display() else "none: analyze works, the window does not")
    return {"version": ferdesk.__version__, "device": device_text, "checks": checks}


_PACKAGES: tuple[tuple[str, ...], ...] = (
    ("numpy",),
    ("opencv-python-headless", "opencv-contrib-python", "opencv-python"),
    ("av",),
    ("PySide6-Essentials",),
)
"""What must be installed; the packaged program has another build of OpenCV."""


def _installed_one(names: tuple[str, ...]) -> tuple[str, str]:
    """The first of ``names`` that is installed, with its version; that is empty where none is."""
    from importlib import metadata

    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            return name, metadata.version(name)
    return names[0], ""


def _write_problem(folder: Path) -> str:
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if os.access(nearest, os.W_OK):
        return ""
    return f"{folder} cannot be written; choose another with --out"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: dict(value) if hasattr(value, "items") else value for key, value in values.items()}


def _figures_text(figures: object) -> str:
    """A split's figures of the metadata in words, a line for each way of viewing."""
    if not isinstance(figures, dict):
        return str(figures)
    lines = []
    for views, values in figures.items():
        if isinstance(values, dict) and "accuracy" in values:
            low, high = values.get("interval", (0.0, 1.0))
            lines.append(
                f"{views.replace('_', ' ')}: {100 * values['accuracy']:.1f} % "
                f"({100 * low:.1f} to {100 * high:.1f}), ECE {values.get('ece', 'unknown')}"
            )
    return "\n".join(lines) or str(figures)


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and a polite kill close what is being recorded properly; a second one ends at once."""
    asked: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number: int, _frame: object) -> None:
        # a list and not an Event, whose lock the interrupted thread may hold
        asked.append(number)
        restore()

    for number in numbers:
        signal.signal(number, ask)
    try:
        yield lambda: bool(asked)
    finally:
        restore()


@contextlib.contextmanager
def _logging() -> Iterator[None]:
    """Send our log and the native libraries' standard error to the log folder, ours to the user.

    TFLite, FFmpeg and ONNX Runtime write to file descriptor 2 from C++; only replacing the
    descriptor itself keeps that off the terminal.
    """
    with contextlib.ExitStack() as stack:
        root = logging.getLogger()
        handler, native = _open_logs()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        stack.callback(handler.close)
        stack.callback(root.removeHandler, handler)
        stack.callback(native.close)
        if sys.stderr is not None:
            sys.stderr.flush()
        try:
            kept = os.dup(2)
        except OSError:  # started without a standard error
            kept = os.open(os.devnull, os.O_WRONLY)
        os.dup2(native.fileno(), 2)
        ours = os.fdopen(kept, "w", buffering=1, encoding="utf-8", errors="replace")
        before = terminal.stream, sys.stderr
        terminal.stream = sys.stderr = ours
        try:
            yield
        finally:
            ours.flush()
            os.dup2(kept, 2)
            terminal.stream, sys.stderr = before
            ours.close()


def _open_logs() -> tuple[logging.Handler, IO[bytes]]:
    """Our log, which is kept, and the native libraries', which tells of this run alone."""
    folder = log_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            folder / "ferdesk.log", maxBytes=2_000_000, backupCount=2, encoding="utf-8"
        )
        return handler, (folder / "native.log").open("wb", buffering=0)
    except OSError:
        return logging.NullHandler(), Path(os.devnull).open("wb", buffering=0)


def main() -> None:
    """Run the command; an error we know is one sentence on stderr and the contract's exit code."""
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
    with _logging():
        try:
            app()
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


if __name__ == "__main__":
    main()
