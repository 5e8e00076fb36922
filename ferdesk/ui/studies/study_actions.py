"""Study actions: ask, record, show, and bring everything to its end, whatever comes between."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QWidget

from ferdesk.runtime.recording import MarkerNote, SessionOutput
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.studies.trial_log import TrialLog
from ferdesk.studies.trials import MARKER_ORIGIN, study_table
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.notice import Level, Notice
from ferdesk.ui.kit.video_view import VideoView
from ferdesk.ui.live.live_actions import LiveActions
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.studies.canvas import CanvasKind, Scene
from ferdesk.ui.studies.corner import Corner
from ferdesk.ui.studies.participant_screen import ParticipantScreen
from ferdesk.ui.studies.run_values import RunOutcome, StudyAnswer
from ferdesk.ui.studies.study_dialog import StudyDialog
from ferdesk.ui.studies.study_run import StudyRun

log = logging.getLogger(__name__)

_LOOK_MS = 40
_WAIT_S = 30.0
"""How long a recording may take to write its first row."""
_KINDS = ("camera", "network", "demo")
"""Sources whose time is that of the participant."""


class StudyActions(QObject):
    """Study actions: one study at a time, with a recording of its own or as a preview."""

    notified = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        live: Live,
        usual_options: Callable[[], RecordingOptions],
        actions: LiveActions,
        view: VideoView,
        parent: QWidget,
        *,
        canvas: CanvasKind | None = None,
    ) -> None:
        """``usual_options`` are those of any recording; ``actions`` know the faces of ``view``."""
        super().__init__(parent)
        self._live, self._usual_options, self._actions = live, usual_options, actions
        self._view = view
        self._window, self._canvas = parent, canvas
        self._folder: Path | None = None
        self.dialog: StudyDialog | None = None
        self.screen: ParticipantScreen | None = None
        self.run: StudyRun | None = None
        self._answer: StudyAnswer | None = None
        self._session: SessionOutput | None = None
        self._log: TrialLog | None = None
        self._corner: Corner | None = None
        self._waited_since_s = 0.0
        self._calibrates = False
        """Whether the baseline phase's neutral seconds may be under way."""
        self._old_runs: list[StudyRun] = []
        self._poll = QTimer(self, interval=_LOOK_MS)
        self._poll.timeout.connect(self._look)
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.screenRemoved.connect(self.screen_removed)

    @property
    def active(self) -> bool:
        """Whether a participant is shown something."""
        return self.screen is not None

    def ask(self, folder: Path | None = None) -> None:
        """Open the dialog, on the study of ``folder`` or the one before."""
        if self.active:
            return
        if self.dialog is not None:
            self.dialog.close()
            self.dialog.deleteLater()
        options = self._usual_options()
        dialog = self.dialog = StudyDialog(
            self._live.services,
            self._live.chores,
            self._why_not,
            folder or self._folder,
            options.folder,
            self._window,
            with_sound=bool(options.sound),
        )
        dialog.chosen.connect(self.begin)
        self._live.status.connect(dialog.look_again)
        dialog.open()

    @Slot(object)
    def begin(self, answer: StudyAnswer) -> None:
        """Run what the dialog says."""
        if self.active:
            return
        self._folder = answer.plan.study.folder
        self._answer = answer
        screen = self.screen = ParticipantScreen(self._live.now_s, self._canvas)
        screen.stop_wanted.connect(self._stop_wanted)
        screen.show_on(answer.screen)
        if answer.preview:
            self._begin_run()
            return
        screen.show_scene(Scene(text=tr("One moment…")))
        plan = answer.plan
        table = study_table(
            plan.study,
            plan.order,
            plan.participant,
            plan.condition,
            plan.fields,
            resumed_from=plan.first_trial if plan.first_trial > 1 else None,
        )
        options = replace(
            self._usual_options(),
            name=f"{plan.study.name} {plan.participant}",
            participant=plan.participant,
            condition=plan.condition,
            notes="",
            length_s=None,
            countdown_s=0,
            study=table,
        )
        self._waited_since_s = self._live.now_s()
        self._live.start_recording(options)
        self._poll.start()

    def close(self) -> None:
        """For the end of the program: whatever runs is noted as stopped."""
        if self.run is not None:
            self.run.stop(tr("The program was closed."))
        elif self.active:
            self._leave()
        if self._log is not None:
            self._log.close()
        if self.dialog is not None:
            self.dialog.close()
        for run in self._old_runs:
            run.join()

    # ---- the recording

    def _why_not(self) -> str:
        """Why nothing can be recorded now; empty where it can."""
        status = self._live.status_now()
        if self._live.recording_active:
            return tr("A recording is running; stop it first.")
        if status.source is not None and status.source.kind not in _KINDS:
            return tr("A study is recorded from a camera; choose one as the source.")
        if not self._live.can_record:
            return tr("Start the camera first.")
        return ""

    @Slot()
    def _look(self) -> None:
        """While a study is recorded: has the recording begun, and does it go on."""
        live = self._live
        session = live.recordings.session
        if self.run is not None:
            if session is None or session.problem:
                self.run.fail(self._why_ended())
        elif session is not None and session.num_rows > 0:
            self._session = session
            self._log = TrialLog(session.folder)
            self._begin_run()
        elif not live.recording_active:
            # why it could not begin was told by the recording itself
            self._leave()
        elif live.now_s() - self._waited_since_s > _WAIT_S:
            self.notified.emit(Notice(tr("The recording does not begin; see the camera."), "error"))
            self._cancel()

    def _why_ended(self) -> str:
        problem = "" if self._session is None else self._session.problem
        problem = problem or self._live.status_now().message
        return translated(problem) or tr("The recording was stopped.")

    def _mark(self, label: str, at_s: float) -> float | None:
        if self._live.recordings.session is None:
            return None
        return self._live.mark(label, at_s, MarkerNote(MARKER_ORIGIN))

    # ---- the run

    def _begin_run(self) -> None:
        answer, screen = self._answer, self.screen
        assert answer is not None
        assert screen is not None
        run = self.run = StudyRun(
            answer.plan,
            screen,
            self._live.services,
            self._live.now_s,
            mark=(lambda _label, _at_s: None) if answer.preview else self._mark,
            notes=None if answer.preview else self._log,
            parent=self,
        )
        run.ended.connect(self._ended)
        run.trial_began.connect(self._tell_trial)
        run.neutral_wanted.connect(self._take_neutral)
        study = answer.plan.study
        if study.show_face or study.show_labels:
            self._corner = Corner(screen, face=study.show_face, label=study.show_labels)
            self._live.result.connect(self._corner.show_result)
        run.begin()

    @Slot(int, str)
    def _tell_trial(self, number: int, name: str) -> None:
        answer, self._calibrates = self._answer, False
        assert answer is not None
        text = tr("Study: stimulus {number} of {count} ({name})").format(
            number=number, count=len(answer.plan.order.ids), name=name
        )
        self.notified.emit(Notice(text, brief=True))

    @Slot()
    def _take_neutral(self) -> None:
        """The one face that is seen becomes neutral; of several nobody knows which one it is."""
        answer, result = self._answer, self._view.result
        if answer is None or answer.preview:
            return
        faces = () if result is None else result.faces
        if len(faces) == 1:
            self._actions.calibration.begin(faces[0].face_id)
            self._calibrates = True
        else:
            text = tr("No neutral baseline was taken: %n faces were seen.", "", len(faces))
            self.notified.emit(Notice(text, "warning"))

    @Slot()
    def _stop_wanted(self) -> None:
        run = self.run
        if run is None:
            self._cancel()
            return
        run.hold()
        self._ask_to_stop(tr("Stop the study? It can go on later at the next stimulus."))

    def _ask_to_stop(self, text: str) -> None:
        run, screen = self.run, self.screen
        if run is None or screen is None:
            return

        def decide(stops: bool) -> None:
            if stops:
                run.stop()
            else:
                run.go_on()

        screen.ask_to_stop(text, decide)

    @Slot(QScreen)
    def screen_removed(self, gone: QScreen) -> None:
        """Go to the screen that is left, and wait there for a word."""
        screen = self.screen
        if screen is None or self._answer is None or self._answer.screen is not gone:
            return
        left = [one for one in QGuiApplication.screens() if one is not gone]
        to = left[0] if left else gone
        self._answer = replace(self._answer, screen=to)
        screen.show_on(to)
        if self._corner is not None:
            self._corner.place()
        self._live.recordings.note(
            "screen_removed", "The participant's screen was disconnected; the study moved."
        )
        text = tr("The participant's screen was disconnected; the study waits on this one.")
        self.notified.emit(Notice(text, "warning"))
        if self.run is not None:
            self.run.hold()
            self._ask_to_stop(tr("The screen was disconnected. Go on here?"))

    def _cancel(self) -> None:
        """Before anything was shown."""
        if self._live.recording_active:
            self._live.stop_recording()
        self._leave()

    @Slot(object)
    def _ended(self, outcome: RunOutcome) -> None:
        answer, trials = self._answer, self._log
        preview = answer is None or answer.preview
        self._leave()
        if preview:
            return
        text = tr("Study finished: {shown} of {count} stimuli were shown.")
        if not outcome.finished:
            text = tr(
                "The study ended after {shown} of {count} stimuli; start it again with the same "
                "code to go on at the next one."
            )
        text = text.format(shown=outcome.num_shown, count=outcome.num_all)
        problems = " ".join(outcome.problems)
        level: Level = "warning" if outcome.problems else "info"
        notice = Notice(f"{problems} {text}".strip(), level, topic="study")
        if trials is None:
            self.notified.emit(notice)
            return
        self._live.chores.run(
            trials.close,
            partial(self._rows_closed, notice),
            lambda why: self._rows_closed(notice, why),
        )

    def _rows_closed(self, notice: Notice, problem: str) -> None:
        """The last rows are on the disk, or never will be."""
        self._log = None
        if problem:
            text = f"{translated(problem)} {notice.text}"
            notice = replace(notice, text=text, level="error")
        self.notified.emit(notice)
        if self._live.recording_active:
            self._live.stop_recording()

    def _leave(self) -> None:
        """The participant's screen goes; a run that was there has ended."""
        self._poll.stop()
        if self._calibrates:
            # who stopped in them does not rest any more
            self._actions.calibration.cancel()
            self._calibrates = False
        if self._corner is not None:
            self._live.result.disconnect(self._corner.show_result)
            self._corner = None
        if self.run is not None:
            self._old_runs = [*self._old_runs[-3:], self.run]
            self.run.deleteLater()
        screen, self.screen, self.run = self.screen, None, None
        self._session = None
        if screen is not None:
            screen.end()
