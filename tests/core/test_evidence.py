"""Heat of class activation: what speaks against a label is not painted as if it spoke for it."""

from dataclasses import replace

import numpy as np
import pytest

from ferdesk.core.heatmap import HeatmapChoice, heat_pixels
from ferdesk.core.types import Expression, MapPlace
from tests.helpers.results import OTHER, RAW

# the range of all seven labels; that of a face's own label is twice as wide
PLACE = MapPlace(5.5, 5.5, 7.0, -0.1, 0.1)


@pytest.mark.parametrize(("evidence", "alpha"), [(-0.1, 0), (0.0, 0), (0.1, 128), (0.2, 255)])
def test_evidence_is_painted_from_zero_on(evidence: float, alpha: int) -> None:
    planes = np.full((7, 6, 6), evidence, np.float32)
    face = replace(OTHER, expression=Expression(RAW, {"cam": planes}))
    pixels = heat_pixels(face, HeatmapChoice("cam", 1.0), PLACE)
    assert pixels is not None
    assert pixels[48, 48] >> 24 == pytest.approx(alpha, abs=1)


def test_attention_has_its_whole_range() -> None:
    flat = np.zeros((6, 6), np.float32)
    face = replace(OTHER, expression=Expression(RAW, {"attention": flat}))
    pixels = heat_pixels(face, HeatmapChoice("attention", 1.0), PLACE)
    assert pixels is not None
    assert pixels[48, 48] >> 24 == pytest.approx(128, abs=1)
