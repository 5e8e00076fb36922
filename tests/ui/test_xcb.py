"""What only Qt's xcb platform shows: the window's own tests once more, on a display in memory."""

import pytest

from tests.helpers.xvfb import run_tests_on, why_none, xvfb


@pytest.mark.skipif(why_none() != "", reason=why_none() or "there is a display")
@pytest.mark.timeout(400)
def test_pages_and_dialogs_fit_under_x11_too() -> None:
    with xvfb() as display:
        assert run_tests_on(display, "tests/ui/test_sizes.py") == ""
