"""What is painted over the picture: boxes, and labels on plates that keep off the faces."""

from collections.abc import Sequence

from PySide6.QtCore import QMarginsF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from ferdesk.core.quality import Doubt
from ferdesk.core.types import FaceResult
from ferdesk.ui.language import mark, say_label, tr
from ferdesk.ui.placement import Placement
from ferdesk.ui.theme import DARK, GRID, label_colour, plate_colour

_GAP_PX = 6.0


def percent(share: float) -> str:
    """``share`` in [0, 1] as whole per cent."""
    return f"{round(share * 100)} %"


DOUBTS: dict[Doubt, str] = {
    "small": mark("too small"),
    "turned": mark("turned away"),
    "tilted": mark("tilted"),
    "dark": mark("too dark"),
    "bright": mark("too bright"),
    "blurred": mark("blurred"),
}
"""Why a face is not judged, in words that stand in a label's place."""


def face_text(face: FaceResult) -> str:
    """What the plate beside a face says: a label, or why there is none to be trusted."""
    if not face.judgeable:
        return f"#{face.face_id}  {tr(DOUBTS[face.doubt])}"
    said = f"{say_label(face.label)} {percent(face.confidence)}"
    if face.uncertain:
        said = tr("unsure ({said})").format(said=said)
    return f"#{face.face_id}  {said}"


def face_colour(face: FaceResult) -> QColor:
    """The label's colour; none of the seven where the face is not judged."""
    return label_colour(face.label) if face.judgeable else QColor(DARK.muted)


def paint_faces(
    painter: QPainter,
    placement: Placement,
    faces: Sequence[FaceResult],
    *,
    chosen_id: int | None,
    font: QFont,
    view: QRectF,
) -> None:
    """Paint boxes and plates; ``painter`` is in view pixels and text is never mirrored."""
    boxes = [placement.rect(face.box) for face in faces]
    for face, box in zip(faces, boxes, strict=True):
        _paint_box(painter, box, face, chosen=face.face_id == chosen_id)
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    taken = list(boxes)
    for face, box in zip(faces, boxes, strict=True):
        text = face_text(face)
        dot_px = metrics.ascent() * 0.7
        width = metrics.horizontalAdvance(text) + dot_px + 3 * GRID
        height = metrics.height() + GRID
        plate = place_plate(box, width, height, taken, view)
        taken.append(plate)
        _paint_plate(painter, plate, text, face_colour(face), dot_px)


def place_plate(
    box: QRectF, width: float, height: float, taken: Sequence[QRectF], view: QRectF
) -> QRectF:
    """Where a plate of this size goes beside ``box``.

    Above, below, right or left of it, inside ``view``; the first place that covers nothing of
    what is ``taken``, else the one that covers least.
    """
    corners = (
        QPointF(box.left(), box.top() - height - _GAP_PX),
        QPointF(box.left(), box.bottom() + _GAP_PX),
        QPointF(box.right() + _GAP_PX, box.top()),
        QPointF(box.left() - width - _GAP_PX, box.top()),
    )
    candidates = [_pushed_inside(QRectF(c.x(), c.y(), width, height), view) for c in corners]
    return min(candidates, key=lambda plate: sum(_overlap(plate, other) for other in taken))


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
    width = 3.0 if chosen else 1.5
    # a dark edge on both sides keeps the colour visible on a picture of any brightness
    casing = QColor(DARK.plate)
    casing.setAlphaF(0.6)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(casing, width + 2.0))
    painter.drawRoundedRect(box, 4, 4)
    pen = QPen(face_colour(face), width)
    if face.uncertain:
        pen.setDashPattern([4.0, 3.0])
    painter.setPen(pen)
    painter.drawRoundedRect(box, 4, 4)


def _paint_plate(
    painter: QPainter, plate: QRectF, text: str, colour: QColor, dot_px: float
) -> None:
    paint_ground(painter, plate)
    center = QPointF(plate.left() + GRID + dot_px / 2, plate.center().y())
    painter.setPen(QPen(QColor(DARK.text), 1.0))
    painter.setBrush(colour)
    painter.drawEllipse(center, dot_px / 2, dot_px / 2)
    painter.setPen(QColor(DARK.text))
    inside = plate.marginsRemoved(QMarginsF(2 * GRID + dot_px, 0, 0, 0))
    painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def paint_ground(painter: QPainter, plate: QRectF) -> None:
    """The dark, slightly transparent plate on which all text over the picture stands."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(plate_colour())
    painter.drawRoundedRect(plate, 4, 4)


def _pushed_inside(plate: QRectF, view: QRectF) -> QRectF:
    left = min(max(plate.left(), view.left()), view.right() - plate.width())
    top = min(max(plate.top(), view.top()), view.bottom() - plate.height())
    return QRectF(left, top, plate.width(), plate.height())


def _overlap(first: QRectF, second: QRectF) -> float:
    common = first.intersected(second)
    return common.width() * common.height()
