"""Help: the guide, how a problem is reported, and what this program is made of."""

from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QImage, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from ferdesk.paths import assets_folder, docs_folder, licences_folder, log_folder
from ferdesk.ui.kit.folders import open_folder
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.theme import GRID
from ferdesk.version import VERSION

_LIBRARIES = (
    ("PySide6-Essentials", "LGPL-3.0"),
    ("onnxruntime", "MIT"),
    ("onnxruntime-gpu", "MIT"),
    ("opencv-python-headless", "Apache-2.0"),
    ("opencv-contrib-python", "Apache-2.0"),
    ("av", "BSD-3-Clause, FFmpeg LGPL-2.1"),
    ("numpy", "BSD-3-Clause"),
    ("pyqtgraph", "MIT"),
)


def versions() -> list[tuple[str, str, str]]:
    """The libraries that are installed: name, version, licence."""
    from importlib import metadata

    found = []
    for name, licence in _LIBRARIES:
        try:
            found.append((name, metadata.version(name), licence))
        except metadata.PackageNotFoundError:
            continue
    return found


class Guide(QDialog):
    """Guide: the documentation that ships with the program, without the internet."""

    def __init__(self, parent: QWidget | None = None, page: str = "guide.md") -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Guide"))
        self.text = _Pages(self)
        self.text.setAccessibleName(tr("Guide"))
        self.back_button = QPushButton(tr("Back"), self)
        give_icon(self.back_button, "arrow-left")
        self.back_button.setAutoDefault(False)
        self.back_button.clicked.connect(self.text.backward)
        self.text.backwardAvailable.connect(self.back_button.setEnabled)
        self.back_button.setEnabled(False)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        close.rejected.connect(self.close)
        row = QHBoxLayout()
        row.addWidget(self.back_button)
        row.addStretch(1)
        row.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.text, 1)
        layout.addLayout(row)
        room = self.screen().availableSize() * 0.85
        self.resize(QSize(112 * GRID, 96 * GRID).boundedTo(room))
        self.text.show_page(page)


class _Pages(QTextBrowser):
    """Shows Markdown files of the documentation; pictures are as wide as there is room."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setOpenExternalLinks(True)

    def show_page(self, name: str) -> None:
        folder = docs_folder()
        if folder is None or not (folder / name).is_file():
            self.setPlainText(
                tr("The guide is not installed here; ferdesk --help lists the commands.")
            )
            return
        self.setSearchPaths([str(folder)])
        self.setSource(QUrl.fromLocalFile(str(folder / name)))

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        url = QUrl(name)
        if kind == QTextDocument.ResourceType.ImageResource.value:
            path = Path(url.toLocalFile() or url.path())
            folder = docs_folder()
            if not path.is_absolute() and folder is not None:
                path = folder / path
            picture = QImage(str(path))
            widest = max(40 * GRID, self.viewport().width() - 6 * GRID)
            if picture.width() > widest:
                return picture.scaledToWidth(widest, Qt.TransformationMode.SmoothTransformation)
            return picture
        return super().loadResource(kind, url)


class ProblemReport(QDialog):
    """Problem report: what the developers need to know, to be copied into a report."""

    def __init__(self, facts: str, parent: QWidget | None = None) -> None:
        """``facts``: what runs at this moment, a line each."""
        super().__init__(parent)
        self.setWindowTitle(tr("Report a problem"))
        words = QLabel(
            tr(
                "Describe what you did, what you expected and what happened. Add the text below "
                "and, if you can, the newest files of the log folder. Neither has images; "
                "look through them before you send them. ferdesk itself sends nothing."
            ),
            self,
        )
        words.setWordWrap(True)
        self.facts = QPlainTextEdit(facts, self)
        self.facts.setReadOnly(True)
        self.facts.setAccessibleName(tr("Facts about this computer"))
        self.facts.setMinimumSize(60 * GRID, 22 * GRID)
        self.copy = QPushButton(tr("Copy"), self)
        give_icon(self.copy, "copy")
        self.copy.clicked.connect(
            lambda: QGuiApplication.clipboard().setText(self.facts.toPlainText())
        )
        logs = QPushButton(tr("Open log folder"), self)
        give_icon(logs, "folder-open")
        logs.clicked.connect(lambda: open_folder(log_folder()))
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        close.rejected.connect(self.close)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for button in (self.copy, logs):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(close)
        _column(self, words, self.facts, row)


class About(QDialog):
    """About: version, device and model that are used now, libraries and their licences."""

    def __init__(self, running: list[tuple[str, str]], parent: QWidget | None = None) -> None:
        """``running``: names and values of what runs now, in words for people."""
        super().__init__(parent)
        self.setWindowTitle(tr("About ferdesk"))
        title = QLabel(f"ferdesk {VERSION}", self)
        title.setProperty("role", "title")
        words = QLabel(
            tr(
                "Real-time facial-expression recognition on your own computer. A label is a "
                "model's estimate, not what a person feels."
            ),
            self,
        )
        words.setWordWrap(True)
        lines = [f"{name}: {value}" for name, value in running]
        lines += ["", tr("Libraries")]
        lines += [f"{name} {version} ({licence})" for name, version, licence in versions()]
        lines += ["", tr("ferdesk is under the MIT licence."), ""]
        lines += [licence_text()]
        self.details = QPlainTextEdit("\n".join(lines), self)
        self.details.setReadOnly(True)
        self.details.setAccessibleName(tr("Details"))
        self.details.setMinimumSize(60 * GRID, 30 * GRID)
        copy = QPushButton(tr("Copy"), self)
        give_icon(copy, "copy")
        copy.setAutoDefault(False)
        copy.clicked.connect(
            lambda: QGuiApplication.clipboard().setText(self.details.toPlainText())
        )
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        close.rejected.connect(self.close)
        row = QHBoxLayout()
        row.addWidget(copy)
        row.addStretch(1)
        row.addWidget(close)
        _column(self, title, words, self.details, row)


def licence_text() -> str:
    """What ships with the program and comes from others; empty where no file says so."""
    folder = licences_folder()
    places = [] if folder is None else [folder / "NOTICE"]
    places.append(assets_folder().parent / "NOTICE")
    for place in places:
        if place.is_file():
            return place.read_text(encoding="utf-8")
    return ""


def _column(dialog: QDialog, *parts: QWidget | QHBoxLayout) -> None:
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID)
    layout.setSpacing(2 * GRID)
    for part in parts:
        if isinstance(part, QHBoxLayout):
            layout.addLayout(part)
        else:
            layout.addWidget(part, 1 if isinstance(part, QPlainTextEdit) else 0)
