"""What the faces panel says of the chosen face's measures, and why it says nothing."""

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from ferdesk.core.measures.movements import MOVEMENTS, largest
from ferdesk.core.measures.values import UnmeasuredReason
from ferdesk.ui.live.measures_box import MeasuresBox
from tests.helpers.results import FACE, OTHER, made_measures

MOVED = np.zeros(52, np.float32)
MOVED[[0, 25, 44, 45, 9]] = [0.9, 0.52, 0.31, 0.33, 0.05]
MEASURES = replace(made_measures(1), movements=MOVED)
FULL = replace(OTHER, measures=MEASURES)


@pytest.fixture
def box(qtbot: QtBot) -> MeasuresBox:
    box = MeasuresBox()
    qtbot.addWidget(box)
    return box


def said(box: MeasuresBox) -> dict[str, str]:
    """The rows that are there, with their values."""
    return {name: one.text() for name, one in box.values.items() if not one.isHidden()}


def test_every_measure_stands_with_its_sign_and_unit(box: MeasuresBox) -> None:
    box.show_face(FULL, 1.0)
    assert not box.isHidden()
    assert box.reason.isHidden()
    assert said(box) == {
        "head": "yaw +41°, pitch -13°, roll -4°",
        "distance": "62 cm",
        "gaze": "yaw +15°, pitch +7°",
        "blinks": "30 a minute",
        "movements": "jawOpen 0.52, mouthSmile 0.32",
        "valence": "-0.31",
    }


def test_with_pose_alone_nothing_is_said_of_movements(box: MeasuresBox) -> None:
    pose = replace(MEASURES, movements=None, openness=None, gaze=None, blink_rate=None)
    box.show_face(replace(FULL, measures=pose), 1.0)
    assert list(said(box)) == ["head", "distance", "valence"]


def test_what_is_not_known_yet_is_said(box: MeasuresBox) -> None:
    early = replace(MEASURES, gaze=None, blink_rate=None, movements=MOVED * 0)
    box.show_face(replace(FULL, measures=early), 1.0)
    assert said(box)["gaze"] == said(box)["movements"] == "—"
    assert said(box)["blinks"] == "known after 10 s"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("small", "Too small"),
        ("hidden", "covers"),
        ("cut", "edge"),
        ("turned", "turned"),
        ("dark", "light"),
        ("overlapping", "overlaps"),
        ("waiting", "other faces"),
    ],
)
def test_why_a_face_is_not_measured_is_said_in_words(
    box: MeasuresBox, reason: UnmeasuredReason, words: str
) -> None:
    box.show_face(replace(FULL, measures=None, unmeasured=reason), 1.0)
    assert words in box.reason.text()
    assert not box.reason.isHidden()
    assert list(said(box)) == ["valence"]


def test_a_reason_stays_until_the_next_turn(box: MeasuresBox) -> None:
    dark = replace(FULL, measures=None, unmeasured="dark")
    waits = replace(dark, unmeasured="waiting")
    for t_s, face, words in (
        (1.0, dark, "light"),
        (1.5, waits, "light"),
        (1.55, dark, "light"),
        (2.5, waits, "light"),
        # no turn for a second, or another face
        (2.8, waits, "other faces"),
        (3.1, dark, "light"),
        (3.2, replace(waits, face_id=9), "other faces"),
        (3.3, FULL, ""),
        (3.6, waits, "other faces"),
    ):
        box.show_face(face, t_s)
        assert words in box.reason.text()
        assert box.reason.isHidden() == (words == "")


def test_a_face_without_a_label_has_no_valence(box: MeasuresBox) -> None:
    box.show_face(FACE, 1.0)
    assert "valence" not in said(box)


def test_the_box_is_gone_while_nothing_is_measured(box: MeasuresBox) -> None:
    box.show_face(FULL, 1.0)
    box.show_face(replace(FULL, measures=None, unmeasured="off"), 2.0)
    assert box.isHidden()
    box.show_face(FULL, 3.0)
    box.show_face(None, 4.0)
    assert box.isHidden()


def test_numbers_can_be_read_and_another_face_is_shown_at_once(box: MeasuresBox) -> None:
    box.show_face(FULL, 1.0)
    far = replace(MEASURES, pose=replace(MEASURES.pose, z_cm=90.0))
    box.show_face(replace(FULL, measures=far), 1.1)
    assert said(box)["distance"] == "62 cm"
    box.show_face(replace(FULL, measures=far), 1.3)
    assert said(box)["distance"] == "90 cm"
    box.show_face(replace(FULL, face_id=9), 1.31)
    assert said(box)["distance"] == "62 cm"


def test_neutral_is_never_among_the_largest() -> None:
    assert MOVEMENTS[0] == "_neutral"
    assert [name for name, _ in largest(MOVED, 9)] == ["jawOpen", "mouthSmile"]
