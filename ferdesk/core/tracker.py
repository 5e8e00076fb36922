"""Faces keep their ids from frame to frame: motion by constant velocity, assignment by overlap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ferdesk.core.types import Box, Detection, TrackedFace

FORGET_AFTER_S = 0.6
"""A face that was not seen for longer gets a new id when it comes back."""
_VELOCITY_TAU_S = 0.15
_MAX_DISTANCE = 0.7
_MAX_SIZE_RATIO = 2.0


@dataclass(frozen=True, slots=True)
class _Track:
    face_id: int
    box: Box
    seen_s: float
    velocity_x: float = 0.0
    velocity_y: float = 0.0

    def predicted(self, t_s: float) -> Box:
        # a face that is out of sight is not believed to run on for long
        elapsed_s = min(t_s - self.seen_s, 0.2)
        return replace(
            self.box,
            x=self.box.x + self.velocity_x * elapsed_s,
            y=self.box.y + self.velocity_y * elapsed_s,
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

    def update(self, detections: Sequence[Detection], t_s: float) -> tuple[TrackedFace, ...]:
        """Faces of this frame, by id. Faces that are not in ``detections`` are not in the result.

        Args:
            detections: of one frame.
            t_s: its time; a time before the last one forgets all faces (a source began again).
        """
        if any(track.seen_s > t_s for track in self._tracks):
            self._tracks = []
        alive = [track for track in self._tracks if t_s - track.seen_s <= self._forget_after_s]
        pairs = sorted(
            (cost, i, j)
            for i, track in enumerate(alive)
            for j, detection in enumerate(detections)
            if (cost := _cost(track.predicted(t_s), detection.box)) is not None
        )
        continued: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, i, j in pairs:
            if i not in taken and j not in continued:
                taken.add(i)
                continued[j] = _continue(alive[i], detections[j].box, t_s)
        for j, detection in enumerate(detections):
            if j not in continued and detection.sure:
                continued[j] = _Track(self._next_id, detection.box, t_s)
                self._next_id += 1
        unseen = [track for i, track in enumerate(alive) if i not in taken]
        self._tracks = [*continued.values(), *unseen]
        faces = [TrackedFace(track.face_id, detections[j]) for j, track in continued.items()]
        return tuple(sorted(faces, key=lambda face: face.face_id))


def _cost(predicted: Box, box: Box) -> float | None:
    """How badly ``box`` continues ``predicted``: 0 is perfect, None impossible."""
    side, predicted_side = math.sqrt(box.area), math.sqrt(predicted.area)
    if not 1 / _MAX_SIZE_RATIO <= side / max(predicted_side, 1e-9) <= _MAX_SIZE_RATIO:
        return None
    (x, y), (predicted_x, predicted_y) = box.center, predicted.center
    distance = math.hypot(x - predicted_x, y - predicted_y) / max(side, predicted_side)
    if distance > _MAX_DISTANCE:
        return None
    return distance + (1 - predicted.iou(box))


def _continue(track: _Track, box: Box, t_s: float) -> _Track:
    elapsed_s = t_s - track.seen_s
    if elapsed_s <= 0:
        return replace(track, box=box)
    (x, y), (old_x, old_y) = box.center, track.box.center
    weight = elapsed_s / (elapsed_s + _VELOCITY_TAU_S)
    return _Track(
        track.face_id,
        box,
        t_s,
        track.velocity_x + weight * ((x - old_x) / elapsed_s - track.velocity_x),
        track.velocity_y + weight * ((y - old_y) / elapsed_s - track.velocity_y),
    )
