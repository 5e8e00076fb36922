"""Source button: the source that runs, and a menu of cameras, demo, files and addresses."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from ferdesk.runtime.ports import SourceChoice
from ferdesk.ui.kit.actions import ignore_checked
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.theme import GRID
from ferdesk.ui.live.source_names import DEMO, source_title

_WIDTH_PX = 30 * GRID
_NAME_PX = 23 * GRID


class SourceButton(QToolButton):
    """Source button: its menu is filled anew whenever the cameras change."""

    chosen = Signal(str)
    """The name of the source that the user chose."""

    def __init__(
        self,
        others: tuple[QAction, ...],
        list_cameras: Callable[[], None],
        parent: QWidget | None = None,
    ) -> None:
        """``others`` are the actions that open what is in no list."""
        super().__init__(parent)
        self._others, self._list_cameras = others, list_cameras
        self._cameras: tuple[SourceChoice, ...] = ()
        self._name = ""
        self._group = QActionGroup(self)
        self.setObjectName("source")
        self.setText(tr("Source") + "  ▾")
        self.setAccessibleName(tr("Source"))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        # one width for all names: what stands beside it must not move
        self.setFixedWidth(_WIDTH_PX)
        self.setMenu(QMenu(self))
        self._fill()

    @property
    def title(self) -> str:
        """The source's name for people, as the camera itself gives it where it does."""
        titles = {choice.name: choice.title for choice in self._cameras}
        return titles.get(self._name, source_title(self._name))

    def show_source(self, name: str) -> None:
        self._name = name
        short = self.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideMiddle, _NAME_PX)
        self.setText(f"{short}  ▾")
        self.setToolTip(plain(self.title))
        for action in self.menu().actions():
            action.setChecked(action.data() == name)

    def show_cameras(self, cameras: tuple[SourceChoice, ...]) -> None:
        self._cameras = cameras
        self._fill()
        if self._name:
            self.show_source(self._name)

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        self._group.deleteLater()
        self._group = QActionGroup(self)
        if not self._cameras:
            menu.addAction(tr("No camera found")).setEnabled(False)
        for choice in (*self._cameras, DEMO):
            action = menu.addAction(tr(choice.title))
            action.setData(choice.name)
            action.setCheckable(True)
            action.setChecked(choice.name == self._name)
            action.triggered.connect(
                partial(ignore_checked, partial(self.chosen.emit, choice.name))
            )
            self._group.addAction(action)
        menu.addSeparator()
        menu.addActions(list(self._others))
        menu.addSeparator()
        menu.addAction(tr("Refresh cameras"), self._list_cameras)
