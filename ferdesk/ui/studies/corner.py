"""Corner of the participant's screen: their own face, its label, where the study asks for them."""

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from ferdesk.core.types import FrameResult
from ferdesk.ui.kit.language import label_text
from ferdesk.ui.studies.canvas import GREY, INK
from ferdesk.ui.studies.clip_reader import image_of

_SHARE = 5
"""The corner is a fifth of the screen wide."""


class Corner(QWidget):
    """Corner with the mirrored picture, the label of the first face, or both."""

    def __init__(self, screen: QWidget, *, face: bool, label: bool) -> None:
        super().__init__(screen)
        self._screen, self._face, self._label = screen, face, label
        self._image = image_of(np.full((3, 4, 3), 128, np.uint8))
        self.text = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.place()
        self.raise_()
        self.show()

    def place(self) -> None:
        """Take the corner of the screen that the participant sees now."""
        room = self._screen.screen().size()
        width = max(160, room.width() // _SHARE)
        self.resize(QSize(width, width * 3 // 4 if self._face else 40))
        self.move(room.width() - self.width() - 16, room.height() - self.height() - 16)

    @Slot(object)
    def show_result(self, result: FrameResult) -> None:
        faces = result.faces
        shown = bool(faces) and self._label and bool(faces[0].label)
        self.text = label_text(faces[0].label) if shown else ""
        if self._face:
            self._image = image_of(result.frame.image[:, ::-1])
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), GREY)
            if self._face:
                size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
                place = QRect(0, 0, size.width(), size.height())
                place.moveCenter(self.rect().center())
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(place, self._image)
            if self.text:
                line = QRect(0, self.height() - 40, self.width(), 40)
                painter.fillRect(line, QColor(GREY))
                painter.setPen(INK)
                painter.drawText(line, Qt.AlignmentFlag.AlignCenter, self.text)
