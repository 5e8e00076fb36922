"""Contact sheets of a data set's faces, in the user's cache folder and nowhere else.

Pictures of people are not ours to spread, so no sheet is drawn into a checkout.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError
from trainer.data.cache import cached_file
from trainer.data.fer2013 import Faces

NUM_IN_ROW = 16
_GAP_PX = 2
_TEXT_PX = 84
_PAPER, _INK = 255, 40
_CHECKOUT = Path(__file__).resolve().parents[2]

Row = tuple[str, NDArray[np.uint8]]
"""A row's caption and its faces, [n, 48, 48] uint8."""


def rows_by_label(faces: Faces, seed: int = 0) -> list[Row]:
    """Rows of a sheet: up to NUM_IN_ROW faces of each label, drawn at random by ``seed``."""
    rng = np.random.default_rng(seed)
    rows = []
    for label, name in enumerate(LABELS):
        own = rng.permutation(np.flatnonzero(faces.labels == label))[:NUM_IN_ROW]
        rows.append((name, faces.pixels[np.sort(own)]))
    return rows


def draw_sheet(rows: Sequence[Row], name: str) -> Path:
    """Contact sheet of captioned rows, written into the cache folder; returns its path.

    Raises:
        DataError: the cache folder lies in this checkout, or cannot be written.
    """
    path = cached_file(name)
    if path.resolve().is_relative_to(_CHECKOUT) and (_CHECKOUT / ".git").exists():
        raise DataError(
            f"No sheet of faces is drawn: the cache folder {path.parent} lies in the checkout, and "
            "pictures of people must not get into it."
        )
    step = FACE_SIZE_PX + _GAP_PX
    width = _TEXT_PX + step * max((len(faces) for _, faces in rows), default=0)
    sheet = Image.new("L", (width, step * len(rows) + _GAP_PX), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for i, (caption, faces) in enumerate(rows):
        top = _GAP_PX + i * step
        pen.text((6, top + FACE_SIZE_PX // 2), caption, fill=_INK, anchor="lm")
        for j, face in enumerate(faces):
            sheet.paste(Image.fromarray(face), (_TEXT_PX + j * step, top))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path)
    except OSError as error:
        raise DataError(f"The sheet {path} cannot be written: {error}.") from error
    return path
