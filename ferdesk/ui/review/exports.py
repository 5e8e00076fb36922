"""Export formats of a session with its review; no widget here."""

from pathlib import Path

from ferdesk.runtime.ports import Services
from ferdesk.sessions.export import (
    annotations_csv,
    changes_csv,
    check_layout,
    faces_csv,
    rows_csv,
    summary_csv,
)
from ferdesk.sessions.outputs import free_path, write_text
from ferdesk.sessions.reader import Session
from ferdesk.sessions.review import Review, load_review
from ferdesk.ui.kit.language import mark

EXPORTS = {
    "summary": mark("Summary statistics (CSV)"),
    "parquet": mark("Frame data (Parquet)"),
    "openface": mark("Frame data, OpenFace format"),
    "pyfeat": mark("Frame data, py-feat format"),
}


def export(kind: str, session: Session, review: Review | None, services: Services) -> list[Path]:
    """Write one of ``EXPORTS`` into the session's folder, beside what is there; the new files.

    Raises:
        RecordingError: it cannot be written, or a library is missing.
    """
    review = load_review(session) if review is None else review
    folder = session.folder
    if kind == "parquet":
        path = free_path(folder, "results", ".parquet")
        services.write_parquet(session, path, review)
        return [path]
    if kind == "summary":
        paths = []
        for name, text in (
            ("summary", summary_csv([session], [review])),
            ("changes", changes_csv([session], [review])),
            *(
                [("annotations", annotations_csv([session], [review]))]
                if review.annotations
                else []
            ),
            *([("faces", faces_csv([session], [review]))] if session.of_pictures else []),
        ):
            paths.append(free_path(folder, name, ".csv"))
            write_text(paths[-1], text, for_spreadsheets=True)
        return paths
    path = free_path(folder, f"results-{kind}", ".csv")
    write_text(path, rows_csv(session, check_layout(kind), review))
    return [path]
