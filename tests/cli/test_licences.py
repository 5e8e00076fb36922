"""``ferdesk licences`` names what others made, in a wheel and in the packaged program."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ferdesk.cli.main import app
from ferdesk.paths import licences_folder


def test_it_names_models_pictures_and_libraries() -> None:
    said = CliRunner().invoke(app, ["licences"]).output
    for name in ("MediaPipe", "Lucide", "FER2013", "numpy", "PySide6_Essentials", "LGPL"):
        assert name in said


@pytest.mark.parametrize("place", ["licences", "../Resources/licences"])
def test_in_the_packaged_program_it_shows_the_page_and_where_the_texts_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    program = tmp_path / "MacOS" / "ferdesk"
    program.parent.mkdir()
    folder = (program.parent / place).resolve()
    folder.mkdir(parents=True)
    (folder / "NOTICE").write_text("what others made")
    (folder / "THIRD-PARTY.md").write_text("| numpy | 2.4.6 |")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(program))
    said = CliRunner().invoke(app, ["licences"]).output
    assert said.startswith("what others made")
    assert "| numpy | 2.4.6 |" in said
    assert str(folder) in said
    monkeypatch.delattr(sys, "frozen")
    assert licences_folder() is None
