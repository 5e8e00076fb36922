"""Study run: what a participant is shown, one after the other, and what is noted of it.

The order of things is a generator that says what it waits for: a scene that is shown, a moment, a
key, an answer. Everything is on the GUI thread; only stimuli are decoded on threads of their own.
"""

import contextlib
import math
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from ferdesk.core.baseline import NEUTRAL_S
from ferdesk.runtime.ports import Services
from ferdesk.studies.study_file import BASELINE_ID, Question, Stimulus
from ferdesk.studies.trials import (
    Answer,
    Status,
    Trial,
    end_marker,
    onset_marker,
)
from ferdesk.ui.kit.language import tr
from ferdesk.ui.studies.canvas import Scene
from ferdesk.ui.studies.clip_reader import ClipReader
from ferdesk.ui.studies.participant_screen import ParticipantScreen
from ferdesk.ui.studies.run_values import (
    Event,
    NoNotes,
    RunOutcome,
    RunPlan,
    ShownTrial,
    Stopped,
    TrialNotes,
    Wait,
)

_LOOK_S = 0.004
"""How soon a picture that is not decoded yet is looked for again."""
_LAST_PICTURE_S = 1 / 30
"""How long a video's last picture stays, where there is none before it to tell."""
_LATE_S = 0.1
"""Pictures that are later than this are noted."""

_Script = Generator[Wait, Event]


class StudyRun(QObject):
    """Run of a study on a participant's screen; ``begin`` it once the camera is being recorded."""

    ended = Signal(object)
    """A ``RunOutcome``, once."""
    trial_began = Signal(int, str)
    """Number and id of the stimulus whose turn it is."""
    neutral_wanted = Signal()
    """The face is neutral from now on for NEUTRAL_S: for the study's neutral baseline."""

    def __init__(
        self,
        plan: RunPlan,
        screen: ParticipantScreen,
        services: Services,
        clock: Callable[[], float],
        *,
        mark: Callable[[str, float], float | None] = lambda _label, _at_s: None,
        notes: TrialNotes | None = None,
        parent: QObject | None = None,
    ) -> None:
        """``mark`` sets a marker of a moment of ``clock`` and returns its seconds in the session.

        Without ``notes`` it is a preview.
        """
        super().__init__(parent)
        self._plan, self._screen, self._services = plan, screen, services
        self._clock, self._mark, self._notes = clock, mark, notes or NoNotes()
        self._began_s = clock()
        self._num_shown = plan.num_shown
        self._problems: list[str] = []
        self._readers: dict[str, ClipReader] = {}
        self._old_readers: list[ClipReader] = []
        self._wait = Wait()
        self._held_since_s: float | None = None
        self._held_s = 0.0
        self._shown: ShownTrial | None = None
        self._over = self._in_script = False
        self._all_shown = False
        self._script = self._make_script()
        self._timer = QTimer(self, singleShot=True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._look_at_clock)
        # queued: a scene may be shown before the script has said that it waits for it
        screen.presented.connect(self._scene_shown, Qt.ConnectionType.QueuedConnection)
        screen.went_on.connect(self._key_pressed)
        screen.answered.connect(self._answer_given)

    @property
    def over(self) -> bool:
        return self._over

    @property
    def waits_for_key(self) -> bool:
        """Whether a key or click lets it go on now."""
        return self._wait.key and not self.held and not self._over

    @property
    def held(self) -> bool:
        """Whether time stands still for the stimuli."""
        return self._held_since_s is not None

    def begin(self) -> None:
        self._prepare(self._plan.first_trial)
        self._advance(None)

    def hold(self) -> None:
        """Let nothing go on until ``go_on``; what is shown stays."""
        if not self.held and not self._over:
            self._held_since_s = self._clock()
            self._timer.stop()

    def go_on(self) -> None:
        if self._held_since_s is not None:
            held_s = self._clock() - self._held_since_s
            self._held_s += held_s
            self._held_since_s = None
            shown = self._shown
            if shown is not None and shown.onset_s is not None and shown.end_s is None:
                shown.held_s += held_s
            self._look_at_clock()

    def stop(self, note: str = "") -> None:
        """End it at somebody's wish; the stimulus under way is noted as stopped."""
        self._end("stopped", note)

    def fail(self, problem: str) -> None:
        """End it because something else did; the stimulus under way is noted as failed."""
        self._problems.append(problem)
        self._end("failed", problem)

    def join(self, timeout_s: float = 5.0) -> None:
        """Wait for threads that decoded; for the end of the program."""
        for reader in self._old_readers:
            reader.join(timeout_s)

    # ---- what drives the script

    def _now_s(self) -> float:
        """The run's clock: it stands still while the run is held."""
        return self._clock() - self._held_s

    def _advance(self, event: Event | None) -> None:
        """Let the script go on, and further where its next moment has come already."""
        left_s = 0.0
        while not self._over and left_s <= 0:
            self._in_script = True
            try:
                self._wait = next(self._script) if event is None else self._script.send(event)
            except StopIteration:
                self._finish(stopped=False)
                return
            finally:
                self._in_script = False
            if self._wait.until_s is None or self.held:
                return
            left_s = self._wait.until_s - self._now_s()
            event = Event("time", self._clock())
        if not self._over:
            self._timer.start(math.floor(1000 * left_s))

    @Slot(int, float)
    def _scene_shown(self, number: int, at_s: float) -> None:
        # numbers rise: the scene that is waited for, or one behind it that took its place
        wanted = self._wait.scene
        if wanted is not None and number >= wanted and not self._over:
            self._advance(Event("scene", at_s))

    @Slot()
    def _look_at_clock(self) -> None:
        until_s = self._wait.until_s
        if until_s is None or self.held or self._over:
            return
        left_s = until_s - self._now_s()
        if left_s <= 0:
            self._advance(Event("time", self._clock()))
        else:
            self._timer.start(math.floor(1000 * left_s))

    @Slot(float)
    def _key_pressed(self, at_s: float) -> None:
        if self.waits_for_key:
            self._advance(Event("key", at_s))

    @Slot(str, object, float)
    def _answer_given(self, text: str, value: float | None, at_s: float) -> None:
        if self._wait.answer and not self.held:
            self._advance(Event("answer", at_s, text, value))

    def _end(self, status: Status, note: str) -> None:
        if self._over:
            return
        if self._in_script:
            # a marker of the script has brought the end about
            QTimer.singleShot(0, self, partial(self._end, status, note))
            return
        with contextlib.suppress(StopIteration, Stopped):
            self._script.throw(Stopped(status, note))
        self._finish(stopped=status == "stopped" and not self._all_shown)

    def _finish(self, *, stopped: bool) -> None:
        if self._over:
            return
        self._over = True
        self._timer.stop()
        for name in list(self._readers):
            self._let_go(name)
        num_all = len(self._plan.order.ids)
        self.ended.emit(
            RunOutcome(
                self._all_shown, stopped, self._num_shown, num_all,
                tuple(self._problems),
            )
        )  # fmt: skip

    # ---- the script

    def _make_script(self) -> _Script:
        study = self._plan.study
        if study.instructions:
            yield from self._page(study.instructions, tr("Press Space to continue."))
        if study.baseline is not None:
            yield from self._baseline_phase()
        for number in range(self._plan.first_trial, len(self._plan.order.ids) + 1):
            yield from self._trial(number)
        self._all_shown = True
        thanks = study.thanks or tr("This is the end. Thank you for taking part.")
        yield from self._page(thanks, tr("Press Space to close."))

    def _page(self, text: str, hint: str) -> _Script:
        yield Wait(scene=self._screen.show_scene(Scene(text=text, hint=hint)))
        yield Wait(key=True)

    def _baseline_phase(self) -> _Script:
        phase = self._plan.study.baseline
        assert phase is not None
        rest = Stimulus(BASELINE_ID, "pause", duration_s=phase.duration_s)
        shown = ShownTrial(0, rest, "baseline")
        with_end = self._noted(shown, self._timed(shown, Scene(text=phase.text, cross=True)))
        yield from with_end

    def _trial(self, number: int) -> _Script:
        stimulus = self._plan.study.stimulus(self._plan.order.ids[number - 1])
        self.trial_began.emit(number, stimulus.id)
        shown = ShownTrial(number, stimulus, "stimulus")
        yield from self._noted(shown, self._show(shown))
        if shown.onset_s is not None:
            for question in stimulus.questions:
                yield from self._ask(shown, question)

    def _noted(self, shown: ShownTrial, inner: _Script) -> _Script:
        """Whatever becomes of ``inner``, the trial is a row, and an onset has its end."""
        self._shown = shown
        try:
            status: Status = "shown"
            yield from inner
        except Stopped as stop:
            status, shown.note = stop.status, shown.note or stop.note
            if shown.onset_s is None and status == "stopped":
                status = "skipped"
            # to the question whether to stop, where that was asked: it is none of the trial
            held_s = self._held_since_s
            shown.end_s = self._clock() if held_s is None else max(held_s, shown.onset_s or held_s)
            self._note(shown, status)
            raise
        else:
            self._note(shown, "failed" if shown.broke_off else status)

    def _show(self, shown: ShownTrial) -> _Script:
        """Fixation, then the stimulus to its end; sets onset and end of ``shown``."""
        stimulus = shown.stimulus
        self._prepare(shown.number)
        if stimulus.fixation_s:
            event = yield Wait(scene=self._screen.show_scene(Scene(cross=True)))
            yield Wait(until_s=self._due_s(event.at_s, stimulus.fixation_s))
        reader = self._readers.get(stimulus.id)
        if reader is None:
            self._prepare(shown.number + 1)
            hint = tr("Press Space to continue.") if stimulus.duration_s is None else ""
            scene = Scene(text=stimulus.text, hint=hint if stimulus.kind == "text" else "")
            yield from self._timed(shown, scene)
            return
        while not reader.ready:
            yield Wait(until_s=self._now_s() + _LOOK_S)
        self._prepare(shown.number + 1)
        first = reader.take()
        if first is None:
            self._break_off(shown, reader.problem or tr("The file has no picture."))
        elif stimulus.kind == "image":
            yield from self._timed(shown, Scene(image=first.image))
        else:
            yield from self._play(shown, reader, Scene(image=first.image))
        self._let_go(stimulus.id)

    def _timed(self, shown: ShownTrial, scene: Scene) -> _Script:
        """A scene for its time, or until a key where it has none."""
        yield from self._onset(shown, scene)
        length_s = shown.stimulus.duration_s
        assert shown.onset_s is not None
        if length_s is None:
            yield Wait(key=True)
        else:
            until_s = self._due_s(shown.onset_s, length_s)
            phase = self._plan.study.baseline
            if shown.phase == "baseline" and phase is not None and phase.neutral:
                yield Wait(until_s=until_s - min(length_s, NEUTRAL_S + 0.5))
                self.neutral_wanted.emit()
            yield Wait(until_s=until_s)
        yield from self._end_of(shown)

    def _play(self, shown: ShownTrial, reader: ClipReader, first: Scene) -> _Script:
        """A video to its end or for its time; pictures that come too late are left out."""
        yield from self._onset(shown, first)
        assert shown.onset_s is not None
        length_s = shown.stimulus.duration_s
        last_s, step_s, num_late, latest_s = 0.0, _LAST_PICTURE_S, 0, 0.0
        onset_s = shown.onset_s - self._held_s
        while True:
            following = reader.peek()
            if following is None and not reader.ended:
                reader.skip_before(self._now_s() - onset_s)
                yield Wait(until_s=self._now_s() + _LOOK_S)
            else:
                ends = following is None
                at_s = last_s + step_s if following is None else following.t_s
                cut = length_s is not None and at_s >= length_s
                due_s = length_s if cut and length_s is not None else at_s
                yield Wait(until_s=onset_s + due_s - self._screen.refresh_s / 2)
                if ends or cut:
                    break
                picture = reader.take()
                assert picture is not None
                step_s, last_s = max(picture.t_s - last_s, 0.0), picture.t_s
                now_s = self._now_s() - onset_s
                behind = reader.peek()
                if behind is not None and behind.t_s <= now_s:
                    num_late += 1
                    continue
                latest_s = max(latest_s, now_s - picture.t_s)
                self._screen.show_scene(Scene(image=picture.image))
            if length_s is not None and self._now_s() - onset_s >= length_s:
                break
        yield from self._end_of(shown)
        if num_late := num_late + reader.num_skipped:
            shown.note = tr("%n pictures came too late and were left out.", "", num_late)
        if latest_s > _LATE_S:
            text = tr("Pictures were up to {seconds:.1f} s late.").format(seconds=latest_s)
            shown.note = f"{shown.note} {text}".strip()
        if reader.problem:
            self._break_off(shown, reader.problem)

    def _break_off(self, shown: ShownTrial, why: str) -> None:
        shown.note, shown.broke_off = why, True
        self._problems.append(why)

    def _onset(self, shown: ShownTrial, scene: Scene) -> _Script:
        event = yield Wait(scene=self._screen.show_scene(scene))
        shown.onset_s = event.at_s
        label = onset_marker(shown.phase, shown.number, shown.stimulus.id)
        t_s = self._mark(label, event.at_s)
        if t_s is not None:
            self._began_s = event.at_s - t_s

    def _end_of(self, shown: ShownTrial) -> _Script:
        event = yield Wait(scene=self._screen.show_scene(Scene()))
        shown.end_s = event.at_s

    def _ask(self, shown: ShownTrial, question: Question) -> _Script:
        asked_s, held_s = self._screen.ask(question), self._held_s
        event = yield Wait(answer=True)
        self._notes.add_answer(
            Answer(
                shown.number,
                shown.stimulus.id,
                question.id,
                question.text,
                question.kind,
                event.text,
                event.value,
                event.at_s - self._began_s,
                event.at_s - asked_s - (self._held_s - held_s),
            )
        )
        # the answer is seen to have been taken
        yield Wait(scene=self._screen.show_scene(Scene()))

    # ---- what is noted

    def _note(self, shown: ShownTrial, status: Status) -> None:
        if shown.onset_s is not None and shown.end_s is not None:
            self._mark(end_marker(shown.phase, shown.number, shown.stimulus.id), shown.end_s)
        else:
            shown.end_s = None
        if status == "shown" and shown.phase == "stimulus":
            self._num_shown += 1
        if shown.held_s:
            text = tr("The study was held for {seconds:.1f} s meanwhile.")
            shown.note = f"{shown.note} {text.format(seconds=shown.held_s)}".strip()
        stimulus, onset_s, end_s = shown.stimulus, shown.onset_s, shown.end_s
        self._notes.add_trial(
            Trial(
                trial=shown.number,
                stimulus=stimulus.id,
                kind=stimulus.kind,
                phase=shown.phase,
                condition=stimulus.condition,
                planned_s=stimulus.duration_s,
                onset_t_s=None if onset_s is None else onset_s - self._began_s,
                end_t_s=None if end_s is None else end_s - self._began_s,
                onset_utc=None if onset_s is None else self._utc_of(onset_s),
                method="" if onset_s is None else self._screen.method,
                error_ms=None if onset_s is None else self._screen.error_ms,
                status=status,
                note=shown.note,
            )
        )

    def _utc_of(self, at_s: float) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=self._clock() - at_s)

    def _due_s(self, from_s: float, length_s: float) -> float:
        """When, on the run's clock, to show what should be seen ``length_s`` after ``from_s``."""
        return from_s - self._held_s + length_s - self._screen.refresh_s / 2

    # ---- files ahead of time

    def _prepare(self, number: int) -> None:
        """Begin to decode the stimulus of a trial, if there is one and it has a file."""
        if number > len(self._plan.order.ids):
            return
        stimulus = self._plan.study.stimulus(self._plan.order.ids[number - 1])
        if stimulus.file is not None and stimulus.id not in self._readers:
            open_clip = partial(self._services.open_stimulus, stimulus)
            self._readers[stimulus.id] = ClipReader(open_clip, self._screen.room)

    def _let_go(self, name: str) -> None:
        reader = self._readers.pop(name)
        reader.close()
        self._old_readers.append(reader)
