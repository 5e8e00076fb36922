"""Video view: the frame, letterboxed, with heatmap, boxes and plates, or its state in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QHideEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from ferdesk.core.heatmap import HeatmapChoice
from ferdesk.core.measures.drawing import LandmarksShown
from ferdesk.core.types import FrameResult, MapName, MapPlace
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.overlay import (
    paint_corner,
    paint_faces,
    paint_ground,
    paint_note,
)
from ferdesk.ui.kit.picture import Look, Picture, PictureMaker
from ferdesk.ui.kit.plates import PlatePlaces
from ferdesk.ui.kit.theme import DARK, GRID, titled
from ferdesk.ui.kit.view_transform import ViewTransform
from ferdesk.ui.kit.zooming import Zooming

_SETTLED_AFTER_MS = 120


@dataclass(frozen=True, slots=True)
class ViewState:
    """View state: the words over the picture.

    ``title`` and ``text`` stand in the middle, over a dimmed picture; ``note`` is a short line at
    the lower edge of a picture that is not dimmed.
    """

    title: str = ""
    text: str = ""
    note: str = ""
    dimmed: bool = False


class VideoView(QWidget):
    """Video view: shows one result at a time and reports which face was clicked.

    The wheel zooms around the mouse, dragging moves a zoomed picture, a double click shows all of
    it again.
    """

    face_clicked = Signal(int)
    """The id of the face under the mouse; of two, the smaller."""
    double_clicked = Signal()
    painted = Signal(object)
    """A ``FrameResult`` that is on the screen for the first time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._result: FrameResult | None = None
        self._unseen = False
        self._maker = PictureMaker()
        self._picture: Picture | None = None
        self._look: Look | None = None
        self._settle = QTimer(self, singleShot=True, interval=_SETTLED_AFTER_MS)
        self._settle.timeout.connect(self._draw_settled)
        self._state = ViewState()
        self._heat = HeatmapChoice()
        self._landmarks: LandmarksShown = "off"
        self._places: Mapping[MapName, MapPlace] = {}
        self._plates = PlatePlaces()
        self._names: Mapping[int, str] = {}
        self._mirrored = False
        self._fonts: tuple[QFont, QFont] | None = None
        self._boxes = self._labels = True
        self._chosen_id: int | None = None
        self._hovered_id: int | None = None
        self.zooming = Zooming(self._sizes, lambda: self._mirrored, self.update)
        self.setMinimumSize(40 * GRID, 30 * GRID)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Live video"))

    @property
    def result(self) -> FrameResult | None:
        return self._result

    @property
    def state(self) -> ViewState:
        return self._state

    @property
    def names(self) -> Mapping[int, str]:
        return self._names

    def draw_ahead(self, result: FrameResult) -> Picture | None:
        """The picture of ``result`` as this view shows pictures now; from any thread.

        None while the view shows none, and one that comes to be wanted otherwise is drawn again.
        """
        look = self._look
        return None if look is None else self._maker.draw(result, look)

    def show_result(
        self, result: FrameResult, chosen_id: int | None, picture: object = None
    ) -> None:
        """Show ``result``; ``picture`` is what ``draw_ahead`` made of it, if anything."""
        self._result, self._chosen_id = result, chosen_id
        if isinstance(picture, Picture):
            self._picture = picture
        self._unseen = True
        self.update()

    def clear(self) -> None:
        """Show no picture: one that stays looks live."""
        self._result = self._picture = None
        self._hovered_id = None
        self.zooming.reset()
        self.unsetCursor()
        self.update()

    def set_state(self, state: ViewState) -> None:
        if state != self._state:
            self._state = state
            self.setAccessibleDescription(" ".join(filter(None, (state.title, state.text))))
            self.update()

    def set_heatmap(self, heatmap: HeatmapChoice, places: Mapping[MapName, MapPlace]) -> None:
        self._heat, self._places = heatmap, places
        self.update()

    def set_landmarks(self, shown: LandmarksShown) -> None:
        """What is drawn of the landmarks of faces that have some."""
        self._landmarks = shown
        self.update()

    def set_names(self, names: Mapping[int, str]) -> None:
        """The names that the user gave to faces, by id."""
        self._names = names
        self.update()

    def set_overlays(self, *, boxes: bool, labels: bool) -> None:
        """Which of the marks around faces are painted."""
        self._boxes, self._labels = boxes, labels
        self.update()

    def set_mirrored(self, mirrored: bool) -> None:
        self._mirrored = mirrored
        self.update()

    def set_chosen(self, face_id: int | None) -> None:
        self._chosen_id = face_id
        self.update()

    def view_transform(self) -> ViewTransform | None:
        """Where the picture lies in this widget; None where there is no picture."""
        return None if self._result is None else self._wanted().view_transform(self._result)

    def face_at(self, point: QPointF) -> int | None:
        """The id of the face at ``point`` of this widget."""
        view_transform = self.view_transform()
        if view_transform is None or self._result is None or self._state.dimmed:
            return None
        hit = [face for face in self._result.faces if view_transform.rect(face.box).contains(point)]
        return min(hit, key=lambda face: face.box.area).face_id if hit else None

    def snapshot(self) -> QImage:
        """The picture with all that is painted over it, in the picture's own size."""
        assert self._result is not None, "there is no picture"
        height, width = self._result.frame.image.shape[:2]
        look = Look(
            width, height, 1.0, self._mirrored, self._heat, self._places, landmarks=self._landmarks
        )
        canvas = PictureMaker().draw(self._result, look).image
        painter = QPainter(canvas)
        font = QFont(self.font())
        font.setPixelSize(max(12, height // 36))
        self._paint_marks(
            painter,
            self._result,
            look.view_transform(self._result),
            font,
            PlatePlaces(),
            QRectF(canvas.rect()),
        )
        painter.end()
        return canvas

    def _marks_font(self) -> QFont:
        """The font of the plates; kept, as Qt looks a new one up for a millisecond."""
        own = self.font()
        if self._fonts is None or self._fonts[0] != own:
            bold = QFont(own)
            bold.setWeight(QFont.Weight.DemiBold)
            self._fonts = (QFont(own), bold)
        return self._fonts[1]

    def _sizes(self) -> tuple[QSizeF, QSizeF] | None:
        """Of the picture and of this widget."""
        if self._result is None:
            return None
        height, width = self._result.frame.image.shape[:2]
        return QSizeF(width, height), QSizeF(self.size())

    def paintEvent(self, event: QPaintEvent) -> None:
        look = self._look = self._wanted()
        painter = QPainter(self)
        if self._result is None:
            painter.fillRect(self.rect(), QColor(DARK.canvas))
        else:
            self._paint_picture(painter, self._result, look)
            if not self._state.dimmed:
                font = self._marks_font()
                view_transform = look.view_transform(self._result)
                room = QRectF(self.rect())
                self._paint_marks(painter, self._result, view_transform, font, self._plates, room)
        if self._state.dimmed:
            veil = QColor(DARK.canvas)
            veil.setAlphaF(0.72)
            painter.fillRect(self.rect(), veil)
        if self._state.title:
            self._paint_words(painter)
        elif self._state.note:
            paint_note(painter, self._state.note, self.font(), QRectF(self.rect()))
        if look.zoom.factor > 1.0:
            text = tr("{factor:.0%} · double-click for the whole picture")
            text = text.format(factor=look.zoom.factor)
            paint_corner(painter, text, self.font(), QRectF(self.rect()))
        if self._unseen and self._result is not None:
            self._unseen = False
            self.painted.emit(self._result)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.zooming.press(event)
        face_id = self.face_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and face_id is not None:
            self.face_clicked.emit(face_id)
        else:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.zooming.release()
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.zooming.zoom.factor > 1.0:
            self.zooming.reset()
        elif self.face_at(event.position()) is None:
            self.double_clicked.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.zooming.move(event):
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            return
        face_id = self.face_at(event.position())
        self._hover(face_id)
        if face_id is not None:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        elif self.zooming.zoom.factor > 1.0:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.unsetCursor()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._result is None:
            super().wheelEvent(event)
            return
        self.zooming.wheel(event)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)
        super().leaveEvent(event)

    def _hover(self, face_id: int | None) -> None:
        if face_id != self._hovered_id:
            self._hovered_id = face_id
            self.update()

    def _paint_picture(self, painter: QPainter, result: FrameResult, look: Look) -> None:
        picture = self._picture
        if picture is not None and picture.result is result and picture.look.fits(look):
            if picture.look != look and not self._settle.isActive():
                self._settle.start()
        else:
            picture = self._picture = self._maker.draw(result, look)
        picture.paint(painter, look)

    def _draw_settled(self) -> None:
        """The size was changed, and no newer picture has come since."""
        if self._picture is not None and self._picture.look != self._look:
            self._picture = None
            self.update()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._look = None

    def _wanted(self) -> Look:
        return Look(
            self.width(),
            self.height(),
            self.devicePixelRatioF(),
            self._mirrored,
            HeatmapChoice() if self._state.dimmed else self._heat,
            self._places,
            self.zooming.zoom,
            "off" if self._state.dimmed else self._landmarks,
        )

    def _paint_marks(
        self,
        painter: QPainter,
        result: FrameResult,
        view_transform: ViewTransform,
        font: QFont,
        plates: PlatePlaces,
        room: QRectF,
    ) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height, width = result.frame.image.shape[:2]
        # the picture's part that is seen: no mark stands on the margin around it
        whole = view_transform.transform().mapRect(QRectF(0, 0, width, height))
        view = whole.intersected(room)
        paint_faces(
            painter,
            view_transform,
            result.faces,
            chosen_id=self._chosen_id,
            font=font,
            view=view,
            hovered_id=self._hovered_id,
            names=self._names,
            places=plates,
            with_boxes=self._boxes,
            with_labels=self._labels,
        )

    def _paint_words(self, painter: QPainter) -> None:
        wrapped = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        width = min(self.width() - 4 * GRID, 60 * GRID)
        column = QRectF((self.width() - width) / 2, 0, width, self.height())
        heading = titled(self, 1.5)
        painter.setFont(heading)
        title = painter.boundingRect(column, wrapped, self._state.title)
        painter.setFont(self.font())
        text = painter.boundingRect(column, wrapped, self._state.text)
        top = (self.height() - title.height() - GRID - text.height()) / 2
        if self._result is not None:
            ground = title.united(title.adjusted(0, 0, 0, GRID + text.height()))
            ground = ground.united(text).translated(0, top)
            paint_ground(painter, ground.adjusted(-3 * GRID, -2 * GRID, 3 * GRID, 2 * GRID))
        painter.setFont(heading)
        painter.setPen(QColor(DARK.text))
        painter.drawText(column.translated(0, top), wrapped, self._state.title)
        painter.setFont(self.font())
        painter.setPen(QColor(DARK.muted))
        painter.drawText(
            column.translated(0, top + title.height() + GRID), wrapped, self._state.text
        )
