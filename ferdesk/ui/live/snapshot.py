"""Snapshots: the picture as it is shown, or with faces blurred, written as a PNG file."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from ferdesk.core.anonymize import Recent, cover, covers_of
from ferdesk.core.geometry import Box
from ferdesk.core.types import FrameResult
from ferdesk.errors import FerdeskError
from ferdesk.paths import sessions_folder
from ferdesk.ui.kit.folders import open_folder
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.video_view import VideoView

FindFaces = Callable[[NDArray[np.uint8]], Sequence[Box]]
Done = Callable[[Path], None]
Failed = Callable[[str], None]


def nothing(_: object) -> None:
    """For who needs no word of it."""


class Snapshots(QObject):
    """Snapshots: saves what ``view`` shows on another thread and says where it is."""

    notified = Signal(object)
    """A ``Notice``."""

    def __init__(
        self,
        view: VideoView,
        tasks: TaskRunner,
        find_faces: FindFaces,
        folder: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        """``folder`` None is the sessions folder's ``snapshots``.

        ``find_faces`` gives the boxes of a picture that is to be blurred, on another thread.
        """
        super().__init__(parent)
        self._view, self._tasks, self._folder = view, tasks, folder
        self._find_faces = find_faces
        self._recent = Recent()

    def add(self, result: FrameResult) -> None:
        """Note a result's faces: blurring covers those of the last moments too."""
        self._recent.add(result)

    def save(self, *, blurred: bool, done: Done = nothing, failed: Failed = nothing) -> None:
        """Save what is shown, if anything is; one of ``done`` and ``failed`` is called then."""
        result = self._view.result
        if result is None:
            return
        folder = self._folder or sessions_folder() / "snapshots"
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S-%f")[:-3]
        path = folder / f"{stamp}.png"
        if blurred:
            # as the video would show it: without what is painted, and nobody to be recognised
            covers = self._recent.covers(result.frame.t_s)
            write = partial(self._write_blurred, result.frame.image, covers, path)
        else:
            write = partial(write_picture, self._view.snapshot(), path)
        self._tasks.run(write, partial(self._saved, done), partial(self._failed, failed))

    def _write_blurred(self, image: NDArray[np.uint8], covers: Sequence[Box], path: Path) -> Path:
        """On a thread of its own: a search without a clock takes a moment."""
        pixels = cover(image, [*covers, *covers_of(self._find_faces(image))])
        height, width = pixels.shape[:2]
        form = QImage.Format.Format_RGB888
        return write_picture(QImage(pixels.tobytes(), width, height, 3 * width, form).copy(), path)

    def _saved(self, done: Done, path: Path) -> None:
        done(path)
        show = Choice(tr("Open folder"), partial(open_folder, path.parent))
        text = tr("Saved {path}.").format(path=path)
        self.notified.emit(Notice(text, stays=False, choices=(show,)))

    def _failed(self, failed: Failed, message: str) -> None:
        failed(message)
        self.notified.emit(Notice(message, "error"))


def write_picture(picture: QImage, path: Path) -> Path:
    """Write ``picture`` to ``path``, whose folder is made where it is missing."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FerdeskError(
            tr("Can't create the folder {path}: {why}.").format(path=path.parent, why=error)
        ) from error
    if not picture.save(str(path)):
        raise FerdeskError(
            tr("Can't save the picture to {path}. Is the disk full?").format(path=path)
        )
    return path
