"""The window and everything in it, put together once; the hook for what nobody expected."""

import logging
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from ferdesk.core.types import CameraFormat
from ferdesk.settings import LoadedSettings, load_settings, settings_path
from ferdesk.ui.appearance import Appearance
from ferdesk.ui.live import Live, Notice
from ferdesk.ui.main_window import PROGRAM, MainWindow
from ferdesk.ui.services import Services

log = logging.getLogger(__name__)


class UnexpectedErrors(QObject):
    """Hears of what no one caught, on any thread, and tells it on the GUI thread."""

    told = Signal(object)
    """A ``Notice`` whose details are the traceback."""

    def install(self) -> None:
        self._before = (sys.excepthook, threading.excepthook)
        sys.excepthook = self.hear
        threading.excepthook = self._hear_thread

    def uninstall(self) -> None:
        sys.excepthook, threading.excepthook = self._before

    def hear(
        self,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        log.critical("unexpected", exc_info=(kind, error, trace))
        details = "".join(traceback.format_exception(kind, error, trace))
        text = "Something unexpected went wrong. The program goes on; the log file has the details."
        self.told.emit(Notice(text, "error", details))

    def _hear_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            self.hear(args.exc_type, args.exc_value, args.exc_traceback)


def run_app(
    services: Services,
    *,
    source: str | None = None,
    asked: CameraFormat | None = None,
    notice: str = "",
    argv: Sequence[str] = (),
    settings_file: Path | None = None,
) -> int:
    """Open the window, start at once, and return when it is closed.

    Args:
        services: opens sources, pipeline and recordings.
        source: what to start with; None starts what was used last, else the first camera, and
            falls back to the demo where that cannot be opened.
        asked: what cameras are asked for, this time; None takes the settings'.
        notice: a sentence to begin with.
        argv: arguments for Qt.
        settings_file: instead of the user's own.

    Returns:
        the exit code.
    """
    forget_foreign_qt(os.environ)
    running = QApplication.instance()
    app = running if isinstance(running, QApplication) else QApplication([PROGRAM, *argv])
    app.setApplicationName(PROGRAM)
    app.setDesktopFileName(PROGRAM)
    path = settings_file or settings_path()
    loaded = load_settings(path)
    Appearance(app, loaded.settings)
    window = open_window(services, loaded, path, source=source, asked=asked, notice=notice)
    errors = UnexpectedErrors()
    errors.told.connect(window.notices.show_notice, Qt.ConnectionType.QueuedConnection)
    errors.install()
    try:
        return app.exec()
    finally:
        errors.uninstall()
        window.close()


def open_window(
    services: Services,
    loaded: LoadedSettings,
    path: Path | None,
    *,
    source: str | None,
    asked: CameraFormat | None = None,
    notice: str = "",
) -> MainWindow:
    """The window on the screen, with its first source starting."""
    window = MainWindow(Live(services), loaded.settings, settings_path=path)
    if asked is not None:
        window.live.camera_format = asked
        window.format_button.show_asked(asked)
    for warning in loaded.warnings:
        log.warning(warning)
        window.notices.show_notice(Notice(warning, "warning"))
    if notice:
        window.notices.show_notice(Notice(notice))
    window.show()

    def begin() -> None:
        if source is None:
            window.start_usual()
        else:
            window.start(source)
        window.live.watch_cameras()

    # after the first paint: the window is there before anything slow is imported
    QTimer.singleShot(0, window, begin)
    return window


def forget_foreign_qt(environ: "os._Environ[str] | dict[str, str]") -> None:
    """Drop the paths of another Qt: importing cv2 points Qt at the plugins that it brings along."""
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in Path(environ.get(name, "")).parts:
            del environ[name]
