"""Verification of candidates: non-maximum merge, and which of them are faces.

A network's detections are candidates. Those on the same face are merged. One is a face by its
score, by the score on a crop around it, or by the sum of score and presence, the landmark network's
own word; presence costs most and is asked only where it decides.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.detection.networks import DetectorNetworks
from ferdesk.core.detection.tiling import verification_crop, without_truncated
from ferdesk.core.geometry import Box
from ferdesk.core.types import Detection

_SCORE_BEYOND_DOUBT = 0.85
"""No pattern came near it: the best of 344 candidates in 425 pictures without people (those of
``benchmarks/patterns.py`` and more of the kind, mostly wheels) had 0.82, on its crop 0.81."""
_PRESENCE_WEIGHT = 0.75
_SHARES, _LEAST_SUMS = (0.28, 0.36), (1.35, 0.8)
"""Least sum of score and weighted presence, which falls with the face's share of the picture's
shorter side. In 425 pictures without people the best pattern had between 1.25 and 1.35, from a
share of 0.36 on 0.74. With no pattern let through, the score alone finds 63 % of 250 PublicTest
faces that fill the picture and 51 % of 150 smaller ones; this finds 96 and 90."""
_PRESENCE_FROM_PX, _MIN_SCORE_SMALL = 30, 0.7
"""Smaller faces must have this score twice, on a tile and on the crop: presence says nothing about
them. Of 20 candidates of 14 to 26 pixels in a classroom, all people, it was below 0.1 for 9."""
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
    lacking = float(np.interp(share, _SHARES, _LEAST_SUMS)) - candidate.score
    if best >= _SCORE_BEYOND_DOUBT:
        confirmed = True
    elif candidate.box.width < _PRESENCE_FROM_PX:
        confirmed = worst >= _MIN_SCORE_SMALL
    elif lacking > _PRESENCE_WEIGHT:
        confirmed = False
    else:
        presence = 1.0 if lacking <= 0 else networks.presence(image, candidate)
        confirmed = _PRESENCE_WEIGHT * presence >= lacking
    return replace(framed, score=best, confirmed=confirmed)


def verify_candidates(
    networks: DetectorNetworks, image: NDArray[np.uint8], candidates: Sequence[Detection]
) -> list[Detection]:
    """Verification of ``candidates`` of ``image`` [H, W, 3]: merged, each confirmed or not."""
    return [verify(networks, image, merged) for merged in non_maximum_merge(candidates)]


def detect_on_crop(
    networks: DetectorNetworks, image: NDArray[np.uint8], box: Box
) -> list[Detection]:
    """Detections of the short-range network on the verification crop around ``box``."""
    height, width = image.shape[:2]
    region = verification_crop(box, width, height)
    if region is None:
        return []
    return without_truncated(networks.detect_short_range(image, region), region, image)
