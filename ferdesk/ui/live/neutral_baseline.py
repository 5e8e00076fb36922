"""Neutral baseline on the live page: three seconds of a neutral face, shown, and undone."""

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from ferdesk.core.baseline import MOST_SHIFT, NEUTRAL_S, Baseline, NeutralSeconds
from ferdesk.core.types import FrameResult
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import label_text, tr
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.live_run import Live

_DOUBTFUL = 0.5
"""A label other than neutral that has at least this in the neutral seconds is asked about."""


class Calibration(QObject):
    """Calibration: watches one face while it is neutral, then lets ``live`` use what was seen."""

    changed = Signal()
    notified = Signal(object)
    """A ``Notice``."""

    def __init__(self, live: Live, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._live = live
        self._seconds: NeutralSeconds | None = None

    @property
    def face_id(self) -> int | None:
        """The face that is being calibrated."""
        return None if self._seconds is None else self._seconds.face_id

    @property
    def share(self) -> float:
        """How much of the neutral seconds has passed, in [0, 1]."""
        return 0.0 if self._seconds is None else self._seconds.share

    def baseline_of(self, face_id: int | None) -> Baseline | None:
        """The baseline that is used for a face."""
        return None if face_id is None else self._live.post_processing.baselines.get(face_id)

    def begin(self, face_id: int) -> None:
        """Collect the next seconds of this face; another one under way ends."""
        self._seconds = NeutralSeconds(face_id)
        self.changed.emit()

    def cancel(self) -> None:
        if self._seconds is not None:
            self._seconds = None
            self.changed.emit()

    def undo(self, face_id: int) -> None:
        """Use no baseline for this face any more."""
        if self.baseline_of(face_id) is not None:
            self._live.set_baseline(face_id, None)
            self.changed.emit()

    def take(self, result: FrameResult) -> None:
        seconds = self._seconds
        if seconds is None:
            return
        match seconds.add(result):
            case "lost":
                self._seconds = None
                text = tr("Baseline of face #{id} not finished: the face was not visible.")
                self.notified.emit(Notice(text.format(id=seconds.face_id), "warning"))
            case "done":
                self._seconds = None
                self._live.set_baseline(seconds.face_id, seconds.baseline())
                self._tell(seconds)
            case "running":
                pass
        self.changed.emit()

    def _tell(self, seconds: NeutralSeconds) -> None:
        baseline = seconds.baseline()
        label, share = seconds.most_seen()
        face_id = seconds.face_id
        if label != "neutral" and share >= _DOUBTFUL:
            text = tr(
                "Face #{id} was classified as {label} ({share:.0%}) during "
                "calibration. If it was not neutral, undo the baseline and "
                "calibrate again."
            ).format(id=face_id, label=label_text(label), share=share)
            self.notified.emit(Notice(text, "warning"))
        elif not baseline.lowered:
            text = tr("Face #{id} is already neutral; no correction needed.")
            self.notified.emit(Notice(text.format(id=face_id), stays=False))


def baseline_text(baseline: Baseline) -> str:
    """What a baseline does, in words: which labels it lowers and how much."""
    if not baseline.lowered:
        return tr("Already neutral; no correction needed.")
    parts = [
        f"{label_text(label)} −{shift:.1f}" + (" ⊥" if shift >= MOST_SHIFT else "")  # noqa: RUF001
        for label, shift in baseline.lowered
    ]
    return tr("Adjusted: {labels}").format(labels=", ".join(parts))


class BaselineRow(QWidget):
    """Baseline row: off, being recorded, or on, and the button that changes it."""

    pressed = Signal()
    """Calibrate, cancel or undo, as the button says."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = QLabel(self)
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 100)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(GRID)
        self.progress.setAccessibleName(tr("Neutral baseline progress"))
        self.button = QPushButton(self)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(self.pressed)
        give_icon(self.button, "crosshair")
        # wide enough for each of its words, so that nothing moves
        words = (tr("Calibrate"), tr("Cancel"), tr("Undo"))
        widest = max(self.fontMetrics().horizontalAdvance(word) for word in words)
        self.button.setMinimumWidth(widest + 4 * GRID)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.state, 1)
        row.addWidget(self.progress, 1)
        row.addWidget(self.button)
        self.show_off(None)

    def show_off(self, face_id: int | None) -> None:
        self._show(tr("Baseline: off"), tr("Calibrate"), face_id is not None)
        tip = tr("Record a {time:.0f}-second neutral baseline for this face")
        self.button.setToolTip(tip.format(time=NEUTRAL_S) + " (B)")

    def show_running(self, share: float) -> None:
        self._show(tr("Keep a neutral face…"), tr("Cancel"), True, share)
        self.button.setToolTip(tr("Cancel calibration") + " (B)")

    def show_on(self, baseline: Baseline) -> None:
        self._show(tr("◎ Baseline: on"), tr("Undo"), True)
        self.state.setToolTip(baseline_text(baseline))
        self.button.setToolTip(tr("Remove the neutral baseline") + " (B)")

    def _show(self, state: str, button: str, enabled: bool, share: float | None = None) -> None:
        self.state.setText(state)
        self.state.setToolTip("")
        self.button.setText(button)
        self.button.setAccessibleName(tr("{button}: neutral baseline").format(button=button))
        self.button.setEnabled(enabled)
        self.progress.setVisible(share is not None)
        self.progress.setValue(round((share or 0.0) * 100))
