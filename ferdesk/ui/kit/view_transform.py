"""View transform: from the frame to the view, letterboxed, and mirrored where the user likes it."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QTransform

from ferdesk.core.geometry import Box


@dataclass(frozen=True, slots=True)
class ViewTransform:
    """View transform: maps pixels of the source picture to pixels of the view and back.

    ``scale`` is view pixels per picture pixel; ``left`` and ``top`` are where the picture's
    corner lies in the view; ``width`` is the picture's, in its own pixels.
    """

    scale: float
    left: float
    top: float
    width: float
    mirrored: bool

    @staticmethod
    def fit(picture: QSizeF, view: QSizeF, *, mirrored: bool) -> "ViewTransform":
        """The largest transform that shows all of ``picture`` in the middle of ``view``."""
        scale = min(view.width() / picture.width(), view.height() / picture.height())
        left = (view.width() - picture.width() * scale) / 2
        top = (view.height() - picture.height() * scale) / 2
        return ViewTransform(scale, left, top, picture.width(), mirrored)

    def transform(self) -> QTransform:
        """From the picture to the view, for a painter."""
        if self.mirrored:
            right = self.left + self.width * self.scale
            return QTransform(-self.scale, 0, 0, self.scale, right, self.top)
        return QTransform(self.scale, 0, 0, self.scale, self.left, self.top)

    def to_picture(self, point: QPointF) -> QPointF:
        inverse, _ = self.transform().inverted()
        return inverse.map(point)

    def rect(self, box: Box) -> QRectF:
        """``box`` of the picture as a rectangle of the view."""
        return self.transform().mapRect(QRectF(box.x, box.y, box.width, box.height))
