"""Verification of candidates: non-maximum merge, and which of them are faces.

A network's detections are candidates. One is a face by its score, by the score on a crop around it,
or by its landmarks: those of a face stay where they are when the crop is turned. That costs most
and is asked only where it decides. Of several candidates on the same face each may speak for it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.detection.networks import DetectorNetworks
from ferdesk.core.detection.tiling import verification_crop, without_truncated
from ferdesk.core.geometry import Box
from ferdesk.core.types import Detection

_SCORE_BEYOND_DOUBT, _BOTH_SCORES_BEYOND_DOUBT = 0.85, 0.75
"""Better than this once, or than the other twice, before and on its crop. Of 1,200 pictures without
people (``benchmarks/patterns.py``) the best candidate had 0.844, the one that was best twice 0.730;
both were wheels."""
_LEAST_SCORE, _MOST_SHARE = 0.45, 1.3
"""Below this score, or larger than so many of the picture's shorter side, it is no face. On the one
or the other wheel landmarks were as steady as on a face: 0.059 at 0.42, 0.091 at a share of 1.4."""
_SHARES, _MOST_SPREADS = (0.2, 0.4), (0.083, 0.16)
"""Most landmark spread for a score of 1, and in proportion for less; it grows with the face's share
of the picture's shorter side. The better of both scores counts: the crop of some faces shows
nothing. The steadiest wheel in the first 600 pictures of ``benchmarks/patterns.py`` would need 1.11
times this, a clip's title in round letters 1.09; of the next 600 pictures one, a wheel, is let in
by 0.94. Presence, the landmark network's own word, is 1.0 for some wheels and 0 for some faces that
this finds."""
_LANDMARKS_FROM_PX, _MIN_SCORE_SMALL = 30, 0.7
"""Smaller faces must have this score twice: their landmarks say nothing. Of 20 candidates of 14 to
26 pixels in a classroom, all people, the landmark network saw 9 not at all (presence below 0.1)."""
_SAME_FACE_IOU, _SAME_FACE_IOS = 0.3, 0.7


def same_face(box: Box, other: Box) -> bool:
    """Overlap test by IoU or intersection over smaller (IoS): whether two boxes are on one face."""
    # of many faces most lie apart, which is quickly seen
    return box.intersection_area(other) > 0 and (
        box.iou(other) > _SAME_FACE_IOU or box.ios(other) > _SAME_FACE_IOS
    )


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


def frame_on_crop(
    networks: DetectorNetworks, image: NDArray[np.uint8], detection: Detection
) -> Detection:
    """Framing of ``detection`` by what the short-range network detects on its verification crop.

    Always at the same size, a face is framed more evenly than on a picture or a tile. Where the
    crop shows nothing, the same comes back with a score of 0.
    """
    on_crop = detect_on_crop(networks, image, detection.box)
    same = [other for other in on_crop if same_face(other.box, detection.box)]
    return max(same, key=lambda other: other.score, default=replace(detection, score=0.0))


def verify(networks: DetectorNetworks, image: NDArray[np.uint8], candidate: Detection) -> Detection:
    """Verification of one candidate of ``image`` [H, W, 3]: ``confirmed`` or not, framed anew."""
    framed = frame_on_crop(networks, image, candidate)
    best, worst = sorted([framed.score, candidate.score], reverse=True)
    share = candidate.box.width / min(image.shape[:2])
    if best >= _SCORE_BEYOND_DOUBT or worst >= _BOTH_SCORES_BEYOND_DOUBT:
        confirmed = True
    elif candidate.box.width < _LANDMARKS_FROM_PX:
        confirmed = worst >= _MIN_SCORE_SMALL
    elif best < _LEAST_SCORE or share > _MOST_SHARE:
        confirmed = False
    else:
        most = best * float(np.interp(share, _SHARES, _MOST_SPREADS))
        confirmed = networks.landmark_spread(image, candidate) <= most
    return replace(framed, score=best, confirmed=confirmed)


def verify_candidates(
    networks: DetectorNetworks, image: NDArray[np.uint8], candidates: Sequence[Detection]
) -> list[Detection]:
    """Verification of ``candidates`` of ``image`` [H, W, 3]: one a face, confirmed or not.

    Those on the same face are verified by descending score, until one is confirmed.
    """
    groups: list[list[Detection]] = []
    for candidate in sorted(candidates, key=lambda candidate: -candidate.score):
        for group in groups:
            if same_face(candidate.box, group[0].box):
                group.append(candidate)
                break
        else:
            groups.append([candidate])
    return [_verify_group(networks, image, group) for group in groups]


def _verify_group(
    networks: DetectorNetworks, image: NDArray[np.uint8], group: Sequence[Detection]
) -> Detection:
    first = verify(networks, image, group[0])
    if first.confirmed:
        return first
    others = (verify(networks, image, candidate) for candidate in group[1:])
    return next((other for other in others if other.confirmed), first)


def detect_on_crop(
    networks: DetectorNetworks, image: NDArray[np.uint8], box: Box
) -> list[Detection]:
    """Detections of the short-range network on the verification crop around ``box``."""
    height, width = image.shape[:2]
    region = verification_crop(box, width, height)
    if region is None:
        return []
    return without_truncated(networks.detect_short_range(image, region), region, image)
