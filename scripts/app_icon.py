"""Draw packaging/icons/ferdesk.svg in the forms that Linux, Windows and macOS want."""

import io
import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "packaging" / "icons"
WINDOW = ROOT / "assets" / "ferdesk.png"
"""What the window itself shows."""
ICO_SIZES_PX = (16, 24, 32, 48, 64, 128, 256)
PNG_SIZES_PX = (48, 128, 256, 512)
LARGEST_PX = 1024


def draw(renderer: QSvgRenderer, size_px: int) -> Image.Image:
    picture = QImage(size_px, size_px, QImage.Format.Format_RGBA8888)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, size_px, size_px))
    painter.end()
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")  # type: ignore[call-overload]
    return Image.open(io.BytesIO(bytes(content.data())))


def main() -> int:
    renderer = QSvgRenderer(str(FOLDER / "ferdesk.svg"))
    if not renderer.isValid():
        sys.stderr.write(f"{FOLDER / 'ferdesk.svg'} cannot be drawn.\n")
        return 1
    draw(renderer, 256).save(WINDOW, optimize=True)
    for size in PNG_SIZES_PX:
        draw(renderer, size).save(FOLDER / f"ferdesk-{size}.png", optimize=True)
    # each size drawn for itself: shrinking a large one blurs the small ones
    pictures = [draw(renderer, size) for size in ICO_SIZES_PX]
    pictures[-1].save(
        FOLDER / "ferdesk.ico",
        sizes=[(size, size) for size in ICO_SIZES_PX],
        append_images=pictures[:-1],
    )
    draw(renderer, LARGEST_PX).save(FOLDER / "ferdesk.icns")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
