"""Returning faces: who comes back is offered, who was here together never, and a doubt is none."""

from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.geometry import Box
from ferdesk.core.tracking.returning import Resemblance, ReturningFaces
from ferdesk.core.types import FrameResult
from tests.helpers.results import OTHER, make_result

PLACES = (Box(20, 20, 60, 60), Box(130, 20, 60, 60))
PEOPLE = {
    name: np.random.default_rng(i).integers(0, 256, (6, 6, 3)) for i, name in enumerate("abc")
}


def scene(t_s: float, *here: tuple[int, str]) -> FrameResult:
    """A frame with these faces, id and person, each with colours of their own and some noise."""
    rng = np.random.default_rng(round(t_s * 1000))
    image = np.full((120, 220, 3), 128, np.int64)
    faces = []
    for (face_id, person), box in zip(here, PLACES, strict=False):
        blocks = np.repeat(np.repeat(PEOPLE[person], 15, 0), 15, 1)
        left, top = int(box.x) - 15, int(box.y) - 15
        image[top : top + 90, left : left + 90] = blocks
        faces.append(replace(OTHER, face_id=face_id, box=box))
    noisy = np.clip(image + rng.integers(-20, 21, image.shape), 0, 255).astype(np.uint8)
    return make_result(*faces, t_s=t_s, captured_s=t_s, image=noisy)


def follow(
    faces: ReturningFaces, from_s: float, to_s: float, *here: tuple[int, str]
) -> list[Resemblance]:
    steps = np.arange(from_s, to_s, 0.1)
    return [found for t in steps if (found := faces.take(scene(float(t), *here))) is not None]


def test_someone_who_comes_back_is_offered_once() -> None:
    faces = ReturningFaces()
    assert follow(faces, 0, 3, (1, "a"), (2, "b")) == []
    assert follow(faces, 3, 6, (2, "b")) == []
    offers = follow(faces, 6, 12, (3, "a"), (2, "b"))
    assert [(one.face_id, one.earlier_id) for one in offers] == [(3, 1)]
    assert offers[0].similarity > 0.9


def test_a_stranger_is_no_one_who_left() -> None:
    faces = ReturningFaces()
    follow(faces, 0, 3, (1, "a"))
    assert follow(faces, 6, 14, (2, "c")) == []


def test_who_was_in_sight_together_is_never_offered_as_one() -> None:
    faces = ReturningFaces()
    follow(faces, 0, 3, (1, "a"), (2, "a"))
    assert follow(faces, 3, 8, (2, "a")) == []


def test_where_two_who_left_look_alike_nothing_is_offered() -> None:
    faces = ReturningFaces()
    follow(faces, 0, 3, (1, "a"), (2, "a"))
    assert follow(faces, 6, 14, (3, "a")) == []


def test_joined_faces_are_found_again_under_the_later_id() -> None:
    faces = ReturningFaces()
    follow(faces, 0, 3, (1, "a"))
    follow(faces, 6, 9, (4, "a"))
    faces.join(4, 1)
    offers = follow(faces, 14, 18, (9, "a"))
    assert [(one.face_id, one.earlier_id) for one in offers] == [(9, 4)]


def test_another_source_has_other_people() -> None:
    faces = ReturningFaces()
    follow(faces, 0, 3, (1, "a"))
    faces.clear()
    assert follow(faces, 6, 9, (1, "a")) == []


@pytest.mark.parametrize("reason", ["turned", "blurred", "dark"])
def test_a_face_that_is_hardly_seen_is_not_compared(reason: str) -> None:
    faces = ReturningFaces()
    follow(faces, 0, 3, (1, "a"))
    for t_s in np.arange(6, 10, 0.1):
        result = scene(float(t_s), (2, "a"))
        hidden = replace(result.faces[0], reason=reason)  # type: ignore[arg-type]
        assert faces.take(replace(result, faces=(hidden,))) is None
