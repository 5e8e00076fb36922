"""Options panel of the queue: where results go, what is analysed, and what is measured."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.labels import LabelsFrom
from ferdesk.runtime.analysis_queue import QueueOptions
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.theme import GRID

_FRAMES = (
    ("all", mark("All frames")),
    ("every", mark("Every n-th frame")),
    ("rate", mark("Frames per second")),
)
_LABELS_FROM = (("votes", mark("People's votes")), ("fer2013", mark("FER2013's label")))
_MEASURES = (
    ("off", mark("Off")),
    ("pose", mark("Landmarks and head pose")),
    ("all", mark("Also movements, blinks and gaze")),
    ("mean", mark("Also movements, averaged with the mirror image")),
)
_MOST_EVERY = 1000
_MOST_RATE = 240.0
_FIRST_EVERY, _FIRST_RATE = 5, 10.0


class OptionsPanel(QWidget):
    """Options panel; ``options`` is what it says now."""

    changed = Signal(object)
    """The ``QueueOptions``, after the user has changed one."""

    def __init__(
        self,
        options: QueueOptions,
        ask_folder: Callable[[QWidget, str], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._options, self._ask_folder = options, ask_folder
        self._fixed: LabelsFrom | None = None
        self.out = QLineEdit(str(options.out), self)
        self.out.setAccessibleName(tr("Results folder"))
        self.out.setCursorPosition(0)
        self.out.setMinimumWidth(1)
        self.out.editingFinished.connect(self._tell)
        self.choose = QToolButton(self)
        give_icon(self.choose, "folder-open")
        self.choose.setAccessibleName(tr("Choose the results folder"))
        self.choose.setToolTip(tr("Choose the results folder"))
        self.choose.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.choose.clicked.connect(self._choose)
        self.labels_from = self._box(tr("Labels from"), _LABELS_FROM, options.labels_from)
        self.measures = self._box(tr("Measure"), _MEASURES, options.measures)
        kind = "rate" if options.rate_fps else "every" if options.every > 1 else "all"
        self.frames = self._box(tr("Frames"), _FRAMES, kind)
        self.every = QSpinBox(self)
        self.every.setRange(2, _MOST_EVERY)
        self.every.setValue(options.every if options.every > 1 else _FIRST_EVERY)
        self.every.setAccessibleName(tr("Every n-th frame"))
        self.every.valueChanged.connect(self._tell)
        self.rate = QDoubleSpinBox(self)
        self.rate.setRange(0.1, _MOST_RATE)
        self.rate.setDecimals(1)
        self.rate.setValue(options.rate_fps or _FIRST_RATE)
        self.rate.setAccessibleName(tr("Frames per second"))
        self.rate.valueChanged.connect(self._tell)
        self.redo = QCheckBox(tr("Analyse again what is done"), self)
        self.redo.setToolTip(tr("Otherwise files that a session in the folder holds are skipped"))
        self.redo.setChecked(options.redo)
        self.redo.toggled.connect(self._tell)
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self.note.setMinimumWidth(1)
        self.note.setProperty("role", "muted")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self._lay_out()
        self._show_number()

    @property
    def options(self) -> QueueOptions:
        kind = self.frames.currentData()
        typed = self.out.text().strip()
        return replace(
            self._options,
            out=_folder_of(typed) if typed else self._options.out,
            labels_from=self.labels_from.currentData(),
            measures=self.measures.currentData(),
            every=self.every.value() if kind == "every" else 1,
            rate_fps=self.rate.value() if kind == "rate" else None,
            redo=self.redo.isChecked(),
        )

    def fix_labels(self, labels_from: LabelsFrom | None) -> None:
        """Take labels from there and nowhere else; None leaves it to the user."""
        self._fixed = labels_from
        if labels_from is not None:
            self.labels_from.setCurrentIndex(self.labels_from.findData(labels_from))
            self._tell()
        self.set_locked(not self.out.isEnabled())

    def set_locked(self, locked: bool) -> None:
        """While files are analysed the options stay as they are."""
        for widget in (
            self.out, self.choose, self.labels_from, self.measures, self.frames, self.every,
            self.rate, self.redo,
        ):  # fmt: skip
            widget.setEnabled(not locked)
        if self._fixed is not None:
            self.labels_from.setEnabled(False)
            self.labels_from.setToolTip(tr("The model is locked for this study."))
        else:
            self.labels_from.setToolTip("")
        self.note.setText(
            tr("The options stay as they are until the queue ends.") if locked else ""
        )

    def _box(self, name: str, choices: tuple[tuple[str, str], ...], chosen: str) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        for value, title in choices:
            box.addItem(tr(title), value)
        box.setCurrentIndex(max(0, box.findData(chosen)))
        box.setMinimumContentsLength(12)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.activated.connect(self._tell)
        return box

    def _choose(self) -> None:
        if (path := self._ask_folder(self, self.out.text())) != "":
            self.out.setText(path)
            self._tell()

    def _tell(self, *_: object) -> None:
        self._show_number()
        options = self.options
        if options != self._options:
            self._options = options
            self.changed.emit(options)

    def _show_number(self) -> None:
        kind = self.frames.currentData()
        self._numbers.setVisible(kind != "all")
        self._numbers.setCurrentWidget(self.rate if kind == "rate" else self.every)

    def _lay_out(self) -> None:
        folder = QHBoxLayout()
        folder.setSpacing(GRID // 2)
        folder.addWidget(self.out, 1)
        folder.addWidget(self.choose)
        self._numbers = QStackedWidget(self)
        self._numbers.addWidget(self.every)
        self._numbers.addWidget(self.rate)
        form = QFormLayout()
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setVerticalSpacing(GRID // 2)
        form.addRow(tr("Results folder"), folder)
        form.addRow(tr("Labels from"), self.labels_from)
        form.addRow(tr("Measure"), self.measures)
        form.addRow(tr("Frames"), self.frames)
        form.addRow(self._numbers)
        form.addRow(self.redo)
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(form)
        column.addWidget(self.note)
        column.addStretch(1)


def _folder_of(typed: str) -> Path:
    """The folder that is typed; one of a user who is not there is taken as it stands."""
    try:
        return Path(typed).expanduser()
    except RuntimeError:
        return Path(typed)
