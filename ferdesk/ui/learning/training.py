"""Training on corrected faces: a process of its own where torch is there, else its command."""

import importlib.util
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from ferdesk.ui.kit.language import tr

_WANTS = ("torch", "trainer")
_LAST_LINES = 40
_PATIENCE_MS = 20_000


@dataclass(frozen=True, slots=True)
class TrainerCommand:
    """Trainer command: how it is started here; ``why_not`` says what is missing."""

    words: tuple[str, ...]
    why_not: str = ""

    @property
    def there(self) -> bool:
        return not self.why_not


def find_trainer() -> TrainerCommand:
    """The trainer of this very Python, else a ``ferdesk-train`` on the path.

    Nothing of it is imported: the window must not load torch.
    """
    frozen = getattr(sys, "frozen", False)
    if not frozen and all(importlib.util.find_spec(name) is not None for name in _WANTS):
        return TrainerCommand((sys.executable, "-m", "trainer"))
    if frozen and (found := shutil.which("ferdesk-train")):
        return TrainerCommand((found,))
    why = tr(
        'Training needs PyTorch (pip install "ferdesk[train]"). Where it '
        "is installed, run this command:"
    )
    return TrainerCommand(("ferdesk-train",), why)


def fit_words(
    trainer: Sequence[str], faces: Path, run: Path, start: Path | None = None
) -> list[str]:
    """The command that fine-tunes on ``faces``: its run in ``run``, its model in there too."""
    words = [*trainer, "fit", "--folder", str(faces), "--out", str(run)]
    words += ["--model", str(model_of(run))]
    return words if start is None else [*words, "--from", str(start)]


def model_of(run: Path) -> Path:
    """Where a run puts its model."""
    return run / "mine.onnx"


def as_text(words: Sequence[str]) -> str:
    """The command as it is typed into a terminal here."""
    if sys.platform == "win32":
        return " ".join(f'"{word}"' if " " in word else word for word in words)
    return shlex.join(words)


class Training(QObject):
    """Training: one at a time, as a child process; it ends with the program."""

    line = Signal(str)
    """The newest line that the trainer wrote."""
    finished = Signal(object, str)
    """The model's file, or None with the trainer's last output."""

    def __init__(
        self, find: Callable[[], TrainerCommand] = find_trainer, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.find = find
        self._process: QProcess | None = None
        self._model: Path | None = None
        self._cancelled = False
        self._output: list[str] = []

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self, words: Sequence[str], model: Path) -> None:
        """Run ``words``, which write ``model``; one that runs already goes on."""
        if self._process is not None:
            return
        self._model, self._cancelled, self._output = model, False, []
        process = QProcess(self)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONUNBUFFERED", "1")
        environment.insert("PYTHONIOENCODING", "utf-8")
        environment.insert("NO_COLOR", "1")
        environment.insert("COLUMNS", "100")
        # the checkout's own trainer, where the program runs from one
        environment.insert("PYTHONPATH", _joined(environment.value("PYTHONPATH")))
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._ended)
        process.errorOccurred.connect(self._failed)
        self._process = process
        process.start(words[0], list(words[1:]))

    def cancel(self) -> None:
        """Ask the trainer to end; it keeps what it has, and is killed where it does not listen."""
        if self._process is not None and not self._cancelled:
            self._cancelled = True
            if sys.platform == "win32":
                self._process.kill()  # there, console programs do not react to a polite signal
            else:
                self._process.terminate()
                QTimer.singleShot(_PATIENCE_MS, self._process, self._process.kill)

    def close(self, wait_ms: int = 3000) -> None:
        """End it and wait; for the end of the program."""
        process = self._process
        if process is None:
            return
        self._process = None
        process.blockSignals(True)
        process.terminate()
        if not process.waitForFinished(wait_ms):
            process.kill()
            process.waitForFinished(1000)
        process.deleteLater()

    def _read(self) -> None:
        if self._process is None:
            return
        text = bytes(self._process.readAllStandardOutput().data()).decode("utf-8", "replace")
        lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
        lines = [line for line in lines if line]
        if lines:
            self._output = (self._output + lines)[-_LAST_LINES:]
            self.line.emit(lines[-1])

    def _ended(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        process, self._process = self._process, None
        if process is None:
            return
        process.deleteLater()
        fine = code == 0 and status is QProcess.ExitStatus.NormalExit and not self._cancelled
        model = self._model if fine and self._model and self._model.is_file() else None
        output = tr("Training cancelled.") if self._cancelled else "\n".join(self._output)
        self.finished.emit(model, output)

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and self._process is not None:
            process, self._process = self._process, None
            process.deleteLater()
            self.finished.emit(None, process.errorString())


def _joined(before: str) -> str:
    here = str(Path(__file__).parents[2])
    separator = ";" if sys.platform == "win32" else ":"
    return f"{here}{separator}{before}" if before else here
