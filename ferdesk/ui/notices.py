"""Notices above the picture: they never take the focus and never stop the work."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.ui.language import tr
from ferdesk.ui.live import Choice, Notice
from ferdesk.ui.theme import GRID

PASSES_AFTER_MS = 8000
MOST_SHOWN = 3


class NoticeCard(QFrame):
    """One notice with its folded details and a button that closes it."""

    closed = Signal()

    def __init__(self, notice: Notice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notice = notice
        self._count = 1
        self.setObjectName("notice")
        self.setProperty("level", notice.level)
        self.text = QLabel(notice.text, self)
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details = QPlainTextEdit(notice.details, self)
        self.details.setReadOnly(True)
        self.details.setFixedHeight(20 * GRID)
        self.details.hide()
        self.unfold = QToolButton(self)
        self.unfold.setText(tr("Details"))
        self.unfold.setCheckable(True)
        self.unfold.setVisible(bool(notice.details))
        self.unfold.toggled.connect(self.details.setVisible)
        close = QToolButton(self)
        close.setText(tr("Close"))
        close.setAccessibleName(tr("Close this notice"))
        close.clicked.connect(self.closed)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.text, 1)
        self.choices = [self._choice_button(choice) for choice in notice.choices]
        for button in self.choices:
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.unfold, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(row)
        layout.addWidget(self.details)
        if not notice.stays:
            QTimer.singleShot(PASSES_AFTER_MS, self, self.closed.emit)

    def _choice_button(self, choice: Choice) -> QToolButton:
        button = QToolButton(self)
        button.setText(choice.text)

        def choose() -> None:
            self.closed.emit()
            choice.does()

        button.clicked.connect(choose)
        return button

    def again(self) -> None:
        """The same thing happened once more."""
        self._count += 1
        self.text.setText(tr("{text} (%n times)", n=self._count).format(text=self.notice.text))


class Notices(QWidget):
    """A short stack, newest below; one that is said again is counted, not repeated."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: list[NoticeCard] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(1)
        self.hide()

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(card.text.text() for card in self._cards)

    @property
    def cards(self) -> tuple[NoticeCard, ...]:
        return tuple(self._cards)

    def show_notice(self, notice: Notice) -> None:
        for card in self._cards:
            if (card.notice.text, card.notice.level) == (notice.text, notice.level):
                card.again()
                return
        while len(self._cards) >= MOST_SHOWN:
            self._remove(self._oldest())
        card = NoticeCard(notice, self)
        card.closed.connect(lambda: self._remove(card))
        self._cards.append(card)
        self._layout.addWidget(card)
        self.show()

    def _oldest(self) -> NoticeCard:
        """The card to give up: one that would pass anyway, before one that stays."""
        return next((card for card in self._cards if not card.notice.stays), self._cards[0])

    def _remove(self, card: NoticeCard) -> None:
        if card in self._cards:
            self._cards.remove(card)
            self._layout.removeWidget(card)
            card.deleteLater()
            self.setVisible(bool(self._cards))
