"""Study dialog: which study, who takes part, on which screen; asked before each participant."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QScreen, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ferdesk.errors import StudyError
from ferdesk.runtime.ports import Services, StudyCheck
from ferdesk.studies.order import order_for
from ferdesk.studies.recorded import RecordedRun, num_shown_before, number_of, participants_of
from ferdesk.studies.study_file import Field, Study, read_study
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.scrolls import WheelGuard
from ferdesk.ui.kit.tab_order import order_tabs
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.studies import study_words
from ferdesk.ui.studies.run_values import RunPlan, StudyAnswer
from ferdesk.ui.studies.study_words import earlier_text, look_at, number_of_text, summary_of

_LONGEST_TEXT = 80


class StudyDialog(QDialog):
    """Study dialog; ``chosen`` has a ``StudyAnswer`` when a preview or a recording is to begin."""

    chosen = Signal(object)

    def __init__(
        self,
        services: Services,
        tasks: TaskRunner,
        why_not: Callable[[], str],
        folder: Path | None = None,
        root: Path | None = None,
        parent: QWidget | None = None,
        *,
        with_sound: bool = False,
        ask_folder: Callable[[QWidget, str], str] | None = None,
    ) -> None:
        """``why_not`` says why nothing can be recorded now; ``root`` is where recordings go.

        ``with_sound``: a microphone is recorded as well, which the participant has to know.
        """
        super().__init__(parent)
        self._services, self._tasks, self._why_not = services, tasks, why_not
        self._root = root or services.sessions_folder()
        self._ask_folder = ask_folder or _ask_folder
        self._study: Study | None = None
        self._check: StudyCheck | None = None
        self._runs: list[RecordedRun] = []
        self._mistake = self._could_not = ""
        self._reading = 0
        self._inputs: dict[str, QLineEdit | QComboBox] = {}
        self._wheel = WheelGuard(self)
        self.setWindowTitle(tr("Run a study"))
        self.folder = QLineEdit("" if folder is None else str(folder), self)
        self.folder.setAccessibleName(tr("Folder of the study"))
        self.folder.setPlaceholderText(tr("A folder with a study.toml"))
        self.folder.editingFinished.connect(self._read)
        self.summary = QLabel(self)
        self.problem = QLabel(self)
        self.problem.setProperty("role", "red")
        self.without_sound = QLabel(self)
        self.without_sound.setProperty("role", "amber")
        self.participant = QLineEdit(self)
        self.participant.setAccessibleName(tr("Participant"))
        self.participant.setPlaceholderText(tr("A code, no name: e.g. P07"))
        self.participant.setMaxLength(_LONGEST_TEXT)
        self.participant.textChanged.connect(self._code_changed)
        self.condition = QComboBox(self)
        self.condition.setAccessibleName(tr("Condition"))
        self.condition.setEditable(True)
        self.condition.currentTextChanged.connect(self._show_state)
        self.screens = QComboBox(self)
        self.screens.setAccessibleName(tr("Screen of the participant"))
        self.before = QLabel(self)
        self.go_on = QRadioButton(self)
        self.again = QRadioButton(tr("Record again as a second session"), self)
        self._before_group = QButtonGroup(self)
        self.go_on.toggled.connect(self._fill_in_earlier)
        for button in (self.go_on, self.again):
            self._before_group.addButton(button)
            button.toggled.connect(self._show_state)
        self.consent = QCheckBox(
            tr("The participant has agreed to be recorded, with sound")
            if with_sound
            else tr("The participant has agreed to be recorded"),
            self,
        )
        self.consent.toggled.connect(self._show_state)
        self.missing = QLabel(self)
        self.missing.setProperty("role", "muted")
        for label in (self.summary, self.problem, self.without_sound, self.before, self.missing):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self._lay_out()
        self._list_screens()
        self.resize(72 * GRID, self.sizeHint().height())
        self._read()

    @property
    def study(self) -> Study | None:
        """The study that was read, while there is no mistake in it."""
        return self._study

    @property
    def checked(self) -> bool:
        """Whether its files and earlier sessions have been looked at."""
        return self._check is not None

    def input_of(self, name: str) -> QLineEdit | QComboBox:
        """The input of a free field of the study."""
        return self._inputs[name]

    def why_not_start(self) -> str:
        """What is missing before anything can be recorded, in a sentence; empty for nothing."""
        if (why := self._why_not_preview()) != "":
            return why
        if (why := self._why_not()) != "":
            return why
        if not self._code:
            return tr("Enter the participant's code.")
        assert self._study is not None
        if self._study.conditions and not self.condition.currentText():
            return tr("Choose the condition.")
        for one in self._study.fields:
            text = self._typed(one)
            if one.required and not text:
                return tr("Fill in “{label}”.").format(label=one.label)
            if one.kind == "number" and text and number_of_text(text) is None:
                return tr("“{label}” must be a number.").format(label=one.label)
        earlier = self._earlier()
        if earlier is not None and self._before_group.checkedButton() is None:
            return tr("This code was used before: choose how to go on, or enter another one.")
        if not self.consent.isChecked():
            return tr("Record with the participant's consent only.")
        return ""

    def look_again(self) -> None:
        """What can be recorded may be another: the camera was started or stopped meanwhile."""
        if self._why_not() != self._could_not:
            self._show_state()

    def start(self, *, preview: bool = False) -> None:
        """Close, and let the study begin."""
        if self._why_not_preview() if preview else self.why_not_start():
            return
        answer = StudyAnswer(self._plan(preview=preview), self._screen(), preview)
        self.accept()
        self.chosen.emit(answer)

    # ---- the study

    def _choose_folder(self) -> None:
        if path := self._ask_folder(self, self.folder.text()):
            self.folder.setText(path)
            self._read()

    def _read(self) -> None:
        """Read the file now, its stimuli and earlier sessions beside the window."""
        self._reading += 1
        self._study, self._check, self._runs, self._mistake = None, None, [], ""
        typed = self.folder.text().strip()
        if typed:
            try:
                self._study = read_study(Path(typed))
            except StudyError as error:
                self._mistake = translated(str(error))
        self._fill_fields()
        if self._study is not None:
            self._tasks.run(
                partial(look_at, self._services, self._study, self._root),
                partial(self._looked, self._reading),
                partial(self._look_failed, self._reading),
            )
        self._show_state()

    def _looked(self, number: int, found: tuple[StudyCheck, list[RecordedRun]]) -> None:
        if number == self._reading:
            self._check, self._runs = found
            self._show_state()

    def _look_failed(self, number: int, message: str) -> None:
        if number == self._reading:
            self._mistake = translated(message)
            self._show_state()

    def _why_not_preview(self) -> str:
        if self._study is None:
            return self._mistake or tr("Choose the folder of a study.")
        if self._mistake:
            return self._mistake
        if self._check is None:
            return tr("The stimuli are being checked…")
        return translated(self._check.problems[0]) if self._check.problems else ""

    # ---- the participant

    @property
    def _code(self) -> str:
        return " ".join(self.participant.text().split())

    def _earlier(self) -> RecordedRun | None:
        """The last session of this participant in this study."""
        code = self._code
        return next((run for run in self._runs if run.study.participant == code), None)

    def _can_go_on(self, run: RecordedRun) -> bool:
        """Whether its order is one of the study as it is now."""
        assert self._study is not None
        names = sorted(one.id for one in self._study.stimuli)
        return run.next_trial is not None and sorted(run.order.ids) == names

    def _plan(self, *, preview: bool) -> RunPlan:
        study = self._study
        assert study is not None
        number = number_of(self._code, participants_of(self._runs))
        order, first_trial, num_shown = order_for(study, self._code, number), 1, 0
        earlier = self._earlier()
        if not preview and earlier is not None and self.go_on.isChecked():
            order, first_trial = earlier.order, earlier.next_trial or 1
            num_shown = num_shown_before(self._code, self._runs)
        condition = " ".join(self.condition.currentText().split())
        values = {one.id: self._typed(one) for one in study.fields}
        return RunPlan(study, order, self._code, condition, values, first_trial, num_shown)

    def _typed(self, one: Field) -> str:
        widget = self._inputs[one.id]
        text = widget.currentText() if isinstance(widget, QComboBox) else widget.text()
        return " ".join(text.split())

    def _fill_fields(self) -> None:
        """The conditions and free fields of the study that was read."""
        for old in self._inputs.values():
            self._form.removeRow(old)
        self._inputs.clear()
        self.condition.clear()
        study = self._study
        if study is None:
            return
        # where a study names its conditions, no other can be misspelt into being
        self.condition.setEditable(not study.conditions)
        self.condition.addItems(["", *study.conditions] if study.conditions else [])
        for one in study.fields:
            widget: QLineEdit | QComboBox
            if one.kind == "choice":
                widget = QComboBox(self)
                widget.addItems(["", *one.choices])
                widget.currentTextChanged.connect(self._show_state)
            else:
                widget = QLineEdit(self)
                widget.setMaxLength(_LONGEST_TEXT)
                widget.textChanged.connect(self._show_state)
            widget.setAccessibleName(one.label)
            self._inputs[one.id] = widget
            title = QLabel(one.label, self)
            title.setTextFormat(Qt.TextFormat.PlainText)
            self._form.insertRow(self._form.rowCount() - 1, title, widget)
        self._wheel.guard(self)
        order_tabs(self)

    # ---- screens

    def _list_screens(self) -> None:
        """All screens; the participant's is one on which this window is not, if there is one."""
        window = self.parentWidget() or self
        mine = window.screen()
        for number, screen in enumerate(QGuiApplication.screens(), start=1):
            self.screens.addItem(study_words.screen_text(number, screen, mine=screen is mine))
        others = [n for n, one in enumerate(QGuiApplication.screens()) if one is not mine]
        self.screens.setCurrentIndex(others[0] if others else 0)

    def _screen(self) -> QScreen:
        screens = QGuiApplication.screens()
        return screens[min(max(self.screens.currentIndex(), 0), len(screens) - 1)]

    # ---- what is shown

    def _show_state(self, *_: object) -> None:
        study, checked = self._study, self._check
        _show(self.summary, "" if study is None else summary_of(study, checked))
        problems: Sequence[str] = (self._mistake,) if self._mistake else ()
        if checked is not None:
            problems = [*problems, *map(translated, checked.problems)]
        _show(self.problem, "\n".join(problems))
        sounding = () if checked is None else checked.with_sound
        text = tr("Videos are shown without their sound: {names}.")
        _show(self.without_sound, text.format(names=", ".join(sounding)) if sounding else "")
        self._show_earlier()
        why = self.why_not_start()
        _show(self.missing, "" if why in problems else why)
        self._could_not = self._why_not()
        self.start_button.setEnabled(not why)
        self.preview_button.setEnabled(not self._why_not_preview())
        self._grow()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._grow()

    def _grow(self) -> None:
        """As high as what is asked needs, where the screen is: what is scrolled away is missed."""
        inside = self._scroll.widget()
        form = None if inside is None else inside.layout()
        if form is None or not self.isVisible():
            return
        view = self._scroll.viewport()
        wanted_px = form.totalSizeHint().height()
        if form.hasHeightForWidth():
            wanted_px = form.totalHeightForWidth(view.width())
        missing_px = wanted_px - view.height()
        room_px = self.screen().availableGeometry().bottom() - self.frameGeometry().bottom()
        if (more_px := min(missing_px, room_px)) > 0:
            self.resize(self.width(), self.height() + more_px)

    def _show_earlier(self) -> None:
        earlier = self._earlier() if self._study is not None else None
        can_go_on = earlier is not None and self._can_go_on(earlier)
        self.go_on.setVisible(can_go_on)
        self.again.setVisible(earlier is not None)
        if earlier is None:
            _show(self.before, "")
            return
        _show(self.before, earlier_text(earlier, self._code))
        following = earlier.next_trial or 1
        self.go_on.setText(tr("Continue at stimulus {number}").format(number=following))
        if not can_go_on and self.go_on.isChecked():
            self._choose_neither()

    def _code_changed(self) -> None:
        """What was chosen for one participant is not chosen for another, nor agreed to."""
        if self.go_on.isChecked():
            self._fill_in("", {})
        self._choose_neither()
        self.consent.setChecked(False)
        self._show_state()

    def _fill_in_earlier(self, goes_on: bool) -> None:
        """Who goes on has the same condition as before, and has said the rest then."""
        earlier = self._earlier()
        if goes_on and earlier is not None:
            self._fill_in(earlier.study.condition, earlier.study.fields)

    def _fill_in(self, condition: str, values: Mapping[str, str]) -> None:
        self.condition.setCurrentText(condition)
        for name, widget in self._inputs.items():
            if isinstance(widget, QComboBox):
                widget.setCurrentText(values.get(name, ""))
            else:
                widget.setText(values.get(name, ""))

    def _choose_neither(self) -> None:
        self._before_group.setExclusive(False)
        for button in self._before_group.buttons():
            button.setChecked(False)
        self._before_group.setExclusive(True)

    def _lay_out(self) -> None:
        choose = QPushButton(tr("Choose…"), self)
        give_icon(choose, "folder-open")
        choose.setAutoDefault(False)
        choose.clicked.connect(self._choose_folder)
        folder = QHBoxLayout()
        folder.setSpacing(GRID)
        folder.addWidget(self.folder, 1)
        folder.addWidget(choose)
        form = self._form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID)
        form.setVerticalSpacing(GRID)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("Study"), folder)
        form.addRow("", self.summary)
        form.addRow(tr("Participant"), self.participant)
        form.addRow(tr("Condition"), self.condition)
        form.addRow(tr("Screen"), self.screens)
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, GRID)
        column.setSpacing(GRID)
        column.addLayout(form)
        for label in (self.problem, self.without_sound, self.before, self.go_on, self.again):
            column.addWidget(label)
        column.addWidget(self.consent)
        column.addStretch(1)
        scroll = self._scroll = QScrollArea(self)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.start_button = buttons.addButton(
            tr("Start the study"), QDialogButtonBox.ButtonRole.ActionRole
        )
        self.start_button.setDefault(True)
        self.start_button.clicked.connect(lambda: self.start())
        self.preview_button = buttons.addButton(
            tr("Preview without recording"), QDialogButtonBox.ButtonRole.ActionRole
        )
        self.preview_button.setAutoDefault(False)
        self.preview_button.clicked.connect(lambda: self.start(preview=True))
        buttons.rejected.connect(self.reject)
        below = QVBoxLayout()
        below.setContentsMargins(3 * GRID, GRID, 3 * GRID, 2 * GRID)
        below.setSpacing(GRID)
        # beside the buttons that it explains, wherever the rest is scrolled to
        below.addWidget(self.missing)
        below.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(scroll, 1)
        layout.addLayout(below)


def _show(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))


def _ask_folder(parent: QWidget, start: str) -> str:
    return QFileDialog.getExistingDirectory(parent, tr("Folder of the study"), start)
