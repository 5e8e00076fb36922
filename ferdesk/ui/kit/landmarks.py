"""Landmarks over the picture: points, contours or the mesh of each measured face."""

from collections.abc import Sequence

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from ferdesk.core.measures.drawing import LandmarksShown, drawn_lines, drawn_points
from ferdesk.core.palette import PLATE, PLATE_TEXT
from ferdesk.core.types import FaceResult
from ferdesk.ui.kit.language import mark

LANDMARKS_TITLES: dict[LandmarksShown, str] = {
    "off": mark("Off"),
    "points": mark("Points"),
    "contours": mark("Contours"),
    "mesh": mark("Mesh"),
}
_PENS: dict[LandmarksShown, tuple[tuple[str, float, float], ...]] = {
    # colour, opacity and width in the view's pixels; a dark edge is seen on bright skin too
    "points": ((PLATE, 0.5, 4.0), (PLATE_TEXT, 1.0, 2.0)),
    "contours": ((PLATE, 0.4, 3.0), (PLATE_TEXT, 0.9, 1.4)),
    "mesh": ((PLATE_TEXT, 0.45, 1.0),),
}


def paint_landmarks(painter: QPainter, faces: Sequence[FaceResult], shown: LandmarksShown) -> None:
    """Paint the landmarks of each face that has some; ``painter`` is in pixels of the picture."""
    if shown == "off":
        return
    for face in faces:
        if face.measures is None:
            continue
        points = [QPointF(x, y) for x, y in drawn_points(face.measures, shown).tolist()]
        ends = drawn_lines(face.measures, shown).reshape(-1, 4)
        lines = [QLineF(*line) for line in ends.tolist()]
        for name, opacity, width in _PENS[shown]:
            # wide lines with soft edges take many times as long
            soft = width < 2.0 and shown != "points"
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, soft)
            painter.setPen(_pen(name, opacity, width))
            if points:
                painter.drawPoints(points)
            if lines:
                painter.drawLines(lines)


def _pen(name: str, opacity: float, width: float) -> QPen:
    colour = QColor(name)
    colour.setAlphaF(opacity)
    pen = QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    pen.setCosmetic(True)
    return pen
