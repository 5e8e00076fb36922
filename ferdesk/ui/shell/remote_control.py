"""Remote control: executes what other programs ask for, as the window's own buttons would.

Commands come from a stream's thread and are executed here, on the GUI thread, a few at a time. None
is executed where nobody has agreed to the first page, or where the settings do not allow it; a
sign in the status line says that programs may command, and closes that door when it is pressed.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from ferdesk.core.locations import shown_location
from ferdesk.runtime.commands import NOT_ALLOWED, Asked, CommandDesk, CommandError
from ferdesk.settings import Settings
from ferdesk.ui.kit.gate import Gate
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.live.live_page import LivePage
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.recording_state import RecordingEnd, RecordingState
from ferdesk.ui.preferences.consent import needs_consent
from ferdesk.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_ONCE = 8
"""Commands executed before the event loop goes on with pictures and keys."""
_SIGN = "commands"
_NOTHING_RECORDED = (
    "Nothing is recorded; start a recording first, in ferdesk's window or by ferdesk remote start."
)


class RemoteControl(QObject):
    """Remote control of one window."""

    notified = Signal(object)
    """A ``Notice``."""
    _came = Signal()

    def __init__(self, live: Live, page: LivePage, store: SettingsStore, parent: QObject) -> None:
        super().__init__(parent)
        self._live, self._page, self._store = live, page, store
        self.desk = CommandDesk(partial(Gate(self).let, self._came.emit), clock=live.now_s)
        self._starting: Asked | None = None
        self._start_noted = False
        self._stopping: list[Asked] = []
        self._open_kinds: frozenset[str] = frozenset()
        self._last = ""
        self._wished_commands = False
        self._wished_origins: tuple[str, ...] = ()
        self._does: dict[str, Callable[[Asked], None]] = {
            "start_recording": self._start,
            "stop_recording": self._stop,
            "marker": self._mark,
            "participant": self._describe,
            "condition": self._describe,
            "status": lambda asked: asked.answer(self._status()),
            "snapshot": self._snapshot,
        }
        live.streams.commands = self.desk
        self._came.connect(self._execute, Qt.ConnectionType.QueuedConnection)
        live.streaming.connect(self._show_streams)
        live.recordings.began.connect(self._began)
        live.recordings.refused.connect(self._refused)
        live.recordings.ended.connect(self._ended)
        live.recording.connect(self._show_recording)
        page.status_line.sign_pressed.connect(self._sign_pressed)
        store.changed.connect(self._apply)
        self._apply(store.settings)

    def wish(self, origins: tuple[str, ...], *, commands: bool) -> None:
        """What the command line allows this time, beside the settings."""
        self._wished_origins, self._wished_commands = origins, commands
        self._apply(self._store.settings)

    @Slot(object)
    def _apply(self, settings: Settings) -> None:
        wanted = settings.remote_commands or self._wished_commands
        allowed = wanted and not needs_consent(settings)
        if allowed != self.desk.allowed:
            self.desk.allow(allowed)
        self._live.streams.origins = (*settings.web_origins.split(), *self._wished_origins)
        self._show_sign()

    @Slot(object)
    def _show_streams(self, open_kinds: frozenset[str]) -> None:
        self._open_kinds = open_kinds
        self._show_sign()

    def _show_sign(self) -> None:
        shown = self.desk.allowed and "websocket" in self._open_kinds
        tip = tr("Other programs may record and set markers here. Click to refuse commands.")
        if self._last:
            tip += "\n" + tr("Last command: {command}").format(command=self._last)
        self._page.status_line.show_sign(_SIGN, tr("Commands") if shown else "", tip)

    @Slot(str)
    def _sign_pressed(self, name: str) -> None:
        if name == _SIGN:
            self._wished_commands = False
            self._store.remember(remote_commands=False)

    @Slot()
    def _execute(self) -> None:
        for _ in range(_AT_ONCE):
            asked = self.desk.take()
            if asked is None:
                return
            if not self.desk.allowed:
                # it waited while the person at the window closed the door
                asked.refuse(CommandError("not_allowed", NOT_ALLOWED))
                continue
            command = asked.command
            if command.name != "status":  # asked many times, and does nothing
                self._last = " ".join((command.name, *command.texts.values()))
                self._show_sign()
            try:
                self._does[command.name](asked)
            except CommandError as error:
                asked.refuse(error)
            except Exception:
                # a fault of ours is reported as any other, and nobody waits for an answer
                if asked is self._starting:
                    self._starting = None
                asked.refuse(CommandError("failed", "Something unexpected went wrong in ferdesk."))
                QTimer.singleShot(0, self, self._execute)
                raise
        QTimer.singleShot(0, self, self._execute)

    # ---- what the commands do

    def _start(self, asked: Asked) -> None:
        self._check_consent()
        live = self._live
        if live.recording_active:
            raise CommandError("recording_runs", "A recording runs already.")
        if live.recordings.changing:
            raise CommandError("busy", "The last recording is still being written; try again.")
        if not live.can_record:
            raise CommandError(
                "no_source", "Nothing runs that can be recorded; start a camera or a video first."
            )
        texts = asked.command.texts
        self._page.recordings.describe(
            participant=texts.get("participant"), condition=texts.get("condition")
        )
        self._starting, self._start_noted = asked, False
        self._page.recordings.begin(texts.get("name", ""))
        self._note_start()

    def _note_start(self) -> None:
        """Let the session say who started it, once it takes events: after the countdown."""
        recordings = self._live.recordings
        if (
            self._starting is not None
            and not self._start_noted
            and recordings.begun_at_s is not None
        ):
            self._start_noted = True
            recordings.note("commanded", "Another program started the recording.")

    def _stop(self, asked: Asked) -> None:
        live = self._live
        if not live.recording_active:
            raise CommandError("not_recording", _NOTHING_RECORDED)
        live.recordings.note("commanded", "Another program stopped the recording.")
        text = tr("Another program stopped the recording.")
        self.notified.emit(Notice(text, stays=False, topic="commanded"))
        self._stopping.append(asked)
        live.stop_recording()
        if not live.recordings.changing:  # it was only counted down to
            self._ended(RecordingEnd())

    def _mark(self, asked: Asked) -> None:
        begun_at_s = self._live.recordings.begun_at_s
        command = asked.command
        if begun_at_s is None:
            raise CommandError("not_recording", _NOTHING_RECORDED)
        if command.has_moment and command.at_s < begun_at_s:
            raise CommandError("bad_time", "The recording began after that moment.")
        # imported here: a start has no need of what reads sessions
        from ferdesk.sessions.markers import clean_label

        label = clean_label(command.texts["text"])
        t_s = self._live.mark(label, command.at_s)
        if t_s is None:
            raise CommandError("not_recording", "The recording has just ended.")
        asked.answer({"t_s": round(t_s, 6), "label": label, "session": self._session})

    def _describe(self, asked: Asked) -> None:
        name, text = asked.command.name, asked.command.texts["text"]
        if self._live.recording_active:
            raise CommandError("recording_runs", f"A recording runs; its {name} stays as it is.")
        self._page.recordings.describe(**{name: text})
        said = (
            tr("Participant from another program: {text}")
            if name == "participant"
            else tr("Condition from another program: {text}")
        )
        self.notified.emit(Notice(said.format(text=text), brief=True))
        asked.answer({name: text})

    def _snapshot(self, asked: Asked) -> None:
        self._check_consent()
        if self._page.view.result is None:
            raise CommandError("no_source", "No picture is shown that could be saved.")

        def saved(path: Path) -> None:
            asked.answer({"file": path.name, "path": str(path)})

        def failed(message: str) -> None:
            asked.refuse(CommandError("failed", message))

        self._page.snapshot(saved, failed)

    def _status(self) -> dict[str, object]:
        live, recordings = self._live, self._live.recordings
        status, result = live.status_now(), self._page.view.result
        source = status.source
        active = recordings.begun_at_s is not None
        typed, offered = recordings.options, self._page.recordings
        return {
            "program": "ferdesk",
            "version": VERSION,
            "state": status.state.value,
            "source": "" if source is None else shown_location(source.location),
            "recording": active,
            "counting_down": live.recording_active and not active,
            "paused": recordings.paused,
            "session": self._session if active else None,
            "elapsed_s": round(recordings.elapsed_s, 3) if active else 0.0,
            "participant": typed.participant if active else offered.participant,
            "condition": typed.condition if active else offered.condition,
            "study": typed.study.get("name") if active else None,
            "faces": 0 if result is None else len(result.faces),
            "analysis_fps": round(status.analysis_fps, 1),
            "frames_dropped": status.num_dropped,
        }

    @property
    def _session(self) -> str | None:
        folder = self._live.recordings.folder
        return None if folder is None else folder.name

    def _check_consent(self) -> None:
        if needs_consent(self._store.settings):
            raise CommandError(
                "no_consent",
                "Nobody has agreed to ferdesk's first page here; nothing is recorded or saved.",
            )

    # ---- what became of them

    @Slot(object)
    def _began(self, folder: Path) -> None:
        asked, self._starting = self._starting, None
        if asked is not None:
            # not before: a recording may be refused
            text = tr("Another program started the recording.")
            self.notified.emit(Notice(text, stays=False, topic="commanded"))
            typed = self._live.recordings.options
            asked.answer(
                {
                    "session": folder.name,
                    "folder": str(folder),
                    "participant": typed.participant,
                    "condition": typed.condition,
                }
            )

    @Slot(str)
    def _refused(self, message: str) -> None:
        self._give_up_start(message)
        # a stop that came while it was being opened waits for no end
        self._ended(RecordingEnd(problem=message))

    @Slot(object)
    def _ended(self, end: RecordingEnd) -> None:
        waiting, self._stopping = self._stopping, []
        for asked in waiting:
            if end.problem:
                asked.refuse(CommandError("failed", end.problem))
            else:
                name = None if end.folder is None else end.folder.name
                asked.answer({"session": name, "rows": end.num_rows})

    @Slot(object)
    def _show_recording(self, _state: RecordingState) -> None:
        self._note_start()
        active = self._live.recording_active or self._live.recordings.changing
        if self._starting is not None and not active:
            self._give_up_start("The recording was stopped before it began.")

    def _give_up_start(self, sentence: str) -> None:
        asked, self._starting = self._starting, None
        if asked is not None:
            asked.refuse(CommandError("failed", sentence))
