"""Landmarks over the picture: points, contours or the mesh of each measured face."""

from collections.abc import Sequence

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from ferdesk.core.measures.drawing import (
    LandmarksShown,
    Stroke,
    drawn_lines,
    drawn_points,
    strokes,
)
from ferdesk.core.types import FaceResult
from ferdesk.ui.kit.language import mark

LANDMARKS_TITLES: dict[LandmarksShown, str] = {
    "off": mark("Off"),
    "points": mark("Points"),
    "contours": mark("Contours"),
    "mesh": mark("Mesh"),
}


def paint_landmarks(painter: QPainter, faces: Sequence[FaceResult], shown: LandmarksShown) -> None:
    """Paint the landmarks of each face that has some; ``painter`` is in pixels of the picture."""
    if shown == "off":
        return
    scale = abs(painter.transform().m22())
    for face in faces:
        if face.measures is None:
            continue
        points = [QPointF(x, y) for x, y in drawn_points(face.measures, shown).tolist()]
        ends = drawn_lines(face.measures, shown).reshape(-1, 4)
        lines = [QLineF(*line) for line in ends.tolist()]
        for stroke in strokes(face.measures, shown, scale):
            # wide lines with soft edges take many times as long
            soft = stroke.width < 2.0 and shown != "points"
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, soft)
            painter.setPen(_pen(stroke))
            if points:
                painter.drawPoints(points)
            if lines:
                painter.drawLines(lines)


def _pen(stroke: Stroke) -> QPen:
    colour = QColor(stroke.colour)
    colour.setAlphaF(stroke.opacity)
    pen = QPen(colour, stroke.width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    pen.setCosmetic(True)
    return pen
