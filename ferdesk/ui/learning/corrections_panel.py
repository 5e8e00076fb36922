"""Corrections panel: the training examples, counted, shown, deleted and trained on."""

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QKeyEvent, QKeySequence, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.labels import LABELS
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import label_text, tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.learning.corrections import Correction

_FACE_PX = 48
_MOST_SHOWN = 200
"""More pictures than anyone looks through; the folder shows the rest."""
_FEWEST = 2
"""Faces that a training needs."""
_CORRECTION = Qt.ItemDataRole.UserRole


class _Faces(QListWidget):
    """List of examples that reports the key for deleting."""

    delete_pressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Delete):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


class CorrectionsPanel(QWidget):
    """Corrections panel: shows what is saved and signals what the user wants; touches no file."""

    delete_wanted = Signal(object)
    """A list of ``Correction``."""
    folder_wanted = Signal()
    train_wanted = Signal()
    cancel_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stored: Mapping[str, tuple[Correction, ...]] = {}
        self.intro = QLabel(
            tr("Press C, then 1-7, to save this face as a training example."),
            self,
        )
        self.intro.setWordWrap(True)
        self.intro.setProperty("role", "muted")
        self.label = QComboBox(self)
        self.label.setAccessibleName(tr("Label of the training examples"))
        self.label.currentIndexChanged.connect(self._show_faces)
        self.faces = _Faces(self)
        self.faces.setViewMode(QListWidget.ViewMode.IconMode)
        self.faces.setIconSize(QSize(_FACE_PX, _FACE_PX))
        self.faces.setGridSize(QSize(_FACE_PX + GRID, _FACE_PX + GRID))
        self.faces.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.faces.setMovement(QListWidget.Movement.Static)
        self.faces.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.faces.setMinimumHeight(2 * (_FACE_PX + GRID) + GRID)
        self.faces.setAccessibleName(tr("Training examples"))
        self.faces.itemSelectionChanged.connect(self._selection_changed)
        self.faces.delete_pressed.connect(self._delete)
        self.delete = QPushButton(tr("Delete"), self)
        self.delete.setToolTip(tr("Permanently delete the selected examples (Del)"))
        self.delete.clicked.connect(self._delete)
        self.folder = QPushButton(tr("Open folder"), self)
        self.folder.clicked.connect(self.folder_wanted)
        self.train = QPushButton(tr("Train a model"), self)
        self.train.clicked.connect(self.train_wanted)
        self.why_not = QLabel(self)
        self.why_not.setWordWrap(True)
        self.why_not.setProperty("role", "muted")
        self.cancel = QPushButton(tr("Cancel"), self)
        self.cancel.clicked.connect(self.cancel_wanted)
        self.progress = QLabel(self)
        self.progress.setWordWrap(True)
        self.progress.setProperty("role", "muted")
        self.progress.setTextFormat(Qt.TextFormat.PlainText)
        self.command = QLineEdit(self)
        self.command.setReadOnly(True)
        self.command.setAccessibleName(tr("Command that trains a model on these examples"))
        self.copy = QPushButton(tr("Copy"), self)
        self.copy.clicked.connect(self._copy)
        for button, icon in (
            (self.delete, "trash-2"),
            (self.folder, "folder-open"),
            (self.train, "graduation-cap"),
            (self.cancel, "x"),
            (self.copy, "copy"),
        ):
            give_icon(button, icon)
        self._lay_out()
        self.show_stored(dict.fromkeys(LABELS, ()), Path())
        self.show_idle()

    @property
    def selected(self) -> list[Correction]:
        return [item.data(_CORRECTION) for item in self.faces.selectedItems()]

    def show_stored(self, stored: Mapping[str, tuple[Correction, ...]], folder: Path) -> None:
        """What is there now, by label."""
        self._stored = stored
        self._total = sum(len(faces) for faces in stored.values())
        chosen = max(self.label.currentIndex(), 0)
        self.label.blockSignals(True)
        self.label.clear()
        for label in LABELS:
            count = len(stored.get(label, ()))
            self.label.addItem(f"{label_text(label)}: {count}", label)
        self.label.setCurrentIndex(chosen)
        self.label.blockSignals(False)
        self.folder.setToolTip(plain(str(folder)))
        self._show_faces()
        self.train.setEnabled(self._total >= _FEWEST)
        text = tr("Training needs at least {least} faces (%n stored).", "", self._total)
        why_not = text.format(least=_FEWEST) if self._total < _FEWEST else ""
        self.why_not.setText(why_not)
        self.why_not.setVisible(bool(why_not))
        self.train.setToolTip(why_not)

    def show_label(self, label: str) -> None:
        """Look at the faces of this label."""
        self.label.setCurrentIndex(LABELS.index(label))

    def show_idle(self, text: str = "") -> None:
        """Nothing is being trained."""
        self.train.show()
        self.cancel.hide()
        self.progress.setText(text)
        self.progress.setVisible(bool(text))

    def show_training(self, line: str) -> None:
        """The trainer runs; ``line`` is its last line of output."""
        self.train.hide()
        self.cancel.show()
        self.progress.setText(line)
        self.progress.show()
        self.show_command("", "")

    def show_command(self, why: str, command: str) -> None:
        """What to type elsewhere, and why; empty for nothing."""
        for widget in (self.command, self.copy):
            widget.setVisible(bool(command))
        self.command.setText(command)
        self.command.setCursorPosition(0)
        if command:
            self.progress.setText(why)
            self.progress.show()

    def _show_faces(self) -> None:
        # what was selected stays so when something is added or gone
        selected = {correction.picture for correction in self.selected}
        self.faces.clear()
        for correction in self._stored.get(self.label.currentData(), ())[:_MOST_SHOWN]:
            item = QListWidgetItem(QIcon(QPixmap(str(correction.picture))), "")
            item.setData(_CORRECTION, correction)
            item.setToolTip(plain(correction.picture.name))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, correction.picture.stem)
            self.faces.addItem(item)
            item.setSelected(correction.picture in selected)
        self._selection_changed()

    def _selection_changed(self) -> None:
        self.delete.setEnabled(bool(self.faces.selectedItems()))

    def _delete(self) -> None:
        if self.selected:
            self.delete_wanted.emit(self.selected)

    def _copy(self) -> None:
        self.command.selectAll()
        self.command.copy()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        for button in (self.delete, self.folder):
            buttons.addWidget(button)
        learn = QHBoxLayout()
        learn.setSpacing(GRID)
        for button in (self.train, self.cancel):
            learn.addWidget(button, 1)
        command = QHBoxLayout()
        command.setSpacing(GRID)
        command.addWidget(self.command, 1)
        command.addWidget(self.copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.intro)
        layout.addWidget(self.label)
        layout.addWidget(self.faces, 1)
        layout.addLayout(buttons)
        layout.addLayout(learn)
        layout.addWidget(self.why_not)
        layout.addWidget(self.progress)
        layout.addLayout(command)
