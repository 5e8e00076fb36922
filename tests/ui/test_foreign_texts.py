"""What others named is shown as it stands: files, sources, models, devices, markers, faces."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, Qt
from PySide6.QtWidgets import QAbstractItemView, QLabel, QWidget
from pytestqt.qtbot import QtBot

from ferdesk.core.types import DeviceInfo
from ferdesk.runtime.ports import SourceChoice
from ferdesk.settings import Settings
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.fakes import FakeServices, FakeSource

BOLD = "<b>x</b>"


def taken_for_markup(root: QObject) -> Iterator[str]:
    """Where a widget, action or item below ``root`` would show a part of ``BOLD`` as markup."""
    widgets = [root, *root.findChildren(QWidget)]
    for widget in widgets:
        assert isinstance(widget, QWidget)
        where = f"{type(widget).__name__} {widget.objectName()}"
        if BOLD in widget.toolTip():
            yield f"tooltip of {where}: {widget.toolTip()}"
        if (
            isinstance(widget, QLabel)
            and BOLD in widget.text()
            and widget.textFormat() is not Qt.TextFormat.PlainText
        ):
            yield f"{where}: {widget.text()}"
        if isinstance(widget, QAbstractItemView) and (model := widget.model()) is not None:
            for row in range(model.rowCount()):
                for column in range(model.columnCount()):
                    tip = model.index(row, column).data(Qt.ItemDataRole.ToolTipRole)
                    if BOLD in str(tip):
                        yield f"tooltip in {where}: {tip}"
    for action in root.findChildren(QAction):
        if BOLD in action.toolTip() and action.toolTip() != action.text():
            yield f"tooltip of the action {action.text()}: {action.toolTip()}"


def test_no_widget_takes_what_others_named_for_markup(
    make_window: Callable[..., MainWindow], services: FakeServices, qtbot: QtBot, tmp_path: Path
) -> None:
    film = str(tmp_path / f"{BOLD.replace('/', ' ')} {BOLD}.mp4")
    services.classifier.info = replace(services.classifier.info, name=BOLD)
    services.classifier.device = DeviceInfo("CPU", f"{BOLD} was not found", fell_back=True)
    services.plugged = [SourceChoice("camera:0", f"Studio {BOLD}")]
    services.prepared[film] = FakeSource("video")
    window = make_window(
        Settings(
            marker_names=f"{BOLD};y",
            recent_files=(film, f"/films/{BOLD}.mp4"),
            recording_folder=f"/records/{BOLD}",
        )
    )
    window.live_page.sources.choose(film)
    qtbot.waitUntil(lambda: window.live_page.view.result is not None)
    qtbot.waitUntil(lambda: BOLD in window.live_page.status_line.model.text())
    window.notices.show_notice(Notice(f"{BOLD} cannot be opened", "error", details=BOLD))
    window.choose_settings()
    window.live.start_recording()
    qtbot.waitUntil(lambda: bool(services.recordings))
    window.live.mark(BOLD)
    qtbot.waitUntil(lambda: bool(services.recordings[0].markers))
    seen = [text for widget in window.findChildren(QLabel) if BOLD in (text := widget.text())]
    assert len(seen) >= 2, seen
    assert "\n".join(taken_for_markup(window)) == ""
    window.end()
