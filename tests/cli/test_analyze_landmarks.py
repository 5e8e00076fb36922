"""``analyze --landmarks``: what it needs, and that it says so."""

import pytest
from typer.testing import CliRunner

from ferdesk.cli.main import app


def test_landmarks_without_measures_are_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(app, ["analyze", "demo", "--landmarks"])
    assert done.exit_code == 2
    assert "needs --measure" in done.output
