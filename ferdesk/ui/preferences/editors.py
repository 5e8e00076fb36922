"""Editors of the settings dialog: a number, a number that may be none, a text and a folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSlider,
    QWidget,
)

from ferdesk.paths import sessions_folder
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.theme import GRID

_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Row:
    """Row of the dialog: a field's title, one line of meaning, and how its number is shown."""

    name: str
    title: str
    hint: str = ""
    factor: float = 1.0
    step: float = 1.0
    suffix: str = ""
    decimals: int = 0
    example: str = ""
    """What an empty line of text shows, the same in every language."""


class Amount(QWidget):
    """Amount: a number by slider and by figure; both are one value."""

    changed = Signal(float)

    def __init__(
        self, row: Row, bounds: tuple[float, float], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._factor, self._step = row.factor, row.step
        low, high = (bound * row.factor for bound in bounds)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(round(low / row.step), round(high / row.step))
        self.slider.setAccessibleName(tr(row.title))
        self.box = QDoubleSpinBox(self)
        self.box.setDecimals(row.decimals)
        self.box.setRange(low, high)
        self.box.setSingleStep(row.step)
        self.box.setSuffix(tr(row.suffix) if row.suffix else "")
        self.box.setAccessibleName(tr(row.title))
        self.box.setMinimumHeight(4 * GRID)
        self.box.setMinimumWidth(14 * GRID)
        self.box.setKeyboardTracking(False)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.box)
        self.setFocusProxy(self.box)
        self.slider.valueChanged.connect(self._slid)
        self.box.valueChanged.connect(self._typed)

    def set_value(self, value: float) -> None:
        with QSignalBlocker(self.slider), QSignalBlocker(self.box):
            self.box.setValue(value * self._factor)
            self.slider.setValue(round(value * self._factor / self._step))

    def _slid(self, at: int) -> None:
        with QSignalBlocker(self.box):
            self.box.setValue(at * self._step)
        self.changed.emit(self.box.value() / self._factor)

    def _typed(self, figure: float) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(figure / self._step))
        self.changed.emit(figure / self._factor)


class Limit(QWidget):
    """Limit: a number, or None where the box stands at its least."""

    changed = Signal(object)
    """A float, or None for no limit."""

    def __init__(
        self, row: Row, bounds: tuple[float, float], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.box = QDoubleSpinBox(self)
        self.box.setDecimals(row.decimals)
        # below the least that can be set stands what sets none
        self.box.setRange(0, bounds[1] * row.factor)
        self.box.setSpecialValueText(tr("No limit"))
        self.box.setSingleStep(row.step)
        self.box.setSuffix(tr(row.suffix) if row.suffix else "")
        self.box.setAccessibleName(tr(row.title))
        self.box.setMinimumHeight(4 * GRID)
        self.box.setMinimumWidth(18 * GRID)
        self.box.setKeyboardTracking(False)
        self._least, self._factor = bounds[0], row.factor
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        layout.addStretch(1)
        self.setFocusProxy(self.box)
        self.box.valueChanged.connect(self._typed)

    def set_value(self, value: float | None) -> None:
        with QSignalBlocker(self.box):
            self.box.setValue(0 if value is None else value * self._factor)

    def _typed(self, figure: float) -> None:
        value = figure / self._factor
        self.changed.emit(None if figure <= 0 else max(value, self._least))


class TextEdit(QLineEdit):
    """Text edit: a line, which acts when it is left or Enter is pressed."""

    changed = Signal(str)

    def __init__(self, row: Row, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumHeight(4 * GRID)
        self.setMaxLength(_LONGEST)
        self.setPlaceholderText(row.example)
        self._value = ""
        self.editingFinished.connect(self._edited)

    def set_value(self, text: str) -> None:
        self._value = text
        self.setText(text)
        self.setCursorPosition(0)

    def _edited(self) -> None:
        text = " ".join(self.text().split())
        if text != self._value:
            self.set_value(text)
            self.changed.emit(text)


class FolderEdit(QWidget):
    """Folder edit: shows the folder that is used; a dialog chooses another, a button the usual."""

    changed = Signal(str)
    """The folder's path; empty for the usual one."""

    def __init__(
        self,
        row: Row,
        parent: QWidget | None = None,
        ask: Callable[[QWidget, str], str] | None = None,
    ) -> None:
        super().__init__(parent)
        self.ask = ask or _ask_folder
        self._path = ""
        self.line = QLineEdit(self)
        self.line.setReadOnly(True)
        self.line.setMinimumHeight(4 * GRID)
        self.line.setAccessibleName(tr(row.title))
        self.choose_button = QPushButton(tr("Choose…"), self)
        give_icon(self.choose_button, "folder-open")
        self.choose_button.setAutoDefault(False)
        self.choose_button.clicked.connect(self._choose)
        self.usual_button = QPushButton(tr("Default"), self)
        self.usual_button.setAutoDefault(False)
        self.usual_button.clicked.connect(lambda: self._use(""))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.choose_button)
        layout.addWidget(self.usual_button)
        self.setFocusProxy(self.choose_button)
        self.set_value("")

    def set_value(self, path: str) -> None:
        self._path = path
        shown = path or str(sessions_folder())
        self.line.setText(shown)
        self.line.setToolTip(plain(shown))
        self.line.setCursorPosition(0)
        self.usual_button.setEnabled(path != "")

    def _choose(self) -> None:
        if path := self.ask(self, self._path or str(sessions_folder())):
            self._use(str(Path(path)))

    def _use(self, path: str) -> None:
        self.set_value(path)
        self.changed.emit(path)


def _ask_folder(parent: QWidget, start: str) -> str:
    return QFileDialog.getExistingDirectory(parent, tr("Folder for recordings"), start)
