"""What stands beside a face, in the window and in a video."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from ferdesk.adapters.outputs import video_writer
from ferdesk.core.annotation import REASONS, annotate
from ferdesk.core.labels import LABELS
from ferdesk.core.palette import LABEL_COLOURS, NO_LABEL, rgb
from ferdesk.core.quality import LowConfidenceReason
from ferdesk.core.types import FaceResult
from tests.helpers.results import FACE, make_result

EVERY_REASON: tuple[LowConfidenceReason, ...] = get_args(LowConfidenceReason)


def face_with(reason: LowConfidenceReason) -> FaceResult:
    return replace(FACE, reason=reason, low_confidence=bool(reason))


@pytest.mark.parametrize("reason", EVERY_REASON)
def test_the_video_and_the_window_say_the_same_in_the_same_colour(
    reason: LowConfidenceReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ferdesk.ui.kit import overlay

    face = face_with(reason)
    drawn: list[str] = []
    monkeypatch.setattr(cv2, "putText", lambda image, text, *_: drawn.append(text))
    picture = video_writer.draw_faces(np.zeros((400, 400, 3), np.uint8), (face,))
    assert drawn == [overlay.face_text(face)]
    colour = overlay.face_colour(face)
    edge = picture[round(face.box.y) : round(face.box.y + face.box.height), round(face.box.x)]
    painted = (edge == (colour.red(), colour.green(), colour.blue())).all(axis=1)
    # solid or, where confidence is low, in dashes
    assert painted.any()
    assert painted[2:-2].all() != face.low_confidence


@pytest.mark.parametrize("reason", EVERY_REASON)
def test_a_face_that_cannot_be_classified_has_no_labels_words_or_colour(
    reason: LowConfidenceReason,
) -> None:
    said = annotate(face_with(reason))
    if reason in REASONS:
        assert said.words == REASONS[reason]
        assert said.colour == NO_LABEL
        assert not any(re.search(rf"\b{label}\b", said.words) for label in LABELS)
    else:
        assert "angry 27 %" in said.words
        assert ("Low confidence" in said.words) == (reason == "unclear")
        assert said.colour == LABEL_COLOURS["angry"]


def test_every_reason_but_unclear_has_its_own_words() -> None:
    assert set(EVERY_REASON) - set(REASONS) == {"", "unclear"}
    assert len(set(REASONS.values())) == len(REASONS)


def test_the_docs_have_the_words_of_every_reason() -> None:
    page = (Path(__file__).parents[2] / "docs" / "uncertain.md").read_text("utf-8")
    said = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    del said["reason"]  # the head of the table
    assert {name: said[name] for name in REASONS} == REASONS
    assert set(said) == {*REASONS, "unclear"}


def test_a_colour_is_red_green_and_blue_in_this_order() -> None:
    assert rgb("#D55E00") == (213, 94, 0)


def test_a_face_with_its_baseline_has_the_windows_sign_and_no_odd_letter_in_the_video() -> None:
    from ferdesk.ui.kit.overlay import BASELINE_SIGN, face_text

    face = replace(face_with(""), baseline_applied=True)
    assert face_text(face).endswith(BASELINE_SIGN)
    assert video_writer.face_text(face).isascii()
    assert make_result(face).complete
