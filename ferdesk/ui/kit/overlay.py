"""Overlay of the picture: boxes, and labels on plates that keep off the faces."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from ferdesk.core.annotation import annotate
from ferdesk.core.types import FaceResult
from ferdesk.ui.kit.face_names import own_colour
from ferdesk.ui.kit.language import translated
from ferdesk.ui.kit.theme import DARK, GRID, plate_colour
from ferdesk.ui.kit.view_transform import ViewTransform

_GAP_PX = 6.0
_DOT = 0.7
"""The dot's width, as a share of the letters' height."""
_LONGEST_NAME = 16
BASELINE_SIGN = "◎"
"""Stands beside a face whose neutral baseline is used."""


def face_name(face_id: int, names: Mapping[int, str]) -> str:
    """``#3``, with the name that the user gave."""
    name = names.get(face_id, "")
    short = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
    return f"#{face_id} {short}".rstrip()


def face_text(face: FaceResult, names: Mapping[int, str] | None = None) -> str:
    """What the plate beside a face says: its name, and its label or why it has none."""
    sign = f"  {BASELINE_SIGN}" if face.baseline_applied and face.classifiable else ""
    words = translated(annotate(face).words)
    return f"{face_name(face.face_id, names or {})}  {words}{sign}"


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


def face_colour(face: FaceResult) -> QColor:
    """The label's colour; none of the seven where the face is not classified."""
    return QColor(annotate(face).colour)


def paint_faces(
    painter: QPainter,
    placement: ViewTransform,
    faces: Sequence[FaceResult],
    *,
    chosen_id: int | None,
    font: QFont,
    view: QRectF,
    places: PlatePlaces,
    names: Mapping[int, str] | None = None,
    with_boxes: bool = True,
    with_labels: bool = True,
) -> None:
    """Paint boxes and plates; ``painter`` is in view pixels and text is never mirrored.

    The chosen face's plate is placed first and so has the best place, then the nearer faces'.
    """
    boxes = {face.face_id: placement.rect(face.box) for face in faces}
    if with_boxes:
        for face in faces:
            _paint_box(painter, boxes[face.face_id], face, chosen=face.face_id == chosen_id)
    if not with_labels:
        return
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    ascent = metrics.ascent()
    dot_px = _DOT * ascent
    height = metrics.height() + GRID
    taken = list(boxes.values())
    by_rank = sorted(faces, key=lambda face: (face.face_id != chosen_id, -face.box.area))
    for face in by_rank:
        text = face_text(face, names)
        width = metrics.horizontalAdvance(text) + dot_px + 3 * GRID
        plate = places.place(face.face_id, boxes[face.face_id], width, height, taken, view)
        taken.append(plate)
        _paint_plate(painter, plate, text, face, ascent)
    places.keep_only(faces)


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


def paint_note(painter: QPainter, text: str, font: QFont, view: QRectF) -> None:
    """A short line on a plate at the lower edge of ``view``."""
    metrics = QFontMetricsF(font)
    width, height = metrics.horizontalAdvance(text) + 4 * GRID, metrics.height() + 2 * GRID
    plate = QRectF(view.center().x() - width / 2, view.bottom() - height - 2 * GRID, width, height)
    painter.setFont(font)
    paint_ground(painter, plate)
    painter.setPen(QColor(DARK.text))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)


def _paint_box(painter: QPainter, box: QRectF, face: FaceResult, *, chosen: bool) -> None:
    width = 4 if chosen else 2
    # a dark edge on both sides keeps the colour visible on a picture of any brightness
    casing = QColor(DARK.plate)
    casing.setAlphaF(0.6)
    lines = box.toRect()
    _paint_frame(painter, lines, width + 2, casing)
    if not face.low_confidence:
        _paint_frame(painter, lines, width, face_colour(face))
        return
    pen = QPen(face_colour(face), width)
    pen.setDashPattern([4.0, 3.0])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # on whole pixels straight lines are crisp as they are
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.drawRect(lines)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)


def _paint_frame(painter: QPainter, lines: QRect, width: int, colour: QColor) -> None:
    """A rectangle whose lines are ``width`` thick, an even number, filled rather than stroked.

    That is several times faster, and no corner is painted twice.
    """
    half = width // 2
    outer = lines.adjusted(-half, -half, half, half)
    inside = outer.height() - 2 * width
    for edge in (
        QRect(outer.left(), outer.top(), outer.width(), width),
        QRect(outer.left(), outer.bottom() + 1 - width, outer.width(), width),
        QRect(outer.left(), outer.top() + width, width, inside),
        QRect(outer.right() + 1 - width, outer.top() + width, width, inside),
    ):
        painter.fillRect(edge, colour)


def _paint_plate(
    painter: QPainter, plate: QRectF, text: str, face: FaceResult, ascent: float
) -> None:
    dot_px = _DOT * ascent
    # whole pixels: filled at once, with no edges to blend
    plate = QRectF(plate.toRect())
    painter.fillRect(plate, plate_colour())
    # the face's own colour, as in the list of faces; the dot is the label's
    stripe = QRectF(plate.left(), plate.top(), 3.0, plate.height())
    painter.fillRect(stripe, own_colour(face.face_id))
    center = QPointF(plate.left() + GRID + dot_px / 2, plate.center().y())
    painter.setPen(QPen(QColor(DARK.text), 1.0))
    painter.setBrush(face_colour(face))
    painter.drawEllipse(center, dot_px / 2, dot_px / 2)
    painter.setPen(QColor(DARK.text))
    # at a point: Qt lays out text in a rectangle at twice the cost
    left = plate.left() + 2 * GRID + dot_px
    painter.drawText(QPointF(left, plate.top() + GRID / 2 + ascent), text)


def paint_ground(painter: QPainter, plate: QRectF) -> None:
    """The dark, slightly transparent plate on which all text over the picture stands."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(plate_colour())
    painter.drawRoundedRect(plate, 4, 4)


def _overlap(first: QRectF, second: QRectF) -> float:
    if not first.intersects(second):
        return 0.0  # nearly always, and eight calls into Qt are saved
    width = min(first.right(), second.right()) - max(first.left(), second.left())
    height = min(first.bottom(), second.bottom()) - max(first.top(), second.top())
    return width * height if width > 0 and height > 0 else 0.0
