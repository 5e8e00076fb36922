"""Format button: the resolution and frame rate that a camera delivers, and those requested."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from ferdesk.core.types import CameraFormat, SourceInfo
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.theme import GRID

SIZES = ("", "320x240", "640x360", "640x480", "1280x720", "1920x1080", "2560x1440", "3840x2160")
RATES = (0.0, 15.0, 24.0, 30.0, 60.0)


class FormatButton(QToolButton):
    """Format button: shows what the camera delivers; its menu sets what is requested of it."""

    chosen = Signal(object)
    """A ``CameraFormat`` that the user wants."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("format")
        self.setAccessibleName(tr("Camera format"))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMinimumWidth(14 * GRID)
        self._asked = CameraFormat()
        self.setMenu(QMenu(self))
        self.show_asked(self._asked)
        self.show_given(None)

    def show_asked(self, asked: CameraFormat) -> None:
        """Tick ``asked`` in the menu; what is not in its lists is added."""
        self._asked = asked
        menu = self.menu()
        menu.clear()
        size = f"{asked.width}x{asked.height}" if asked.width else ""
        sizes = SIZES if size in SIZES else (*SIZES, size)
        rates = RATES if asked.rate_fps in RATES else (*RATES, asked.rate_fps)
        menu.addAction(tr("Resolution")).setEnabled(False)
        self._fill(
            menu, [(CameraFormat.of(s, asked.rate_fps), s or tr("Camera default")) for s in sizes]
        )
        menu.addSeparator()
        menu.addAction(tr("Frame rate")).setEnabled(False)
        self._fill(
            menu,
            [(CameraFormat.of(size, r), f"{r:g}" if r else tr("Camera default")) for r in rates],
        )

    def show_given(self, source: SourceInfo | None) -> None:
        """What the camera that runs gives; hidden where no camera runs, since none can be asked."""
        self.setVisible(source is not None and source.kind == "camera")
        if source is None:
            return
        given = f"{source.width}x{source.height}"
        if source.rate_fps:
            given += f" · {source.rate_fps:.0f} fps"
        self.setText(f"{given}  ▾")
        self.setToolTip(
            translated(source.refused)
            or tr("Camera delivers {given}; requested: {asked}").format(
                given=given, asked=source.asked
            )
        )

    def _fill(self, menu: QMenu, entries: list[tuple[CameraFormat, str]]) -> None:
        group = QActionGroup(menu)
        for wanted, text in entries:
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(wanted == self._asked)
            action.triggered.connect(partial(self._choose, wanted))
            group.addAction(action)

    def _choose(self, wanted: CameraFormat, _checked: bool = False) -> None:
        if wanted != self._asked:
            self.chosen.emit(wanted)
