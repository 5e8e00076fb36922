"""Why a face is not measured, on made pictures: each reason where its condition holds."""

from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box
from ferdesk.core.measures.unmeasured import why_not_seen
from ferdesk.core.measures.values import UnmeasuredReason
from ferdesk.core.types import Detection
from tests.core.test_measurer import measurer_of
from tests.helpers.landmarks import FakeLandmarks

PICTURE = np.full((200, 320, 3), (150, 110, 90), np.uint8)
MIDDLE = Box(100, 60, 80, 90)


def with_face(grey: int) -> np.ndarray:
    """A bright room in which the face alone has that brightness."""
    picture = PICTURE.copy()
    picture[60:151, 100:181] = grey
    return picture


@pytest.mark.parametrize(
    ("box", "yaw_deg", "others", "grey", "reason"),
    [
        (MIDDLE, 0.0, [], 120, "hidden"),
        (MIDDLE, 34.0, [], 36, "hidden"),
        (MIDDLE, 0.0, [], 34, "dark"),
        (MIDDLE, -36.0, [], 34, "turned"),
        (MIDDLE, 36.0, [Box(160, 60, 80, 90)], 120, "turned"),
        (MIDDLE, 36.0, [Box(150, 60, 80, 90)], 120, "overlapping"),
        # a small face before a large one: most of the small one
        (MIDDLE, 0.0, [Box(110, 70, 30, 30)], 120, "overlapping"),
        (Box(-10, 60, 80, 90), 0.0, [], 120, "hidden"),
        (Box(-14, 60, 80, 90), 50.0, [Box(0, 60, 80, 90)], 20, "cut"),
        (Box(100, 130, 80, 90), 0.0, [], 120, "cut"),
    ],
)
def test_the_first_that_holds_is_said(
    box: Box, yaw_deg: float, others: list[Box], grey: int, reason: UnmeasuredReason
) -> None:
    assert why_not_seen(with_face(grey), box, yaw_deg, others) == reason


def test_brightness_is_the_faces_and_not_the_rooms() -> None:
    bright_face_in_the_dark = np.zeros_like(PICTURE)
    bright_face_in_the_dark[60:151, 100:181] = 120
    assert why_not_seen(bright_face_in_the_dark, MIDDLE, 0.0, []) == "hidden"
    blue = np.zeros_like(PICTURE)
    blue[..., 2] = 250  # 28 as grey
    assert why_not_seen(blue, MIDDLE, 0.0, []) == "dark"


def test_the_measurer_asks_for_each_face_with_its_own_values() -> None:
    networks = FakeLandmarks()
    networks.presence = 0.2
    first = Detection(MIDDLE, 0.9, SHORT_RANGE, roll_deg=0.0, yaw_deg=50.0)
    second = replace(first, box=Box(230, 60, 70, 80), yaw_deg=0.0)
    faces = {3: first, 8: second}
    measured = measurer_of(networks).measure(PICTURE, faces, [3, 8], 0.0, "pose")
    assert measured.reasons == {3: "turned", 8: "hidden"}
    faces[8] = replace(second, box=Box(140, 60, 70, 80))
    measured = measurer_of(networks).measure(PICTURE, faces, [3, 8], 0.0, "pose")
    assert measured.reasons == {3: "overlapping", 8: "overlapping"}
