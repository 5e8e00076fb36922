"""File of a queue: what is not analysed yet and its options, kept from one start to the next."""

import contextlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from ferdesk.core.labels import LABELS_FROM, LabelsFrom
from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.file_lock import locked
from ferdesk.replace_file import replace_file
from ferdesk.runtime.analysis_queue import QueuedFile, QueueOptions
from ferdesk.sessions.files import reason_of

log = logging.getLogger(__name__)

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class KeptQueue:
    """Kept queue: its options, None where the file has none, and what was still to be analysed."""

    options: QueueOptions | None = None
    files: tuple[QueuedFile, ...] = ()


class QueueHold:
    """Hold on a queue's file: of several windows one alone keeps its queue in it.

    ``held`` says whether it is this one's, until ``release`` or the end of the process.
    """

    def __init__(self, path: Path) -> None:
        self._lock = contextlib.ExitStack()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.enter_context(locked(path.with_name(f"{path.name}.lock"), wait_s=0.0))
            self.held = True
        except BlockingIOError:
            self.held = False
        except OSError as error:
            # where nothing can be written nobody's queue is kept
            log.warning("%s cannot be held: %s", path, error)
            self.held = True

    def release(self) -> None:
        """Let another window have it."""
        self._lock.close()


def save_queue(path: Path, options: QueueOptions, files: Sequence[QueuedFile]) -> str:
    """Write the queue whole; returns why that cannot be done, empty where it is.

    It is no error, as the sessions say what is done.
    """
    table = {
        "schema": _SCHEMA,
        "out": str(options.out),
        "labels_from": options.labels_from,
        "measures": options.measures,
        "every": options.every,
        "rate_fps": options.rate_fps,
        "redo": options.redo,
        "files": [
            {
                "path": str(file.path),
                "pictures": [str(picture) for picture in file.pictures],
                "size_bytes": file.size_bytes,
                "length_s": file.length_s,
                "condition": file.condition,
            }
            for file in files
        ],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(table, indent=1, ensure_ascii=True) + "\n")
    except OSError as error:
        log.warning("the queue cannot be kept: %s", error)
        return reason_of(error)
    return ""


def load_queue(path: Path) -> KeptQueue:
    """The queue of ``path``; whatever cannot be used of it is left out."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return KeptQueue(_options(table), tuple(map(_file, table["files"])))
    except FileNotFoundError:
        return KeptQueue()
    except (
        OSError, ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError,
    ) as error:  # fmt: skip
        log.warning("the queue of %s cannot be used: %s", path, error)
        return KeptQueue()


def _options(table: dict[str, Any]) -> QueueOptions:
    labels_from, measures = table["labels_from"], table["measures"]
    rate_fps = table["rate_fps"]
    return QueueOptions(
        Path(table["out"]),
        labels_from if labels_from in get_args(LabelsFrom) else LABELS_FROM,
        measures if measures in get_args(MeasuresChoice) else "off",
        max(1, int(table["every"])),
        None if rate_fps is None else max(0.1, float(rate_fps)),
        redo=table["redo"] is True,
    )


def _file(table: dict[str, Any]) -> QueuedFile:
    return QueuedFile(
        Path(table["path"]),
        tuple(map(Path, table["pictures"])),
        int(table["size_bytes"]),
        float(table["length_s"]),
        str(table["condition"]),
    )
