"""Worker process: analyses the files that its parent names, one line of JSON for each message.

A process of its own for each worker: a crash in a decoder costs one file, not the archive. Where
the parent is gone the session in work is closed properly, and the worker ends.
"""

import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from ferdesk.batch import STOPPED, Outcome, analyze_one
from ferdesk.core.pipeline import Pipeline
from ferdesk.errors import EXIT_OK, EXIT_UNUSABLE, FerdeskError
from ferdesk.factory.analysis_options import AnalysisOptions
from ferdesk.factory.sources import PictureFiles

_TELL_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Task:
    """One file for a worker."""

    number: int
    name: str
    folder_name: str
    labels: dict[str, str]
    pictures: list[str] = field(default_factory=list)
    """Files that are analysed as one session, in place of ``name``."""

    @property
    def source(self) -> str | PictureFiles:
        if not self.pictures:
            return self.name
        return PictureFiles(self.folder_name, tuple(map(Path, self.pictures)))


Send = Callable[[dict[str, object]], None]


def analyze_task(
    task: Task,
    pipeline: Pipeline,
    options: AnalysisOptions,
    send: Send,
    stop_requested: Callable[[], bool],
    rest: Callable[[], object] = lambda: None,
) -> Outcome:
    """Analyse one file and say how it goes, a few times a second.

    ``rest`` is called after each frame, and returns when the next one may be analysed.
    """
    num_frames = 0
    told_s = time.monotonic()

    def advance(_name: str, done_s: float) -> None:
        nonlocal num_frames, told_s
        num_frames += 1
        if time.monotonic() - told_s >= _TELL_EVERY_S:
            told_s = time.monotonic()
            send(_message("advanced", task, done_s=done_s, num_frames=num_frames))
        rest()

    def tell(text: str) -> None:
        send(_message("told", task, text=text, bad=False))

    def warn(text: str) -> None:
        send(_message("told", task, text=text, bad=True))

    chosen = replace(options, folder_name=task.folder_name, labels=task.labels)
    outcome = analyze_one(
        task.source, pipeline, chosen,
        tell=tell, warn=warn, advance=advance, stop_requested=stop_requested,
    )  # fmt: skip
    send(finished(task, outcome, num_frames))
    return outcome


def finished(task: Task, outcome: Outcome, num_frames: int) -> dict[str, object]:
    """The message that a file is done with."""
    return _message(
        "finished",
        task,
        folder=None if outcome.folder is None else str(outcome.folder),
        whole=outcome.whole,
        problem=outcome.problem,
        num_frames=num_frames,
    )


def _message(kind: str, task: Task, **values: object) -> dict[str, object]:
    return {"said": kind, "number": task.number, **values}


def serve(lines: IO[str], send: Send) -> int:
    """Read the setup, then a task a line, until the lines end; returns the exit code."""
    from ferdesk.factory.models import open_pipeline

    setup: dict[str, Any] = json.loads(lines.readline())
    options = AnalysisOptions.of_table(Path(setup["out"]), setup["options"])
    try:
        pipeline = open_pipeline(
            setup["model"], setup["provider"], thorough=True, detector=options.detector
        )
    except FerdeskError as error:
        send({"said": "unusable", "text": str(error)})
        return EXIT_UNUSABLE
    stopping, working = threading.Event(), threading.Event()
    working.set()
    tasks: SimpleQueue[Task | None] = SimpleQueue()
    listen = threading.Thread(
        target=_listen, args=(lines, tasks, stopping, working),
        name="ferdesk-tasks", daemon=True,
    )  # fmt: skip
    listen.start()
    with contextlib.closing(pipeline):
        send({"said": "ready", "device": pipeline.classifier.device.provider})
        while (task := tasks.get()) is not None:
            if stopping.is_set():
                # it came with the stop, and the parent waits for its end
                send(finished(task, Outcome(None, whole=False, problem=STOPPED), 0))
                continue
            analyze_task(task, pipeline, options, send, stopping.is_set, working.wait)
    return EXIT_OK


def _listen(
    lines: IO[str],
    tasks: SimpleQueue[Task | None],
    stopping: threading.Event,
    working: threading.Event,
) -> None:
    """Take tasks until the lines end, which is also how a parent's death is heard.

    ``working`` is not set while the parent wants a rest.
    """
    for line in lines:
        message = json.loads(line)
        match message.pop("do", "stop"):
            case "analyze":
                tasks.put(Task(**message))
            case "pause":
                working.clear()
            case "resume":
                working.set()
            case _:
                break
    stopping.set()
    working.set()
    tasks.put(None)


def main() -> int:
    """Serve the parent on standard input and output, whose chatter goes to standard error."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    lock = threading.Lock()

    def send(message: dict[str, object]) -> None:
        # a parent that is gone is heard by the end of its lines
        with lock, contextlib.suppress(OSError):
            answers.write(json.dumps(message) + "\n")

    with os.fdopen(os.dup(0), encoding="utf-8") as lines:
        code = serve(lines, send)
    return code
