"""Same person as before: offered when someone comes back, and done only when the user says so."""

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from ferdesk.core.tracking.returning import Resemblance, ReturningFaces
from ferdesk.core.types import FrameResult
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.overlay import face_name
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.faces_panel import FacesPanel
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.timeline import Timeline


class SameFaceRow(QWidget):
    """Same face row: a question and its two answers; hidden while there is nothing to ask."""

    answered = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.question = QLabel(self)
        self.question.setWordWrap(True)
        self.question.setMinimumWidth(1)
        self.question.setToolTip(
            tr("By appearance: colours of face, hair and clothes. Nothing leaves this computer.")
        )
        self.yes, self.no = QToolButton(self), QToolButton(self)
        answers = QHBoxLayout()
        answers.setSpacing(GRID)
        for button, text, same in (
            (self.yes, tr("Same person"), True),
            (self.no, tr("Someone else"), False),
        ):
            button.setText(text)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _checked=False, same=same: self.answered.emit(same))
            answers.addWidget(button)
        answers.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(self.question)
        layout.addLayout(answers)
        self.hide()


class SameFaces(QObject):
    """Same faces: asks by ``row``; a yes keeps name, baseline and timeline, and is recorded."""

    def __init__(
        self, live: Live, faces: FacesPanel, timeline: Timeline, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._live, self._faces, self._timeline = live, faces, timeline
        self._returning = ReturningFaces()
        self.offer: Resemblance | None = None
        """What is asked now."""
        self.offers = True
        """Whether the user wants to be asked."""
        self.row = SameFaceRow(faces)
        self.row.answered.connect(self.answer)
        faces.place_question(self.row)

    def take(self, result: FrameResult) -> None:
        """Look at every result; a question about someone who left is of no use any more."""
        if not self.offers:
            self._ask(None)
            return
        offered = self._returning.take(result)
        here = {face.face_id for face in result.faces}
        if self.offer is not None and self.offer.face_id not in here:
            self._ask(None)
        if offered is not None and self.offer is None:
            self._ask(offered)

    def answer(self, same: bool) -> None:
        """The user has said whether both are one."""
        offer = self.offer
        self._ask(None)
        if offer is not None and same:
            self._join(offer.face_id, offer.earlier_id)

    def clear(self) -> None:
        """Another source, other people."""
        self._returning.clear()
        self._ask(None)

    def _ask(self, offer: Resemblance | None) -> None:
        self.offer = offer
        if offer is not None:
            names = self._faces.names.by_id
            text = tr("Is {new} the same person as {earlier}?").format(
                new=face_name(offer.face_id, names), earlier=face_name(offer.earlier_id, names)
            )
            self.row.question.setText(text)
        self.row.setVisible(offer is not None)

    def _join(self, face_id: int, earlier_id: int) -> None:
        self._returning.join(face_id, earlier_id)
        names = self._faces.names
        name = names.by_id.get(earlier_id, "")
        if name and face_id not in names.by_id:
            names.give(face_id, name)
            self._faces.refresh_name()
        baselines = self._live.post_processing.baselines
        if earlier_id in baselines and face_id not in baselines:
            self._live.set_baseline(face_id, baselines[earlier_id])
        self._timeline.history.join(face_id, earlier_id)
        self._live.recordings.join_faces(face_id, earlier_id)
        self._faces.chosen.emit(face_id)
