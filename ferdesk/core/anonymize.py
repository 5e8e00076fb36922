"""Anonymisation: faces are pixelated beyond recognition, in a video that is written a second late.

Late, because a face is covered from a second before it was first detected to a second after it was
last detected: whoever turns towards the camera is seen before the detector confirms them.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box
from ferdesk.core.tracking.appearance import appearance_embeddings
from ferdesk.core.tracking.tracker import Tracker
from ferdesk.core.types import Detection, FrameResult

LEAD_S = 1.0
_MARGIN = 0.35
_GROWS_PER_S = 0.6
"""Growth of the cover, in box sizes, for each second between a frame and the detection."""
_CELLS_X, _CELLS_Y = 3, 4
"""Pixelation: a face becomes so many mean colours, interpolated; no eye, nose or mouth is left."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    image: NDArray[np.uint8]
    t_s: float


@dataclass(slots=True)
class _Track:
    """Track of one face: the boxes of its detections, times ascending."""

    times_s: list[float] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

    def at(self, t_s: float) -> Box | None:
        """Box to cover at ``t_s``: interpolated between two detections, or grown around one."""
        after = int(np.searchsorted(self.times_s, t_s))
        if after < len(self.times_s) and self.times_s[after] == t_s:
            return _grown(self.boxes[after], _MARGIN)
        before = after - 1
        since_s = t_s - self.times_s[before] if before >= 0 else np.inf
        until_s = self.times_s[after] - t_s if after < len(self.times_s) else np.inf
        if since_s + until_s <= 2 * LEAD_S:
            share = since_s / (since_s + until_s)
            box = _between(self.boxes[before], self.boxes[after], share)
            return _grown(box, _MARGIN + _GROWS_PER_S * min(since_s, until_s))
        nearest_s = min(since_s, until_s)
        # a hair more than a second: times of frames are rounded
        if nearest_s > LEAD_S + 1e-3:
            return None
        box = self.boxes[before] if since_s <= until_s else self.boxes[after]
        return _grown(box, _MARGIN + _GROWS_PER_S * nearest_s)

    def forget_before(self, t_s: float) -> None:
        """Drop what frames from ``t_s`` on do not need."""
        while len(self.times_s) > 1 and self.times_s[1] < t_s - LEAD_S:
            del self.times_s[0], self.boxes[0]


class Anonymizer:
    """Anonymiser of a video: takes frames and gives them back a second later, faces covered.

    Memory is bounded: one second of frames, and the detections of about two.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._faces: dict[Hashable, _Track] = {}
        self._tracker = Tracker()
        self._unconfirmed: deque[tuple[float, Box]] = deque()

    def add(
        self,
        image: NDArray[np.uint8],
        t_s: float,
        faces: Mapping[Hashable, Box],
        unconfirmed: Sequence[Box] = (),
    ) -> list[tuple[NDArray[np.uint8], float]]:
        """Add a frame ([H, W, 3] uint8 RGB, left as it is); returns those that are due.

        Args:
            image: the frame.
            t_s: its time, later than that of the frame before.
            faces: the box of each tracked face by its id.
            unconfirmed: boxes of detections that became no face, and might be one.
        """
        self._waiting.append(_Waiting(image, t_s))
        for face_id, box in faces.items():
            track = self._faces.setdefault(face_id, _Track())
            track.times_s.append(t_s)
            track.boxes.append(box)
        self._unconfirmed.extend((t_s, box) for box in unconfirmed)
        due = []
        # what is detected up to a second after a frame still covers something in it
        while self._waiting and self._waiting[0].t_s < t_s - LEAD_S - 1e-3:
            due.append(self._covered(self._waiting.popleft()))
        return due

    def add_result(
        self, result: FrameResult, t_s: float, searched: Sequence[Detection] = ()
    ) -> list[tuple[NDArray[np.uint8], float]]:
        """``add`` for an analysed frame.

        Args:
            result: the frame with its faces.
            t_s: its time.
            searched: what a search without a clock detected in it, which is covered as well.
        """
        image = result.frame.image
        faces: dict[Hashable, Box] = {face.face_id: face.box for face in result.faces}
        # tracks of their own: the two searches need not agree on who is who
        appearances = appearance_embeddings(image, [detection.box for detection in searched])
        tracked = self._tracker.update(searched, t_s, appearances)
        faces |= {("searched", face.face_id): face.detection.box for face in tracked}
        known = set(faces.values())
        unconfirmed = [
            *result.unconfirmed,
            *(detection.box for detection in searched if detection.box not in known),
        ]
        return self.add(image, t_s, faces, unconfirmed)

    def finish(self) -> list[tuple[NDArray[np.uint8], float]]:
        """Flush the last second, covered by what is known."""
        rest = [self._covered(frame) for frame in self._waiting]
        self._waiting.clear()
        return rest

    def _covered(self, frame: _Waiting) -> tuple[NDArray[np.uint8], float]:
        boxes = [box for track in self._faces.values() if (box := track.at(frame.t_s)) is not None]
        for at_s, box in sorted(self._unconfirmed, key=lambda entry: -abs(entry[0] - frame.t_s)):
            apart_s = abs(at_s - frame.t_s)
            if apart_s > LEAD_S + 1e-3:
                continue
            grown = _grown(box, _MARGIN + _GROWS_PER_S * apart_s)
            # the farthest in time, and so the largest, come first: most others lie inside them
            if not any(grown.area <= other.area and grown.ios(other) > 0.999 for other in boxes):
                boxes.append(grown)
        self._forget(frame.t_s)
        return cover(frame.image, boxes), frame.t_s

    def _forget(self, t_s: float) -> None:
        while self._unconfirmed and self._unconfirmed[0][0] < t_s - LEAD_S - 0.1:
            self._unconfirmed.popleft()
        for face_id, track in list(self._faces.items()):
            track.forget_before(t_s)
            if track.times_s[-1] < t_s - LEAD_S - 0.1:
                del self._faces[face_id]


class Recent:
    """Anonymiser of single pictures: covers what was detected in the second up to each.

    What comes after cannot be known yet: of a face that only now turns to the camera, only what a
    search of the picture itself detects is covered.
    """

    def __init__(self) -> None:
        self._recent: deque[tuple[float, Box]] = deque()

    def add(self, result: FrameResult) -> None:
        """Add the boxes of a result; a jump back in time forgets those before."""
        t_s = result.frame.t_s
        if self._recent and self._recent[-1][0] > t_s:
            self._recent.clear()
        self._recent.extend((t_s, face.box) for face in result.faces)
        self._recent.extend((t_s, box) for box in result.unconfirmed)
        while self._recent and self._recent[0][0] < t_s - LEAD_S:
            self._recent.popleft()

    def covers(self, t_s: float) -> list[Box]:
        """Boxes to cover in a picture at ``t_s``."""
        return [
            _grown(box, _MARGIN + _GROWS_PER_S * abs(t_s - at_s))
            for at_s, box in self._recent
            if abs(t_s - at_s) <= LEAD_S
        ]

    def covered(self, result: FrameResult) -> NDArray[np.uint8]:
        """Picture of ``result`` with all of them covered."""
        return cover(result.frame.image, self.covers(result.frame.t_s))


def covers_of(boxes: Iterable[Box]) -> list[Box]:
    """Boxes to cover for faces detected in the picture itself."""
    return [_grown(box, _MARGIN) for box in boxes]


def cover(image: NDArray[np.uint8], boxes: Iterable[Box]) -> NDArray[np.uint8]:
    """Copy of ``image`` [H, W, 3] uint8 in which ``boxes`` are pixelated."""
    covered = image.copy()
    height, width = image.shape[:2]
    for box in boxes:
        left, right = max(0, int(box.x)), min(width, int(np.ceil(box.x + box.width)))
        top, bottom = max(0, int(box.y)), min(height, int(np.ceil(box.y + box.height)))
        if left < right and top < bottom:
            covered[top:bottom, left:right] = _pixelated(covered[top:bottom, left:right])
    return covered


def _pixelated(region: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixelation: the mean colours of a few cells, interpolated linearly."""
    height, width = region.shape[:2]
    rows, columns = min(_CELLS_Y, height), min(_CELLS_X, width)
    edges_y = np.linspace(0, height, rows + 1).astype(int)
    edges_x = np.linspace(0, width, columns + 1).astype(int)
    cells = np.empty((rows, columns, 3), np.float32)
    for row in range(rows):
        for column in range(columns):
            cell = region[edges_y[row] : edges_y[row + 1], edges_x[column] : edges_x[column + 1]]
            # a few hundred pixels give the mean of a large cell as well as all of them
            step = max(1, min(cell.shape[:2]) // 16)
            cells[row, column] = cell[::step, ::step].mean(axis=(0, 1))
    tall = _weights(height, edges_y) @ cells.reshape(rows, -1)
    across = _weights(width, edges_x)
    # weights are shares of colours, so that nothing leaves the range
    smooth = np.matmul(across, tall.reshape(height, columns, 3))
    colours: NDArray[np.uint8] = smooth.astype(np.uint8)
    return colours


def _weights(length: int, edges: NDArray[np.int64]) -> NDArray[np.float32]:
    """Interpolation weights [length, cells] of the cells' colours, linear between centres."""
    centres = (edges[:-1] + edges[1:] - 1) / 2
    pixels = np.arange(length)
    weights = np.stack([np.interp(pixels, centres, row) for row in np.eye(len(centres))], axis=1)
    return weights.astype(np.float32)


def _grown(box: Box, share: float) -> Box:
    """Box with ``share`` of its size added on every side."""
    dx, dy = box.width * share, box.height * share
    return Box(box.x - dx, box.y - dy, box.width + 2 * dx, box.height + 2 * dy)


def _between(first: Box, second: Box, share: float) -> Box:
    """Linear interpolation from ``first`` (share 0) to ``second`` (share 1)."""

    def mix(one: float, other: float) -> float:
        return one + (other - one) * share

    return Box(
        mix(first.x, second.x),
        mix(first.y, second.y),
        mix(first.width, second.width),
        mix(first.height, second.height),
    )
