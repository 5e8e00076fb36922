"""View transform: from the frame to the view, letterboxed, and mirrored where the user likes it."""

from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QTransform

from ferdesk.core.geometry import Box

MOST_ZOOM = 16.0


@dataclass(frozen=True, slots=True)
class Zoom:
    """Zoom: ``factor`` times the size that shows the whole picture, 1 to ``MOST_ZOOM``.

    ``x`` and ``y`` are the point of the picture in the middle of the view, as shares of its width
    and height.
    """

    factor: float = 1.0
    x: float = 0.5
    y: float = 0.5


WHOLE = Zoom()
"""All of the picture."""


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
    def fit(
        picture: QSizeF, view: QSizeF, *, mirrored: bool, zoom: Zoom = WHOLE
    ) -> "ViewTransform":
        """The largest transform that shows all of ``picture`` in the middle of ``view``, zoomed.

        A picture that is larger than the view leaves no edge of it empty.
        """
        scale = min(view.width() / picture.width(), view.height() / picture.height())
        scale *= zoom.factor
        x = 1 - zoom.x if mirrored else zoom.x
        left = _start(picture.width() * scale, view.width(), x)
        top = _start(picture.height() * scale, view.height(), zoom.y)
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


def _start(length: float, room: float, middle: float) -> float:
    """Where a picture of that length begins in the view, so that the share ``middle`` is there."""
    if length <= room:
        return (room - length) / 2
    return min(max(room / 2 - middle * length, room - length), 0.0)


def zoomed(
    zoom: Zoom,
    by: float,
    *,
    at: QPointF,
    picture: QSizeF,
    view: QSizeF,
    mirrored: bool,
) -> Zoom:
    """``zoom`` changed by a factor; the picture's point under ``at`` of the view stays there."""
    factor = min(max(zoom.factor * by, 1.0), MOST_ZOOM)
    before = ViewTransform.fit(picture, view, mirrored=mirrored, zoom=zoom)
    held = before.to_picture(at)
    scale = before.scale * factor / zoom.factor
    away = (view.width() / 2 - at.x()) / scale
    x = (held.x() - away if mirrored else held.x() + away) / picture.width()
    y = (held.y() + (view.height() / 2 - at.y()) / scale) / picture.height()
    return kept_inside(Zoom(factor, x, y), picture=picture, view=view)


def moved(zoom: Zoom, by: QPointF, *, picture: QSizeF, view: QSizeF, mirrored: bool) -> Zoom:
    """``zoom`` with the picture pushed by so many pixels of the view."""
    scale = ViewTransform.fit(picture, view, mirrored=mirrored, zoom=zoom).scale
    x = zoom.x + (by.x() if mirrored else -by.x()) / (scale * picture.width())
    y = zoom.y - by.y() / (scale * picture.height())
    return kept_inside(replace(zoom, x=x, y=y), picture=picture, view=view)


def kept_inside(zoom: Zoom, *, picture: QSizeF, view: QSizeF) -> Zoom:
    """``zoom`` with its middle where the view really shows it, so that no push is lost later."""
    if zoom.factor <= 1.0:
        return WHOLE
    scale = zoom.factor * min(view.width() / picture.width(), view.height() / picture.height())
    half_x = view.width() / (2 * scale * picture.width())
    half_y = view.height() / (2 * scale * picture.height())
    x, y = (
        0.5 if half >= 0.5 else min(max(at, half), 1 - half)
        for at, half in ((zoom.x, half_x), (zoom.y, half_y))
    )
    return Zoom(zoom.factor, x, y)
