"""Measurer: landmarks, head pose, movements, blinks and gaze of the faces of each frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box
from ferdesk.core.measures.blinks import BlinkDetector, BlinkRate
from ferdesk.core.measures.eyes import gaze, openness
from ferdesk.core.measures.framing import TurnedSquare, square_of_box
from ferdesk.core.measures.landmarks import FaceLandmarks, LandmarkNetworks
from ferdesk.core.measures.movements import mean_of_mirrored
from ferdesk.core.measures.one_euro import OneEuroFilter
from ferdesk.core.measures.pose import CanonicalFace, HeadPose, angles_deg, pose_matrix
from ferdesk.core.measures.unmeasured import SMALLEST_PX, why_not_seen
from ferdesk.core.measures.values import FaceMeasures, MeasuresChoice, UnmeasuredReason
from ferdesk.core.types import Detection

MIN_PRESENCE = 0.5
"""Below this presence there is no face to measure, as in MediaPipe."""
_KEPT_S = 0.5
"""For how long measures are shown while others have their turn."""
_REMEMBERED_S = 10.0
"""For how long a face that is away is remembered: one missed frame ends no rate of blinks."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasureModels:
    """What measuring needs: the landmark networks and the face on which poses are measured."""

    networks: LandmarkNetworks
    face: CanonicalFace


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What is kept of a face between frames."""

    one_euro: OneEuroFilter = field(default_factory=OneEuroFilter)
    eyes: BlinkDetector = field(default_factory=BlinkDetector)
    rate: BlinkRate = field(default_factory=BlinkRate)


@dataclass(frozen=True, slots=True, eq=False)
class _Last:
    """Last measures of a face, of ``t_s``, when it had ``box``."""

    t_s: float
    box: Box
    measures: FaceMeasures

    def moved_to(self, box: Box) -> FaceMeasures:
        """The measures as they are shown now; what is drawn moves with the face's box."""
        scale = box.width / self.box.width
        points = self.measures.smoothed * np.float32(scale)
        points[:, 0] += box.center[0] - scale * self.box.center[0]
        points[:, 1] += box.center[1] - scale * self.box.center[1]
        return replace(self.measures, smoothed=points, measured_now=False, blinks=())


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Measures of a frame's faces, by id, and why the others have none."""

    faces: Mapping[int, FaceMeasures] = field(default_factory=dict)
    reasons: Mapping[int, UnmeasuredReason] = field(default_factory=dict)


class Measurer:
    """Measurer of one source's faces; it remembers them. ``for_new_source`` makes the next."""

    def __init__(self, open_models: Callable[[], MeasureModels]) -> None:
        """``open_models`` is called when something is to be measured; may raise ``ModelError``."""
        self._open_models = open_models
        self._models: MeasureModels | None = None
        self._known: dict[int, _Known] = {}
        self._there_s: dict[int, float] = {}
        self._last: dict[int, _Last] = {}

    def for_new_source(self) -> "Measurer":
        """Measurer with the same networks that remembers no face."""
        return Measurer(self._open_models)

    def measure(
        self,
        image: NDArray[np.uint8],
        faces: Mapping[int, Detection],
        chosen: Sequence[int],
        t_s: float,
        choice: MeasuresChoice,
    ) -> Measured:
        """Measures at ``t_s`` of the ``chosen`` ones of a frame's tracked ``faces``, by id.

        The others keep their last for half a second. ``image`` is [H, W, 3] uint8 RGB.
        """
        if choice == "off":
            self._known.clear()
            self._there_s.clear()
            self._last.clear()
            return Measured(reasons=dict.fromkeys(faces, "off"))
        reasons: dict[int, UnmeasuredReason] = {
            face_id: "small" if detection.box.width < SMALLEST_PX else "waiting"
            for face_id, detection in faces.items()
        }
        ids = [face_id for face_id in chosen if reasons[face_id] == "waiting"]
        if ids and self._models is None:
            self._models = self._open_models()
        models = self._models
        squares = [square_of_detection(faces[face_id]) for face_id in ids]
        there: dict[int, FaceLandmarks] = {}
        shown: list[TurnedSquare] = []
        found = [] if models is None else models.networks.landmarks(image, squares)
        for face_id, square, landmarks in zip(ids, squares, found, strict=True):
            if landmarks.presence >= MIN_PRESENCE:
                there[face_id] = landmarks
                shown.append(square)
            else:
                unseen = faces[face_id]
                others = [other.box for key, other in faces.items() if key != face_id]
                reasons[face_id] = why_not_seen(image, unseen.box, unseen.yaw_deg, others)
                self._last.pop(face_id, None)
        measures = {}
        if models is not None and there:
            measures = self._measures(models, image, there, shown, t_s, choice)
        self._last = {
            face_id: kept
            for face_id, kept in self._last.items()
            if face_id in faces and 0 <= t_s - kept.t_s <= _KEPT_S
        }
        self._last |= {
            face_id: _Last(t_s, faces[face_id].box, one) for face_id, one in measures.items()
        }
        self._there_s = {
            face_id: there_s
            for face_id, there_s in (self._there_s | dict.fromkeys(faces, t_s)).items()
            if 0 <= t_s - there_s <= _REMEMBERED_S
        }
        self._known = {k: one for k, one in self._known.items() if k in self._there_s}
        for face_id, last in self._last.items():
            if last.t_s != t_s and reasons[face_id] == "waiting":
                measures[face_id] = last.moved_to(faces[face_id].box)
        return Measured(
            measures,
            {face_id: "" if face_id in there else reason for face_id, reason in reasons.items()},
        )

    def _measures(
        self,
        models: MeasureModels,
        image: NDArray[np.uint8],
        there: Mapping[int, FaceLandmarks],
        squares: Sequence[TurnedSquare],
        t_s: float,
        choice: MeasuresChoice,
    ) -> dict[int, FaceMeasures]:
        height, width = image.shape[:2]
        movements = None
        if choice in ("all", "mean"):
            movements = models.networks.movements(list(there.values()))
        if movements is not None and choice == "mean":
            turned = _mirrored(squares, width)
            mirrored = models.networks.landmarks(np.ascontiguousarray(image[:, ::-1]), turned)
            movements = mean_of_mirrored(movements, models.networks.movements(mirrored))
        measures = {}
        for i, (face_id, landmarks) in enumerate(there.items()):
            known = self._known.setdefault(face_id, _Known())
            points = landmarks.points
            rotation, place = pose_matrix(models.face, points, width, height)
            x, y, z = place.tolist()
            one = FaceMeasures(
                landmarks=landmarks,
                smoothed=known.one_euro.update(points, squares[i].side / 1.5, t_s),
                pose=HeadPose(*angles_deg(rotation), x, -y, -z),
                triangles=models.face.triangles,
            )
            if movements is not None:
                opened = openness(points)
                blinks = known.eyes.update(opened, t_s)
                followed = known.eyes.followed
                one = replace(
                    one,
                    movements=movements[i],
                    openness=opened,
                    gaze=gaze(models.face, points, rotation),
                    blinks=blinks,
                    blinks_followed=followed,
                    blink_rate=known.rate.update(blinks, t_s, followed=bool(followed)),
                )
            measures[face_id] = one
        return measures


def _mirrored(squares: Sequence[TurnedSquare], width: int) -> list[TurnedSquare]:
    """The same squares in the mirror image of a picture of this width."""
    return [
        TurnedSquare(width - one.center_x, one.center_y, one.side, -one.roll_deg) for one in squares
    ]


def square_of_detection(detection: Detection) -> TurnedSquare:
    """Landmark crop of a detected face."""
    return square_of_box(detection.box, detection.framing, detection.roll_deg)
