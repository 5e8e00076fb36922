"""Report, exports and folder of the opened session, with its review as it is now."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from ferdesk.runtime.ports import Services
from ferdesk.sessions.outputs import write_report
from ferdesk.ui.kit.folders import open_folder
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.review.edits import Edits
from ferdesk.ui.review.exports import export
from ferdesk.ui.review.opened_session import OpenedSession


class SessionOutputs(QObject):
    """Writer of what is made of one session; the work runs beside the window."""

    told = Signal(object)
    """A ``Notice``."""

    def __init__(
        self, services: Services, tasks: TaskRunner, edits: Edits, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._services, self._tasks, self._edits = services, tasks, edits
        self._opened: OpenedSession | None = None

    def begin(self, opened: OpenedSession | None) -> None:
        """Write of this session from now on, or of none."""
        self._opened = opened

    def make_report(self) -> None:
        opened, review = self._opened, self._edits.review
        if opened is None:
            return
        path = opened.session.folder / "report.html"

        def work() -> Path:
            pictures_of = self._services.session_pictures
            write_report([opened.session], path, reviews=[review], pictures_of=pictures_of)
            return path

        self.told.emit(Notice(tr("Creating the report…"), topic="report"))
        self._tasks.run(work, self._reported, self._failed)

    def export_as(self, kind: str) -> None:
        """Write one of the formats into the session's folder."""
        opened, review = self._opened, self._edits.review
        if opened is not None:
            self._tasks.run(
                partial(export, kind, opened.session, review, self._services),
                self._exported,
                self._failed,
            )

    def show_files(self) -> None:
        if self._opened is not None:
            open_folder(self._opened.session.folder)

    def _reported(self, path: Path) -> None:
        self.told.emit(report_notice(path))

    def _exported(self, paths: list[Path]) -> None:
        self.told.emit(export_notice(paths))

    def _failed(self, message: str) -> None:
        self.told.emit(Notice(message, "error"))


def report_notice(path: Path) -> Notice:
    """That a report is written, with a button that opens it."""
    return Notice(tr("Report saved in {path}.").format(path=path), file=path, topic="report")


def left_out_notice(problems: Sequence[str]) -> Notice:
    """That sessions are not in a report, as they cannot be read; ``problems`` says of each why."""
    sentences = [
        tr("{problem} That session is left out.").format(problem=translated(problem))
        for problem in problems
    ]
    if len(sentences) == 1:
        return Notice(sentences[0], "warning")
    text = tr("Sessions that cannot be read are left out of the report: {count}.")
    return Notice(text.format(count=len(sentences)), "warning", "\n".join(sentences))


def export_notice(paths: list[Path]) -> Notice:
    """That files are written, with a button that shows them."""
    show = Choice(tr("Open folder"), partial(open_folder, paths[0].parent))
    text = tr("Exported to {path}.").format(path=", ".join(map(str, paths)))
    return Notice(text, stays=False, choices=(show,))
