"""Values that go from stage to stage."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from ferdesk.core.geometry import Box, Square
from ferdesk.core.quality import LowConfidenceReason
from ferdesk.core.types import Expression, FaceResult, Frame, FrameResult


def frame() -> Frame:
    return Frame(np.zeros((4, 4, 3), np.uint8), 3, 0.1, 5.0)


def expression() -> Expression:
    return Expression(np.full(7, 1 / 7, np.float32))


def face(*, classified_now: bool = True, reason: LowConfidenceReason = "") -> FaceResult:
    return FaceResult(
        1, Box(1, 2, 3, 4), Square(5, 6, 7), 0.9, expression(),
        np.array([0.1, 0.05, 0.15, 0.2, 0.12, 0.3, 0.08], np.float32),
        low_confidence=False, roll_deg=2.0, sharpness=300.0, brightness=120.0,
        classified_now=classified_now, reason=reason,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "name"), [(frame, "image"), (expression, "maps"), (face, "smoothed")]
)
def test_what_holds_a_picture_or_figures_is_equal_to_itself_alone_and_cannot_change(
    make: Callable[[], object], name: str
) -> None:
    one, other = make(), make()
    assert one != other
    assert len({one, other, one}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, name, None)


def test_a_frames_picture_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        frame().image[0, 0, 0] = 1


def test_a_face_has_the_label_and_the_confidence_of_its_largest_smoothed_entry() -> None:
    assert face().label == "surprise"
    assert face().confidence == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("reason", "classifiable"), [("", True), ("unclear", True), ("small", False), ("dark", False)]
)
def test_only_a_face_that_is_seen_well_can_be_classified(
    reason: LowConfidenceReason, classifiable: bool
) -> None:
    assert face(reason=reason).classifiable is classifiable


def test_a_result_is_complete_where_every_face_was_classified_in_its_frame() -> None:
    old = face(classified_now=False)
    for faces, complete in [((), True), ((face(),), True), ((face(), old), False), ((old,), False)]:
        assert FrameResult(frame(), faces, 1.0, {}).complete is complete
