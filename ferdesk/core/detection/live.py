"""Where a picture is searched for faces, which finds are believed, and what may wait.

Two networks look: a far-sighted one that finds small faces, and a near-sighted one that is twice
as fast. The smallest face that either finds has a certain share of what it is shown, so pictures
are also searched in parts. A recording that is analysed without a clock has every part searched in
every frame, in squares that overlap by half. Live, there is a budget of milliseconds: known faces
come first, and the parts take turns, larger ones that overlap by little more than a face.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box
from ferdesk.core.pacing import AdaptiveBudget, FramePacing
from ferdesk.core.tracking.template_matching import Template, follow, make_template
from ferdesk.core.types import Detection

WHOLE_PX = 192
"""Side of the square to which the far-sighted network's pictures are shrunk."""
SURE_SCORE = 0.7
SURE_SCORE_NEAR = 0.5
SURE_SCORE_SHORT_RANGE_ALONE = 0.8
NEAR_SHARE = 0.25
"""A face with at least this share of the picture's shorter side is near."""
CLOSE_UP_SIDES = 3.0
"""Side of the square around a face in which the near-sighted model sees it best."""
CLOSE_UP_SCORE, CLOSE_UP_SCORE_NEAR, CLOSE_UP_SCORE_BOTH = 0.7, 0.65, 0.55
"""What a new face must have in a close-up, and what is enough for a near one, seen by one or both.

Small patterns that look like faces (letters, stars, hubs) come near the first, large ones (petals,
a hand, a cat) near the second.
"""
_PLAIN_SCORE = 0.8
"""No pattern came near this score: a close-up is not needed."""
_DOUBTFUL_CLOSE_UP_SCORE = 0.85
"""What a small face that was only suspected from afar must have in a close-up.

Of 47 small faces to which the far-sighted network gave 0.35 to 0.7, on the shared clips and on
composed scenes, 35 reached this from close by, and of 55 patterns none; a wheel's hub came to 0.81.
"""
_STILL_THERE_SCORE = 0.5
_SAME_FACE_IOU = 0.3
_SAME_FACE_INSIDE = 0.7
_SMALLEST_PICTURE_PX = 16
_LONGEST_ASPECT = 8
_SMALLEST_TILE_PX = 400
"""Faces that only smaller squares would show have less than 24 pixels, too few to judge them."""
_EDGE_SHARE = 0.01
_FINEST_SCALE = 0.5
"""Smaller faces than a picture shrunk so shows have less than 24 pixels, too few to judge them."""
_LEAST_GAIN = 1.5
_COARSER_TURNS = 3
_FIELD_PX, _FIELD_OVERLAP_PX, _FIELD_ALONE_PX = 288, 48, 320
"""Sides and overlap of fields, after shrinking; a face that does not fit the overlap is large
enough to be seen where the picture is shrunk twice as much."""

_BUDGET_MS, _LEAST_BUDGET_MS, _MOST_BUDGET_MS = 6.0, 4.5, 6.0
_NEAR_EVERY_S, _NEAR_EVERY_S_ALONE = 0.2, 0.1
"""The near-sighted look at the whole picture, where someone is known and where nobody is."""
_WHOLE_EVERY_S, _WHOLE_EVERY_S_ALONE = 0.35, 0.1
"""The same of the far-sighted one."""
_FIELD_EVERY_S, _FIELD_EVERY_S_AT_REST = 0.02, 0.12
_AT_REST_AFTER_S = 2.0
"""Where no new face was met for so long, fields are searched less often."""
_REMEMBERS_FINDS_S = 0.4
"""What one model found confirms what the other finds so shortly after it."""
_CHECK_EVERY_S = 0.02
_RETRY_EVERY_S = 0.1
"""Who went behind somebody is not looked for in every frame, which would take all the time."""
_TRUSTED_FOR_S = 1.0
"""A face that no model has seen for longer is not shown, however much its place looks like it."""
_STALE_AFTER_S = 0.7
"""From then on a face is looked at before new ones are searched for."""
_REMEMBERED_FOR_S = 1.25
_SAME_LOOK = 0.8
"""Correlation above which a face that was not searched for counts as still there."""
_BUSY_SHARE = 0.5
"""Searching may take this much of the time from frame to frame."""
_PAUSE_S = 1.0
_AT_ANY_COST = 2
_COSTS_KEPT = 16
_MOST_INTERVALS = 3.0
_MOST_OWED = 2.0


_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture in whole pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a picture, and how much it is shrunk before it is looked at."""

    region: Region
    scale: float


class DetectorNetworks(Protocol):
    """The two networks; boxes in their answers are in pixels of the whole ``image``.

    Without a ``scale`` a region is shrunk to the size that the network was trained on.
    """

    def detect_full_range(
        self, image: NDArray[np.uint8], region: Region, scale: float | None = None
    ) -> list[Detection]: ...

    def detect_short_range(self, image: NDArray[np.uint8], region: Region) -> list[Detection]: ...

    def close(self) -> None: ...


def merged(detections: Sequence[Detection]) -> list[Detection]:
    """One detection a face, the surest first.

    Of several on the same face the earliest in ``detections`` stays, with the best of their
    scores. Earlier means a steadier box: the full-range model's, a tile's, the short-range one's.
    """
    kept: list[Detection] = []
    for detection in detections:
        for i, other in enumerate(kept):
            if same_face(detection.box, other.box):
                kept[i] = replace(other, score=max(other.score, detection.score))
                break
        else:
            kept.append(detection)
    return sorted(kept, key=lambda detection: -detection.score)


def judged(
    found: Sequence[Detection],
    shorter_side_px: int,
    *,
    someone_known: bool = False,
    before: Sequence[Detection] = (),
) -> list[Detection]:
    """``found`` merged, each detection with its ``sure`` set.

    Patterns that look like a face to a detector are mostly small, so small finds need a high
    score; for near ones a middling score will do, or that both models see them. A hand before the
    body looks like a near face to the short-range model alone, so where the other model sees
    people (or ``someone_known`` is there), what it does not confirm needs a very high score. What
    was found shortly ``before`` may confirm too.
    """
    seen = [*found, *before]

    def enough(detection: Detection) -> bool:
        if not is_near(detection.box, shorter_side_px):
            return detection.score >= SURE_SCORE
        return detection.score >= SURE_SCORE_NEAR or _seen_by_both(detection, seen)

    faces = merged(found)
    someone = someone_known or any(enough(face) for face in faces if face.framing != SHORT_RANGE)

    def sure(detection: Detection) -> bool:
        if someone and detection.framing == SHORT_RANGE:
            return detection.score >= SURE_SCORE_SHORT_RANGE_ALONE
        return enough(detection)

    return [replace(face, sure=sure(face)) for face in faces]


def _seen_by_both(face: Detection, found: Sequence[Detection]) -> bool:
    return any(other.framing != face.framing and same_face(other.box, face.box) for other in found)


def is_near(box: Box, shorter_side_px: int) -> bool:
    return box.width >= NEAR_SHARE * shorter_side_px


def same_face(box: Box, other: Box) -> bool:
    # of many faces most lie apart, which is quickly seen
    return box.intersection_area(other) > 0 and (
        box.iou(other) > _SAME_FACE_IOU or box.ios(other) > _SAME_FACE_INSIDE
    )


def whole(image: NDArray[np.uint8]) -> Region:
    return Region(0, 0, image.shape[1], image.shape[0])


def tiles(width: int, height: int) -> Iterator[Region]:
    """Overlapping squares, the largest first, each sharing half its side with the next.

    The first ones have the picture's shorter side; in large pictures squares of half the side
    follow, and so on, as long as a face in them has enough pixels to be judged.
    """
    side = min(width, height)
    if max(width, height) > _LONGEST_ASPECT * side:
        return
    while True:
        if width != height or side < width:
            for y in _offsets(height, side):
                for x in _offsets(width, side):
                    yield Region(x, y, side, side)
        if side < 2 * _SMALLEST_TILE_PX:
            return
        side //= 2


def _offsets(length: int, side: int) -> list[int]:
    num = math.ceil((length - side) / (side / 2)) + 1
    return [round(i * (length - side) / max(num - 1, 1)) for i in range(num)]


def fields(width: int, height: int) -> list[Field]:
    """Parts of a picture of this size to be searched in turn for faces too small for the whole.

    Each level shows the picture twice as large as the one before, down to faces that have just
    enough pixels to be judged, in as few parts as the network reads in one frame's time. Larger
    faces are met first, and oftener: each part of a level has its turn at least once, and a level
    has a third of the turns of the next finer one where its parts are fewer than that.
    """
    longer = max(width, height)
    if longer > _LONGEST_ASPECT * min(width, height):
        return []
    levels: list[list[Field]] = []
    scale = _FINEST_SCALE
    while scale * longer > _LEAST_GAIN * WHOLE_PX:
        levels.insert(0, _level(width, height, scale))
        scale /= 2
    turns: list[tuple[float, int, Field]] = []
    for depth, level in enumerate(levels):
        share = len(levels[-1]) / _COARSER_TURNS ** (len(levels) - 1 - depth)
        num = len(level) * max(1, round(share / len(level)))
        turns += [(i / num, depth, level[i % len(level)]) for i in range(num)]
    return [field for _, _, field in sorted(turns, key=lambda turn: turn[:2])]


def _level(width: int, height: int, scale: float) -> list[Field]:
    return [
        Field(Region(x, y, part_width, part_height), scale)
        for y, part_height in _spans(height, scale)
        for x, part_width in _spans(width, scale)
    ]


def _spans(length: int, scale: float) -> list[tuple[int, int]]:
    """Where parts begin along a side, and how long they are, in pixels of the picture."""
    shown = length * scale
    if shown <= _FIELD_ALONE_PX:
        return [(0, length)]
    num = math.ceil((shown - _FIELD_OVERLAP_PX) / (_FIELD_PX - _FIELD_OVERLAP_PX))
    part = math.ceil(((shown - _FIELD_OVERLAP_PX) / num + _FIELD_OVERLAP_PX) / scale)
    return [(round(i * (length - part) / (num - 1)), part) for i in range(num)]


def cut_by(region: Region, box: Box, width: int, height: int) -> bool:
    """Whether ``box`` touches an edge of ``region`` that is not one of the picture: half a face."""
    margin = region.width * _EDGE_SHARE
    right, bottom = region.x + region.width, region.y + region.height
    return (
        (region.x > 0 and box.x < region.x + margin)
        or (region.y > 0 and box.y < region.y + margin)
        or (right < width and box.x + box.width > right - margin)
        or (bottom < height and box.y + box.height > bottom - margin)
    )


def close_up(box: Box, width: int, height: int) -> Region | None:
    """The square around ``box``, as far as it lies in the picture; None where it hardly does."""
    half = CLOSE_UP_SIDES * max(box.width, box.height) / 2
    center_x, center_y = box.center
    left, right = max(0, int(center_x - half)), min(width, math.ceil(center_x + half))
    top, bottom = max(0, int(center_y - half)), min(height, math.ceil(center_y + half))
    if min(right - left, bottom - top) < _SMALLEST_PICTURE_PX:
        return None
    return Region(left, top, right - left, bottom - top)


class ExhaustiveSearch:
    """Every square of every picture, for work without a clock: the same faces every time."""

    def __init__(self, eyes: DetectorNetworks) -> None:
        self._eyes = eyes

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces of ``image`` [H, W, 3] uint8 RGB, the surest first."""
        height, width = image.shape[:2]
        if min(height, width) < _SMALLEST_PICTURE_PX:
            return []
        found = self._eyes.detect_full_range(image, whole(image))
        for tile in tiles(width, height):
            found += self._eyes.detect_full_range(image, tile)
        found += self._eyes.detect_short_range(image, whole(image))
        return believed(self._eyes, image, found)

    def close(self) -> None:
        self._eyes.close()


def believed(
    eyes: DetectorNetworks,
    image: NDArray[np.uint8],
    found: Sequence[Detection],
    *,
    someone_known: bool = False,
    before: Sequence[Detection] = (),
) -> list[Detection]:
    """``found`` judged, and doubtful ones looked at again by the near-sighted model, from close by.

    A find of middling or low score is only believed if a face is seen there from close by too:
    patterns look like faces from afar, or blurred, and no longer from close by. A near face whose
    score is low is given the same chance, but a hand before somebody's body is not.
    """
    height, width = image.shape[:2]
    shorter_side_px = min(height, width)
    faces = judged(found, shorter_side_px, someone_known=someone_known, before=before)
    seen = [*found, *before]
    someone = someone_known or any(face.sure for face in faces)

    def enough(face: Detection) -> bool:
        near = is_near(face.box, shorter_side_px)
        if face.sure and face.score >= _PLAIN_SCORE:
            return True
        if not face.sure and face.framing == SHORT_RANGE and (someone or not near):
            return False
        if near:
            least = CLOSE_UP_SCORE_BOTH if _seen_by_both(face, seen) else CLOSE_UP_SCORE_NEAR
        else:
            least = CLOSE_UP_SCORE if face.sure else _DOUBTFUL_CLOSE_UP_SCORE
        region = close_up(face.box, width, height)
        return region is not None and any(
            find.score >= least and same_face(find.box, face.box)
            for find in eyes.detect_short_range(image, region)
        )

    return [replace(face, sure=enough(face)) for face in faces]


@dataclass(slots=True)
class _Known:
    """A face that was found: as it was then, and where it is believed to be."""

    detection: Detection
    template: Template
    checked_s: float
    looked_s: float
    """When it was last searched for, found or not."""
    followed: bool = True
    missed: bool = False
    """It was searched for where it should be, and was not there."""
    velocity_x: float = 0.0
    velocity_y: float = 0.0

    @property
    def box(self) -> Box:
        return self.detection.box

    def is_doubtful(self, now_s: float) -> bool:
        """Whether to look where it should be: at once when it is lost, then now and then."""
        return not self.followed and (not self.missed or now_s - self.looked_s >= _RETRY_EVERY_S)


class LiveSearch:
    """Faces found within a budget of milliseconds a picture, which adapts to the machine.

    Known faces are followed by their look, and the near-sighted model looks at those first whose
    look has changed, then at those it has not seen for longest. What is left of the budget goes
    to the whole picture and to its fields in turn. A face is given only while a model has seen it
    shortly before and its place still looks like it, or a model sees it now.

    What a look costs is what it usually takes here when nothing else wants the processor: where
    the network or the window make it wait, as much is searched, and it only takes longer.

    At a pace without an interval it is the exhaustive search.
    """

    def __init__(
        self,
        eyes: DetectorNetworks,
        *,
        pace: FramePacing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``pace`` is that of a usual camera until ``set_pacing`` says more."""
        self._eyes = eyes
        self._clock = clock
        self._costed = _TimedNetworks(eyes, clock)
        self._pace = self._first_pace = pace or FramePacing(1 / 30)
        self._budget_ms = AdaptiveBudget(_BUDGET_MS, low=_LEAST_BUDGET_MS, high=_MOST_BUDGET_MS)
        self._credit_ms = 0.0
        self._known: list[_Known] = []
        self._lately_found: list[tuple[float, Detection]] = []
        self._shape: tuple[int, ...] = ()
        self._fields: list[Field] = []
        self._next_field = 0
        self._near_s = self._whole_s = self._field_s = self._frame_s = -math.inf
        self._met_s: float | None = None

    def for_new_source(self) -> "LiveSearch":
        """A search with the same models that knows nobody."""
        return LiveSearch(self._eyes, pace=self._first_pace, clock=self._clock)

    def set_pacing(self, pace: FramePacing) -> None:
        self._pace = pace

    @property
    def budget_ms(self) -> float:
        """Mean time that may be spent on a picture of the camera, analysed or not."""
        return self._budget_ms.value

    def close(self) -> None:
        self._eyes.close()

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces of ``image`` [H, W, 3] uint8 RGB, the surest first."""
        began_s = self._clock()
        height, width = image.shape[:2]
        if min(height, width) < _SMALLEST_PICTURE_PX:
            return []
        if image.shape != self._shape:
            self._shape, self._known, self._lately_found = image.shape, [], []
            self._fields, self._next_field = fields(width, height), 0
        interval_s = self._pace.interval_s
        if interval_s is None:
            # where nothing waits, each picture stands alone
            self._known = []
            return ExhaustiveSearch(self._eyes).detect(image)
        waited_s = began_s - self._frame_s
        # where fewer frames are analysed, each has the time of those that were left out
        num_intervals = min(max(waited_s / interval_s, 1.0), _MOST_INTERVALS)
        if waited_s >= _PAUSE_S:
            num_intervals = 1.0
        budget_ms = self.budget_ms * num_intervals
        until_s = began_s + _BUSY_SHARE * interval_s * num_intervals
        self._spend(image, began_s, self._credit_ms + budget_ms, until_s)
        spent_s = self._clock() - began_s
        # fields that take turns may cost one frame more than its share
        owed_ms = self._credit_ms + budget_ms - self._costed.spent_s * 1000
        # a frame that took far too long was the machine's doing, and is not paid back for ever
        self._credit_ms = max(min(owed_ms, budget_ms), -_MOST_OWED * budget_ms)
        if waited_s < _PAUSE_S:
            # where the network is what takes long, searching less would help nobody
            self._budget_ms.learn(spent_s / (_BUSY_SHARE * max(interval_s, waited_s)))
        self._frame_s = began_s
        now_s = began_s
        self._known = [face for face in self._known if now_s - face.checked_s <= _REMEMBERED_FOR_S]
        shown = [
            face.detection
            for face in self._known
            if face.followed and now_s - face.checked_s <= _TRUSTED_FOR_S
        ]
        return sorted(merged(shown), key=lambda detection: -detection.score)

    # ---- what is done in a frame

    def _spend(
        self, image: NDArray[np.uint8], now_s: float, budget_ms: float, until_s: float
    ) -> None:
        self._costed.spent_s = 0.0
        spend = _TimeBudget(self._clock, self._costed, budget_ms / 1000, until_s)
        self._follow(image, now_s)
        doubtful = sorted(
            (face for face in self._known if face.is_doubtful(now_s)),
            key=lambda face: face.looked_s,
        )
        for number, face in enumerate(doubtful):
            # a few at any cost: a face must not be lost because the machine was busy for a moment
            if number >= _AT_ANY_COST and not spend.left():
                break
            self._check(image, face, now_s)
        if not self._known:
            # somebody may have come in: never less than one look
            spend.grant_one()
        self._search(image, now_s, spend)
        for face in sorted(self._known, key=lambda face: face.looked_s):
            # what is left keeps boxes exact
            if not spend.left():
                break
            if now_s - face.looked_s >= (_CHECK_EVERY_S if face.followed else _RETRY_EVERY_S):
                self._check(image, face, now_s)

    def _search(self, image: NDArray[np.uint8], now_s: float, spend: "_TimeBudget") -> None:
        """Look for new faces, as far as it is due, and for those that would soon vanish."""
        near_every_s = _NEAR_EVERY_S if self._known else _NEAR_EVERY_S_ALONE
        if now_s - self._near_s >= near_every_s and spend.left():
            self._near_s = now_s
            self._meet(image, self._costed.detect_short_range(image, whole(image)), now_s)
        whole_every_s = _WHOLE_EVERY_S if self._known else _WHOLE_EVERY_S_ALONE
        if now_s - self._whole_s >= whole_every_s and spend.left():
            self._whole_s = now_s
            self._meet(image, self._costed.detect_full_range(image, whole(image)), now_s)
        for face in sorted(self._known, key=lambda face: face.looked_s):
            if now_s - face.looked_s < _STALE_AFTER_S or not spend.left():
                break
            self._check(image, face, now_s)
        self._met_s = now_s if self._met_s is None else self._met_s
        at_rest = self._known and now_s - self._met_s > _AT_REST_AFTER_S
        field_every_s = _FIELD_EVERY_S_AT_REST if at_rest else _FIELD_EVERY_S
        if self._fields and now_s - self._field_s >= field_every_s and spend.left():
            self._field_s = now_s
            field = self._fields[self._next_field]
            self._next_field = (self._next_field + 1) % len(self._fields)
            self._meet(
                image, self._costed.detect_full_range(image, field.region, field.scale), now_s
            )

    def _follow(self, image: NDArray[np.uint8], now_s: float) -> None:
        if not self._known:
            return
        elapsed_s = min(now_s - self._frame_s, 0.2)
        boxes = [
            replace(
                face.box,
                x=face.box.x + face.velocity_x * elapsed_s,
                y=face.box.y + face.velocity_y * elapsed_s,
            )
            for face in self._known
        ]
        templates = [face.template for face in self._known]
        places = self._costed.count("follow", partial(follow, image, boxes, templates))
        for face, (box, resemblance) in zip(self._known, places, strict=True):
            face.followed = resemblance >= _SAME_LOOK
            if face.followed:
                self._move(face, box, elapsed_s)
                face.detection = replace(face.detection, box=box)

    def _move(self, face: _Known, box: Box, elapsed_s: float) -> None:
        if elapsed_s > 0:
            (x, y), (old_x, old_y) = box.center, face.box.center
            weight = min(1.0, elapsed_s / 0.1)
            face.velocity_x += weight * ((x - old_x) / elapsed_s - face.velocity_x)
            face.velocity_y += weight * ((y - old_y) / elapsed_s - face.velocity_y)

    def _check(self, image: NDArray[np.uint8], face: _Known, now_s: float) -> None:
        """Look at a known face from close by; others in the same region are met too."""
        face.looked_s = now_s
        height, width = image.shape[:2]
        region = close_up(face.box, width, height)
        found = self._costed.detect_short_range(image, region) if region is not None else []
        least = _STILL_THERE_SCORE if face.followed else CLOSE_UP_SCORE
        same = [find for find in found if find.score >= least and same_face(find.box, face.box)]
        if same:
            self._seen_again(image, face, max(same, key=lambda f: f.box.iou(face.box)), now_s)
        else:
            face.missed = True
            # where its look is the same, one miss is not the end: it will not be trusted for long
            face.followed = face.followed and now_s - face.checked_s <= _TRUSTED_FOR_S / 2

    def _seen_again(
        self, image: NDArray[np.uint8], face: _Known, find: Detection, now_s: float
    ) -> None:
        face.detection = replace(find, sure=True)
        face.template = make_template(image, find.box)
        face.checked_s = face.looked_s = now_s
        face.followed, face.missed = True, False

    def _meet(self, image: NDArray[np.uint8], found: list[Detection], now_s: float) -> None:
        """Take in what a search found: known faces are confirmed, sure new ones introduced."""
        new: list[Detection] = []
        for find in found:
            known = [face for face in self._known if same_face(find.box, face.box)]
            if not known:
                new.append(find)
            for face in known[:1]:
                if face.followed:
                    face.checked_s = face.looked_s = now_s
                else:
                    self._seen_again(image, face, find, now_s)
        self._lately_found = [
            (at_s, find) for at_s, find in self._lately_found if now_s - at_s <= _REMEMBERS_FINDS_S
        ]
        before = [find for _, find in self._lately_found]
        self._lately_found += [(now_s, find) for find in new]
        # a face met in this round may be found twice in it
        someone = bool(self._known)
        for find in believed(self._costed, image, new, someone_known=someone, before=before):
            if find.sure and not any(same_face(find.box, face.box) for face in self._known):
                self._met_s = now_s
                self._known.append(self._introduced(image, find, now_s))

    def _introduced(self, image: NDArray[np.uint8], find: Detection, now_s: float) -> _Known:
        return _Known(find, make_template(image, find.box), now_s, now_s)


class _TimedNetworks:
    """The eyes, with a count of what is spent in a frame.

    Each thing is counted at what it usually costs, the lower quartile of the last times, and not
    at what it took while it waited for a processor.
    """

    def __init__(self, eyes: DetectorNetworks, clock: Callable[[], float]) -> None:
        self._eyes = eyes
        self._clock = clock
        self._times_s: dict[str, deque[float]] = {}
        self.spent_s = 0.0

    def detect_full_range(
        self, image: NDArray[np.uint8], region: Region, scale: float | None = None
    ) -> list[Detection]:
        # a field has its own cost, which depends on its size
        what = "far" if scale is None else f"far {scale}"
        return self.count(what, partial(self._eyes.detect_full_range, image, region, scale))

    def detect_short_range(self, image: NDArray[np.uint8], region: Region) -> list[Detection]:
        return self.count("near", partial(self._eyes.detect_short_range, image, region))

    def close(self) -> None:
        self._eyes.close()

    def count(self, what: str, work: Callable[[], _Done]) -> _Done:
        """Do ``work`` and count it as one of ``what``."""
        times_s = self._times_s.setdefault(what, deque(maxlen=_COSTS_KEPT))
        began_s = self._clock()
        done = work()
        times_s.append(self._clock() - began_s)
        self.spent_s += sorted(times_s)[len(times_s) // 4]
        return done


class _TimeBudget:
    """Says whether there is time for one more thing: neither the budget nor the frame is over."""

    def __init__(
        self, clock: Callable[[], float], costed: _TimedNetworks, budget_s: float, until_s: float
    ) -> None:
        self._clock, self._costed = clock, costed
        self._budget_s, self._until_s = budget_s, until_s
        self._granted = False

    def grant_one(self) -> None:
        """Let one thing be done even where there is no time for it."""
        self._granted = True

    def left(self) -> bool:
        if self._costed.spent_s < self._budget_s and self._clock() < self._until_s:
            return True
        granted, self._granted = self._granted, False
        return granted
