"""Study button of the library: report and exports of the selected sessions of one study."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from ferdesk.runtime.ports import Services
from ferdesk.sessions.catalogue import Entry
from ferdesk.sessions.outputs import free_path
from ferdesk.studies.bids import write_bids
from ferdesk.studies.outputs import stem_of, write_study_report
from ferdesk.studies.results import read_study_sessions
from ferdesk.studies.tidy_table import write_tidy_csv
from ferdesk.ui.kit.actions import ignore_checked
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import mark, tr, translated
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.review.outputs import export_notice, report_notice
from ferdesk.version import VERSION

OUTPUTS = {
    "report": mark("Study report"),
    "csv": mark("Rows with trials (CSV)"),
    "parquet": mark("Rows with trials (Parquet)"),
    "bids": mark("BIDS folder"),
}
"""What can be made of a study's sessions."""
_ENDINGS = {"report": ".html", "csv": ".csv", "parquet": ".parquet", "bids": "-bids"}


class StudyButton(QToolButton):
    """Study button: hidden unless all selected sessions are of one study.

    Files go into the folder of the sessions, beside what is there.
    """

    told = Signal(object)
    """A ``Notice``."""

    def __init__(
        self, services: Services, tasks: TaskRunner, root: Callable[[], Path], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._services, self._tasks, self._root = services, tasks, root
        self._folders: tuple[Path, ...] = ()
        self._name = ""
        self.setText(tr("Study") + "  ▾")
        self.setAccessibleName(tr("Study"))
        give_icon(self, "users")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(self)
        for kind, title in OUTPUTS.items():
            chosen = menu.addAction(tr(title))
            chosen.triggered.connect(partial(ignore_checked, partial(self.make, kind)))
        self.setMenu(menu)
        self.hide()

    def show_for(self, entries: Sequence[Entry]) -> None:
        """Take what is selected now."""
        names = {entry.study for entry in entries}
        self._name = names.pop() if len(names) == 1 else ""
        self._folders = tuple(entry.folder for entry in entries if entry.state != "unreadable")
        self.setVisible(bool(self._name and self._folders))
        self.setToolTip(tr("Report and exports of {study}").format(study=self._name))

    def make(self, kind: str) -> None:
        """Make one of ``OUTPUTS`` beside the window."""
        folders, services = self._folders, self._services
        path = free_path(self._root(), stem_of(self._name), _ENDINGS[kind])

        def work() -> tuple[Path, list[str]]:
            problems: list[str] = []
            runs = read_study_sessions(folders, problems.append)
            if kind == "report":
                write_study_report(runs, path)
            elif kind == "csv":
                write_tidy_csv(runs, path)
            elif kind == "parquet":
                services.write_study_parquet(runs, path)
            else:
                write_bids(runs, path, version=VERSION)
            return path, problems

        doing = tr("Creating the report…") if kind == "report" else tr("Exporting…")
        self.told.emit(Notice(doing, stays=False))
        notice_of = report_notice if kind == "report" else _export_notice
        self._tasks.run(
            work,
            partial(self._made, notice_of),
            lambda message: self.told.emit(Notice(message, "error")),
        )

    def _made(self, notice_of: Callable[[Path], Notice], made: tuple[Path, list[str]]) -> None:
        path, problems = made
        notice = notice_of(path)
        if problems:
            left_out = tr("%n sessions were left out:", "", len(problems))
            text = " ".join([notice.text, left_out, *map(translated, problems)])
            notice = replace(notice, text=text, level="warning")
        self.told.emit(notice)


def _export_notice(path: Path) -> Notice:
    return export_notice([path])
