"""The overlay as pixels: whose colours, how thick, in dashes or not, whose plate comes first."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSizeF
from PySide6.QtGui import QColor, QFont, QImage, QPainter
from PySide6.QtWidgets import QApplication

from ferdesk.core.geometry import Box
from ferdesk.core.palette import LABEL_COLOURS, NO_LABEL, rgb
from ferdesk.core.types import FaceResult
from ferdesk.ui.kit.face_names import own_colour
from ferdesk.ui.kit.overlay import BASELINE_SIGN, face_name, face_text, paint_faces
from ferdesk.ui.kit.plates import PlatePlaces, leader
from ferdesk.ui.kit.view_transform import ViewTransform
from tests.helpers.results import FACE, OTHER

WIDTH, HEIGHT = 400, 300
SURE = replace(OTHER, box=Box(60, 100, 80, 100))
UNCLEAR = replace(FACE, box=Box(220, 90, 90, 120), reason="unclear")
TURNED = replace(FACE, box=Box(220, 90, 90, 120), reason="turned")


class Places(PlatePlaces):
    """Remembers whose plate was placed where, in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.placed: dict[int, QRectF] = {}

    def place(
        self,
        face_id: int,
        box: QRectF,
        width: float,
        height: float,
        taken: Sequence[QRectF],
        view: QRectF,
    ) -> QRectF:
        self.placed[face_id] = super().place(face_id, box, width, height, taken, view)
        return self.placed[face_id]


def painted(
    *faces: FaceResult,
    chosen_id: int | None = None,
    places: PlatePlaces | None = None,
    with_boxes: bool = True,
    with_labels: bool = True,
) -> NDArray[np.uint8]:
    """[HEIGHT, WIDTH, 3]: these faces on black."""
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB888)
    image.fill(0)
    painter = QPainter(image)
    paint_faces(
        painter,
        ViewTransform.fit(QSizeF(WIDTH, HEIGHT), QSizeF(WIDTH, HEIGHT), mirrored=False),
        faces,
        chosen_id=chosen_id,
        font=QFont(QApplication.font()),
        view=QRectF(0, 0, WIDTH, HEIGHT),
        places=places or PlatePlaces(),
        with_boxes=with_boxes,
        with_labels=with_labels,
    )
    painter.end()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(HEIGHT, image.bytesPerLine())
    return rows[:, : 3 * WIDTH].reshape(HEIGHT, WIDTH, 3).copy()


def in_colour(pixels: NDArray[np.uint8], colour: str) -> NDArray[np.bool_]:
    shown: NDArray[np.bool_] = (pixels == rgb(colour)).all(axis=-1)
    return shown


def left_edge(pixels: NDArray[np.uint8], face: FaceResult) -> NDArray[np.uint8]:
    """The middle of the box's left line, a few pixels wide."""
    box = face.box
    top, bottom = round(box.y + 10), round(box.y + box.height - 10)
    return pixels[top:bottom, round(box.x) - 3 : round(box.x) + 4]


@pytest.mark.parametrize(
    ("face", "colour", "solid"),
    [
        (SURE, LABEL_COLOURS["happy"], True),
        (UNCLEAR, LABEL_COLOURS["angry"], False),
        (TURNED, NO_LABEL, False),
    ],
    ids=["sure", "unclear", "turned"],
)
def test_a_box_has_its_faces_colour_in_dashes_where_confidence_is_low(
    qapp: QApplication, face: FaceResult, colour: str, solid: bool
) -> None:
    rows = in_colour(left_edge(painted(face, with_labels=False), face), colour).any(axis=1)
    assert rows.any()
    assert rows.all() == solid


def test_the_chosen_faces_box_is_twice_as_thick(qapp: QApplication) -> None:
    plain = left_edge(painted(SURE, with_labels=False), SURE)
    chosen = left_edge(painted(SURE, with_labels=False, chosen_id=SURE.face_id), SURE)
    happy = LABEL_COLOURS["happy"]
    assert in_colour(plain, happy).sum(axis=1).tolist() == [2] * len(plain)
    assert in_colour(chosen, happy).sum(axis=1).tolist() == [4] * len(chosen)


def test_boxes_and_plates_are_switched_off_each_by_itself(qapp: QApplication) -> None:
    places = Places()
    pixels = painted(SURE, places=places, with_boxes=False)
    assert not left_edge(pixels, SURE).any()
    assert pixels.any()
    assert list(places.placed) == [SURE.face_id]
    places = Places()
    pixels = painted(SURE, places=places, with_labels=False)
    assert left_edge(pixels, SURE).any()
    assert places.placed == {}
    assert not painted(SURE, with_boxes=False, with_labels=False).any()


def test_the_chosen_faces_plate_is_placed_first_and_then_the_largest_faces(
    qapp: QApplication,
) -> None:
    small = replace(SURE, face_id=8, box=Box(20, 20, 30, 35))
    faces = (small, SURE, UNCLEAR)
    for chosen_id, order in ((None, [3, 5, 8]), (8, [8, 3, 5]), (5, [5, 3, 8])):
        places = Places()
        painted(*faces, chosen_id=chosen_id, places=places)
        assert list(places.placed) == order


@pytest.mark.parametrize("face", [SURE, replace(SURE, face_id=2), TURNED])
def test_a_plate_has_a_stripe_in_the_faces_own_colour_and_a_dot_in_the_labels(
    qapp: QApplication, face: FaceResult
) -> None:
    places = Places()
    pixels = painted(face, places=places)
    plate = places.placed[face.face_id].toRect()
    inside = pixels[plate.top() : plate.bottom() + 1, plate.left() : plate.right() + 1]
    own: QColor = own_colour(face.face_id)
    assert (inside[:, 1] == (own.red(), own.green(), own.blue())).all()
    label = LABEL_COLOURS[face.label] if face.classifiable else NO_LABEL
    assert in_colour(inside[:, 4:24], label).sum() > 10


def test_the_sign_of_a_baseline_stands_where_a_label_does(qapp: QApplication) -> None:
    assert face_text(replace(SURE, baseline_applied=True)).endswith(BASELINE_SIGN)
    assert BASELINE_SIGN not in face_text(replace(TURNED, baseline_applied=True))
    assert BASELINE_SIGN not in face_text(SURE)


def test_a_face_that_comes_back_has_its_plate_in_the_best_place_again() -> None:
    places, view, box = PlatePlaces(), QRectF(0, 0, WIDTH, HEIGHT), QRectF(100, 100, 80, 80)
    above = QRectF(90, 60, 120, 38)
    assert places.place(SURE.face_id, box, 100, 20, [box, above], view).top() > box.bottom()
    places.keep_only([SURE])
    assert places.place(SURE.face_id, box, 100, 20, [box], view).top() > box.bottom()
    places.keep_only([TURNED])
    assert places.place(SURE.face_id, box, 100, 20, [box], view).bottom() < box.top()


def test_a_name_longer_than_sixteen_letters_is_cut_to_them() -> None:
    assert face_name(3, {}) == "#3"
    assert face_name(3, {3: "a" * 16}) == "#3 " + "a" * 16
    assert face_name(3, {3: "a" * 17}) == "#3 " + "a" * 15 + "…"


def crowd(number: int) -> tuple[FaceResult, ...]:
    """So many faces side by side in rows, closer to each other than a plate is high."""
    return tuple(
        replace(SURE, face_id=i + 1, box=Box(6 + 44 * (i % 9), 20 + 56 * (i // 9), 40, 50))
        for i in range(number)
    )


def test_in_a_crowd_no_plate_lies_on_a_face_but_the_chosen_ones_own() -> None:
    faces, places = crowd(45), Places()
    painted(*faces, chosen_id=14, places=places)
    bare = painted(*faces, with_labels=False)
    labelled = painted(*faces, chosen_id=None)
    box = np.zeros((HEIGHT, WIDTH), bool)
    for face in faces:
        left, top = round(face.box.x) + 2, round(face.box.y) + 2
        box[top : top + 46, left : left + 36] = True
    assert np.array_equal(labelled[box], bare[box])


def test_of_many_only_the_chosen_and_the_hovered_face_are_labelled_in_full() -> None:
    faces = [
        replace(SURE, face_id=i + 1, box=Box(10 + 140 * (i % 3), 40 + 90 * (i // 3), 30, 30))
        for i in range(8)
    ]
    few, many = Places(), Places()
    painted(*faces[:6], places=few)
    painted(*faces, chosen_id=2, places=many)
    assert many.placed[2].width() == few.placed[2].width()
    assert all(many.placed[i].width() < few.placed[i].width() / 2 for i in (1, 3, 4, 5, 6))


def test_a_plate_far_from_its_face_is_tied_to_it_by_a_line() -> None:
    box = QRectF(100, 100, 40, 40)
    line = leader(QRectF(90, 40, 60, 20), box)
    assert line is not None
    assert (line.p1().y(), line.p2().y()) == (60, 100)
    assert leader(QRectF(90, 74, 60, 20), box) is None
