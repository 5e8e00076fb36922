"""Picture with its heatmap as a view shows it, drawn ahead on any thread.

Converting, scaling and heating a picture are most of what painting it costs. Done beforehand, on
a thread of their own, they leave the GUI thread a copy of finished pixels.
"""

import math
import threading
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSizeF
from PySide6.QtGui import QColor, QImage, QPainter

from ferdesk.core.heatmap import HeatmapChoice
from ferdesk.core.measures.drawing import LandmarksShown
from ferdesk.core.types import FrameResult, MapName, MapPlace
from ferdesk.ui.kit.heatmap import HeatmapImages, paint_heatmap
from ferdesk.ui.kit.landmarks import paint_landmarks
from ferdesk.ui.kit.theme import DARK
from ferdesk.ui.kit.view_transform import WHOLE, ViewTransform, Zoom

_MOST_FREE = 3


@dataclass(frozen=True, slots=True)
class Look:
    """Look: how a view wants its picture.

    ``width`` and ``height`` are the view's, in its own pixels, of which the screen has ``ratio``
    in each direction.
    """

    width: int
    height: int
    ratio: float = 1.0
    mirrored: bool = False
    heatmap: HeatmapChoice = field(default_factory=HeatmapChoice)
    places: Mapping[MapName, MapPlace] = field(default_factory=dict)
    zoom: Zoom = WHOLE
    landmarks: LandmarksShown = "off"

    def view_transform(self, result: FrameResult) -> ViewTransform:
        """Where the picture of ``result`` lies in the view."""
        height, width = result.frame.image.shape[:2]
        view = QSizeF(self.width, self.height)
        return ViewTransform.fit(
            QSizeF(width, height), view, mirrored=self.mirrored, zoom=self.zoom
        )

    def fits(self, other: "Look") -> bool:
        """Whether they differ by nothing but their size."""
        return replace(self, width=other.width, height=other.height) == other


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Picture:
    """Picture: what was drawn, the whole view, letterbox and all.

    ``image`` lasts as long as this does; then its memory is drawn on again.
    """

    result: FrameResult
    look: Look
    image: QImage

    def paint(self, painter: QPainter, look: Look) -> None:
        """Fill a view with it that looks so, or differs in size: while a window is dragged."""
        mode = QPainter.CompositionMode
        if look == self.look:
            painter.setCompositionMode(mode.CompositionMode_Source)
            painter.drawImage(0, 0, self.image)
            painter.setCompositionMode(mode.CompositionMode_SourceOver)
            return
        height, width = self.result.frame.image.shape[:2]
        whole = QRectF(0, 0, width, height)
        target = look.view_transform(self.result).transform().mapRect(whole)
        source = self.look.view_transform(self.result).transform().mapRect(whole)
        ratio = self.look.ratio
        scaled = QRectF(source.topLeft() * ratio, source.size() * ratio)
        painter.fillRect(QRectF(0, 0, look.width, look.height), QColor(DARK.canvas))
        painter.drawImage(target, self.image, scaled)


class PictureMaker:
    """Picture maker: draws pictures, one at a time; keeps each face's heatmap for the next one."""

    def __init__(self) -> None:
        self._heat_images = HeatmapImages()
        self._free: deque[QImage] = deque(maxlen=_MOST_FREE)
        self._source = QImage()
        self._lock = threading.Lock()

    def draw(self, result: FrameResult, look: Look) -> Picture:
        """From any thread."""
        with self._lock:
            image = self._draw(result, look)
            picture = Picture(result, look, image)
            # memory is used again, as new is slow: it comes back when the picture is gone
            weakref.finalize(picture, self._free.append, image).atexit = False
            return picture

    def _draw(self, result: FrameResult, look: Look) -> QImage:
        width, height = math.ceil(look.width * look.ratio), math.ceil(look.height * look.ratio)
        canvas = self._room(width, height)
        canvas.setDevicePixelRatio(look.ratio)
        view_transform = look.view_transform(result)
        source = _borrowed(result.frame.image)
        whole = QRectF(source.rect())
        if look.mirrored or view_transform.scale * look.ratio != 1.0:
            source = self._converted(source)
        if view_transform.left > 0 or view_transform.top > 0:
            canvas.fill(QColor(DARK.canvas))
        painter = QPainter(canvas)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(view_transform.transform(), combine=True)
        painter.drawImage(whole, source)
        painter.setClipRect(whole)
        paint_heatmap(painter, result.faces, look.heatmap, look.places, self._heat_images)
        paint_landmarks(painter, result.faces, look.landmarks)
        painter.end()
        return canvas

    def _converted(self, source: QImage) -> QImage:
        """In the format that is scaled fastest."""
        if self._source.size() != source.size():
            self._source = QImage(source.size(), QImage.Format.Format_RGB32)
        painter = QPainter(self._source)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(0, 0, source)
        painter.end()
        return self._source

    def _room(self, width: int, height: int) -> QImage:
        """Memory of that size that no picture uses any more, else new."""
        while self._free:
            room = self._free.pop()
            if (room.width(), room.height()) == (width, height):
                return room
        return QImage(width, height, QImage.Format.Format_RGB32)


def _borrowed(pixels: NDArray[np.uint8]) -> QImage:
    """[H, W, 3] uint8 RGB as a picture, without a copy."""
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).data
    return QImage(data, width, height, width * 3, QImage.Format.Format_RGB888)
