"""Plates: where the labels stand, so that none lies on a face, and how they are tied to theirs."""

from collections.abc import Sequence

from PySide6.QtCore import QLineF, QPointF, QRectF

from ferdesk.core.types import FaceResult

_GAP_PX = 6.0
_FAR_PX = 2 * _GAP_PX
"""A plate that is further from its face than this gets a line to it."""


class PlatePlaces:
    """Where the plates stood last: one that still has its room there stays, and does not jump."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def place(
        self,
        face_id: int,
        box: QRectF,
        width: float,
        height: float,
        taken: Sequence[QRectF],
        view: QRectF,
    ) -> QRectF:
        """As ``place_plate``, with the side chosen last tried first."""
        last = self._last.get(face_id)
        if last is not None:
            plate = _candidate(last, box, width, height, view)
            if _covered(plate, taken) == 0:
                return plate
        self._last[face_id], plate = _best(box, width, height, taken, view)
        return plate

    def keep_only(self, faces: Sequence[FaceResult]) -> None:
        """Forget the faces that are gone."""
        here = {face.face_id for face in faces}
        self._last = {k: v for k, v in self._last.items() if k in here}


def is_free(plate: QRectF, taken: Sequence[QRectF]) -> bool:
    """Whether a plate covers nothing of what is ``taken``."""
    return not any(plate.intersects(other) for other in taken)


def inside(box: QRectF, width: float, height: float, view: QRectF) -> QRectF:
    """The place at the lower edge of the face itself, where there is none beside it."""
    x = min(max(box.center().x() - width / 2, view.left()), view.right() - width)
    y = min(max(box.bottom() - height, view.top()), view.bottom() - height)
    return QRectF(x, y, width, height)


def leader(plate: QRectF, box: QRectF) -> QLineF | None:
    """The line that ties a plate to its face; None where they stand side by side."""
    start = QPointF(
        min(max(box.center().x(), plate.left()), plate.right()),
        min(max(box.center().y(), plate.top()), plate.bottom()),
    )
    end = QPointF(
        min(max(start.x(), box.left()), box.right()),
        min(max(start.y(), box.top()), box.bottom()),
    )
    line = QLineF(start, end)
    return line if line.length() > _FAR_PX else None


def place_plate(
    box: QRectF, width: float, height: float, taken: Sequence[QRectF], view: QRectF
) -> QRectF:
    """Where a plate of this size goes beside ``box``.

    Above, below, right or left of it, then a row further out, inside ``view``; the first place
    that covers nothing of what is ``taken``, else the one that covers least.
    """
    return _best(box, width, height, taken, view)[1]


def _best(
    box: QRectF, width: float, height: float, taken: Sequence[QRectF], view: QRectF
) -> tuple[int, QRectF]:
    """The number and the place of the first candidate that is free, else of the least bad."""
    best, least, place = 0, float("inf"), QRectF()
    for index in range(len(_SIDES) * _NUM_ROWS):
        plate = _candidate(index, box, width, height, view)
        covered = _covered(plate, taken)
        if covered < least:
            best, least, place = index, covered, plate
        if covered == 0:
            break
    return best, place


_NUM_ROWS = 3
_SIDES = ("above", "below", "right", "left", "above end", "below end", "right end", "left end")


def _candidate(index: int, box: QRectF, width: float, height: float, view: QRectF) -> QRectF:
    """The place of that number, pushed into ``view``: eight sides, then again further out."""
    row, side = divmod(index, len(_SIDES))
    out = row * (height + _GAP_PX / 2)
    place, _, end = _SIDES[side].partition(" ")
    if place in ("above", "below"):
        x = box.right() - width if end else box.left()
        above = box.top() - height - _GAP_PX - out
        y = above if place == "above" else box.bottom() + _GAP_PX + out
    else:
        x = box.right() + _GAP_PX if place == "right" else box.left() - width - _GAP_PX
        y = box.bottom() - height - out if end else box.top() + out
    x = min(max(x, view.left()), view.right() - width)
    y = min(max(y, view.top()), view.bottom() - height)
    return QRectF(x, y, width, height)


def _covered(plate: QRectF, taken: Sequence[QRectF]) -> float:
    """How much of ``taken`` a plate would cover, in square pixels."""
    return sum(_overlap(plate, other) for other in taken if plate.intersects(other))


def _overlap(first: QRectF, second: QRectF) -> float:
    if not first.intersects(second):
        return 0.0  # nearly always, and eight calls into Qt are saved
    width = min(first.right(), second.right()) - max(first.left(), second.left())
    height = min(first.bottom(), second.bottom()) - max(first.top(), second.top())
    return width * height if width > 0 and height > 0 else 0.0
