"""Menu bar: what the pages can do, in the menus where people look for it."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from ferdesk.ui.kit.actions import ActionTable, ignore_checked
from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.plain_text import plain

_FILE = (
    "file",
    "folder",
    "recent",
    "address",
    "demo",
    "analyse",
    "",
    "snapshot",
    "",
    "settings",
    "",
    "quit",
)
_FILE_IN_REVIEW = ("recent", "demo", "analyse", "", "settings", "", "quit")
_FILE_OF_QUEUE = ("recent", "demo", "", "settings", "", "quit")
_RECORDING = (
    "record",
    "new_recording",
    "pause_recording",
    "study",
    "",
    "marker",
    "markers",
    "",
)
_PLAYBACK = ("run", "", "play", "step_back", "step_on", "loop", "", "analyse_file")
_VIEW = ("heatmap", "mirror", "", "zoom_in", "zoom_out", "zoom_whole", "", "full")
_FACES = ("next", "previous", "", "name", "baseline", "correct")
_HELP = ("guide", "keys", "", "problem", "about")
"""The names of the actions, in order; an empty one is a line, and one that is not there is left."""
_KEY = "\t"
"""What parts an entry of a menu from its key."""


Panel = tuple[QAction, str]
"""A panel's entry, and its name: that of the action that shows it by a key, if there is one."""


class Menus(QObject):
    """Menu bar: filled anew for the page that is shown, so that no key stands for two things."""

    def __init__(
        self, window: QMainWindow, actions: ActionTable, open_recent: Callable[[str], None]
    ) -> None:
        super().__init__(window)
        self._actions, self._open_recent = actions, open_recent
        bar = window.menuBar()
        self.file = bar.addMenu(tr("&File"))
        self.recording = bar.addMenu(tr("&Recording"))
        self.playback = bar.addMenu(tr("&Playback"))
        self.view = bar.addMenu(tr("&View"))
        self.faces = bar.addMenu(tr("F&aces"))
        self.queue = bar.addMenu(tr("&Queue"))
        self.review = bar.addMenu(tr("Re&view"))
        self.help = bar.addMenu(tr("&Help"))
        self.recent = QMenu(tr("Open recent"), window)
        give_icon(self.recent.menuAction(), "rotate-ccw")
        for name, role in (
            ("settings", QAction.MenuRole.PreferencesRole),
            ("about", QAction.MenuRole.AboutRole),
            ("quit", QAction.MenuRole.QuitRole),
        ):
            actions[name].setMenuRole(role)

    def show_recent(self, paths: Sequence[str]) -> None:
        """List the files that were opened last."""
        self.recent.clear()
        for path in paths:
            name = Path(path).name.replace("&", "&&")
            action = self.recent.addAction(name)
            action.setToolTip(plain(path))
            action.triggered.connect(partial(ignore_checked, partial(self._open_recent, path)))
        self.recent.setToolTipsVisible(True)
        self.recent.setEnabled(bool(paths))

    def fill_live(self, panels: Iterable[Panel], recording: Iterable[QAction]) -> None:
        """The live page is shown: its panels and what stands beside its Record button."""
        self._fill(self.file, _FILE)
        self._fill(self.recording, _RECORDING)
        known = set(self.recording.actions())
        self.recording.addActions([action for action in recording if action not in known])
        self._fill(self.playback, _PLAYBACK)
        self._fill_panels(panels)
        self._fill(self.view, _VIEW, begin=False)
        self._fill(self.faces, _FACES)
        self._fill(self.review, ("review",))
        self._fill(self.help, _HELP)
        for menu in (self.recording, self.playback, self.view, self.faces):
            menu.menuAction().setVisible(True)
        self._empty(self.queue)

    def fill_review(self, page_actions: Iterable[QAction]) -> None:
        """The review page is shown: what it can do now."""
        self._fill(self.file, _FILE_IN_REVIEW)
        self._empty(self.recording, self.playback, self.view, self.faces, self.queue)
        self._fill(self.review, ("review", ""))
        self.review.addActions([action for action in page_actions if action.text()])
        self._fill(self.help, _HELP)

    def fill_queue(self, page_actions: Iterable[QAction]) -> None:
        """The queue page is shown: what it can do now."""
        self._fill(self.file, _FILE_OF_QUEUE)
        self._empty(self.recording, self.playback, self.view, self.faces)
        _clear(self.queue)
        self.queue.addActions(list(page_actions))
        self.queue.menuAction().setVisible(True)
        self._fill(self.review, ("review",))
        self._fill(self.help, _HELP)

    def _empty(self, *menus: QMenu) -> None:
        for menu in menus:
            _clear(menu)
            menu.menuAction().setVisible(False)

    def _fill(self, menu: QMenu, names: Iterable[str], *, begin: bool = True) -> None:
        if begin:
            _clear(menu)
        for name in names:
            if name == "recent":
                menu.addMenu(self.recent)
            elif not name:
                menu.addSeparator()
            elif name in self._actions:
                menu.addAction(self._actions[name])

    def _fill_panels(self, panels: Iterable[Panel]) -> None:
        _clear(self.view)
        for panel, name in panels:
            self.view.addAction(panel)
            if name in self._actions:
                # only said: twice in a window, a key does nothing
                key = self._actions[name].shortcut()
                said = key.toString(QKeySequence.SequenceFormat.NativeText)
                panel.setText(f"{panel.text().partition(_KEY)[0]}{_KEY}{said}")
        self.view.addSeparator()
        for name in ("panel", "reset_layout"):
            self.view.addAction(self._actions[name])
        self.view.addSeparator()


def _clear(menu: QMenu) -> None:
    """Empty a menu of actions that others own.

    PySide's own ``clear`` takes each of them for deleted, also where a second menu holds it.
    """
    for action in menu.actions():
        menu.removeAction(action)
        if action.isSeparator() and action.parent() is menu:
            action.deleteLater()
