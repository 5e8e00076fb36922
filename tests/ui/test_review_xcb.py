"""The chart of a session under Qt's xcb platform, which alone drops what is too large for it."""

import pytest

from tests.helpers.xvfb import run_tests_on, why_none, xvfb


@pytest.mark.skipif(why_none() != "", reason=why_none() or "there is a display")
@pytest.mark.timeout(400)
def test_the_curves_stay_under_x11_too() -> None:
    with xvfb(1400, 900) as display:
        assert run_tests_on(display, "tests/ui/test_review_chart.py") == ""
