"""Notices over the picture's lower corner: they push nothing aside and never take the focus."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QDesktopServices,
    QGuiApplication,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.ui.kit.icons import draw, give_icon
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.notice import Choice, Level, Notice
from ferdesk.ui.kit.theme import GRID, colours

PASSES_AFTER_MS = 8000
MOST_SHOWN = 3
_WIDEST_PX = 56 * GRID
_MARGIN_PX = 2 * GRID
_ICON_PX = 20
_ICONS: dict[Level, tuple[str, str]] = {
    "info": ("info", "muted"),
    "warning": ("triangle-alert", "amber"),
    "error": ("circle-alert", "red"),
}
"""The icon of a level, and its colour in the theme."""


class NoticeCard(QFrame):
    """Notice card: one notice with its folded details and a button that closes it."""

    closed = Signal()

    def __init__(self, notice: Notice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notice = notice
        self._count = 1
        self.setObjectName("notice")
        self.setProperty("level", notice.level)
        icon, colour = _ICONS[notice.level]
        picture = QLabel(self)
        picture.setPixmap(draw(icon, getattr(colours(), colour), _ICON_PX))
        self.text = QLabel(notice.text, self)
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details = QPlainTextEdit(notice.details, self)
        self.details.setReadOnly(True)
        self.details.setAccessibleName(tr("Details"))
        lines = min(max(notice.details.count("\n") + 1, 2), 8)
        # its lines and what stands around them: margins, frame, a scroll bar
        self.details.setFixedHeight(lines * self.fontMetrics().lineSpacing() + 4 * GRID)
        self.details.hide()
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.text, 1)
        close = self._add_button(row, "")
        give_icon(close, "x")
        close.setAccessibleName(tr("Close message"))
        close.setToolTip(tr("Close message"))
        close.clicked.connect(self.closed)
        # in line with the first line of the text, which stands beside the cross
        picture.setFixedHeight(close.sizeHint().height())
        self.text.setContentsMargins(0, GRID // 2, 0, 0)
        below = QHBoxLayout()
        below.setSpacing(GRID)
        below.addStretch(1)
        self.choices: list[QToolButton] = []
        for choice in notice.choices:
            button = self._add_button(below, choice.text)
            # queued: what it does may open a menu, and the press must have ended by then
            button.clicked.connect(
                partial(self._choose, choice), Qt.ConnectionType.QueuedConnection
            )
            self.choices.append(button)
        if notice.file is not None:
            self.open_file = self._add_button(below, tr("Open report"))
            self.open_file.clicked.connect(self._open_file)
        self.copy = self._add_button(below, tr("Copy"))
        self.copy.setVisible(bool(notice.details))
        self.copy.clicked.connect(self._copy)
        self.unfold = self._add_button(below, tr("Details"))
        self.unfold.setCheckable(True)
        self.unfold.setVisible(bool(notice.details))
        self.unfold.toggled.connect(self.details.setVisible)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        layout.setSpacing(0)
        layout.addLayout(row)
        if notice.choices or notice.details or notice.file is not None:
            layout.addLayout(below)
        layout.addWidget(self.details)
        if not notice.stays:
            QTimer.singleShot(PASSES_AFTER_MS, self, self.closed.emit)

    def _add_button(self, row: QHBoxLayout, text: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return button

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self.notice.text}\n\n{self.notice.details}")

    def _open_file(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.notice.file)))

    def _choose(self, choice: Choice, _checked: bool = False) -> None:
        self.closed.emit()
        choice.does()

    def again(self) -> None:
        """The same thing happened once more."""
        self._count += 1
        self.text.setText(tr("{text} (%n times)", "", self._count).format(text=self.notice.text))


class Notices(QWidget):
    """Notices: a short stack, newest below; one that is repeated is counted, not added.

    They lie over the lower right corner of the widget that they follow, within ``parent``.
    """

    brief = Signal(str)
    """The text of a notice that is worth a line at the side."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._cards: list[NoticeCard] = []
        self._over: QWidget = parent
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(GRID)
        parent.installEventFilter(self)
        self.hide()

    def follow(self, widget: QWidget) -> None:
        """Lie over ``widget`` from now on."""
        if self._over is not self.parentWidget():
            self._over.removeEventFilter(self)
        self._over = widget
        widget.installEventFilter(self)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show):
            self._place()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._place()
        return super().event(event)

    def _place(self) -> None:
        """As wide as there is room, as high as the texts need, in the corner."""
        if not self._cards:
            return
        room = self._over.size()
        width = max(min(_WIDEST_PX, room.width() - 2 * _MARGIN_PX), 1)
        height = self._layout.totalHeightForWidth(width)
        corner = QPoint(room.width() - width, room.height() - height)
        corner -= QPoint(_MARGIN_PX, _MARGIN_PX)
        parent = self.parentWidget()
        assert parent is not None
        at = self._over.mapTo(parent, corner)
        self.setGeometry(at.x(), max(at.y(), 0), width, height)
        self.raise_()

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(card.text.text() for card in self._cards)

    @property
    def cards(self) -> tuple[NoticeCard, ...]:
        return tuple(self._cards)

    def show_notice(self, notice: Notice) -> None:
        notice = replace(notice, text=translated(notice.text))
        if notice.brief:
            self.brief.emit(notice.text)
            self._announce(notice.text)
            return
        for card in [c for c in self._cards if notice.topic and c.notice.topic == notice.topic]:
            self._remove(card)
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
        self._place()
        self._announce(notice.text)

    def settle(self, session: Path) -> None:
        """Close what led to the session in this folder, which is opened now."""
        for card in [card for card in self._cards if card.notice.about == session]:
            self._remove(card)

    def _announce(self, text: str) -> None:
        # it takes no focus, so a screen reader must be notified
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))

    def _oldest(self) -> NoticeCard:
        """The card to give up: one that would pass anyway, before one that stays."""
        return next((card for card in self._cards if not card.notice.stays), self._cards[0])

    def _remove(self, card: NoticeCard) -> None:
        if card in self._cards:
            self._cards.remove(card)
            self._layout.removeWidget(card)
            card.hide()
            card.deleteLater()
            self.setVisible(bool(self._cards))
            self._place()
