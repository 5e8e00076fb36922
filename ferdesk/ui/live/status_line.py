"""Status line: device and why, frame rates, latency, dropped frames, recording."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLayout, QMenu, QSizePolicy, QToolButton, QWidget

from ferdesk.core.types import DeviceInfo, SourceKind
from ferdesk.runtime.status import State, Status
from ferdesk.ui.kit.icons import draw_icon, give_icon
from ferdesk.ui.kit.language import mark, tr, translated
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.recording_state import RecordingState

FLASH_MS = 4000
STREAM_NAMES = {"lsl": "LSL", "websocket": "WebSocket"}
_DEVICE_PX = 12 * GRID
"""What the device's words have at least."""
SLOWER_BELOW = 0.85
"""Analysis below this share of the source's rate is called slower than the source."""

STATE_WORDS = {
    State.IDLE: mark("Stopped"),
    State.OPENING: mark("Opening"),
    State.RUNNING: mark("Running"),
    State.LOST: mark("No signal"),
    State.ENDED: mark("Ended"),
    State.FAILED: mark("Failed"),
}


_END_WORDS: dict[SourceKind, str] = {"still": mark("Image"), "video": mark("End of video")}


def device_text(device: DeviceInfo) -> str:
    """The device that is used, and why not the other one."""
    about = translated(device.reason) or (device.gpu if device.provider == "CUDA" else "")
    return f"{device.provider}: {about}" if about else device.provider


def short_device_text(device: DeviceInfo) -> str:
    """The device that is used, and a GPU's name."""
    return f"CUDA: {device.gpu}" if device.provider == "CUDA" and device.gpu else device.provider


def is_slower(status: Status) -> bool:
    """Whether the analysis does not keep up with the source."""
    return (
        status.state is State.RUNNING
        and not status.stands_still
        and status.analysis_fps > 0
        and status.analysis_fps < SLOWER_BELOW * status.capture_fps
    )


def clock_text(seconds: float) -> str:
    """``HH:MM:SS``."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


class ElidedLabel(QLabel):
    """Elided label: ends in … where there is no room; the tooltip has all of it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._full = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    @property
    def full_text(self) -> str:
        return self._full

    def set_full_text(self, text: str) -> None:
        if text != self._full:
            self._full = text
            self.setToolTip(plain(text))
            self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        mode = Qt.TextElideMode.ElideRight
        self.setText(self.fontMetrics().elidedText(self._full, mode, self.width()))


class StatusLine(QWidget):
    """Status line: one line of labels, each with one value and its own place."""

    model_chosen = Signal(str)
    """The user wants this model; empty for the one that suits this machine."""
    measure_wanted = Signal()
    """The user wants the models to be timed once more."""
    stream_stopped = Signal(str)
    """The user wants that kind of stream to end."""
    sign_pressed = Signal(str)
    """The user wants what the sign of that name says to end."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = QLabel(self)
        self.flashed = ElidedLabel(self)
        self.flashed.hide()
        self._flash_ends = QTimer(self, singleShot=True, interval=FLASH_MS)
        self._flash_ends.timeout.connect(self._end_flash)
        self.chips: dict[str, QToolButton] = {}
        self.signs: dict[str, QToolButton] = {}
        """Chips of what other programs do here, by names."""
        self.device = ElidedLabel(self)
        self.model = QToolButton(self)
        self.model.setObjectName("model")
        self.model.setAccessibleName(tr("Model"))
        self.model.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.model.setMenu(QMenu(self.model))
        self.model.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.source_rate = QLabel(self)
        self.analysis = QLabel(self)
        self.latency = QLabel(self)
        self.dropped = QLabel(self)
        self.recording = QLabel(self)
        self.recording.setTextFormat(Qt.TextFormat.PlainText)
        self._recorded = self._marker = ""
        self._runs = False
        self.source_rate.setToolTip(tr("Frame rate of the source"))
        self.analysis.setToolTip(tr("Analysis rate (frames per second)"))
        self.latency.setToolTip(tr("Latency: capture to result, median of the last 30 frames"))
        self.dropped.setToolTip(tr("Frames skipped because analysis was busy"))
        self._kept_first = (
            self.model, self.analysis, self.latency, self.dropped, self.source_rate,
        )  # fmt: skip
        layout = self._row = QHBoxLayout(self)
        # the line gives way: it must not hold the window at its full width
        layout.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        layout.setContentsMargins(2 * GRID, GRID // 2, 2 * GRID, GRID // 2)
        layout.setSpacing(3 * GRID)
        layout.addWidget(self.recording)
        layout.addWidget(self.state)
        for kind, name in STREAM_NAMES.items():
            layout.addWidget(self._make_stream_chip(kind, name))
        layout.addWidget(self.flashed, 1)
        layout.addWidget(self.device, 1)
        layout.addWidget(self.model)
        for label in (self.source_rate, self.analysis, self.latency, self.dropped):
            layout.addWidget(label)
        self.show_status(Status())
        self.show_recording(RecordingState())

    def add_button(self, action: QAction) -> None:
        """Put a small button for ``action`` at the line's end."""
        button = QToolButton(self)
        button.setObjectName("inline")
        draw_icon(action)
        button.setDefaultAction(action)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._row.addWidget(button)

    def minimumSizeHint(self) -> QSize:
        return QSize(self._fixed_width(), self._row.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @property
    def _gives(self) -> "tuple[QLabel | QToolButton, ...]":
        """What is shown where there is room, the first first; a recording says that it runs."""
        state = (self.state,) if self._recorded and self._runs else ()
        return (*state, *self._kept_first)

    def _fixed_width(self) -> int:
        """What the widgets need that always stay, and a little for the device."""
        margins = self._row.contentsMargins()
        width = margins.left() + margins.right() + _DEVICE_PX
        for index in range(self._row.count()):
            item = self._row.itemAt(index)
            widget = None if item is None else item.widget()
            gives = (*self._gives, self.device, self.flashed)
            if widget is not None and widget not in gives and not widget.isHidden():
                width += widget.sizeHint().width() + self._row.spacing()
        shown = self.recording.text().removeprefix(self._recorded)
        return width - self.recording.fontMetrics().horizontalAdvance(shown)

    def _fit(self) -> None:
        """Show the last marker and the figures that there is room for; the statistics have all."""
        if self.state not in self._gives:
            self.state.show()
        room = self.width() - self._fixed_width()
        marker_px = self.recording.fontMetrics().horizontalAdvance(self._marker)
        marker = self._marker if marker_px <= room else ""
        self.recording.setText(self._recorded + marker)
        room -= marker_px if marker else 0
        for widget in self._gives:
            room -= widget.sizeHint().width() + self._row.spacing() if widget.text() else 0
            widget.setVisible(widget.text() != "" and room >= 0)

    @property
    def sends(self) -> bool:
        """Whether results leave the program over a stream."""
        chips = (*self.chips.values(), *self.signs.values())
        return any(not chip.isHidden() for chip in chips)

    def show_sign(self, name: str, text: str, tip: str = "") -> None:
        """A chip that says what another program does here, until it is pressed; empty for none."""
        if name not in self.signs:
            chip = self.signs[name] = self._make_chip()
            chip.clicked.connect(lambda: self.sign_pressed.emit(name))
            # until it has a text of its own
            chip.setAccessibleName(name)
            self._row.insertWidget(self._row.indexOf(self.flashed), chip)
        chip = self.signs[name]
        chip.setText(text)
        if text:
            chip.setAccessibleName(text)
        chip.setToolTip(plain(tip))
        chip.setAccessibleDescription(tip)
        chip.setVisible(text != "")
        self._fit()

    @Slot(str)
    def flash(self, text: str) -> None:
        """Show ``text`` for a moment, in the place of the device."""
        self.flashed.set_full_text(text)
        self.flashed.show()
        self.device.hide()
        self._flash_ends.start()

    @Slot()
    def _end_flash(self) -> None:
        self.flashed.hide()
        self.device.show()

    @Slot(object)
    def show_streams(self, open_kinds: frozenset[str]) -> None:
        """A chip for each stream that sends, until it is stopped."""
        for kind, chip in self.chips.items():
            chip.setVisible(kind in open_kinds)
        self._fit()

    def _make_chip(self) -> QToolButton:
        chip = QToolButton(self)
        chip.setObjectName("chip")
        give_icon(chip, "x", "accent_text")
        chip.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        chip.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        chip.hide()
        return chip

    def _make_stream_chip(self, kind: str, name: str) -> QToolButton:
        chip = self.chips[kind] = self._make_chip()
        chip.setText(name)
        text = tr("Results are being sent over {stream}. Click to stop.").format(stream=name)
        chip.setToolTip(text)
        chip.setAccessibleDescription(text)
        chip.clicked.connect(lambda: self.stream_stopped.emit(kind))
        return chip

    def show_status(self, status: Status) -> None:
        word = _state_word(status)
        self._runs = word == STATE_WORDS[State.RUNNING]
        self.state.setText(tr(word))
        _give_role(self.state, _state_role(status.state))
        device = status.device
        if device is not None:
            # why stands in the tooltip: a reason is the widest text of all, and stays for ever
            self.device.set_full_text(
                tr("CPU (GPU not used)") if device.fell_back else short_device_text(device)
            )
            self.device.setToolTip(plain(device_text(device)))
        else:
            self.device.set_full_text("")
        _give_role(self.device, "amber" if device is not None and device.fell_back else "muted")
        self.model.setText("" if status.model is None else status.model.name)
        self.model.setToolTip(
            plain(translated(status.model_choice)) or tr("Model that classifies faces")
        )
        _give_role(self.model, "muted")
        moving = status.state in (State.RUNNING, State.LOST) and not status.stands_still
        counted = status.state is State.RUNNING or moving or status.state is State.ENDED
        self.source_rate.setText(
            tr("{rate:.0f} fps").format(rate=status.capture_fps) if moving else ""
        )
        slower = is_slower(status)
        words = (
            tr("analysis {rate:.0f} fps, slower than the source")
            if slower
            else tr("analysis {rate:.0f} fps")
        )
        self.analysis.setText(words.format(rate=status.analysis_fps) if moving else "")
        _give_role(self.analysis, "amber" if slower else "muted")
        self.latency.setText(tr("{time:.0f} ms").format(time=status.latency_ms) if moving else "")
        self.dropped.setText(
            tr("{count:,} dropped").format(count=status.num_dropped) if counted else ""
        )
        for label in (self.source_rate, self.latency, self.dropped):
            _give_role(label, "muted")
        self._fit()

    def offer_models(self, names: Sequence[str], wanted: str, *, locked: bool = False) -> None:
        """Fill the model's menu; ``wanted`` is ticked, empty means automatic.

        ``locked``: the study's settings keep the model as it is.
        """
        menu = self.model.menu()
        menu.clear()
        group = QActionGroup(menu)
        for name in ("", *names):
            action = menu.addAction(name or tr("Automatic (best model that is fast enough)"))
            action.setCheckable(True)
            action.setChecked(name == wanted)
            action.triggered.connect(partial(self._choose_model, name))
            group.addAction(action)
        menu.addSeparator()
        again = menu.addAction(tr("Measure speed again"))
        again.setToolTip(tr("Chooses the model for this computer once more"))
        again.triggered.connect(lambda: self.measure_wanted.emit())
        again.setEnabled(wanted == "" and not locked)
        group.setEnabled(not locked)

    def _choose_model(self, name: str, _checked: bool = False) -> None:
        self.model_chosen.emit(name)

    def show_recording(self, recording: RecordingState) -> None:
        self.recording.setVisible(recording.active)
        time = clock_text(recording.elapsed_s)
        if recording.length_s is not None:
            time = f"{time} / {clock_text(recording.length_s)}"
        parts = [f"❚❚ {time}", tr("paused")] if recording.paused else [f"● {time}"]
        if recording.num_lost:
            parts.append(tr("{count:,} not written").format(count=recording.num_lost))
        self._recorded = " · ".join(parts) if recording.active else ""
        told = recording.active and recording.marker
        self._marker = f" · ⚑ {recording.marker[:16]}" if told else ""
        self.recording.setText(self._recorded)
        _give_role(self.recording, "red")
        self._fit()


def _state_word(status: Status) -> str:
    playback = status.playback
    if status.state is State.RUNNING and playback is not None:
        if playback.stepped:
            return _END_WORDS["still"]
        if playback.at_end:
            return _END_WORDS["video"]
        if playback.paused:
            return mark("Paused")
    if status.state is State.ENDED and status.source is not None:
        return _END_WORDS.get(status.source.kind, STATE_WORDS[State.ENDED])
    return STATE_WORDS[status.state]


def _state_role(state: State) -> str:
    if state is State.FAILED:
        return "red"
    return "amber" if state is State.LOST else ""


def _give_role(label: QWidget, role: str) -> None:
    """Colour ``label`` by its role in the style sheet; polishing costs, so only on a change."""
    if label.property("role") != role:
        label.setProperty("role", role)
        label.style().unpolish(label)
        label.style().polish(label)
