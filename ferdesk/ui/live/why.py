"""Why a label has low confidence, or a face none: a small button and the few lines it opens."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QLabel, QToolButton, QVBoxLayout, QWidget

from ferdesk.core.annotation import REASONS
from ferdesk.core.quality import LowConfidenceReason
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import mark, tr, translated
from ferdesk.ui.kit.theme import GRID

ADVICE: dict[LowConfidenceReason, str] = {
    "small": mark("move closer or use a higher resolution"),
    "turned": mark("face the camera"),
    "tilted": mark("keep the head or the camera upright"),
    "dark": mark("needs more light"),
    "bright": mark("needs less light"),
    "blurred": mark("hold still, or clean and focus the camera"),
}
"""What to do about a face that is not classified."""


def why_text(reason: LowConfidenceReason) -> str:
    """A few sentences on why this face's label has low confidence, or why it has none."""
    if reason == "unclear":
        return tr(
            "Low confidence: no label is clearly ahead of the others. The label is the most "
            "probable one, but it is often wrong. The settings hold the limits."
        )
    return tr(
        "This face is {reason}, so it gets no label: {advice}. Rows are still recorded and are "
        "marked as uncertain."
    ).format(reason=translated(REASONS[reason]), advice=tr(ADVICE[reason]))


class WhyButton(QToolButton):
    """Why button: opens a popover that explains the chosen face's state; any click closes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inline")
        give_icon(self, "info")
        self.setAccessibleName(tr("Why low confidence?"))
        self.setToolTip(tr("Why low confidence?"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.popover = QFrame(self, Qt.WindowType.Popup)
        self.popover.setObjectName("notice")
        self.words = QLabel(self.popover)
        self.words.setWordWrap(True)
        self.words.setFixedWidth(36 * GRID)
        layout = QVBoxLayout(self.popover)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.addWidget(self.words)
        self.clicked.connect(self._open)
        self.hide()

    def explain(self, reason: LowConfidenceReason) -> None:
        """Offer what is to be said of ``reason``; nothing where there is none."""
        self.setVisible(reason != "")
        if reason:
            self.words.setText(why_text(reason))

    def _open(self) -> None:
        self.popover.adjustSize()
        below = self.mapToGlobal(QPoint(self.width() - self.popover.width(), self.height()))
        screen = self.screen().availableGeometry()
        x = min(max(below.x(), screen.left()), screen.right() - self.popover.width())
        y = min(below.y(), screen.bottom() - self.popover.height())
        self.popover.move(x, y)
        self.popover.show()
