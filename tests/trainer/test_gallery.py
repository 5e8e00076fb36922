"""The most confusing faces: the right ones, and never where they could be passed on."""

from pathlib import Path

import numpy as np
import pytest

from ferdesk.errors import DataError
from trainer.data.fer2013 import Faces
from trainer.evaluation.gallery import Mistake, most_confusing, write_gallery

FACES = Faces(np.zeros((4, 48, 48), np.uint8), np.array([0, 0, 3, 4], np.int64))


def test_the_surest_mistakes_of_the_four_hard_expressions_come_first() -> None:
    logits = np.zeros((4, 7), np.float32)
    logits[0, 4] = 1  # anger taken for sadness
    logits[1, 6] = 5  # anger taken for neutrality, and surer
    logits[2, 0] = 9  # happiness is not one of the four
    logits[3, 4] = 9  # right
    found = most_confusing(logits, FACES.labels)
    assert [(m.index, m.real, m.predicted) for m in found] == [(1, 0, 6), (0, 0, 4)]
    assert found[0].confidence > found[1].confidence


def test_the_picture_is_drawn_outside_a_checkout_only(tmp_path: Path) -> None:
    mistakes = [Mistake(0, 0, 4, 0.9), Mistake(3, 4, 0, 0.5)]
    write_gallery(FACES, mistakes, tmp_path / "cache" / "faces.png")
    assert (tmp_path / "cache" / "faces.png").stat().st_size > 1000
    (tmp_path / ".git").mkdir()
    with pytest.raises(DataError, match="lies in the checkout"):
        write_gallery(FACES, mistakes, tmp_path / "docs" / "faces.png")
    assert not (tmp_path / "docs").exists()


def test_without_a_mistake_there_is_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="every one of them was recognised"):
        write_gallery(FACES, [], tmp_path / "faces.png")
