"""Source factory: a camera, an address, a file or the demo from its name."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ferdesk.adapters.sources.camera import Camera
from ferdesk.adapters.sources.network_stream import NetworkStream
from ferdesk.adapters.sources.picture_folder import PictureFolder
from ferdesk.adapters.sources.picture_set import PictureSet
from ferdesk.adapters.sources.played_video import PlayedVideo
from ferdesk.adapters.sources.still_image import StillImage
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.core.file_types import PICTURE_SUFFIXES, STILL_SUFFIXES, SUFFIXES
from ferdesk.core.locations import address_fault, host_of, is_url, shown_location
from ferdesk.core.types import ITS_OWN, CameraFormat, Frame
from ferdesk.errors import SourceError
from ferdesk.messages import counted, translatable
from ferdesk.runtime.reconnect import FrameSource, Reconnecting
from ferdesk.sessions.schema import SESSION_FILE
from ferdesk.sessions.source_content import SourceContent, content_of

DEMO_LENGTH_S = 20.0
_MOST_NAMES = 5


def open_source(
    name: str,
    *,
    paced: bool = False,
    duration_s: float | None = None,
    asked: CameraFormat = ITS_OWN,
) -> FrameSource:
    """The source of that name, not yet opened.

    Cameras and addresses that fall silent are opened again until they are closed.

    Args:
        name: ``camera:N``, ``demo``, a URL, or the path of a picture or video.
        paced: give files and the demo at their own pace instead of as fast as they are read, to be
            paused and moved; a folder's pictures are stepped through.
        duration_s: length of the demo; None lets a paced one go on.
        asked: size and rate that a camera is asked for.

    Raises:
        SourceError: a camera whose number is no number, or an address that is none.
    """
    if name == "demo":
        # it imports OpenCV, which a camera needs only when it opens
        from ferdesk.adapters.sources.demo import DemoSource

        if not paced and duration_s is None:
            duration_s = DEMO_LENGTH_S
        return DemoSource(duration_s=duration_s, paced=paced, stays=paced)
    if name.startswith("camera:"):
        index = name.removeprefix("camera:")
        # isdecimal alone would take other scripts' digits
        if not (index.isascii() and index.isdecimal() and len(index) < 4):
            raise SourceError(
                translatable("{name!r} names no camera; write camera:0, camera:1, ...", name=name)
            )
        return Reconnecting(lambda: Camera(int(index), asked), name=f"Camera {index}")
    if is_url(name):
        if fault := address_fault(name):
            raise SourceError(
                translatable(
                    "{path} cannot be opened as an address: {why}.",
                    path=shown_location(name),
                    why=fault,
                )
            )
        return Reconnecting(lambda: NetworkStream(name), name=host_of(name))
    if Path(name).suffix.lower() in STILL_SUFFIXES:
        return StillImage(Path(name))
    if paced and Path(name).is_dir():
        return _picture_folder(Path(name))
    return PlayedVideo(name) if paced else VideoFile(name)


def _picture_folder(folder: Path) -> PictureFolder:
    """The pictures of a folder, to be stepped through."""
    files = [Path(name) for name in expand_folders([str(folder)])]
    pictures = [path for path in files if path.suffix.lower() in PICTURE_SUFFIXES]
    if not pictures:
        raise SourceError(
            translatable(
                "The folder {path} has no pictures in it; open its videos one by one.", path=folder
            )
        )
    return PictureFolder(folder, pictures, lambda path: open_source(str(path)))


def shown_name(name: str) -> str:
    """A source's name fit for screens and logs: an address without its credentials."""
    return shown_location(name) if is_url(name) else name


def is_live(name: str) -> bool:
    """Whether a source runs on its own clock and loses what is not read in time."""
    return name.startswith("camera:") or is_url(name)


def expand_folders(
    names: Sequence[str],
    *,
    tell: Callable[[str], object] = lambda _: None,
    fail: Callable[[str], object] = lambda _: None,
    recursive: bool = False,
) -> list[str]:
    """Sources with each folder replaced by its pictures and videos, sorted.

    Hidden files are skipped, as are the sidecars ``._NAME`` that macOS writes; ``tell`` gets a
    line about other files that are left out. ``recursive`` takes subfolders too, but no sessions;
    ``fail`` gets a sentence about each of them that cannot be read.

    Raises:
        SourceError: a folder has none.
    """
    expanded: list[str] = []
    for name in names:
        folder = Path(name)
        try:
            if name == "demo" or is_live(name) or not folder.is_dir():
                expanded.append(name)
                continue
            files = list(_files_in(folder, fail if recursive else None))
        except OSError as error:
            raise SourceError(_unreadable(folder, error)) from error
        found = [str(path) for path in files if path.suffix.lower() in SUFFIXES]
        if not found:
            raise SourceError(
                translatable("The folder {path} has no pictures or videos in it.", path=folder)
            )
        if others := [path.name for path in files if path.suffix.lower() not in SUFFIXES]:
            tell(_left_out(folder, others))
        expanded += found
    return expanded


def _files_in(
    folder: Path, fail: Callable[[str], object] | None, above: frozenset[str] = frozenset()
) -> Iterator[Path]:
    """The files in ``folder``; with ``fail`` also those of its subfolders.

    ``above`` are the real paths of the folders around it: a link to one of them would never end.
    """
    around = above | {os.path.realpath(folder)}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_file():
            yield path
        elif fail is not None and path.is_dir() and os.path.realpath(path) not in around:
            try:
                if not (path / SESSION_FILE).exists():
                    yield from _files_in(path, fail, around)
            except OSError as error:
                fail(_unreadable(path, error))


def _unreadable(path: Path, error: OSError) -> str:
    return translatable("{path} cannot be read: {why}.", path=path, why=error.strerror)


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """Picture files that are analysed as one session, named after their folder."""

    name: str
    paths: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """The folder that all of them are in."""
        return self.paths[0].parent

    def open(self) -> PictureSet:
        """The source of them, not yet opened."""
        return PictureSet(self.name, self.paths, open_source)

    def content(self) -> SourceContent:
        """Names and contents of all files as one; those that cannot be read count by their names.

        The size is the sum, and the time that of the last change.
        """
        digest, size_bytes, modified_ns = hashlib.sha256(), 0, 0
        for path in self.paths:
            digest.update(path.name.encode(errors="surrogateescape"))
            with contextlib.suppress(SourceError):
                one = content_of(path)
                digest.update(one.sha256.encode())
                size_bytes += one.size_bytes
                modified_ns = max(modified_ns, one.modified_ns)
        return SourceContent(digest.hexdigest(), size_bytes, modified_ns)


def picture_files(names: Sequence[str]) -> tuple[list[PictureFiles], list[str]]:
    """The pictures among ``names`` by their folders, where there are several, and what is left.

    One picture of a folder is left as it is.
    """
    by_folder: dict[Path, list[str]] = {}
    for name in names:
        if Path(name).suffix.lower() in PICTURE_SUFFIXES and not is_live(name):
            by_folder.setdefault(Path(name).parent, []).append(name)
    sets = [
        PictureFiles(folder.absolute().name or "pictures", tuple(map(Path, members)))
        for folder, members in by_folder.items()
        if len(members) > 1
    ]
    taken = {str(path) for one in sets for path in one.paths}
    return sets, [name for name in names if str(Path(name)) not in taken]


def _left_out(folder: Path, names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
    return (
        f"{folder}: {counted(len(names), 'file')} left out, not named as pictures or videos are: "
        f"{shown}"
    )


def frames_of(source: FrameSource) -> Iterator[Frame]:
    """The frames of an open source, to its end."""
    while (frame := source.read()) is not None:
        yield frame
