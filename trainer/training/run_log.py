"""Run log: ``log.jsonl``, one row per epoch, and TensorBoard events."""

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ferdesk.errors import FerdeskError
from ferdesk.replace_file import replace_file

_SCALARS = ("loss", "learning_rate", "images_per_s", "public")


class RunLog:
    """Log of one run's folder; a resumed run continues after its checkpoint's step.

    Args:
        folder: of the run.
        step: the checkpoint's step; rows of later steps are removed, as those steps are repeated.
        events: also write TensorBoard events into ``folder/events``.
        notice: takes a message for the user, once, where TensorBoard is not installed.

    Raises:
        FerdeskError: the log cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        step: int,
        *,
        events: bool = False,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.path = folder / "log.jsonl"
        self._rewind(step)
        self._events = _writer(folder / "events", step, notice) if events else None

    def write(self, row: Mapping[str, Any]) -> None:
        """Append ``row``.

        Raises:
            FerdeskError: it cannot be written.
        """
        with self._sentence(), self.path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        if self._events is not None:
            for name in _SCALARS:
                if row.get(name) is not None:
                    self._events.add_scalar(name, row[name], row["step"])
            self._events.flush()

    def close(self) -> None:
        """Close the TensorBoard events."""
        if self._events is not None:
            self._events.close()

    def _rewind(self, step: int) -> None:
        with self._sentence():
            if not self.path.exists():
                return
            lines = self.path.read_text("utf-8", errors="replace").splitlines()
            kept = [line for line in lines if _step_of(line) <= step]
            if kept == lines:
                return
            replace_file(self.path, "".join(line + "\n" for line in kept))

    @contextlib.contextmanager
    def _sentence(self) -> Any:  # noqa: ANN401
        try:
            yield
        except OSError as error:
            raise FerdeskError(f"The log {self.path} cannot be written: {error}.") from error


def _step_of(line: str) -> float:
    """The step of a row; infinite for a line that a kill cut off."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, TypeError, KeyError):
        return float("inf")


def _writer(folder: Path, step: int, notice: Callable[[str], None]) -> Any:  # noqa: ANN401
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        notice(
            "TensorBoard is not installed, so there are no events for it; log.jsonl has the same "
            "figures. pip install tensorboard brings it."
        )
        return None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
