"""Verification of candidates: non-maximum merge, and which of them are faces.

A network's detections are candidates. Those on the same face are merged. Whether one is a face is
decided by one sum: the detector's score, the landmark network's presence and the size. Presence is
asked only where it can decide.
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
"""TODO"""
_PRESENCE_WEIGHT, _SIZE_WEIGHT, _LARGEST_SHARE = 0.3, 0.5, 0.5
_MIN_EVIDENCE = 1.01
"""TODO"""
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


def verify(networks: DetectorNetworks, image: NDArray[np.uint8], candidate: Detection) -> Detection:
    """Verification of one candidate of ``image`` [H, W, 3]: ``confirmed`` or not, framed anew.

    Its box is that of the verification crop, where the short-range network detects it there: always
    at the same size, a face is framed more evenly than on a picture or a tile.
    """
    on_crop = detect_on_crop(networks, image, candidate.box)
    same = [detection for detection in on_crop if same_face(detection.box, candidate.box)]
    framed = max([*same, candidate][: max(len(same), 1)], key=lambda detection: detection.score)
    best = max(framed.score, candidate.score)
    share = min(candidate.box.width / min(image.shape[:2]), _LARGEST_SHARE)
    lacking = _MIN_EVIDENCE - candidate.score - _SIZE_WEIGHT * share
    confirmed = best >= _SCORE_BEYOND_DOUBT or lacking <= 0
    if not confirmed and lacking <= _PRESENCE_WEIGHT:
        confirmed = _PRESENCE_WEIGHT * networks.presence(image, framed) >= lacking
    return replace(framed, score=best, confirmed=confirmed)


def verify_candidates(
    networks: DetectorNetworks, image: NDArray[np.uint8], candidates: Sequence[Detection]
) -> list[Detection]:
    """Verification of ``candidates`` of ``image`` [H, W, 3]: merged, each with ``confirmed`` set."""
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
