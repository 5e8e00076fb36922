"""Sentences from below the window."""

import pytest

from ferdesk.messages import counted


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (12_345, "12,345 rows")]
)
def test_what_is_counted_is_one_or_several(count: int, text: str) -> None:
    assert counted(count, "row") == text
