"""Overlay of the picture: boxes, and labels on plates that keep off the faces."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from ferdesk.core.annotation import MANY_FACES, annotate, colour_of, short_words
from ferdesk.core.types import FaceResult
from ferdesk.ui.kit.face_names import own_colour
from ferdesk.ui.kit.language import translated
from ferdesk.ui.kit.plates import PlatePlaces, inside, is_free, leader
from ferdesk.ui.kit.theme import DARK, GRID, plate_colour
from ferdesk.ui.kit.view_transform import ViewTransform

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


def short_text(face: FaceResult) -> str:
    """What the plate of one face among many says; empty where it has no label."""
    return short_words(face)


def face_colour(face: FaceResult) -> QColor:
    """The label's colour; none of the seven where the face is not classified."""
    return QColor(colour_of(face))


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
    hovered_id: int | None = None,
    with_boxes: bool = True,
    with_labels: bool = True,
) -> None:
    """Paint boxes and plates; ``painter`` is in view pixels and text is never mirrored.

    ``view`` is the part of the picture that is seen: nothing is painted beyond it. The chosen
    face's plate is placed first and so has the best place, then the nearer faces'. Of more than
    ``MANY_FACES`` all others have a short one, and none where it would lie on a face or plate.
    """
    boxes = {face.face_id: placement.rect(face.box) for face in faces}
    seen = [face for face in faces if boxes[face.face_id].intersects(view)]
    painter.save()
    painter.setClipRect(view)
    if with_boxes:
        for face in seen:
            _paint_box(painter, boxes[face.face_id], face, chosen=face.face_id == chosen_id)
    if with_labels:
        plates = _Plates(painter, font, view, places, boxes, names or {})
        wanted = (chosen_id, hovered_id)
        crowded = len(seen) > MANY_FACES
        for face in sorted(seen, key=lambda face: (face.face_id not in wanted, -face.box.area)):
            marked = face.face_id in wanted
            plates.paint(face, full=marked or not crowded, always=marked)
        places.keep_only(faces)
    painter.restore()


class _Plates:
    """Plates of one picture, painted one after the other, each where there is room left."""

    def __init__(
        self,
        painter: QPainter,
        font: QFont,
        view: QRectF,
        places: PlatePlaces,
        boxes: Mapping[int, QRectF],
        names: Mapping[int, str],
    ) -> None:
        self._painter, self._view, self._places = painter, view, places
        self._boxes, self._names = boxes, names
        self._metrics = QFontMetricsF(font)
        painter.setFont(font)
        self._ascent = self._metrics.ascent()
        self._height = self._metrics.height() + GRID
        self._taken = list(boxes.values())

    def paint(self, face: FaceResult, *, full: bool, always: bool) -> None:
        """``always``: even where it lies on another face, as the user asks for this one."""
        text = face_text(face, self._names) if full else short_text(face)
        box = self._boxes[face.face_id]
        plate, free = self._place(face, text)
        if not free and full and not always and face.classifiable:
            text = short_text(face)
            plate, free = self._place(face, text)
        if (not free and not always) or not text:
            return
        self._taken.append(plate)
        line = leader(plate, box)
        if line is not None:
            _paint_leader(self._painter, line)
        _paint_plate(self._painter, plate, text, face, self._ascent)

    def _place(self, face: FaceResult, text: str) -> tuple[QRectF, bool]:
        """Where the plate stands, and whether it covers nothing there but its own face."""
        width = self._metrics.horizontalAdvance(text) + _DOT * self._ascent + 3 * GRID
        box = self._boxes[face.face_id]
        plate = self._places.place(face.face_id, box, width, self._height, self._taken, self._view)
        if is_free(plate, self._taken):
            return plate, True
        others = [rect for rect in self._taken if rect is not box]
        within = inside(box, width, self._height, self._view)
        if within.width() <= box.width() and is_free(within, others):
            return within, True
        return plate, False


def paint_note(painter: QPainter, text: str, font: QFont, view: QRectF) -> None:
    """A short line on a plate at the lower edge of ``view``."""
    metrics = QFontMetricsF(font)
    width, height = metrics.horizontalAdvance(text) + 4 * GRID, metrics.height() + 2 * GRID
    plate = QRectF(view.center().x() - width / 2, view.bottom() - height - 2 * GRID, width, height)
    painter.setFont(font)
    paint_ground(painter, plate)
    painter.setPen(QColor(DARK.text))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)


def paint_corner(painter: QPainter, text: str, font: QFont, view: QRectF) -> None:
    """A short line on a plate in the upper left corner of ``view``."""
    metrics = QFontMetricsF(font)
    width, height = metrics.horizontalAdvance(text) + 2 * GRID, metrics.height() + GRID
    plate = QRectF(view.left() + GRID, view.top() + GRID, width, height)
    painter.setFont(font)
    paint_ground(painter, plate)
    painter.setPen(QColor(DARK.text))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)


def _paint_leader(painter: QPainter, line: QLineF) -> None:
    for colour, width in ((plate_colour(), 3.0), (QColor(DARK.text), 1.0)):
        painter.setPen(QPen(colour, width))
        painter.drawLine(line)


def _paint_box(painter: QPainter, box: QRectF, face: FaceResult, *, chosen: bool) -> None:
    width = 4 if chosen else 2
    # a dark edge on both sides keeps the colour visible on a picture of any brightness; opaque, as
    # blending upright lines takes four times as long
    casing = QColor(DARK.plate)
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
