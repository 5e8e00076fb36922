"""Measures of the chosen face in numbers: head, distance, gaze, blinks, movements, valence."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from ferdesk.core.measures.movements import largest
from ferdesk.core.measures.valence import valence
from ferdesk.core.measures.values import UnmeasuredReason
from ferdesk.core.types import FaceResult
from ferdesk.ui.kit.language import mark, tr
from ferdesk.ui.kit.theme import GRID

UNMEASURED: dict[UnmeasuredReason, str] = {
    "small": mark("Too small to measure: move closer."),
    "cut": mark("Not measured: the picture's edge cuts the face off."),
    "overlapping": mark("Not measured: another face overlaps this one."),
    "turned": mark("Not measured: the head is turned away."),
    "dark": mark("Not measured: too dark. Put light on the face."),
    "hidden": mark("Not measured: something covers the face, or too little of it can be seen."),
    "waiting": mark("Not measured yet: other faces had their turn."),
}
"""Why there are no measures, and what to do."""
_NONE = "—"
_EVERY_S = 0.25
"""Numbers that change more often cannot be read."""
_REASON_KEPT_S = 1.0
"""For how long a reason is said while the face waits for its next turn."""
_NUM_MOVEMENTS = 3


class MeasuresBox(QWidget):
    """Measures box: a row for each measure, or one line that says why there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.reason = QLabel(self)
        self.reason.setWordWrap(True)
        self.reason.setMinimumWidth(1)
        self.reason.setProperty("role", "muted")
        titles = {
            "head": tr("Head"),
            "distance": tr("Distance"),
            "gaze": tr("Gaze"),
            "blinks": tr("Blinks"),
            "movements": tr("Movements"),
            "valence": tr("Valence"),
        }
        self.values: dict[str, QLabel] = {}
        self._titles: dict[str, QLabel] = {}
        self._shown: tuple[int, float] = (0, -1.0)
        self._seen: tuple[int, float, UnmeasuredReason] = (0, -1.0, "")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(GRID // 2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.reason, 0, 0, 1, 2)
        for row, (name, title) in enumerate(titles.items(), start=1):
            word = self._titles[name] = QLabel(title, self)
            word.setProperty("role", "muted")
            value = self.values[name] = QLabel(self)
            value.setWordWrap(True)
            value.setMinimumWidth(1)
            value.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            value.setAccessibleName(title)
            grid.addWidget(word, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(value, row, 1)
        self.values["head"].setToolTip(
            tr(
                "Yaw: positive to the picture's right. Pitch: positive down. Roll: clockwise. "
                "Angles are of the recorded picture; a mirrored preview reverses yaw and roll."
            )
        )
        self.values["distance"].setToolTip(tr("For a common webcam and a head of average size"))
        self.values["gaze"].setToolTip(
            tr("An estimate, relative to the head: positive to the person's left and down")
        )
        self.values["blinks"].setToolTip(
            tr("Known after ten seconds with open eyes, at seven measured frames a second or more")
        )
        self.values["movements"].setToolTip(tr("The largest of 52, from 0 to 1"))
        self.values["valence"].setToolTip(
            tr("Probability of happy minus the largest of angry, disgust, fear and sad")
        )
        self.hide()

    def show_face(self, face: FaceResult | None, t_s: float) -> None:
        """Show the measures of ``face`` at ``t_s``, a few times a second; nothing where off."""
        if face is None or (face.unmeasured == "off" and face.measures is None):
            self._shown = (0, -1.0)
            self.hide()
            return
        reason = self._reason_of(face, t_s)
        face_id, shown_s = self._shown
        if face.face_id == face_id and 0 <= t_s - shown_s < _EVERY_S:
            return
        self._shown = (face.face_id, t_s)
        texts = _texts(face)
        measured = face.measures is not None
        self.reason.setText("" if measured else tr(UNMEASURED.get(reason, "")))
        self.reason.setVisible(not measured)
        for name, value in self.values.items():
            value.setText(texts.get(name, ""))
            value.setVisible(name in texts)
            self._titles[name].setVisible(name in texts)
        self.show()

    def _reason_of(self, face: FaceResult, t_s: float) -> UnmeasuredReason:
        """Why ``face`` is not measured; between two of its turns, what was seen at the last one."""
        face_id, seen_s, reason = self._seen
        lasts = face.face_id == face_id and 0 <= t_s - seen_s < _REASON_KEPT_S
        if face.unmeasured == "waiting" and face.measures is None and lasts and reason:
            return reason
        if face.unmeasured != "waiting":
            self._seen = (face.face_id, t_s, face.unmeasured)
        return face.unmeasured


def _texts(face: FaceResult) -> dict[str, str]:
    """What is said of a face, by the names of the rows."""
    one, texts = face.measures, {}
    if one is not None:
        pose = one.pose
        texts["head"] = tr("yaw {yaw:+.0f}°, pitch {pitch:+.0f}°, roll {roll:+.0f}°").format(
            yaw=pose.yaw_deg, pitch=pose.pitch_deg, roll=pose.roll_deg
        )
        texts["distance"] = tr("{distance:.0f} cm").format(distance=pose.z_cm)
    if one is not None and one.movements is not None:
        texts["gaze"] = _NONE
        if one.gaze is not None:
            texts["gaze"] = tr("yaw {yaw:+.0f}°, pitch {pitch:+.0f}°").format(
                yaw=one.gaze.yaw_deg, pitch=one.gaze.pitch_deg
            )
        texts["blinks"] = tr("known after 10 s")
        if one.blink_rate is not None:
            texts["blinks"] = tr("{rate:.0f} a minute").format(rate=one.blink_rate)
        pairs = largest(one.movements, _NUM_MOVEMENTS)
        texts["movements"] = ", ".join(f"{name} {value:.2f}" for name, value in pairs) or _NONE
    if face.classifiable:
        texts["valence"] = f"{valence(face.expression.probabilities):+.2f}"
    return texts
