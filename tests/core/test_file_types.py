"""One list of file types for folders, the open dialog and the docs."""

from pathlib import Path

from ferdesk.core.file_types import SUFFIXES, dialog_pattern

DOCS = Path(__file__).parents[2] / "docs" / "sessions.md"


def test_the_dialog_offers_every_type_in_both_cases() -> None:
    patterns = dialog_pattern().split()
    assert {pattern.removeprefix("*").lower() for pattern in patterns} == SUFFIXES
    assert {"*.mts", "*.MTS", "*.heic", "*.HEIC"} <= set(patterns)


def test_the_docs_name_every_type() -> None:
    text = DOCS.read_text("utf-8")
    assert [suffix for suffix in sorted(SUFFIXES) if f"`{suffix}`" not in text] == []
