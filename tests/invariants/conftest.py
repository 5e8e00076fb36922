"""Hypothesis' profile: the same examples in every run, few enough for ``make test``.

``FERDESK_EXAMPLES=5000 pytest tests/invariants`` tries more, other ones each time.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

_MORE = int(os.environ.get("FERDESK_EXAMPLES", "0"))

settings.register_profile(
    "ferdesk",
    max_examples=_MORE or 60,
    derandomize=not _MORE,
    database=None,
    deadline=None,
    # explaining a failure traces every line, which takes longer than finding it
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("ferdesk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "invariants" in item.path.parts:
            # making an example small may take its time
            item.add_marker(pytest.mark.timeout(600 if _MORE else 120))
