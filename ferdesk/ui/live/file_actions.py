"""File actions: play, pause and move a file, and analyse every frame of it in the background."""

import threading
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from ferdesk.core.locations import is_url
from ferdesk.runtime.playback import PlaybackStatus
from ferdesk.runtime.ports import FileAnalysis
from ferdesk.runtime.status import State, Status
from ferdesk.ui.kit.actions import ActionSpec, ActionTable
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.notice import Choice, Level, Notice
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.source_names import DEMO, source_title
from ferdesk.ui.live.transport_bar import TransportBar

_POLL_MS = 200


class FileActions(QObject):
    """File actions: the transport bar and its keys, tied to ``live``."""

    notified = Signal(object)
    """A ``Notice``."""

    def __init__(self, live: Live, actions: ActionTable, parent: QWidget) -> None:
        super().__init__(parent)
        self._live, self._actions = live, actions
        self._status = Status()
        self.bar = TransportBar(parent)
        actions.add(parent, *self._specs())
        self.bar.lay_out(actions)
        self.bar.sought.connect(live.seek)
        self.bar.cancel.clicked.connect(self.cancel_analysis)
        self._stop = threading.Event()
        self._done_share = 0.0
        self._running = False
        self._poll = QTimer(self, interval=_POLL_MS)
        self._poll.timeout.connect(self._show_progress)

    @property
    def file(self) -> Path | None:
        """The file or folder that is the source now."""
        name = self._live.source_name
        if not name or name == DEMO.name or name.startswith("camera:") or is_url(name):
            return None
        return Path(name)

    def show_status(self, status: Status) -> None:
        self._status = status
        playback = self._playback
        self.bar.setVisible(self._moves() or self._running)
        self.bar.show_playback(playback, movable=not self._live.recording_active)
        playing = playback is not None and not (playback.paused or playback.at_end)
        play = self._actions["play"]
        play.setText(tr("Pause") if playing else tr("Play"))
        give_icon(play, "pause" if playing else "play")
        loop = self._actions["loop"]
        loop.setChecked(playback is not None and playback.loops)
        for name in ("step_back", "step_on", "loop"):
            self._actions[name].setVisible(playback is not None)
        play.setVisible(playback is not None and not playback.stepped)
        self.bar.slider.setVisible(playback is not None)
        self.bar.time.setVisible(playback is not None)

    def toggle_play(self) -> None:
        playback = self._playback
        if playback is not None:
            self._live.set_playing(playback.paused or playback.at_end)

    def toggle_loop(self) -> None:
        self._live.set_loops(self._actions["loop"].isChecked())

    def analyse(self) -> None:
        """Analyse every frame of the file that is shown, as ``ferdesk analyze`` does."""
        file = self.file
        if file is None or self._running:
            return
        self._running = True
        self._stop.clear()
        self._done_share = 0.0
        length_s = 0.0 if self._status.playback is None else self._status.playback.length_s
        if self._live.recording_active:
            self._live.stop_recording()
        self._live.set_playing(False)
        self._live.chores.run(
            partial(
                self._live.services.analyze_file,
                file,
                advance=partial(self._advance, length_s),
                stop_requested=self._stop.is_set,
            ),
            self._finished,
            self._failed,
        )
        self._poll.start()
        self._show_running(running=True)

    def cancel_analysis(self) -> None:
        """End it; what is done by then is a whole session."""
        self._stop.set()
        self.bar.cancel.setEnabled(False)

    def _advance(self, length_s: float, done_s: float) -> None:
        """On the worker's thread."""
        self._done_share = done_s / length_s if length_s > 0 else 0.0

    def _show_progress(self) -> None:
        self.bar.analysis.setValue(round(100 * min(self._done_share, 1.0)))

    def _finished(self, analysis: FileAnalysis) -> None:
        self._end()
        if analysis.folder is None:
            self.notified.emit(Notice(" ".join(analysis.warnings), "error"))
            return
        text = tr("Analysis stopped; what was done is kept.")
        if not analysis.stopped:
            text = tr("Every frame of {file} is analysed.").format(file=analysis.name)
        if analysis.warnings:
            text = " ".join((text, *analysis.warnings))
        look = Choice(tr("Review"), partial(self._live.review_wanted.emit, analysis.folder))
        level: Level = "warning" if analysis.warnings else "info"
        self.notified.emit(Notice(text, level, choices=(look,)))
        if not analysis.stopped:
            self._live.review_wanted.emit(analysis.folder)

    def _failed(self, message: str) -> None:
        self._end()
        self.notified.emit(Notice(message, "error"))

    def _end(self) -> None:
        self._running = False
        self._poll.stop()
        self._show_running(running=False)

    def _show_running(self, *, running: bool) -> None:
        self.bar.analysis.setVisible(running)
        self.bar.analysis.setValue(0)
        self.bar.cancel.setVisible(running)
        self.bar.cancel.setEnabled(True)
        self.bar.analyse.setVisible(not running)
        self.show_status(self._status)
        self._actions.refresh()

    def _is_file_open(self) -> bool:
        return self.file is not None and self._status.state not in (State.IDLE, State.OPENING)

    @property
    def can_analyse(self) -> bool:
        """Whether the source is a film or a folder of pictures, and no other is in work."""
        file = self.file
        return not self._running and self._moves() and file is not None and file.exists()

    def _moves(self) -> bool:
        """Whether the open file has more than one frame: a film, or a folder of pictures."""
        return self._is_file_open() and not self._is_one_picture

    @property
    def _is_one_picture(self) -> bool:
        source, file = self._status.source, self.file
        is_still = source is not None and source.kind == "still"
        return is_still and file is not None and not file.is_dir()

    @property
    def _playback(self) -> PlaybackStatus | None:
        """Where the file stands; None of a single picture, though a HEIC is read as a film is."""
        return None if self._is_one_picture else self._status.playback

    def _can_move(self) -> bool:
        return self._playback is not None and not self._live.recording_active

    def _can_play(self) -> bool:
        playback = self._playback
        return playback is not None and not playback.stepped

    def _specs(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec(
                "play",
                mark("Pause"),
                self.toggle_play,
                "K",
                "pause",
                mark("Play or pause the video"),
                repeats=False,
                enabled_when=self._can_play,
            ),
            ActionSpec(
                "step_back",
                mark("Previous frame"),
                lambda: self._live.step(-1),
                ",",
                "step-back",
                enabled_when=self._can_move,
            ),
            ActionSpec(
                "step_on",
                mark("Next frame"),
                lambda: self._live.step(1),
                ".",
                "step-forward",
                enabled_when=self._can_move,
            ),
            ActionSpec(
                "loop",
                mark("Loop"),
                self.toggle_loop,
                "L",
                "refresh-cw",
                mark("Repeat the video"),
                checkable=True,
                enabled_when=self._can_move,
            ),
            ActionSpec(
                "analyse_file",
                mark("Analyse every frame"),
                self.analyse,
                "Ctrl+Shift+A",
                "gauge",
                mark("Analyse every frame in the background, then open the result in Review"),
                repeats=False,
                enabled_when=lambda: self.can_analyse,
            ),
        )


def offer_analysis(files: FileActions) -> Notice | None:
    """A notice for a recording of a video: playing drops frames, an analysis does not."""
    file = files.file
    if file is None:
        return None
    choice = Choice(tr("Analyse every frame instead"), files.analyse)
    text = tr("Recording {file} as it plays; frames may be dropped.")
    return Notice(text.format(file=source_title(str(file))), choices=(choice,), stays=False)
