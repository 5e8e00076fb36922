"""Recording actions: start at once or by the sheet, pause, and what the buttons say."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from ferdesk.core.heatmap import HeatmapChoice
from ferdesk.core.video_format import VideoFormat
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.ui.kit.actions import ActionSpec, ActionTable
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.settings_store import SettingsStore
from ferdesk.ui.live.dialogs import Dialogs
from ferdesk.ui.live.file_actions import FileActions, offer_analysis
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.recording_state import RecordingState
from ferdesk.ui.live.status_line import clock_text

_WITH_SOUND = ("clean", "overlay")
"""Kinds of video that may have sound: a voice tells who speaks, so one with blurred faces not."""


class RecordingActions(QObject):
    """Recording actions; what is typed for one recording is offered for the next."""

    notified = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        live: Live,
        store: SettingsStore,
        actions: ActionTable,
        dialogs: Dialogs,
        files: FileActions,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._live, self._store, self._actions = live, store, actions
        self._dialogs, self._files, self._page = dialogs, files, parent
        self.state = RecordingState()
        self.heatmap = HeatmapChoice()
        """The heatmap that is shown."""
        self._typed = RecordingOptions()
        actions.add(parent, *self._specs())

    def toggle(self) -> None:
        """Stop what is recorded; else record, by the sheet where the user wants to be asked."""
        if self._live.recording_active:
            self._live.stop_recording()
        elif self._store.settings.ask_before_recording:
            self.ask()
        else:
            self._start(self.usual_options())
        self.show_state(self.state)

    @property
    def participant(self) -> str:
        """Whom the next recording shows."""
        return self._typed.participant

    @property
    def condition(self) -> str:
        """The condition of the next recording."""
        return self._typed.condition

    def describe(self, *, participant: str | None = None, condition: str | None = None) -> None:
        """What the next recordings show, where it is not None; the sheet offers the same."""
        if participant is not None:
            self._typed = replace(self._typed, participant=participant)
        if condition is not None:
            self._typed = replace(self._typed, condition=condition)

    def begin(self, name: str = "") -> None:
        """Record as the settings say, without asking; for what has its own way of asking."""
        self._live.start_recording(replace(self.usual_options(), name=name))
        self.show_state(self.state)

    def ask(self) -> None:
        """Open the sheet, and record as it says."""
        if self._live.recording_active:
            return
        is_file = self._files.can_analyse
        asks = self._store.settings.ask_before_recording
        settings = self._store.settings
        # what was chosen last is offered again, also with a video that now has no sound
        options = replace(self.usual_options(), sound=settings.record_sound)
        answer = self._dialogs.ask_recording(
            self._page,
            options,
            asks,
            is_file,
            self._live.services.microphones,
            settings.sound_consent,
        )
        if answer is None:
            return
        self._store.remember(ask_before_recording=answer.asks)
        if answer.options.video in _WITH_SOUND and not is_file:
            self._store.remember(
                record_sound=answer.options.sound, sound_consent=answer.heard_agreed
            )
        # the next one is often of the same person, and never has the same name
        self._typed = replace(
            RecordingOptions(),
            participant=answer.options.participant,
            condition=answer.options.condition,
        )
        if answer.analyses_instead:
            self._files.analyse()
        else:
            self._start(answer.options)

    def toggle_pause(self) -> None:
        self._live.pause_recording(not self.state.paused)

    def show_state(self, state: RecordingState) -> None:
        """Let the buttons say what is recorded."""
        self.state = state
        record = self._actions["record"]
        begun = state.active or state.counting_down
        record.setChecked(begun)
        elapsed = clock_text(state.elapsed_s)
        record.setText(elapsed if state.active else tr("Cancel") if begun else tr("Record"))
        give_icon(record, "circle-dot", "red" if begun else "text")
        pause = self._actions["pause_recording"]
        pause.setText(tr("Resume recording") if state.paused else tr("Pause recording"))
        give_icon(pause, "play" if state.paused else "pause")

    def usual_options(self) -> RecordingOptions:
        """As the settings say, with what was typed for the last recording."""
        settings = self._store.settings
        shown = settings.video_heatmap and self.heatmap.name is not None
        return replace(
            self._typed,
            folder=Path(settings.recording_folder) if settings.recording_folder else None,
            video=self._live.video,
            video_format=VideoFormat(settings.video_codec, settings.video_quality),
            heatmap=self.heatmap if shown else None,
            landmarks_shown=settings.landmarks_shown,
            landmarks=settings.record_landmarks,
            sound=(
                settings.record_sound
                if settings.sound_consent and self._live.video in _WITH_SOUND
                else ""
            ),
            length_s=settings.recording_length_s,
            countdown_s=settings.recording_countdown_s,
        )

    def _start(self, options: RecordingOptions) -> None:
        asked = self._store.settings.ask_before_recording
        if not asked and self._files.can_analyse and self._live.can_record:
            notice = offer_analysis(self._files)
            if notice is not None:
                self.notified.emit(notice)
        self._live.start_recording(options)

    def _can_record(self) -> bool:
        return self._live.recording_active or (self._live.can_record and not self.state.changing)

    def _specs(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec(
                "record",
                mark("Record"),
                self.toggle,
                "R",
                "circle-dot",
                mark("Record results to CSV"),
                checkable=True,
                enabled_when=self._can_record,
            ),
            ActionSpec(
                "new_recording",
                mark("New recording…"),
                self.ask,
                "Ctrl+R",
                "circle-dot",
                mark("Name, participant, length and folder of a new recording"),
                enabled_when=lambda: self._can_record() and not self._live.recording_active,
            ),
            ActionSpec(
                "pause_recording",
                mark("Pause recording"),
                self.toggle_pause,
                "Ctrl+P",
                "pause",
                mark("Pause or resume the recording"),
                repeats=False,
                enabled_when=lambda: self.state.active,
            ),
        )
