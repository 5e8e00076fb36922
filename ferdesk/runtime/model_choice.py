"""Model choice: the best model that this computer runs at the camera's rate, by timing."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.core.pipeline import ExpressionClassifier
from ferdesk.errors import FerdeskError
from ferdesk.messages import translatable

log = logging.getLogger(__name__)

SHARE_OF_INTERVAL = 0.8
"""Classification may take this much of the frame interval; detection runs beside it."""
_NUM_TRIALS = 5
_GIVE_UP_FACTOR = 2.0
"""A model that needs so many times what is allowed is timed once only."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Candidate model: its file's name, and how it is opened, which may take a second.

    Candidates stand in the order in which they are wanted, the best first.
    """

    name: str
    open: Callable[[], ExpressionClassifier]


@dataclass(frozen=True, slots=True, eq=False)
class ModelChoice:
    """Choice of a model, and the reason in a sentence."""

    classifier: ExpressionClassifier
    reason: str


def choose_model(
    candidates: Sequence[Candidate],
    num_faces: int,
    interval_s: float,
    *,
    clock: Callable[[], float] = time.perf_counter,
    stop_requested: Callable[[], bool] = lambda: False,
) -> ModelChoice | None:
    """The first of ``candidates`` that classifies ``num_faces`` in time, else the fastest.

    Each is timed on a batch of that size, beside whatever else the machine does; the shortest of
    a few runs counts, or the first where it is far too long. One that cannot be opened is left
    out.

    Returns:
        the choice, or None where there was nothing to choose or ``stop_requested``.
    """
    allowed_ms = 1000 * SHARE_OF_INTERVAL * interval_s
    timed: list[tuple[float, str, ExpressionClassifier]] = []
    chosen: tuple[float, str, ExpressionClassifier] | None = None
    for candidate in candidates:
        if stop_requested():
            return None
        try:
            classifier = candidate.open()
        except FerdeskError as error:
            log.warning("the model %s is left out: %s", candidate.name, error)
            continue
        spent_ms = 1000 * _shortest_run_s(classifier, max(1, num_faces), allowed_ms / 1000, clock)
        timed.append((spent_ms, candidate.name, classifier))
        if spent_ms <= allowed_ms:
            chosen = timed[-1]
            break
    if stop_requested() or len(candidates) < 2 or not timed:
        return None
    spent_ms, name, classifier = chosen or min(timed, key=lambda each: each[0])
    num_faces = max(1, num_faces)
    faces = (
        translatable("1 face") if num_faces == 1 else translatable("{count} faces", count=num_faces)
    )
    tries = [f"{other} {other_ms:.0f} ms" for other_ms, other, _ in timed if other != name]
    others = f"; {', '.join(tries)}" if tries else ""
    filled = {"name": name, "faces": faces, "time": spent_ms, "others": others}
    reason = (
        translatable(
            "Using {name} ({time:.0f} ms for {faces}{others}); the camera's frame rate leaves "
            "{allowed:.0f} ms, which no model keeps.",
            allowed=allowed_ms,
            **filled,
        )
        if chosen is None
        else translatable("Using {name} ({time:.0f} ms for {faces}{others}).", **filled)
    )
    return ModelChoice(classifier, reason)


def _shortest_run_s(
    classifier: ExpressionClassifier,
    num_faces: int,
    allowed_s: float,
    clock: Callable[[], float],
) -> float:
    crops = np.zeros((num_faces, FACE_SIZE_PX, FACE_SIZE_PX), np.float32)
    classifier.classify(crops)
    shortest_s = float("inf")
    for _ in range(_NUM_TRIALS):
        began_s = clock()
        classifier.classify(crops)
        shortest_s = min(shortest_s, clock() - began_s)
        if shortest_s > _GIVE_UP_FACTOR * allowed_s:
            break
    return shortest_s
