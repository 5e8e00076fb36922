"""The columns of the tidy table stand in the docs as they are in the file."""

from pathlib import Path

from ferdesk.studies.tidy_table import TRIAL_COLUMNS

DOCS = Path(__file__).parents[2] / "docs" / "study-report.md"


def test_each_column_of_the_table_is_described_in_its_order() -> None:
    text = DOCS.read_text("utf-8")
    places = [text.index(f"| `{one.name}` | {one.about} |") for one in TRIAL_COLUMNS]
    assert places == sorted(places)
