"""Actions of the queue page: the lines of its action table."""

from typing import Protocol

from ferdesk.ui.kit.actions import ActionSpec
from ferdesk.ui.kit.language import mark


class QueueTarget(Protocol):
    """Target of the actions: the page, as far as they act on it."""

    def leave(self) -> None: ...

    def add_files(self) -> None: ...

    def add_folder(self) -> None: ...

    def remove(self) -> None: ...

    def move_up(self) -> None: ...

    def move_down(self) -> None: ...

    def clear_ended(self) -> None: ...

    def start(self) -> None: ...

    def pause(self) -> None: ...

    def stop(self) -> None: ...

    def retry(self) -> None: ...

    def open(self) -> None: ...

    def show_files(self) -> None: ...

    def copy(self) -> None: ...

    def report(self) -> None: ...

    def can_remove(self) -> bool: ...

    def can_move(self) -> bool: ...

    def can_clear(self) -> bool: ...

    def can_start(self) -> bool: ...

    def can_pause(self) -> bool: ...

    def can_stop(self) -> bool: ...

    def can_retry(self) -> bool: ...

    def can_open(self) -> bool: ...

    def can_copy(self) -> bool: ...

    def can_report(self) -> bool: ...


def queue_actions(page: QueueTarget) -> tuple[ActionSpec, ...]:
    """The lines of the action table for ``page``."""
    return (
        ActionSpec(
            "live", mark("Live"), page.leave, "Escape Alt+Left", "arrow-left",
            mark("Back to the live page"),
        ),
        ActionSpec(
            "files", mark("Add files…"), page.add_files, "Ctrl+O", "plus",
            mark("Add videos and pictures to the queue"),
        ),
        ActionSpec(
            "folder", mark("Add folder…"), page.add_folder, "Ctrl+Shift+O", "folder-open",
            mark("Add all videos and pictures in a folder and below it"),
        ),
        ActionSpec(
            "remove", mark("Remove"), page.remove, "Del", "x",
            mark("Take the selection out of the queue; files and sessions stay"),
            enabled_when=page.can_remove,
            needs=mark("Select files that are not being analysed."),
        ),
        ActionSpec(
            "up", mark("Move up"), page.move_up, "Alt+Up", "arrow-up",
            mark("Analyse the selection earlier"),
            enabled_when=page.can_move, needs=mark("Select files that wait."),
        ),
        ActionSpec(
            "down", mark("Move down"), page.move_down, "Alt+Down", "arrow-down",
            mark("Analyse the selection later"),
            enabled_when=page.can_move, needs=mark("Select files that wait."),
        ),
        ActionSpec(
            "clear", mark("Clear finished"), page.clear_ended, "", "check",
            mark("Take what is finished or failed out of the queue"),
            enabled_when=page.can_clear, needs=mark("Nothing is finished yet."),
        ),
        ActionSpec(
            "start", mark("Start"), page.start, "F5", "play",
            mark("Analyse the files that wait, in this order"), repeats=False,
            enabled_when=page.can_start, needs=mark("Add files first."),
        ),
        ActionSpec(
            "pause", mark("Pause"), page.pause, "P", "pause",
            mark("Let the analysis rest; the files in work stay open"), repeats=False,
            enabled_when=page.can_pause,
        ),
        ActionSpec(
            "stop", mark("Stop"), page.stop, "Shift+F5", "square",
            mark("End the analysis; finished sessions are kept"), repeats=False,
            enabled_when=page.can_stop,
        ),
        ActionSpec(
            "retry", mark("Try again"), page.retry, "Ctrl+Shift+R", "rotate-ccw",
            mark("Let the selection wait again"),
            enabled_when=page.can_retry, needs=mark("Select files that failed or were skipped."),
        ),
        ActionSpec(
            "open", mark("Open session"), page.open, "Return Enter", "film",
            mark("Open the selected file's session in Review"),
            enabled_when=page.can_open, needs=mark("Select a file that is done."),
        ),
        ActionSpec(
            "show", mark("Show files"), page.show_files, "Ctrl+D", "folder-open",
            mark("Open the folder of the session, or of all results"),
        ),
        ActionSpec(
            "copy", mark("Copy errors"), page.copy, "Ctrl+C", "copy",
            mark("Copy the messages of the selection, or of all files"),
            enabled_when=page.can_copy, needs=mark("There is no message."),
        ),
        ActionSpec(
            "report", mark("Report of all"), page.report, "Ctrl+R", "file-text",
            mark("Create one report of all finished sessions"),
            enabled_when=page.can_report, needs=mark("No session is finished yet."),
        ),
    )  # fmt: skip
