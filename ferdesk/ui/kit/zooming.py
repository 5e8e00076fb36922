"""Zooming of a picture: the wheel and the keys change its size, dragging moves it."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QSizeF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from ferdesk.ui.kit.view_transform import WHOLE, Zoom, kept_inside, moved, zoomed

_STEP = 1.25
_NOTCH = 120.0
"""What a wheel reports for one notch."""


class Zooming:
    """Zooming: ``zoom`` is what is shown; ``sizes`` gives picture and view, None without one."""

    def __init__(
        self,
        sizes: Callable[[], tuple[QSizeF, QSizeF] | None],
        mirrored: Callable[[], bool],
        changed: Callable[[], None],
    ) -> None:
        self._sizes, self._mirrored, self._changed = sizes, mirrored, changed
        self._zoom = WHOLE
        self._pressed: QPointF | None = None
        self._dragging = False

    @property
    def zoom(self) -> Zoom:
        """As it fits the picture that is there now, which may have another shape than the last."""
        sizes = self._sizes()
        if sizes is None or self._zoom == WHOLE:
            return WHOLE
        return kept_inside(self._zoom, picture=sizes[0], view=sizes[1])

    @property
    def dragging(self) -> bool:
        return self._dragging

    def step(self, by: float, at: QPointF | None = None) -> None:
        """Zoom in by so many notches, out where negative; around ``at``, else the middle."""
        if (sizes := self._sizes()) is None:
            return
        picture, view = sizes
        point = QPointF(view.width() / 2, view.height() / 2) if at is None else at
        self._show(
            zoomed(
                self.zoom,
                _STEP**by,
                at=point,
                picture=picture,
                view=view,
                mirrored=self._mirrored(),
            )
        )

    def reset(self) -> None:
        """Show the whole picture."""
        self._show(WHOLE)

    def wheel(self, event: QWheelEvent) -> None:
        self.step(event.angleDelta().y() / _NOTCH, event.position())

    def press(self, event: QMouseEvent) -> None:
        """A button is down: a drag may follow, where the picture is larger than the view."""
        if self.zoom.factor > 1.0:
            self._pressed = event.position()

    def move(self, event: QMouseEvent) -> bool:
        """Whether the picture was dragged."""
        sizes = self._sizes()
        if self._pressed is None or sizes is None or event.buttons() == Qt.MouseButton.NoButton:
            self._pressed, self._dragging = None, False
            return False
        by = event.position() - self._pressed
        if not self._dragging and by.manhattanLength() < QApplication.startDragDistance():
            return False
        self._dragging, self._pressed = True, event.position()
        picture, view = sizes
        self._show(moved(self.zoom, by, picture=picture, view=view, mirrored=self._mirrored()))
        return True

    def release(self) -> None:
        self._pressed, self._dragging = None, False

    def _show(self, zoom: Zoom) -> None:
        if zoom != self._zoom:
            self._zoom = zoom
            self._changed()
