"""Transport bar under a file: play and pause, place, single frames, and looping."""

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSlider, QToolButton, QWidget

from ferdesk.runtime.playback import PlaybackStatus
from ferdesk.ui.kit.actions import ActionTable, button_of
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.theme import GRID

_TICKS_PER_S = 100


class TransportBar(QWidget):
    """Transport bar: shows a ``PlaybackStatus``; the buttons are those of ``actions``."""

    sought = Signal(float)
    """Where the user wants to be: seconds, or the number of a picture."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._playback: PlaybackStatus | None = None
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setAccessibleName(tr("Position in the file"))
        self.slider.setSingleStep(_TICKS_PER_S)
        self.slider.setPageStep(5 * _TICKS_PER_S)
        self.slider.valueChanged.connect(self._moved)
        self.time = QLabel(self)
        self.time.setProperty("role", "muted")
        self.analysis = QProgressBar(self)
        self.analysis.setFixedWidth(16 * GRID)
        self.analysis.setAccessibleName(tr("Progress of the analysis"))
        self.analysis.hide()
        self.cancel = QToolButton(self)
        self.cancel.setText(tr("Cancel"))
        give_icon(self.cancel, "x")
        self.cancel.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.cancel.hide()
        self.hide()

    def lay_out(self, actions: ActionTable) -> None:
        """Put the buttons of the actions around the slider."""
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID, GRID // 2, GRID, GRID // 2)
        row.setSpacing(GRID // 2)
        self.buttons = {
            name: button_of(actions[name], self, with_text=False)
            for name in ("play", "step_back", "step_on", "loop")
        }
        for name in ("play", "step_back", "step_on"):
            row.addWidget(self.buttons[name])
        row.addWidget(self.slider, 1)
        row.addWidget(self.time)
        row.addWidget(self.buttons["loop"])
        self.analyse = button_of(actions["analyse_file"], self)
        row.addWidget(self.analyse)
        row.addWidget(self.analysis)
        row.addWidget(self.cancel)

    def show_playback(self, playback: PlaybackStatus | None, *, movable: bool) -> None:
        """Where the file stands; not ``movable`` while it is recorded."""
        self._playback = playback
        for name, button in self.buttons.items():
            # pictures do not play
            button.setVisible(playback is not None and (name != "play" or not playback.stepped))
        if playback is None:
            return
        whole = playback.length_s > 0
        self.slider.setEnabled(movable and whole)
        ticks = 1 if playback.stepped else _TICKS_PER_S
        last = playback.length_s - 1 if playback.stepped else playback.length_s
        if not self.slider.isSliderDown():
            with QSignalBlocker(self.slider):
                self.slider.setRange(0, max(round(last * ticks), 1))
                self.slider.setSingleStep(ticks)
                self.slider.setValue(round(playback.position_s * ticks))
        self.time.setText(position_text(playback))
        self.time.setToolTip(plain(playback.name))

    def _moved(self, value: int) -> None:
        if self._playback is not None:
            self.sought.emit(value / (1 if self._playback.stepped else _TICKS_PER_S))


def position_text(playback: PlaybackStatus) -> str:
    """Where a file stands, in words."""
    if playback.stepped:
        place = f"{playback.position_s + 1:.0f} / {playback.length_s:.0f}"
        name = playback.name if len(playback.name) <= 24 else playback.name[:23] + "…"
        return f"{place} · {name}" if name else place
    return f"{_clock(playback.position_s)} / {_clock(playback.length_s)}"


def _clock(seconds: float) -> str:
    """``M:SS.t``, with hours where there are some."""
    tenths = int(seconds * 10 + 0.5)
    hours, minutes = tenths // 36_000, tenths // 600 % 60
    rest = f"{tenths // 10 % 60:02d}.{tenths % 10}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"
