"""New recording sheet: whom it shows, what is kept, and how long it lasts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ferdesk.paths import sessions_folder
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.recording_menu import QUALITY_TITLES, VIDEOS
from ferdesk.ui.live.sound_choice import SoundChoice

_LONGEST_TEXT = 80
_LONGEST_S = 86_400


@dataclass(frozen=True, slots=True)
class SheetAnswer:
    """Answer of the sheet: record so, or analyse the file instead; ``asks`` again the next time.

    ``heard_agreed``: those who can be heard agreed to it.
    """

    options: RecordingOptions
    asks: bool = False
    analyses_instead: bool = False
    heard_agreed: bool = False


class RecordingSheet(QDialog):
    """New recording sheet; Enter starts the recording, Escape leaves it."""

    def __init__(
        self,
        options: RecordingOptions,
        *,
        asks: bool,
        is_file: bool,
        parent: QWidget | None = None,
        ask_folder: Callable[[QWidget, str], str] | None = None,
        microphones: Callable[[], Sequence[str]] = tuple,
        heard_agreed: bool = False,
    ) -> None:
        """``is_file``: what is recorded is a film, which can be analysed frame by frame instead.

        ``microphones`` lists them and may be slow; it is called on a worker thread.
        """
        super().__init__(parent)
        self._options, self._analyses = options, False
        self._is_file = is_file
        self._ask_folder = ask_folder or _ask_folder
        self.setWindowTitle(tr("New recording"))
        self.name = self._line(options.name, tr("Name"), tr("the source's name"))
        self.participant = self._line(options.participant, tr("Participant"), tr("e.g. P07"))
        self.condition = self._line(options.condition, tr("Condition"), tr("e.g. control"))
        self.notes = QPlainTextEdit(options.notes, self)
        self.notes.setAccessibleName(tr("Notes"))
        self.notes.setTabChangesFocus(True)
        self.notes.setFixedHeight(3 * self.fontMetrics().lineSpacing() + 2 * GRID)
        self.video = QComboBox(self)
        self.video.setAccessibleName(tr("Video"))
        for choice, title in VIDEOS:
            self.video.addItem(tr(title), choice)
        self.video.setCurrentIndex(self.video.findData(options.video))
        self.quality = QComboBox(self)
        self.quality.setAccessibleName(tr("Video quality"))
        self.quality.setToolTip(tr("Video quality"))
        for quality, title in QUALITY_TITLES.items():
            self.quality.addItem(tr(title), quality)
        self.quality.setCurrentIndex(self.quality.findData(options.video_format.quality))
        self.sound = SoundChoice(options.sound, heard_agreed, microphones, self)
        self.video.currentIndexChanged.connect(self._show_video)
        self._show_video()
        self.folder = QLineEdit(str(options.folder or sessions_folder()), self)
        self.folder.setAccessibleName(tr("Folder"))
        self.folder.setCursorPosition(0)
        self.length = QSpinBox(self)
        self.length.setAccessibleName(tr("Fixed length"))
        self.length.setRange(0, _LONGEST_S)
        self.length.setSpecialValueText(tr("No limit"))
        self.length.setSuffix(tr(" s"))
        self.length.setValue(round(options.length_s or 0))
        self.countdown = QSpinBox(self)
        self.countdown.setAccessibleName(tr("Countdown"))
        self.countdown.setRange(0, 60)
        self.countdown.setSpecialValueText(tr("None"))
        self.countdown.setSuffix(tr(" s"))
        self.countdown.setValue(options.countdown_s)
        self.asks = QCheckBox(tr("Ask before each recording"), self)
        self.asks.setChecked(asks)
        self._lay_out(is_file=is_file)
        self.sound.changed.connect(self._show_start)
        self._show_start()

    @property
    def answer(self) -> SheetAnswer:
        """What the sheet says now."""
        typed = self.folder.text().strip()
        usual = self._options.folder or sessions_folder()
        length_s = self.length.value()
        return SheetAnswer(
            replace(
                self._options,
                name=_tidy(self.name.text()),
                participant=_tidy(self.participant.text()),
                condition=_tidy(self.condition.text()),
                notes=self.notes.toPlainText().strip(),
                video=str(self.video.currentData()),
                sound=self.sound.microphone,
                video_format=replace(
                    self._options.video_format, quality=self.quality.currentData()
                ),
                folder=Path(typed) if typed and Path(typed) != usual else self._options.folder,
                length_s=float(length_s) if length_s > 0 else None,
                countdown_s=self.countdown.value(),
            ),
            self.asks.isChecked(),
            self._analyses,
            self.sound.agreed.isChecked(),
        )

    def _line(self, text: str, name: str, example: str) -> QLineEdit:
        line = QLineEdit(text, self)
        line.setAccessibleName(name)
        line.setPlaceholderText(example)
        line.setMaxLength(_LONGEST_TEXT)
        line.setMinimumWidth(36 * GRID)
        return line

    def _lay_out(self, *, is_file: bool) -> None:
        choose = QPushButton(tr("Choose…"), self)
        give_icon(choose, "folder-open")
        choose.setAutoDefault(False)
        choose.clicked.connect(self._choose_folder)
        folder = QHBoxLayout()
        folder.setSpacing(GRID)
        folder.addWidget(self.folder, 1)
        folder.addWidget(choose)
        form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID)
        form.setVerticalSpacing(GRID)
        form.addRow(tr("Name"), self.name)
        form.addRow(tr("Participant"), self.participant)
        form.addRow(tr("Condition"), self.condition)
        form.addRow(tr("Notes"), self.notes)
        video = QHBoxLayout()
        video.setSpacing(GRID)
        video.addWidget(self.video, 1)
        video.addWidget(self.quality)
        form.addRow(tr("Video"), video)
        if not is_file:
            form.addRow(tr("Sound"), self.sound)
        self.sound.setVisible(not is_file)
        form.addRow(tr("Folder"), folder)
        form.addRow(tr("Fixed length"), self.length)
        form.addRow(tr("Countdown"), self.countdown)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addLayout(form)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.start = buttons.addButton(
            tr("Start recording"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.start.setDefault(True)
        if is_file:
            hint = QLabel(tr("A video is recorded as it plays; frames may be dropped."), self)
            hint.setWordWrap(True)
            hint.setProperty("role", "muted")
            layout.addWidget(hint)
            analyse = buttons.addButton(
                tr("Analyse every frame instead"), QDialogButtonBox.ButtonRole.ActionRole
            )
            analyse.setAutoDefault(False)
            analyse.clicked.connect(self._analyse)
        layout.addWidget(self.asks)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    def _show_video(self) -> None:
        """Without a video there is no quality to choose, and no sound."""
        self.quality.setEnabled(self.video.currentData() != "off")
        self.sound.set_video(str(self.video.currentData()))

    def _show_start(self) -> None:
        # of a film no sound is recorded, whatever was chosen last
        self.start.setEnabled(self._is_file or self.sound.is_whole)

    def _choose_folder(self) -> None:
        if path := self._ask_folder(self, self.folder.text()):
            self.folder.setText(path)

    def _analyse(self) -> None:
        self._analyses = True
        self.accept()


def ask_recording(
    parent: QWidget,
    options: RecordingOptions,
    asks: bool,
    is_file: bool,
    microphones: Callable[[], Sequence[str]],
    heard_agreed: bool,
) -> SheetAnswer | None:
    """Ask how to record; None where nothing is to be recorded."""
    sheet = RecordingSheet(
        options,
        asks=asks,
        is_file=is_file,
        parent=parent,
        microphones=microphones,
        heard_agreed=heard_agreed,
    )
    accepted = sheet.exec() == QDialog.DialogCode.Accepted
    answer = sheet.answer
    sheet.sound.close_tasks()
    sheet.deleteLater()
    return answer if accepted else None


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _ask_folder(parent: QWidget, start: str) -> str:
    return QFileDialog.getExistingDirectory(parent, tr("Folder for recordings"), start)
