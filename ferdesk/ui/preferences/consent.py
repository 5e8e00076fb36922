"""Consent page: what the program does with faces, asked once before any camera is opened."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ferdesk.settings import Language, Settings
from ferdesk.ui.kit.icons import draw
from ferdesk.ui.kit.language import NAMES, mark, tr, wanted_language
from ferdesk.ui.kit.theme import GRID, colours

CONSENT_VERSION = 1
"""Goes up when the page says something new that a user has to agree to."""

_ICON_PX = 3 * GRID
_SECTIONS = (
    (
        "activity",
        mark("What ferdesk does"),
        mark(
            "ferdesk detects faces in a camera, video or photo and classifies "
            "each as one of seven expressions: angry, disgust, fear, happy, "
            "sad, surprise or neutral. It does not identify people."
        ),
    ),
    (
        "monitor",
        mark("Your data stays on this computer"),
        mark(
            "Everything runs on this computer, without the internet. Nothing "
            "is sent to other programs unless you turn on a stream in the menu "
            "beside Record."
        ),
    ),
    (
        "save",
        mark("What is saved, and when"),
        mark(
            "Nothing until you ask: Record saves data (and video or sound, if "
            "you choose) to a folder, Snapshot saves one image, a corrected label "
            "saves one small face image. Settings and a log without images are "
            "always kept."
        ),
    ),
    (
        "info",
        mark("A label is not an emotion"),
        mark(
            "The labels are a model's estimate of how observers would describe "
            "a face. They are often wrong, and a face does not prove what a "
            "person feels. Do not use them to make decisions about people."
        ),
    ),
    (
        "triangle-alert",
        mark("Legal limits"),
        mark(
            "In the European Union, inferring emotions of people at work and "
            "in education is prohibited, except for medical or safety reasons "
            "(AI Act, article 5); other laws may require more. Analyse other "
            "people only with their consent, and in research with ethics "
            "approval."
        ),
    ),
)


def needs_consent(settings: Settings) -> bool:
    """Whether the page must be shown before anything starts."""
    return settings.consent != CONSENT_VERSION


class ConsentPage(QDialog):
    """Consent page: accepted or rejected by the user; may ask to be shown in another language."""

    language_chosen = Signal(str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("ferdesk")
        self.languages = QComboBox(self)
        self.languages.setAccessibleName(tr("Language"))
        shown: Language = wanted_language(settings.language)
        for name, title in NAMES.items():
            self.languages.addItem(title, name)
        self.languages.setCurrentIndex(self.languages.findData(shown))
        self.languages.activated.connect(
            lambda _: self.language_chosen.emit(self.languages.currentData())
        )
        self.agree = QPushButton(tr("Agree and start"), self)
        self.agree.setObjectName("primary")
        self.agree.setDefault(True)
        self.agree.clicked.connect(self.accept)
        self.decline = QPushButton(tr("Do not agree"), self)
        self.decline.setObjectName("secondary")
        self.decline.setAutoDefault(False)
        self.decline.clicked.connect(self.reject)
        self._lay_out()
        self.agree.setFocus()
        room = self.screen().availableSize() * 0.9
        # all of it without scrolling, where the screen is large enough
        width = 88 * GRID
        around = self.sizeHint().height() - self._scroll.sizeHint().height()
        height = around + self._inside.heightForWidth(width - 8 * GRID) + 2 * GRID
        self.resize(QSize(width, height).boundedTo(room))

    def _lay_out(self) -> None:
        title = QLabel(tr("Before you start"), self)
        title.setProperty("role", "title")
        top = QHBoxLayout()
        top.addWidget(title, 1)
        top.addWidget(self.languages)
        inside = _Sections(self)
        sections = QVBoxLayout(inside)
        sections.setContentsMargins(0, 0, 2 * GRID, 0)
        sections.setSpacing(3 * GRID)
        for icon, heading, text in _SECTIONS:
            picture = QLabel(inside)
            picture.setPixmap(draw(icon, colours().muted, _ICON_PX))
            picture.setFixedWidth(_ICON_PX)
            head = QLabel(tr(heading), inside)
            head.setProperty("role", "heading")
            words = QLabel(tr(text), inside)
            words.setWordWrap(True)
            # as high as the heading, so that both stand in one line
            picture.setFixedHeight(max(_ICON_PX, head.sizeHint().height()))
            head.setMinimumHeight(picture.height())
            column = QVBoxLayout()
            column.setSpacing(GRID // 2)
            column.addWidget(head)
            column.addWidget(words)
            row = QHBoxLayout()
            row.setSpacing(2 * GRID)
            row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
            row.addLayout(column, 1)
            sections.addLayout(row)
        sections.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        self._inside, self._scroll = inside, scroll
        note = QLabel(tr("If you do not agree, ferdesk closes without opening a camera."), self)
        note.setProperty("role", "muted")
        note.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(note, 1)
        buttons.addWidget(self.decline)
        buttons.addWidget(self.agree)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4 * GRID, 3 * GRID, 4 * GRID, 3 * GRID)
        layout.setSpacing(3 * GRID)
        layout.addLayout(top)
        layout.addWidget(scroll, 1)
        layout.addLayout(buttons)


class _Sections(QWidget):
    """Asks for the height that its words need at its width, not at the narrowest."""

    def minimumSizeHint(self) -> QSize:
        return QSize(40 * GRID, self.heightForWidth(self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()
