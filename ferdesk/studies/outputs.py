"""Files that are made of a study's sessions: names and contents, for commands and the window."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ferdesk.sessions.outputs import file_stem, write_text
from ferdesk.studies.report_page import study_report
from ferdesk.studies.results import StudySession
from ferdesk.version import VERSION


def stem_of(name: str) -> str:
    """The name, without its ending, of files about the study of that name."""
    return f"study-{file_stem(name)}"


def write_study_report(runs: Sequence[StudySession], path: Path) -> None:
    """Write the study's report.

    Raises:
        RecordingError: it cannot be written.
    """
    write_text(path, study_report(runs, made=datetime.now(UTC), version=VERSION))
