"""Settings dialog: each control stands for one field of ``Settings`` and acts at once."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from ferdesk.settings import Settings
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import NAMES, tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.scrolls import WheelGuard
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.preferences.editors import Amount, FolderEdit, Limit, Row, TextEdit
from ferdesk.ui.preferences.settings_pages import CHOICE_TITLES, PAGES

_KINDS = get_type_hints(Settings)
_RANGES = {item.name: item.metadata.get("range") for item in fields(Settings)}

REOPENING = ("last_source", "camera_size", "camera_rate", "model", "provider", "detector")
"""What opens the source anew, and so waits until a recording has ended."""


_LOCKED = ("model", "provider", "detector", "labels_from")
"""What a study keeps as it is while its model is locked."""
_FIXED = (*REOPENING, "labels_from", "language")
"""What stays as it is while a recording runs."""


_USUAL_SIZE = QSize(580, 640)


class SettingsDialog(QDialog):
    """Settings dialog: blocks nothing; ``changed`` signals each change as it is made."""

    changed = Signal(str, object)
    """A field's name and its new value."""
    export_wanted = Signal()
    import_wanted = Signal()
    reset_wanted = Signal()

    def __init__(
        self,
        settings: Settings,
        choices: Mapping[str, Sequence[tuple[object, str]]],
        parent: QWidget | None = None,
    ) -> None:
        """``choices``: the values and titles that fields without a list of their own may take."""
        super().__init__(parent)
        self.setWindowTitle(tr("Settings"))
        self.editors: dict[str, QWidget] = {}
        self._notes: dict[str, QLabel] = {}
        self._hints: dict[str, str] = {}
        self._obstacles: dict[str, str] = {}
        self._recording = self._locked = False
        self._choices = choices
        self._wheel = WheelGuard(self)
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        # as wide as its titles: one that is cut off or scrolled away is not found
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideNone)
        for title, rows in PAGES:
            self.tabs.addTab(self._make_page(rows), tr(title))
        self.recording_note = QLabel(
            tr(
                "Source, model, device, detector, labels and language can be changed after the "
                "recording has ended."
            ),
            self,
        )
        self.recording_note.setProperty("role", "amber")
        self.recording_note.setWordWrap(True)
        self.recording_note.hide()
        self.export_button = self._make_button(tr("Export…"), "upload", self.export_wanted)
        self.import_button = self._make_button(tr("Import…"), "download", self.import_wanted)
        self.reset_button = self._make_button(tr("Reset"), "rotate-ccw", self.reset_wanted)
        self.close_button = QPushButton(tr("Close"), self)
        self.close_button.clicked.connect(self.close)
        self.close_button.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        for button in (self.export_button, self.import_button, self.reset_button):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.recording_note)
        layout.addLayout(buttons)
        self.show_settings(settings)
        self.resize(self.sizeHint().expandedTo(_USUAL_SIZE))

    def show_settings(self, settings: Settings) -> None:
        """Set every control; no signal is sent."""
        for name, editor in self.editors.items():
            with QSignalBlocker(editor):
                _set_value(editor, getattr(settings, name))
        self._locked = settings.lock_model
        for name in _LOCKED:
            self._enable(name)

    def set_choices(self, name: str, choices: Sequence[tuple[object, str]]) -> None:
        """The values and titles that the field ``name`` may take now."""
        editor = self.editors[name]
        assert isinstance(editor, QComboBox)
        value = editor.currentData()
        with QSignalBlocker(editor):
            editor.clear()
            for choice, title in choices:
                editor.addItem(title, choice)
            _set_value(editor, value)

    def set_recording(self, active: bool) -> None:
        """While a recording runs, what would end it cannot be changed."""
        self.recording_note.setVisible(active)
        self._recording = active
        for name in _FIXED:
            self._enable(name)
        self.import_button.setEnabled(not active)
        self.reset_button.setEnabled(not active)

    def set_obstacle(self, name: str, reason: str) -> None:
        """Grey the field ``name``, with the reason in place of its meaning; none ungreys it."""
        self._obstacles[name] = reason
        text = reason or self._hints[name]
        self._notes[name].setText(plain(text))
        self.editors[name].setToolTip(plain(text))
        self.editors[name].setAccessibleDescription(text)
        self._enable(name)

    def _enable(self, name: str) -> None:
        fixed = (self._recording and name in _FIXED) or (self._locked and name in _LOCKED)
        self.editors[name].setEnabled(not fixed and not self._obstacles.get(name))

    def _make_button(self, text: str, icon: str, wanted: Any) -> QPushButton:  # noqa: ANN401 (Qt's bound signal)
        button = QPushButton(text, self)
        give_icon(button, icon)
        button.clicked.connect(lambda: wanted.emit())
        return button

    def _make_page(self, rows: Sequence[Row]) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        form.setContentsMargins(2 * GRID, 3 * GRID, 2 * GRID, GRID)
        form.setHorizontalSpacing(3 * GRID)
        form.setVerticalSpacing(2 * GRID)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        for row in rows:
            editor = self._make_editor(row)
            editor.setAccessibleName(tr(row.title))
            editor.setToolTip(tr(row.hint) if row.hint else "")
            self.editors[row.name] = editor
            field = QVBoxLayout()
            field.setSpacing(GRID // 2)
            field.addWidget(editor)
            if row.hint:
                note = QLabel(tr(row.hint), page)
                note.setProperty("role", "muted")
                note.setWordWrap(True)
                # as wide as the column, also under a control that is narrow
                wide = note.sizePolicy()
                wide.setHorizontalPolicy(QSizePolicy.Policy.Expanding)
                note.setSizePolicy(wide)
                editor.setAccessibleDescription(tr(row.hint))
                field.addWidget(note)
                self._notes[row.name], self._hints[row.name] = note, note.text()
            if isinstance(editor, QCheckBox):
                form.addRow("", field)
            else:
                label = QLabel(tr(row.title), page)
                label.setBuddy(editor)
                # beside the control, not beside the middle of control and hint
                label.setAlignment(Qt.AlignmentFlag.AlignTop)
                label.setContentsMargins(0, GRID, 0, 0)
                form.addRow(label, field)
        # hints wrap into more lines than a layout reserves: rows would be cut, one over the other
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # its controls take the keyboard, and come into sight with it
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(page)
        self._wheel.guard(page)
        bar_px = scroll.verticalScrollBar().sizeHint().width()
        scroll.setMinimumWidth(page.minimumSizeHint().width() + bar_px)
        return scroll

    def _make_editor(self, row: Row) -> QWidget:
        kind = _KINDS[row.name]
        if kind is bool:
            box = QCheckBox(tr(row.title), self)
            box.toggled.connect(lambda on: self.changed.emit(row.name, on))
            return box
        if row.name in self._choices or get_origin(kind) is Literal:
            combo = QComboBox(self)
            combo.setMinimumHeight(4 * GRID)
            combo.setMinimumContentsLength(28)
            combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            for value, title in self._choices.get(row.name) or _literal_choices(row.name, kind):
                combo.addItem(title, value)
            combo.activated.connect(lambda _: self.changed.emit(row.name, combo.currentData()))
            return combo
        if row.name == "recording_folder":
            folder = FolderEdit(row, self)
            folder.changed.connect(lambda path: self.changed.emit(row.name, path))
            return folder
        if kind is str:
            line = TextEdit(row, self)
            line.changed.connect(lambda text: self.changed.emit(row.name, text))
            return line
        if kind == float | None:
            limit = Limit(row, _RANGES[row.name] or (0.0, 1.0), self)
            limit.changed.connect(lambda value: self.changed.emit(row.name, value))
            return limit
        whole = int if kind is int else float
        amount = Amount(row, _RANGES[row.name] or (0.0, 1.0), self)
        amount.changed.connect(lambda value: self.changed.emit(row.name, whole(value)))
        return amount


def _literal_choices(name: str, kind: object) -> list[tuple[object, str]]:
    def title(value: str) -> str:
        own = NAMES.get(value) if name == "language" else None  # type: ignore[call-overload]
        return own or tr(CHOICE_TITLES.get(f"{name}.{value}", value))

    return [(value, title(value)) for value in get_args(kind)]


def _set_value(editor: QWidget, value: object) -> None:
    if isinstance(editor, QCheckBox):
        editor.setChecked(bool(value))
    elif isinstance(editor, QComboBox):
        at = editor.findData(value)
        if at < 0:
            # chosen elsewhere: a file, an address, a size of the user's own
            editor.addItem(str(value), value)
            at = editor.count() - 1
        editor.setCurrentIndex(at)
    elif isinstance(editor, FolderEdit | TextEdit):
        editor.set_value(str(value))
    elif isinstance(editor, Limit) and (value is None or isinstance(value, int | float)):
        editor.set_value(value)
    elif isinstance(editor, Amount) and isinstance(value, int | float):
        editor.set_value(float(value))
