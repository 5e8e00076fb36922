"""Actions of the library: the lines of its action table."""

from typing import Protocol

from ferdesk.ui.kit.actions import ActionSpec
from ferdesk.ui.kit.language import mark


class LibraryTarget(Protocol):
    """Target of the actions: the library, as far as they act on it."""

    def open(self) -> None: ...

    def report(self) -> None: ...

    def compare(self) -> None: ...

    def describe(self) -> None: ...

    def repair(self) -> None: ...

    def show_files(self) -> None: ...

    def delete(self) -> None: ...

    def refresh(self) -> None: ...

    def begin_search(self) -> None: ...

    def ask_root(self) -> None: ...

    def can_open(self) -> bool: ...

    def can_use(self) -> bool: ...

    def can_compare(self) -> bool: ...

    def can_describe(self) -> bool: ...

    def can_repair(self) -> bool: ...

    def can_delete(self) -> bool: ...


def library_actions(view: LibraryTarget) -> tuple[ActionSpec, ...]:
    """The lines of the action table for ``view``."""
    return (
        ActionSpec(
            "open",
            mark("Open"),
            view.open,
            "Return Enter",
            "film",
            mark("Open the selected session"),
            enabled_when=view.can_open,
            needs=mark("Select one session that can be read."),
        ),
        ActionSpec(
            "report",
            mark("Report"),
            view.report,
            "Ctrl+R",
            "file-text",
            mark("Create a report of the selection"),
            enabled_when=view.can_use,
            needs=mark("Select a session that can be read."),
        ),
        ActionSpec(
            "compare",
            mark("Compare"),
            view.compare,
            "Ctrl+K",
            "chart-line",
            mark("Compare two sessions or groups of sessions"),
            enabled_when=view.can_compare,
            needs=mark("Select two sessions or more (Ctrl or Shift and click)."),
        ),
        ActionSpec(
            "describe",
            mark("Details…"),
            view.describe,
            "F2",
            "pencil",
            mark("Name, participant, condition and notes of the selection"),
            enabled_when=view.can_describe,
            needs=mark("Select sessions that are not being recorded and can be read."),
        ),
        ActionSpec(
            "repair",
            mark("Repair"),
            view.repair,
            "Ctrl+Shift+R",
            "check",
            mark("Repair interrupted sessions"),
            enabled_when=view.can_repair,
            needs=mark("Only interrupted sessions can be repaired."),
        ),
        ActionSpec(
            "folder",
            mark("Show files"),
            view.show_files,
            "Ctrl+D",
            "folder-open",
            mark("Open the session's folder"),
        ),
        ActionSpec(
            "delete",
            mark("Delete…"),
            view.delete,
            "Del",
            "trash-2",
            mark("Move the selection to the trash"),
            enabled_when=view.can_delete,
            needs=mark("Select a session that is not being recorded."),
        ),
        ActionSpec("refresh", mark("Refresh"), view.refresh, "F5", "refresh-cw"),
        ActionSpec(
            "search",
            mark("Search"),
            view.begin_search,
            "Ctrl+F",
            "search",
            mark("Search sessions"),
        ),
        ActionSpec(
            "root",
            mark("Open folder…"),
            view.ask_root,
            "Ctrl+O",
            "library",
            mark("Show sessions of another folder"),
        ),
    )
