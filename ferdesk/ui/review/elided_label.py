"""Label of one line that gives way: it is cut with an ellipsis where there is no room for it."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from ferdesk.ui.kit.plain_text import plain


class ElidedLabel(QLabel):
    """Label whose text widens no window; a tooltip tells all of it. Always plain text.

    Beside others it gives way down to ``least_px``.
    """

    def __init__(self, parent: QWidget | None = None, *, least_px: int = 0) -> None:
        super().__init__(parent)
        self._least_px = least_px
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        whole = super().minimumSizeHint()
        return QSize(min(self._least_px, whole.width()), whole.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = self.contentsRect()
        text = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideMiddle, area.width()
        )
        self.setToolTip(plain(self.text()) if text != self.text() else "")
        painter.setPen(self.palette().windowText().color())
        painter.drawText(area, int(self.alignment()), text)
