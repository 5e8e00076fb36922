"""Pictures of a session: its video, its copies of pictures, or the originals, for reports."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.adapters.outputs.jpeg import jpeg_of
from ferdesk.adapters.sources.seekable_video import SeekableVideo
from ferdesk.adapters.sources.stored_pictures import StoredPictures
from ferdesk.core.geometry import Box
from ferdesk.errors import FerdeskError
from ferdesk.runtime.ports import Film
from ferdesk.sessions.reader import Session
from ferdesk.sessions.report.pictures import SessionPictures
from ferdesk.sessions.schema import picture_number


def open_film(path: Path) -> SeekableVideo | StoredPictures:
    """A recorded video, or a folder of a session's pictures.

    Raises:
        SourceError: it is missing or damaged.
    """
    if path.is_dir():
        found = {picture_number(one.name): one for one in path.iterdir()}
        return StoredPictures({number: one for number, one in found.items() if number is not None})
    return SeekableVideo(path)


@contextlib.contextmanager
def session_pictures(
    session: Session, originals: Path | None = None
) -> Iterator[SessionPictures | None]:
    """What can be shown of a session; None where it keeps no picture, or faces are covered in it.

    ``originals`` is a folder in which a session's picture files are looked for by their names.
    """
    film: Film | None = None
    with contextlib.suppress(FerdeskError):
        if originals is not None and session.pictures:
            paths = {one.frame: originals / one.file for one in session.pictures}
            film = StoredPictures({n: path for n, path in paths.items() if path.is_file()})
        elif session.film is not None and session.video_mode != "anonymous":
            film = open_film(session.film)
    if film is None:
        yield None
        return
    with contextlib.closing(film):
        yield _FilmPictures(session, film)


_FAR_S = 0.2


class _FilmPictures:
    """Pictures of a session out of its film."""

    def __init__(self, session: Session, film: Film) -> None:
        self._session, self._film = session, film

    def jpeg(self, row: int, region: Box | None, longest_px: int) -> bytes | None:
        """The picture of a row, or the ``region`` of it in the source's pixels."""
        session = self._session
        t_s = float(session.table.t_s[row]) - session.video_starts_at_s
        try:
            found = self._film.picture_at(max(t_s, 0.0))
        except FerdeskError:
            return None
        if found is None:
            return None
        image, began_s = found
        if abs(began_s - t_s) > _FAR_S:
            return None  # the encoder left it out; another moment is no proof
        if region is not None:
            image = _cut(image, region, session.picture_size_of(row))
        return jpeg_of(image, longest_px=longest_px) if image.size else None


def _cut(image: NDArray[np.uint8], region: Box, size: tuple[int, int]) -> NDArray[np.uint8]:
    """``region`` of a picture of ``size``, in ``image``, which may be smaller."""
    across, down = image.shape[1] / size[0], image.shape[0] / size[1]
    left, top = max(round(region.x * across), 0), max(round(region.y * down), 0)
    right = round((region.x + region.width) * across)
    bottom = round((region.y + region.height) * down)
    return image[top : max(bottom, 0), left : max(right, 0)]
