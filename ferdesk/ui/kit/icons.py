"""Icons: Lucide's, drawn in the colours of the theme and redrawn when it changes."""

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QAction, QColor, QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication

from ferdesk.paths import assets_folder
from ferdesk.ui.kit.theme import colours

_SIZES_PX = (16, 24)
_DENSE_SIZES_PX = (32, 48, 64)
"""Qt takes the one that fits size and screen; buttons and menus ask for 16, and twice that."""
_NAME = "ferdesk_icon"
_COLOUR = "ferdesk_icon_colour"


def give_icon(
    target: QAction | QAbstractButton, name: str, colour: str = "text", *, later: bool = False
) -> None:
    """Show the icon ``name`` of assets/icons on ``target``, in that colour of the theme.

    With ``later`` it is drawn by ``draw_icon``: drawing dozens takes a part of a start.
    """
    if (target.property(_NAME), target.property(_COLOUR)) == (name, colour):
        return
    target.setProperty(_NAME, name)
    target.setProperty(_COLOUR, colour)
    if not later:
        target.setIcon(themed_icon(name, getattr(colours(), colour)))


def draw_icon(target: QAction | QAbstractButton) -> None:
    """Draw the icon that ``target`` was given for later, unless it has been drawn since."""
    name = target.property(_NAME)
    if isinstance(name, str) and target.icon().isNull():
        target.setIcon(themed_icon(name, getattr(colours(), str(target.property(_COLOUR)))))


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
    renderer, grey = _renderer(name, colour), QColor(colours().disabled)
    for size in (*_SIZES_PX, *_DENSE_SIZES_PX) if dense else _SIZES_PX:
        pixmap = _render(renderer, size)
        icon.addPixmap(pixmap, QIcon.Mode.Normal)
        icon.addPixmap(_tinted(pixmap, grey), QIcon.Mode.Disabled)
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


def _tinted(pixmap: QPixmap, colour: QColor) -> QPixmap:
    """The same shape in ``colour``, which costs less than to draw it once more."""
    tinted = QPixmap(pixmap)
    painter = QPainter(tinted)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(tinted.rect(), colour)
    painter.end()
    return tinted


@cache
def _svg(name: str) -> str:
    return (assets_folder() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
