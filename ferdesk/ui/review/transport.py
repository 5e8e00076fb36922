"""Transport bar of a session: playing, stepping, the position as text, and the speed."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QWidget

from ferdesk.ui.kit.actions import ActionTable, button_of
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.review.player import SPEEDS, Player
from ferdesk.ui.review.times import SessionClock, length_text


class Transport(QWidget):
    """Bar that controls a player; times are since the recording's start."""

    time_typed = Signal(float)
    """The ``t_s`` to go to."""
    told = Signal(object)
    """A ``Notice``."""

    def __init__(self, player: Player, parent: QWidget) -> None:
        super().__init__(parent)
        self._player = player
        self._clock = SessionClock()
        self.time = QLineEdit(self)
        self.time.setAccessibleName(tr("Position; type a time to go to"))
        self.time.setFixedWidth(self.time.fontMetrics().horizontalAdvance("0:00:00.000") + 4 * GRID)
        self.time.returnPressed.connect(self._read_time)
        self.length = QLabel(self)
        self.length.setProperty("role", "muted")
        self.film_time = QLabel(self)
        self.film_time.setProperty("role", "muted")
        self.film_time.setToolTip(tr("Time in the original video"))
        self.sound = QLabel(tr("with sound"), self)
        self.sound.setProperty("role", "muted")
        self.sound.hide()
        self.speed = QComboBox(self)
        self.speed.setAccessibleName(tr("Speed"))
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g} x", speed)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.currentIndexChanged.connect(lambda _: player.set_speed(self.speed.currentData()))

    def show_session(self, clock: SessionClock, length_s: float, sound_device: str = "") -> None:
        """Show times of this session from now on, and whether its video has sound."""
        self._clock = clock
        self.length.setText(f"/ {length_text(length_s)}")
        self.film_time.setVisible(bool(clock.starts_at_s))
        self.sound.setVisible(bool(sound_device))
        self.sound.setToolTip(
            tr("Recorded from {device}; it is in video.mp4 and not played here.").format(
                device=sound_device
            )
        )

    def show_position(self, t_s: float) -> None:
        """Show the position, but not over what is being typed."""
        if not self.time.hasFocus():
            self.time.setText(self._clock.moment(t_s))
        if self._clock.starts_at_s:
            moment = self._clock.film_moment(t_s)
            self.film_time.setText(tr("video {time}").format(time=moment))

    def begin_typing(self) -> None:
        """Let the user type a time."""
        self.time.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.time.selectAll()

    def slower(self) -> None:
        self.speed.setCurrentIndex(max(self.speed.currentIndex() - 1, 0))

    def faster(self) -> None:
        self.speed.setCurrentIndex(min(self.speed.currentIndex() + 1, len(SPEEDS) - 1))

    def lay_out(self, named: ActionTable, smoothing: QWidget) -> None:
        """Put the buttons of these actions into the bar, and ``smoothing`` among them."""
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        row.setSpacing(GRID // 2)
        row.addWidget(button_of(named["back"], self, with_text=False))
        self._play = named["play"]
        play = button_of(self._play, self)
        widest = max(play.fontMetrics().horizontalAdvance(word) for word in _play_words())
        play.setMinimumWidth(widest + 7 * GRID)
        row.addWidget(play)
        row.addWidget(button_of(named["on"], self, with_text=False))
        for widget in (self.time, self.length, self.film_time, self.sound):
            row.addWidget(widget)
        row.addSpacing(GRID)
        row.addWidget(self.speed)
        row.addStretch(1)
        row.addWidget(smoothing)
        for name in ("zoom_out", "zoom_in", "whole"):
            row.addWidget(button_of(named[name], self, with_text=False))
        self._player.playing_changed.connect(self._show_playing)

    def _show_playing(self, playing: bool) -> None:
        self._play.setText(_play_words()[playing])
        give_icon(self._play, "pause" if playing else "play")

    def _read_time(self) -> None:
        t_s = self._clock.read(self.time.text())
        if t_s is None:
            self.time.setText(self._clock.moment(self._player.position_s))
            text = tr("Enter a time such as 75 or 1:15.")
            self.told.emit(Notice(text, stays=False))
            return
        self.time_typed.emit(t_s)


def _play_words() -> tuple[str, str]:
    return tr("Play"), tr("Pause")
