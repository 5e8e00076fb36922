"""Icons: Lucide's, drawn in the colours of the theme and redrawn when it changes."""

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QAction, QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication

from ferdesk.paths import assets_folder
from ferdesk.ui.kit.theme import colours

_SIZES_PX = (16, 24, 32)
_DENSE_SIZES_PX = (48, 64)
"""Qt takes the one that fits size and screen."""
_NAME = "ferdesk_icon"
_COLOUR = "ferdesk_icon_colour"


def give_icon(target: QAction | QAbstractButton, name: str, colour: str = "text") -> None:
    """Show the icon ``name`` of assets/icons on ``target``, in that colour of the theme."""
    if (target.property(_NAME), target.property(_COLOUR)) == (name, colour):
        return
    target.setProperty(_NAME, name)
    target.setProperty(_COLOUR, colour)
    target.setIcon(themed_icon(name, getattr(colours(), colour)))


def redraw_icons(app: QApplication) -> None:
    """Draw all that ``give_icon`` gave once more; for a change of theme."""
    targets: list[QAction | QAbstractButton] = []
    for widget in app.allWidgets():
        if isinstance(widget, QAbstractButton):
            targets.append(widget)
        targets += [a for a in widget.actions() if a.property(_NAME)]
    for target in targets:
        name = target.property(_NAME)
        if isinstance(name, str):
            colour = str(target.property(_COLOUR))
            target.setIcon(themed_icon(name, getattr(colours(), colour)))


def themed_icon(name: str, colour: str) -> QIcon:
    """An icon in ``colour``, and greyed where what it stands on is disabled."""
    # half a second of a start went into sizes that only a denser screen asks for
    app = QGuiApplication.instance()
    dense = isinstance(app, QGuiApplication) and app.devicePixelRatio() > 1
    icon = QIcon()
    for mode, shown in (
        (QIcon.Mode.Normal, colour),
        (QIcon.Mode.Disabled, colours().disabled),
    ):
        renderer = _renderer(name, shown)
        for size in (*_SIZES_PX, *_DENSE_SIZES_PX) if dense else _SIZES_PX:
            icon.addPixmap(_render(renderer, size), mode)
    return icon


def draw(name: str, colour: str, size_px: int) -> QPixmap:
    """The icon as a picture of that size."""
    return _render(_renderer(name, colour), size_px)


def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_svg(name).replace("currentColor", colour).encode()))


def _render(renderer: QSvgRenderer, size_px: int) -> QPixmap:
    pixmap = QPixmap(size_px, size_px)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, size_px, size_px))
    painter.end()
    return pixmap


@cache
def _svg(name: str) -> str:
    return (assets_folder() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
