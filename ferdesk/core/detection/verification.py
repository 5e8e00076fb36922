"""Verification of candidates: non-maximum merge, classification by score, and a second look.

A network's detections are candidates. Those on the same face are merged; each is classified by its
score, its size and whether both networks detect it; and unless it is beyond doubt the short-range
network looks again, at a crop around it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.detection.networks import DetectorNetworks
from ferdesk.core.detection.tiling import verification_crop, without_truncated
from ferdesk.core.geometry import Box
from ferdesk.core.types import Detection

_MIN_SCORE, _MIN_SCORE_NEAR, _MIN_SCORE_SHORT_RANGE_ALONE = 0.7, 0.5, 0.8
_NEAR_SHARE = 0.25
"""A face with at least this share of the picture's shorter side is near."""
MIN_CROP_SCORE = 0.7
_MIN_CROP_SCORE_NEAR, _MIN_CROP_SCORE_NEAR_BOTH = 0.65, 0.55
"""Least score on the verification crop: of any new face, of a near one, of a near one detected by
both networks.

Small patterns that look like faces (letters, stars, hubs) come near the first, large ones (petals,
a hand, a cat) near the second.
"""
_SCORE_BEYOND_DOUBT = 0.8
"""No pattern came near this score: no verification crop is needed."""
_MIN_CROP_SCORE_SMALL_CANDIDATE = 0.85
"""Least score on the verification crop of a small face whose own score was too low.

Of 47 small faces to which the full-range network gave 0.35 to 0.7, on the shared clips and on
composed scenes, 35 reached this on the crop, and of 55 patterns none; a wheel's hub came to 0.81.
"""
_SAME_FACE_IOU = 0.3
_SAME_FACE_IOS = 0.7


def same_face(box: Box, other: Box) -> bool:
    """Overlap test by IoU or intersection over smaller (IoS): whether two boxes are on one face."""
    # of many faces most lie apart, which is quickly seen
    return box.intersection_area(other) > 0 and (
        box.iou(other) > _SAME_FACE_IOU or box.ios(other) > _SAME_FACE_IOS
    )


def is_near(box: Box, shorter_side_px: int) -> bool:
    """Size test: whether ``box`` is large for a picture with this shorter side."""
    return box.width >= _NEAR_SHARE * shorter_side_px


def non_maximum_merge(detections: Sequence[Detection]) -> list[Detection]:
    """Non-maximum merge (NMM): one detection a face, by descending score.

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


def classify_candidates(
    candidates: Sequence[Detection],
    shorter_side_px: int,
    *,
    someone_known: bool = False,
    recent: Sequence[Detection] = (),
) -> list[Detection]:
    """Classification of ``candidates`` by score: merged, each with its ``confirmed`` set.

    Patterns that look like a face to a detector are mostly small, so small detections need a high
    score; for near ones a middling score will do, or that both networks detect them. A hand before
    the body looks like a near face to the short-range network alone, so where the other one detects
    people (or ``someone_known`` is there), what it does not confirm needs a very high score.
    ``recent`` candidates of frames shortly before may confirm too.
    """
    all_seen = [*candidates, *recent]

    def scores_enough(detection: Detection) -> bool:
        if not is_near(detection.box, shorter_side_px):
            return detection.score >= _MIN_SCORE
        return detection.score >= _MIN_SCORE_NEAR or _detected_by_both(detection, all_seen)

    merged = non_maximum_merge(candidates)
    someone = someone_known or any(scores_enough(d) for d in merged if d.framing != SHORT_RANGE)

    def is_confirmed(detection: Detection) -> bool:
        if someone and detection.framing == SHORT_RANGE:
            return detection.score >= _MIN_SCORE_SHORT_RANGE_ALONE
        return scores_enough(detection)

    return [replace(d, confirmed=is_confirmed(d)) for d in merged]


def verify_candidates(
    networks: DetectorNetworks,
    image: NDArray[np.uint8],
    candidates: Sequence[Detection],
    *,
    someone_known: bool = False,
    recent: Sequence[Detection] = (),
) -> list[Detection]:
    """Verification of ``candidates`` of ``image`` [H, W, 3]: classified, then seen on a crop.

    A detection of middling or low score is only confirmed if the short-range network detects a
    face on the verification crop too: patterns look like faces from afar, or blurred, and no longer
    on a crop. A near face whose score is low is given the same chance, but a hand before somebody's
    body is not.
    """
    height, width = image.shape[:2]
    shorter_side_px = min(height, width)
    classified = classify_candidates(
        candidates, shorter_side_px, someone_known=someone_known, recent=recent
    )
    all_seen = [*candidates, *recent]
    someone = someone_known or any(d.confirmed for d in classified)

    def is_verified(candidate: Detection) -> bool:
        near = is_near(candidate.box, shorter_side_px)
        if candidate.confirmed and candidate.score >= _SCORE_BEYOND_DOUBT:
            return True
        if not candidate.confirmed and candidate.framing == SHORT_RANGE and (someone or not near):
            return False
        if near:
            both = _detected_by_both(candidate, all_seen)
            least = _MIN_CROP_SCORE_NEAR_BOTH if both else _MIN_CROP_SCORE_NEAR
        else:
            least = MIN_CROP_SCORE if candidate.confirmed else _MIN_CROP_SCORE_SMALL_CANDIDATE
        return any(
            d.score >= least and same_face(d.box, candidate.box)
            for d in detect_on_crop(networks, image, candidate.box)
        )

    return [replace(d, confirmed=is_verified(d)) for d in classified]


def detect_on_crop(
    networks: DetectorNetworks, image: NDArray[np.uint8], box: Box
) -> list[Detection]:
    """Detections of the short-range network on the verification crop around ``box``."""
    height, width = image.shape[:2]
    region = verification_crop(box, width, height)
    if region is None:
        return []
    return without_truncated(networks.detect_short_range(image, region), region, image)


def _detected_by_both(candidate: Detection, all_seen: Sequence[Detection]) -> bool:
    return any(
        other.framing != candidate.framing and same_face(other.box, candidate.box)
        for other in all_seen
    )
