"""Canvas of the participant's screen: scenes, and the moment at which each was really shown.

With a graphics card the canvas is drawn by OpenGL and the moment is that of ``frameSwapped``, when
the card has taken the picture. Without one, or with one that only software plays, it is drawn in
memory and the moment is when the picture was handed to the window system.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QRectF, QSize, QSizeF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QImage,
    QOffscreenSurface,
    QOpenGLContext,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget

from ferdesk.ui.kit.theme import GRID

GREY = QColor("#808080")
"""Between black and white, so that a dark and a bright stimulus are as far from it."""
INK = QColor("#000000")
_GL_RENDERER = 0x1F01
_IN_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swiftshader", "software", "basic render")

CanvasKind = Literal["opengl", "raster"]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Scene: a picture, a text with a line below it, a cross, or nothing but grey.

    ``image`` has as many pixels as it should have on the screen.
    """

    image: QImage | None = None
    text: str = ""
    hint: str = ""
    cross: bool = False

    def paint(self, painter: QPainter, room: QRectF, ratio: float) -> None:
        """Fill ``room``; ``ratio`` is how many pixels of the screen one of the painter's is."""
        painter.fillRect(room, GREY)
        if self.image is not None:
            size = QSizeF(self.image.size()) / ratio
            left = room.center().x() - size.width() / 2
            top = room.center().y() - size.height() / 2
            # whole pixels, so that nothing is smeared over two
            place = QRectF(round(left * ratio) / ratio, round(top * ratio) / ratio, 0, 0)
            place.setSize(size)
            painter.drawImage(place, self.image)
        if self.cross:
            self._paint_cross(painter, room)
        if self.text:
            self._paint_text(painter, room)
        if self.hint:
            font = painter.font()
            font.setPixelSize(max(12, round(room.height() / 45)))
            painter.setFont(font)
            painter.setPen(INK)
            below = QRectF(room.left(), room.bottom() - 0.1 * room.height(), room.width(), 40)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self.hint)

    def _paint_cross(self, painter: QPainter, room: QRectF) -> None:
        arm = max(8.0, room.height() / 60)
        centre = room.center()
        painter.setPen(QPen(INK, max(2.0, arm / 5)))
        painter.drawLine(
            int(centre.x() - arm), int(centre.y()), int(centre.x() + arm), int(centre.y())
        )
        painter.drawLine(
            int(centre.x()), int(centre.y() - arm), int(centre.x()), int(centre.y() + arm)
        )

    def _paint_text(self, painter: QPainter, room: QRectF) -> None:
        font = painter.font()
        painter.setPen(INK)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        if self.cross:
            room = room.adjusted(0, 0.6 * room.height(), 0, -0.1 * room.height())
        inner = room.adjusted(
            0.12 * room.width(), 0.06 * room.height(), -0.12 * room.width(), -0.12 * room.height()
        )
        # as large as reads well from a chair, smaller where a long text would not fit
        for share in (28, 34, 42, 52, 64):
            font.setPixelSize(
                max(12, round(room.height() / share)) if not self.cross else 2 * GRID + 4
            )
            painter.setFont(font)
            if inner.contains(painter.boundingRect(inner, flags, self.text)):
                break
        painter.drawText(inner, flags, self.text)


class _Stamps:
    """Numbers of the scenes, and which of them were told as shown."""

    def __init__(self) -> None:
        self.wanted = self.painted = self.told = 0


class RasterCanvas(QWidget):
    """Canvas drawn in memory; ``presented`` has the number of a scene and when it was shown."""

    presented = Signal(int, float)
    method = "repaint"
    refreshes_late = 2
    """By how many refreshes of the screen a moment may be too early: one to be composed by the
    window system, one to be sent to the screen."""

    def __init__(self, clock: Callable[[], float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._clock, self._scene, self._stamps = clock, Scene(), _Stamps()
        self._repainting = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    @property
    def scene(self) -> Scene:
        """What is shown, or will be with the next painting."""
        return self._scene

    def show_scene(self, scene: Scene) -> int:
        """Show ``scene`` as soon as can be; returns its number."""
        self._scene = scene
        self._stamps.wanted += 1
        # at once, not with the next turn of the event loop
        self._repainting = True
        self.repaint()
        self._repainting = False
        self._tell()
        return self._stamps.wanted

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            self._scene.paint(painter, QRectF(self.rect()), self.devicePixelRatio())
        self._stamps.painted = self._stamps.wanted
        if not self._repainting:
            QTimer.singleShot(0, self, self._tell)

    @Slot()
    def _tell(self) -> None:
        stamps = self._stamps
        if stamps.told < stamps.painted:
            stamps.told = stamps.painted
            self.presented.emit(stamps.painted, self._clock())


class OpenGLCanvas(QOpenGLWidget):
    """Canvas drawn by OpenGL; ``presented`` has the number of a scene and when it was shown."""

    presented = Signal(int, float)
    method = "frameSwapped"
    refreshes_late = 1
    """By how many refreshes of the screen a moment may be too early."""

    def __init__(self, clock: Callable[[], float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._clock, self._scene, self._stamps = clock, Scene(), _Stamps()
        self.frameSwapped.connect(self._tell)

    @property
    def scene(self) -> Scene:
        """What is shown, or will be with the next painting."""
        return self._scene

    def show_scene(self, scene: Scene) -> int:
        """Show ``scene`` as soon as can be; returns its number."""
        self._scene = scene
        self._stamps.wanted += 1
        self.update()
        return self._stamps.wanted

    def paintGL(self) -> None:
        with QPainter(self) as painter:
            self._scene.paint(painter, QRectF(self.rect()), self.devicePixelRatio())
        self._stamps.painted = self._stamps.wanted

    @Slot()
    def _tell(self) -> None:
        stamps = self._stamps
        if stamps.told < stamps.painted:
            stamps.told = stamps.painted
            self.presented.emit(stamps.painted, self._clock())


Canvas = RasterCanvas | OpenGLCanvas


def make_canvas(
    clock: Callable[[], float], parent: QWidget | None = None, kind: CanvasKind | None = None
) -> Canvas:
    """The canvas that knows best here when a scene is shown, or that of ``kind``."""
    wanted = kind or ("opengl" if has_graphics_card() else "raster")
    return OpenGLCanvas(clock, parent) if wanted == "opengl" else RasterCanvas(clock, parent)


def has_graphics_card() -> bool:
    """Whether OpenGL works and is not played in software, which shows nothing sooner."""
    if QGuiApplication.platformName() in ("offscreen", "minimal"):
        return False
    context, surface = QOpenGLContext(), QOffscreenSurface()
    if not context.create():
        return False
    surface.create()
    if not (surface.isValid() and context.makeCurrent(surface)):
        return False
    name = str(context.functions().glGetString(_GL_RENDERER) or "").casefold()
    context.doneCurrent()
    return bool(name) and not any(word in name for word in _IN_SOFTWARE)


def fitted(image: QImage, room: QSize) -> QImage:
    """``image`` as large as ``room`` takes it, in pixels of the screen; on any thread."""
    if image.size() == room:
        return image
    return image.scaled(
        room, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
