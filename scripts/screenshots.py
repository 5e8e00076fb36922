"""Every page and dialog on the demo source, in both themes and at two sizes.

The review page shows the demo too, analysed once into out/screenshots/sessions.

Everything goes to out/screenshots as PNG. With ``--docs`` those that the README and the guide show
are written to docs/images as WebP. Qt draws to memory: no display is needed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QPoint, QSize, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from ferdesk.factory.services import WindowServices
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.sessions.files import write_json
from ferdesk.sessions.markers import read_markers
from ferdesk.sessions.reader import read_about, read_session
from ferdesk.sessions.review import Comment, load_review, save_review
from ferdesk.settings import Language, Settings, ThemeChoice
from ferdesk.ui.kit.notice import Notice
from ferdesk.ui.live.live_run import Live
from ferdesk.ui.live.marker_keys import MarkerNamesDialog
from ferdesk.ui.live.recording_sheet import RecordingSheet
from ferdesk.ui.preferences.appearance import Appearance
from ferdesk.ui.preferences.consent import ConsentPage
from ferdesk.ui.preferences.settings_pages import PAGES
from ferdesk.ui.shell.main_window import MainWindow

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out" / "screenshots"
DOCS = ROOT / "docs" / "images"
SESSIONS = OUT / "sessions"
MARKERS = 'time,label\n4.0,film A\n11.5,"film B, sad"\n'
SIZES = (QSize(1280, 720), QSize(1920, 1080), QSize(3840, 2160))
LOOK_AFTER_MS = 12000
"""By then the demo's first face smiles and the timeline has something to show."""
TO_DOCS = {
    "window-dark-1280x720": "window",
    "window-light-1280x720": "window-light",
    "chinese": "window-chinese",
    "consent-light": "first-start",
    "settings-source-light": "settings-source",
    "settings-analysis-light": "settings-analysis",
    "settings-display-light": "settings-picture",
    "settings-recording-light": "settings-recording",
    "settings-appearance-light": "settings-appearance",
    "keys-light": "keys",
    "notice-light": "notice",
    "sessions-light": "review-sessions",
    "session-light": "review-light",
    "session-dark": "review",
}


def _settings(theme: ThemeChoice, language: Language = "en") -> Settings:
    # a folder of nobody's
    return Settings(theme=theme, language=language, recording_folder="/home/ana/recordings")


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    app = QApplication([])
    services = WindowServices(model=None, provider="cpu")
    look = Appearance(app, Settings(theme="dark", language="en"))
    try:
        for theme in ("dark", "light"):
            settings = _settings(theme)
            for size in SIZES:
                _show(app, look, services, settings, size, _whole)
            _show(app, look, services, settings, SIZES[0], _panels)
        _make_sessions()
        for theme in ("dark", "light"):
            _show_review(app, look, services, _settings(theme))
        chinese = _settings("light", "zh_CN")
        _show(app, look, services, chinese, SIZES[0], _chinese)
    finally:
        services.close()
    if "--docs" in sys.argv:
        _to_docs()
    return 0


def _show(
    app: QApplication,
    look: Appearance,
    services: WindowServices,
    settings: Settings,
    size: QSize,
    grab: Callable[[MainWindow], None],
) -> None:
    """Open the window on the demo, let ``grab`` look at it, and close it."""
    look.apply(settings)
    window = MainWindow(Live(services), settings, corrections_folder=OUT / "corrections")
    window.show()
    # when the style sheet has been applied: before, everything is wider
    QTimer.singleShot(500, window, lambda: window.resize(size))
    window.live_page.sources.start("demo")
    window.live_page.heatmap.switch.setChecked(True)

    def then() -> None:
        try:
            grab(window)
        finally:
            window.close()
            window.deleteLater()
            app.quit()

    waiting = QTimer(window, interval=100)

    def look_once_it_runs() -> None:
        if window.live_page.view.result is not None:
            waiting.stop()
            QTimer.singleShot(LOOK_AFTER_MS, window, then)

    waiting.timeout.connect(look_once_it_runs)
    waiting.start()
    app.exec()


def _make_sessions() -> None:
    """The demo, recorded and reviewed, and another recording of it that was cut off."""
    if SESSIONS.exists():
        shutil.rmtree(SESSIONS)
    command = (sys.executable, "-m", "ferdesk", "analyze", "demo", "--out", str(SESSIONS))
    subprocess.run([*command, "--video", "--model", "tiny"], cwd=ROOT, check=True)
    folder = SESSIONS / "demo"
    (SESSIONS / "markers.csv").write_text(MARKERS, encoding="utf-8")
    session = read_session(folder)
    review = load_review(session).named(1, "Guest A").split(2, 14.0).excluding(3)
    review = review.with_markers(*read_markers(SESSIONS / "markers.csv", session))
    save_review(review.with_comment(Comment(5.2, "smiles at the sound", 1)), folder)
    cut = SESSIONS / "demo-2"
    cut.mkdir()
    lines = (folder / "results.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (cut / "results.csv").write_text("".join(lines[:300]), encoding="utf-8")
    about = {**read_about(folder), "complete": False, "video": None, "length_s": None}
    write_json(cut / "session.json", about)


def _show_review(
    app: QApplication, look: Appearance, services: WindowServices, settings: Settings
) -> None:
    """The library, then the demo's session at nine seconds."""
    look.apply(settings)
    window = MainWindow(Live(services), settings)
    window.show()
    window.show_review(SESSIONS)
    review = window.review
    assert review is not None
    QTimer.singleShot(500, window, lambda: window.resize(SIZES[0]))

    def library() -> None:
        # the folder of whoever takes the pictures is nobody's business
        review.library.place.setText("~/ferdesk  ·  2 sessions")
        _save(window, f"sessions-{settings.theme}")
        review.open(SESSIONS / "demo")
        QTimer.singleShot(2000, window, lambda: review.session.player.seek(9.0))
        QTimer.singleShot(4000, window, session)

    def session() -> None:
        _save(window, f"session-{settings.theme}")
        window.show_keys()
        assert window.keys_sheet is not None
        _save(window.keys_sheet, f"keys-review-{settings.theme}")
        window.keys_sheet.close()
        window.close()
        window.deleteLater()
        app.quit()

    QTimer.singleShot(2500, window, library)
    app.exec()


def _whole(window: MainWindow) -> None:
    theme, size = window.store.settings.theme, f"{window.width()}x{window.height()}"
    _save(window, f"window-{theme}-{size}")
    if window.width() != SIZES[0].width():
        return
    window.choose_settings()
    dialog = window.preferences.dialog
    assert dialog is not None
    for tab, (title, _) in enumerate(PAGES):
        dialog.tabs.setCurrentIndex(tab)
        _save(dialog, f"settings-{title.split()[0].lower()}-{theme}")
    dialog.close()
    window.show_keys()
    assert window.keys_sheet is not None
    _save(window.keys_sheet, f"keys-{theme}")
    window.keys_sheet.close()
    page = ConsentPage(window.store.settings)
    page.show()
    _save(page, f"consent-{theme}")
    page.close()
    page.deleteLater()
    details = "What went wrong, line by line, for the developers."
    text = "Unexpected error; ferdesk keeps running."
    window.notices.show_notice(Notice(text, "error", details))
    window.notices.cards[-1].unfold.click()
    _save(window, f"notice-{theme}")


def _panels(window: MainWindow) -> None:
    """What stands around the picture besides: statistics, corrections, an expression's map."""
    theme = window.store.settings.theme
    window.live_page.heatmap.maps.setCurrentIndex(window.live_page.heatmap.maps.findData("cam"))
    window.live_page.heatmap.label.setCurrentIndex(window.live_page.heatmap.label.findData("happy"))
    window.actions_by_name["stats"].trigger()
    window.live_page.live_actions.timeline.pause.click()
    _save(window, f"explanation-{theme}")
    window.actions_by_name["stats"].trigger()
    for label in ("happy", "neutral", "happy"):
        window.live_page.live_actions.correct(label)
    _wait(1.0)
    for card in window.notices.cards:
        card.closed.emit()
    window.live_page.dock_area.docks["corrections"].show()
    window.live_page.dock_area.docks["corrections"].raise_()
    window.live_page.live_actions.ask_label()
    _save(window.live_page.live_actions.label_menu, f"label-menu-{theme}")
    window.live_page.live_actions.label_menu.close()
    _save(window, f"corrections-{theme}")
    markers = MarkerNamesDialog(window.live_page.marker_keys.names, window)
    _save(markers, f"markers-{theme}")
    markers.deleteLater()
    sheet = RecordingSheet(RecordingOptions(video="clean"), asks=True, is_file=True, parent=window)
    sheet.folder.setText("/home/ana/recordings")
    _save(sheet, f"recording-{theme}")
    sheet.deleteLater()
    menu = window.live_page.sources.button.menu()
    menu.popup(QPoint())
    _save(menu, f"sources-{theme}")
    menu.close()
    window.live.stop()
    _save(window, f"stopped-{theme}")


def _chinese(window: MainWindow) -> None:
    _save(window, "chinese")
    page = ConsentPage(window.store.settings)
    page.show()
    _save(page, "consent-chinese")
    page.close()
    page.deleteLater()
    window.show_keys()
    assert window.keys_sheet is not None
    _save(window.keys_sheet, "keys-chinese")
    window.keys_sheet.close()


def _wait(seconds: float) -> None:
    """Wait by an event loop; QTest.qWait lets no other thread of Python run meanwhile."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def _save(widget: QWidget, name: str) -> None:
    widget.ensurePolished()
    _wait(0.5)
    if not widget.grab().save(str(OUT / f"{name}.png")):
        raise OSError(f"{OUT / name}.png cannot be written")


def _to_docs() -> None:
    from PIL import Image

    for name, title in TO_DOCS.items():
        with Image.open(OUT / f"{name}.png") as picture:
            picture.convert("RGB").save(DOCS / f"{title}.webp", quality=82, method=6)


if __name__ == "__main__":
    raise SystemExit(main())
