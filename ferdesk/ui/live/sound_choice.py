"""Sound choice of the sheet: off or a microphone, with the consent of those who can be heard."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QVBoxLayout, QWidget

from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.theme import GRID

NO_ANONYMOUS_SOUND = mark("A video with faces blurred has no sound, as a voice tells who speaks.")


class SoundChoice(QWidget):
    """Sound choice; the microphones are listed beside the window, as that may take a second."""

    changed = Signal()

    def __init__(
        self,
        microphone: str,
        agreed: bool,
        list_microphones: Callable[[], Sequence[str]],
        parent: QWidget,
    ) -> None:
        """``microphone`` is what was chosen last, empty for none."""
        super().__init__(parent)
        self._video = "off"
        self.microphones = QComboBox(self)
        self.microphones.setAccessibleName(tr("Sound"))
        self.microphones.addItem(tr("Off"), "")
        if microphone:
            self._offer([microphone])
            self.microphones.setCurrentIndex(1)
        self.agreed = QCheckBox(tr("Everyone who can be heard has agreed"), self)
        self.agreed.setChecked(agreed)
        self.hint = QLabel(self)
        self.hint.setProperty("role", "muted")
        self.hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        for widget in (self.microphones, self.agreed, self.hint):
            column.addWidget(widget)
        self.microphones.currentIndexChanged.connect(self._show_state)
        self.agreed.toggled.connect(self._show_state)
        self._tasks = TaskRunner(self)
        self._tasks.run(list_microphones, self._offer, lambda _: None)
        self._show_state()

    @property
    def microphone(self) -> str:
        """The microphone that is to be recorded; empty for none."""
        chosen = str(self.microphones.currentData() or "")
        return chosen if self._video in ("clean", "overlay") and self.agreed.isChecked() else ""

    @property
    def is_whole(self) -> bool:
        """Whether a recording may start so: sound was not chosen, or those heard have agreed."""
        return not self._wants_sound() or self.agreed.isChecked()

    def set_video(self, video: str) -> None:
        """Which kind of video the sound would be in."""
        self._video = video
        self._show_state()

    def close_tasks(self) -> None:
        """Leave off listing; before the widget goes."""
        self._tasks.close(0.0)

    def _wants_sound(self) -> bool:
        return self._video in ("clean", "overlay") and bool(self.microphones.currentData())

    def _offer(self, names: Sequence[str]) -> None:
        for name in names:
            if self.microphones.findData(name) < 0:
                title = tr("System default") if name == "default" else name
                self.microphones.addItem(title, name)
        if self.isVisible():
            self._show_state()

    def _show_state(self) -> None:
        possible = self._video in ("clean", "overlay")
        self.microphones.setEnabled(possible)
        self.agreed.setVisible(self._wants_sound())
        text = ""
        if self._video == "anonymous":
            text = tr(NO_ANONYMOUS_SOUND)
        elif not possible:
            text = tr("Sound is saved in the video; choose one.")
        self.hint.setText(text)
        self.hint.setVisible(bool(text))
        self.changed.emit()
