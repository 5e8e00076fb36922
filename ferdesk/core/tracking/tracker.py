"""Faces keep their ids from frame to frame: where each should be, and who fits it best.

Each face moves by a Kalman filter of constant velocity; the velocity fades while the face is out
of sight, since people stop and turn. Detections are assigned to faces all at once, by distance in
standard deviations, size and look.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box
from ferdesk.core.tracking.appearance import Look, likeness
from ferdesk.core.tracking.assignment import assign
from ferdesk.core.types import Detection, TrackedFace

FORGET_AFTER_S = 1.25
"""A face that was not seen for longer gets a new id when it comes back."""

# in sides of the face, measured on the clips as the scatter of boxes and of what they do next
_MEASUREMENT_SD = 0.06
_ACCELERATION_SD = 8.0
_START_SPEED_SD = 2.0
_VELOCITY_FADES_S = 0.35
_GATE_SD = 4.0
_FARTHEST_SIDES = 1.6
_SIZE_SD = 0.25
_MAX_SIZE_RATIO = 2.0
_LOOK_WEIGHT = 10.0
_LOOK_MEMORY = 0.15
_HIDDEN_INSIDE = 0.3
"""A face that others cover by this share does not teach its look."""
_STRANGER_AFTER_S = 0.4
_STRANGER_BELOW = 0.1
"""After a loss of this long, a face must look somewhat like the one that was lost."""
_UNPAIRED = _GATE_SD**2 + 2 * _LOOK_WEIGHT + 9.0


@dataclass(frozen=True, slots=True)
class _Track:
    """A face and what is believed of its motion: in pixels, variances in sides squared."""

    face_id: int
    box: Box
    seen_s: float
    at_s: float
    velocity_x: float = 0.0
    velocity_y: float = 0.0
    place_var: float = _MEASUREMENT_SD**2
    both_var: float = 0.0
    velocity_var: float = _START_SPEED_SD**2
    look: Look | None = None

    def predicted(self, t_s: float) -> "_Track":
        """The same face at ``t_s``, unseen since."""
        elapsed_s = t_s - self.at_s
        if elapsed_s <= 0:
            return self
        # velocity that fades with time constant tau covers tau (1 - exp(-t / tau)) of its way
        fading = math.exp(-elapsed_s / _VELOCITY_FADES_S)
        reach_s = _VELOCITY_FADES_S * (1 - fading)
        noise = _ACCELERATION_SD**2 * elapsed_s
        return replace(
            self,
            box=replace(
                self.box,
                x=self.box.x + self.velocity_x * reach_s,
                y=self.box.y + self.velocity_y * reach_s,
            ),
            at_s=t_s,
            velocity_x=self.velocity_x * fading,
            velocity_y=self.velocity_y * fading,
            place_var=self.place_var
            + 2 * reach_s * self.both_var
            + reach_s**2 * self.velocity_var
            + noise * elapsed_s**2 / 3,
            both_var=fading * (self.both_var + reach_s * self.velocity_var) + noise * elapsed_s / 2,
            velocity_var=fading**2 * self.velocity_var + noise,
        )

    def corrected(self, box: Box, look: Look | None, *, hidden: bool) -> "_Track":
        """The predicted face, seen in ``box``; a ``hidden`` one keeps the look it had."""
        side = math.sqrt(max(self.box.area, 1e-9))
        total = self.place_var + _MEASUREMENT_SD**2
        gain, velocity_gain = self.place_var / total, self.both_var / total
        (x, y), (predicted_x, predicted_y) = box.center, self.box.center
        return _Track(
            self.face_id,
            box,
            self.at_s,
            self.at_s,
            _limited(self.velocity_x + velocity_gain * (x - predicted_x), side),
            _limited(self.velocity_y + velocity_gain * (y - predicted_y), side),
            (1 - gain) * self.place_var,
            (1 - gain) * self.both_var,
            self.velocity_var - velocity_gain * self.both_var,
            self.look if hidden and self.look is not None else _blended(self.look, look),
        )


class Tracker:
    """Gives each detection the id of the face that it continues, or a new one if it is sure.

    The time of a frame, not its number, decides how far a face may have moved and when it is
    forgotten, since frames get dropped.
    """

    def __init__(self, forget_after_s: float = FORGET_AFTER_S) -> None:
        self._forget_after_s = forget_after_s
        self._tracks: list[_Track] = []
        self._next_id = 1

    def update(
        self, detections: Sequence[Detection], t_s: float, looks: Sequence[Look] | None = None
    ) -> tuple[TrackedFace, ...]:
        """Faces of this frame, by id. Faces that are not in ``detections`` are not in the result.

        Args:
            detections: of one frame.
            t_s: its time; a time before the last one forgets all faces (a source began again).
            looks: of each detection, where known; they decide where places alone do not.
        """
        if any(track.seen_s > t_s for track in self._tracks):
            self._tracks = []
        alive = [
            track.predicted(t_s)
            for track in self._tracks
            if t_s - track.seen_s <= self._forget_after_s
        ]
        boxes = [detection.box for detection in detections]
        costs = np.full((len(alive), len(boxes)), np.inf)
        for i, j in _pairs_within_reach([track.box for track in alive], boxes):
            costs[i, j] = _cost(alive[i], boxes[j], None if looks is None else looks[j], t_s)
        hidden = _hidden(boxes)
        continued: dict[int, _Track] = {}
        seen: set[int] = set()
        for i, j in assign(costs, _UNPAIRED):
            seen.add(i)
            continued[j] = alive[i].corrected(
                detections[j].box,
                None if looks is None else looks[j],
                hidden=hidden[j],
            )
        for j, detection in enumerate(detections):
            if j not in continued and detection.sure:
                look = None if looks is None else looks[j]
                continued[j] = _Track(self._next_id, detection.box, t_s, t_s, look=look)
                self._next_id += 1
        unseen = [track for i, track in enumerate(alive) if i not in seen]
        self._tracks = [*continued.values(), *unseen]
        faces = [TrackedFace(track.face_id, detections[j]) for j, track in continued.items()]
        return tuple(sorted(faces, key=lambda face: face.face_id))


def _corners(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """[n, 4] left, top, right and bottom."""
    values = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in boxes]
    return np.array(values, dtype=np.float64).reshape(-1, 4)


def _pairs_within_reach(boxes: Sequence[Box], others: Sequence[Box]) -> list[tuple[int, int]]:
    """Of all pairs those that no face's speed forbids, so that only they are weighed."""
    first, second = _corners(boxes), _corners(others)
    apart = (first[:, None, :2] + first[:, None, 2:] - second[:, :2] - second[:, 2:]) / 2
    longest = [np.sqrt((c[:, 2] - c[:, 0]) * (c[:, 3] - c[:, 1])) for c in (first, second)]
    reach = _FARTHEST_SIDES * np.maximum(longest[0][:, None], longest[1])
    return [(int(i), int(j)) for i, j in np.argwhere(np.hypot(*apart.transpose(2, 0, 1)) <= reach)]


def _cost(track: _Track, box: Box, look: Look | None, t_s: float) -> float:
    """How badly ``box`` continues the predicted ``track``: 0 is perfect, infinite impossible."""
    side, predicted_side = math.sqrt(box.area), math.sqrt(max(track.box.area, 1e-9))
    if not 1 / _MAX_SIZE_RATIO <= side / predicted_side <= _MAX_SIZE_RATIO:
        return math.inf
    (x, y), (predicted_x, predicted_y) = box.center, track.box.center
    sides = math.hypot(x - predicted_x, y - predicted_y) / max(side, predicted_side)
    deviations = sides / math.sqrt(track.place_var + _MEASUREMENT_SD**2)
    if deviations > _GATE_SD or sides > _FARTHEST_SIDES:
        return math.inf
    cost = deviations**2 + (math.log(side / predicted_side) / _SIZE_SD) ** 2
    if look is None or track.look is None:
        return cost
    alike = likeness(look, track.look)
    if t_s - track.seen_s > _STRANGER_AFTER_S and alike < _STRANGER_BELOW:
        return math.inf
    return cost + _LOOK_WEIGHT * (1 - alike)


def _hidden(boxes: Sequence[Box]) -> list[bool]:
    """Which of the boxes share so much with another that one covers the other."""
    corners = _corners(boxes)
    common = np.minimum(corners[:, None, 2:], corners[:, 2:]) - np.maximum(
        corners[:, None, :2], corners[:, :2]
    )
    shared = np.maximum(common, 0.0).prod(axis=2)
    areas = np.diagonal(shared)
    inside = shared > _HIDDEN_INSIDE * np.minimum(areas[:, None], areas)
    np.fill_diagonal(inside, val=False)
    return [bool(hidden) for hidden in inside.any(axis=1)]


def _limited(velocity: float, side: float) -> float:
    """No face runs faster than ten of its sides a second; a box that jumps seems to."""
    return max(-10 * side, min(10 * side, velocity))


def _blended(old: Look | None, new: Look | None) -> Look | None:
    if old is None or new is None:
        return old if new is None else new
    mixed = (1 - _LOOK_MEMORY) * old + _LOOK_MEMORY * new
    length = float(np.sqrt(np.square(mixed).sum()))
    return np.asarray(mixed / length, dtype=np.float32) if length > 0 else new
