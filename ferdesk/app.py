"""Application: the window with everything in it, and the hook for unexpected exceptions."""

import locale
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QWidget

import ferdesk
from ferdesk.core.types import CameraFormat
from ferdesk.paths import assets_folder, log_folder
from ferdesk.runtime.ports import Services
from ferdesk.settings import Language, LoadedSettings, load_settings, save_settings, settings_path
from ferdesk.stop_signals import on_stop_signals
from ferdesk.ui.kit.error_reports import Reports
from ferdesk.ui.kit.gui_gc import GuiThreadGC
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.preferences.appearance import Appearance
from ferdesk.ui.preferences.consent import CONSENT_VERSION, ConsentPage, needs_consent
from ferdesk.ui.shell.main_window import PROGRAM, MainWindow

log = logging.getLogger(__name__)

LATEST_BEGIN_MS = 500


class UnexpectedErrors(QObject):
    """Unexpected errors: reports what no one caught, on any thread, on the GUI thread."""

    notified = Signal(object)
    """A ``Notice`` whose details are the traceback."""

    def __init__(self, reports: Reports | None = None) -> None:
        super().__init__()
        self._reports = reports

    def install(self) -> None:
        self._before = (sys.excepthook, threading.excepthook)
        sys.excepthook = self.report
        threading.excepthook = self._report_thread

    def uninstall(self) -> None:
        sys.excepthook, threading.excepthook = self._before

    def report(
        self,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            # not quit(), which would ask each window first
            QApplication.exit(0)
            return
        log.critical("unexpected", exc_info=(kind, error, trace))
        details = "".join(traceback.format_exception(kind, error, trace))
        file = None if self._reports is None else self._reports.write(details)
        text = tr("Unexpected error; ferdesk keeps running.")
        if file is not None:
            text += " " + tr("A report without images was saved for the developers.")
        self.notified.emit(Notice(text, "error", details, file=file))

    def _report_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            self.report(args.exc_type, args.exc_value, args.exc_traceback)


class StopRequests(QObject):
    """Requests to end from outside: Ctrl-C, a polite kill, the session's or terminal's end."""

    noticed = Signal()
    """A signal has come; from another thread."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.noticed.connect(self._run_handlers, Qt.ConnectionType.QueuedConnection)

    def ask(self, number: int) -> None:
        """End the event loops, also those of dialogs; what is open is closed behind them."""
        log.info("the program ends on signal %d", number)
        # not at once: the loop may not have begun; and not quit, which would ask first
        QTimer.singleShot(0, QApplication.exit)

    @Slot()
    def _run_handlers(self) -> None:
        """Handlers of signals run where Python code does, and a window at rest runs none."""


@dataclass(frozen=True, slots=True)
class StreamWish:
    """Streams that are wanted this time, over the settings: ``commands`` over the WebSocket too."""

    kinds: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    commands: bool = False
    lsl_markers: str = ""


_NO_STREAMS = StreamWish()


@dataclass(frozen=True, slots=True)
class StartOptions:
    """Start options: what the command line asks for, over the settings; see ``run_app``."""

    source: str | None = None
    asked: CameraFormat | None = None
    notice: str = ""
    review: Path | None = None
    streams: StreamWish = _NO_STREAMS
    study: Path | None = None


class Program(QObject):
    """Program: the consent page where it is due, then the window, rebuilt for another language."""

    declined = Signal()
    """The user does not agree to the first page: there is nothing to show."""

    def __init__(
        self,
        app: QApplication,
        services: Services,
        path: Path,
        options: StartOptions,
        reports: Reports,
    ) -> None:
        super().__init__()
        self._app, self._services, self._path, self._options = app, services, path, options
        self._reports = reports
        self._loaded = load_settings(path)
        self._appearance = Appearance(app, self._loaded.settings)
        self._appearance.language_changed.connect(self._rebuild, Qt.ConnectionType.QueuedConnection)
        self.page: ConsentPage | None = None
        self.window: MainWindow | None = None
        reports.facts = self._facts

    def begin(self) -> None:
        if needs_consent(self._loaded.settings):
            self._ask()
        else:
            self._open()

    @Slot(object)
    def tell(self, notice: Notice) -> None:
        if self.window is not None:
            self.window.notices.show_notice(notice)

    def close(self) -> None:
        if self.window is not None:
            self.window.end()

    def _ask(self) -> None:
        # between the page and the window there is no window, which is not the end
        self._app.setQuitOnLastWindowClosed(False)
        self.page = ConsentPage(self._loaded.settings)
        self.page.language_chosen.connect(self._ask_in)
        self.page.accepted.connect(self._agreed)
        self.page.rejected.connect(self.declined)
        self.page.show()

    @Slot(str)
    def _ask_in(self, language: Language) -> None:
        self._loaded = replace(
            self._loaded, settings=replace(self._loaded.settings, language=language)
        )
        self._appearance.apply(self._loaded.settings)

    def _agreed(self) -> None:
        self.page = None
        settings = replace(self._loaded.settings, consent=CONSENT_VERSION)
        self._loaded = replace(self._loaded, settings=settings)
        try:
            save_settings(settings, self._path)
        except OSError as error:
            # the window will say so too when it saves; asked once more is better than no start
            log.warning("the consent cannot be kept: %s", error)
        self._open()

    def _open(self) -> None:
        options = self._options
        self.window = open_window(
            self._services,
            self._loaded,
            self._path,
            source=options.source,
            asked=options.asked,
            notice=options.notice,
            review=options.review,
            study=options.study,
        )
        wish = options.streams
        self.window.remote_control.wish(wish.origins, commands=wish.commands)
        self.window.marker_input.wish(wish.lsl_markers)
        for kind in wish.kinds:
            self.window.live.switch_stream(kind, True)
        self._app.setQuitOnLastWindowClosed(True)
        self.window.facts = self._facts
        self.window.store.changed.connect(self._appearance.apply)
        if (report := self._reports.of_last_crash()) is not None:
            text = tr(
                "ferdesk crashed last time. A report without images was saved for the developers."
            )
            details = report.read_text(encoding="utf-8", errors="replace")
            self.tell(Notice(text, "warning", details, file=report))

    @Slot()
    def _rebuild(self) -> None:
        """Show the page or the window in the language that is now installed."""
        self._app.setQuitOnLastWindowClosed(False)
        if self.page is not None:
            old_page, self.page = self.page, None
            old_page.deleteLater()
            self._ask()
        elif self.window is not None:
            old = self.window
            source, ran, dialog = old.live.source_name, old.live.running, old.preferences.dialog
            tab = dialog.tabs.currentIndex() if dialog is not None and dialog.isVisible() else None
            analysing = old.queueing.running
            old.end()
            old.deleteLater()
            self._loaded = LoadedSettings(old.store.settings)
            # streams end with the old window, as they do with the program
            wish = replace(self._options.streams, kinds=())
            self._options = StartOptions(source if ran else "", self._options.asked, streams=wish)
            self._open()
            if tab is not None:
                self.window.choose_settings(tab)
            if analysing:
                self.window.queueing.opened().runner.start()

    def _facts(self) -> dict[str, str]:
        if self.window is None:
            return {}
        status = self.window.live.status_now()
        screen = self.window.screen()
        return {
            "state": status.state.value,
            "device": "" if status.device is None else f"{status.device}",
            "model": "" if status.model is None else f"{status.model.name} {status.model.version}",
            "source": "" if status.source is None else status.source.kind,
            "screen": f"{screen.size().toTuple()} at {screen.devicePixelRatio():g}",
            "recording": str(self.window.live.recording_active),
        }


def run_app(
    services: Services,
    *,
    source: str | None = None,
    asked: CameraFormat | None = None,
    notice: str = "",
    review: Path | None = None,
    streams: StreamWish = _NO_STREAMS,
    study: Path | None = None,
    argv: Sequence[str] = (),
    settings_file: Path | None = None,
    reports_folder: Path | None = None,
) -> int:
    """Open the window, start at once, and return when it is closed.

    The first time, and where the page says something new, the user is asked for consent before
    anything is opened.

    Args:
        services: opens sources, pipeline and recordings.
        source: what to start with; None starts what was used last, else the first camera, and
            falls back to the demo where that cannot be opened.
        asked: what cameras are asked for, this time; None takes the settings'.
        notice: a sentence to begin with.
        review: a session, or a folder of them, that is shown instead of starting a source.
        streams: what is sent, and who may command, from the start.
        study: a folder of a study to be run, which its dialog begins with.
        argv: arguments for Qt.
        settings_file: instead of the user's own.
        reports_folder: where reports of errors go, instead of the log folder.

    Returns:
        the exit code.
    """
    forget_foreign_qt(os.environ)
    running = QApplication.instance()
    app = running if isinstance(running, QApplication) else QApplication([PROGRAM, *argv])
    # Qt has set the system's, in which libraries of C would read and write decimal commas
    locale.setlocale(locale.LC_NUMERIC, "C")
    app.setApplicationName(PROGRAM)
    app.setDesktopFileName(PROGRAM)
    app.setWindowIcon(QIcon(str(assets_folder() / "ferdesk.png")))
    reports = Reports(reports_folder or log_folder(), version=ferdesk.__version__)
    program = Program(
        app,
        services,
        settings_file or settings_path(),
        StartOptions(source, asked, notice, review, streams, study),
        reports,
    )
    program.declined.connect(app.quit, Qt.ConnectionType.QueuedConnection)
    errors = UnexpectedErrors(reports)
    errors.notified.connect(program.tell, Qt.ConnectionType.QueuedConnection)
    errors.install()
    reports.watch_native_crashes()
    garbage = GuiThreadGC()
    stop = StopRequests(app)
    try:
        with on_stop_signals(stop.ask, noticed=stop.noticed.emit):
            program.begin()
            return app.exec()
    finally:
        errors.uninstall()
        program.close()
        garbage.stop()
        reports.end_watch()


def open_window(
    services: Services,
    loaded: LoadedSettings,
    path: Path | None,
    *,
    source: str | None,
    asked: CameraFormat | None = None,
    notice: str = "",
    review: Path | None = None,
    study: Path | None = None,
) -> MainWindow:
    """The window on the screen, with its first source starting."""
    window = MainWindow(Live(services), loaded.settings, settings_path=path)
    if asked is not None:
        window.live_page.sources.ask_of_cameras(asked)
    for warning in loaded.warnings:
        log.warning(warning)
        window.notices.show_notice(Notice(warning, "warning"))
    if notice:
        window.notices.show_notice(Notice(notice))
    window.show()
    _log_first_picture(window)

    def begin() -> None:
        if review is not None:
            window.show_review(review)
        elif source is None:
            window.live_page.sources.start_usual()
        elif source:
            window.live_page.sources.start(source)
        window.live.watch_cameras()
        window.queueing.offer_kept()
        if study is not None:
            window.run_study(study)

    FirstPaint(window, begin)
    return window


class FirstPaint(QObject):
    """Event filter that does ``then`` once ``window`` was painted, before any slow import.

    Soon it does so anyway: a window that begins minimised is not painted.
    """

    def __init__(self, window: QWidget, then: Callable[[], None]) -> None:
        super().__init__(window)
        self._window, self._then = window, then
        self._begun = False
        window.installEventFilter(self)
        QTimer.singleShot(LATEST_BEGIN_MS, self, self._begin)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            QTimer.singleShot(0, self, self._begin)
        return super().eventFilter(watched, event)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._window.removeEventFilter(self)
            self._then()


def _log_first_picture(window: MainWindow) -> None:
    """Keep in the log how long this start took, from the process's own beginning."""

    def painted(_result: object) -> None:
        window.live_page.view.painted.disconnect(painted)
        import psutil

        started_s = psutil.Process().create_time()
        took_s = datetime.now(UTC).timestamp() - started_s
        log.info("first picture %.1f s after the start of the program", took_s)

    window.live_page.view.painted.connect(painted)


def forget_foreign_qt(environ: "os._Environ[str] | dict[str, str]") -> None:
    """Drop the paths of another Qt: importing cv2 points Qt at the plugins that it brings along."""
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in Path(environ.get(name, "")).parts:
            del environ[name]
