"""Terminal: messages on standard error, log files and signals."""

import contextlib
import logging
import logging.handlers
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ferdesk.core.locations import without_credentials
from ferdesk.paths import log_folder
from ferdesk.stop_signals import on_stop_signals
from ferdesk.text_output import OUTPUT_ERRORS, printable

if TYPE_CHECKING:
    from rich.console import Console

log = logging.getLogger(__name__)


class _Terminal:
    """Terminal output for the user: our own stderr, apart from the native libraries' messages."""

    def __init__(self) -> None:
        self.stream: IO[str] = sys.stderr
        self.debug = False

    @property
    def console(self) -> "Console":
        return console_on(self.stream, soft_wrap=True)

    def warn(self, text: str) -> None:
        log.warning(text)
        self.console.print(text)


terminal = _Terminal()


def console_on(stream: IO[str] | None = None, *, soft_wrap: bool = False) -> "Console":
    """Console of rich on ``stream`` (standard output) that takes no name for markup."""
    from rich.console import Console
    from rich.text import Text

    class PlainConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 (rich's options)
            return super().render_str(printable(text), **options)

    return PlainConsole(
        file=stream, highlight=False, markup=False, emoji=False, soft_wrap=soft_wrap
    )


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Ctrl-C, a polite kill or a closed terminal close what is recorded; a second ends at once."""
    asked: list[int] = []
    with on_stop_signals(asked.append):
        yield lambda: bool(asked)


@contextlib.contextmanager
def log_to_files() -> Iterator[None]:
    """Send our log and the native libraries' standard error to the log folder, ours to the user.

    TFLite, FFmpeg and ONNX Runtime write to file descriptor 2 from C++; only replacing the
    descriptor itself keeps that off the terminal.
    """
    with contextlib.ExitStack() as stack:
        root = logging.getLogger()
        handler, native = _open_logs()
        handler.setFormatter(_LogFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
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
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        ours = os.fdopen(kept, "w", buffering=1, encoding=encoding, errors=OUTPUT_ERRORS)
        before = terminal.stream, sys.stderr
        terminal.stream = sys.stderr = ours
        try:
            yield
        finally:
            ours.flush()
            os.dup2(kept, 2)
            terminal.stream, sys.stderr = before
            ours.close()


class _LogFormatter(logging.Formatter):
    """Formatter of the log file: libraries' messages and tracebacks may hold whole addresses."""

    def format(self, record: logging.LogRecord) -> str:
        return without_credentials(super().format(record))


@contextlib.contextmanager
def own_stdout() -> Iterator[IO[str]]:
    """Standard output for us alone; what libraries print on it goes to the log.

    Where there is no file behind it, as in tests, it is taken as it is.
    """
    try:
        kept = os.dup(sys.stdout.fileno())
    except (OSError, AttributeError):
        yield sys.stdout
        return
    sys.stdout.flush()
    os.dup2(2, 1)
    with os.fdopen(kept, "w", buffering=1, encoding="utf-8", errors="replace") as ours:
        try:
            yield ours
        finally:
            ours.flush()
            os.dup2(kept, 1)


def _open_logs() -> tuple[logging.Handler, IO[bytes]]:
    """Log files: ours, which is kept, and the native libraries', which is of this run alone."""
    folder = log_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            folder / "ferdesk.log",
            maxBytes=2_000_000,
            backupCount=2,
            encoding="utf-8",
            errors="backslashreplace",
        )
        return handler, (folder / "native.log").open("wb", buffering=0)
    except OSError:
        return logging.NullHandler(), Path(os.devnull).open("wb", buffering=0)
