"""Warnings of a recording: what threatens it now, the worst first."""

import threading
from pathlib import Path
from typing import Literal, Protocol

from ferdesk.core.types import FrameResult
from ferdesk.messages import translatable

Kind = Literal["lost", "about", "disk", "video_stopped", "video_behind", "sound", ""]
_KINDS: tuple[Kind, ...] = ("lost", "about", "disk")


class VideoHealth(Protocol):
    """How the video beside the rows is doing."""

    @property
    def problem(self) -> str: ...

    @property
    def num_lost(self) -> int: ...


class RecordingSound(Protocol):
    """The sound of the video."""

    @property
    def problem(self) -> str: ...

    def set_paused(self, paused: bool) -> None: ...


class RecordingVideo(VideoHealth, Protocol):
    """The video beside the rows; ``add`` must not wait in a live recording."""

    def about(self) -> dict[str, object]: ...

    def add(self, result: FrameResult, t_s: float) -> None: ...

    def close(self) -> None: ...


def stopped_text(folder: Path, why: str, num_rows: int, *, gone: bool) -> str:
    """Why a recording has stopped; of a folder that is gone nothing is kept."""
    if gone:
        return translatable(
            "Recording has stopped: {path} cannot be written ({why}).", path=folder, why=why
        )
    return translatable(
        "Recording has stopped: {path} cannot be written ({why}). Rows that are kept, up to "
        "there: {count}.",
        path=folder,
        why=why,
        count=num_rows,
    )


def not_closed_text(folder: Path, file: str, why: str, num_rows: int) -> str:
    """Why only the last ``session.json`` is missing."""
    if not folder.is_dir():
        return stopped_text(folder, translatable("the folder is gone"), num_rows, gone=True)
    return translatable(
        "{path} cannot be closed properly: {file} cannot be written ({why}). All rows "
        "are kept ({count}). Repair it with “ferdesk sessions repair”.",
        path=folder,
        file=file,
        why=why,
        count=num_rows,
    )


class RecordingWarnings:
    """May be asked and told on any thread."""

    def __init__(
        self, folder: Path, video: VideoHealth | None, sound: RecordingSound | None = None
    ) -> None:
        self._folder, self._video, self._sound = folder, video, sound
        self._lock = threading.Lock()
        self._texts: dict[Kind, str] = {}

    @property
    def worst(self) -> tuple[Kind, str]:
        """The worst one's kind, which stays while its numbers change, and its sentence."""
        with self._lock:
            for kind in _KINDS:
                if kind in self._texts:
                    return kind, self._texts[kind]
        video = self._video
        if video is not None and video.problem:
            return "video_stopped", video.problem
        if video is not None and video.num_lost:
            return "video_behind", translatable(
                "Frames missing from the video: {count}. Encoding was too slow; all rows are "
                "saved.",
                count=video.num_lost,
            )
        if self._sound is not None and self._sound.problem:
            return "sound", self._sound.problem
        return "", ""

    def take_event(self, kind: str) -> None:
        """Let the sound know of a pause and its end."""
        if self._sound is not None and kind in ("recording_paused", "recording_resumed"):
            self._sound.set_paused(kind == "recording_paused")

    def new_end_of_sound(self) -> str:
        """Why the sound has ended before the video; empty where it has not, or it was told."""
        why = "" if self._sound is None else self._sound.problem
        with self._lock:
            is_new = why != self._texts.get("sound", "")
            self._texts["sound"] = why
        return why if is_new else ""

    def rows_lost(self, count: int) -> None:
        """``count`` analysed frames found no room, all in all."""
        text = translatable(
            "The disk of {path} does not keep up; analysed frames not written: {count}. "
            "Record to a faster disk, or without video.",
            path=self._folder,
            count=count,
        )
        with self._lock:
            self._texts["lost"] = text

    def rows_cut(self, path: Path) -> None:
        """Another program has shortened the rows' file at ``path``."""
        text = translatable(
            "Another program has cut rows off {path}; they are lost. Close programs that write to "
            "it. The recording goes on.",
            path=path,
        )
        with self._lock:
            self._texts["lost"] = text

    def about_late(self, path: Path, why: str) -> None:
        """``session.json`` at ``path`` has not been written for long."""
        text = translatable(
            "{path} cannot be written ({why}) and will be tried again. No rows are lost. Close "
            "other programs that use the file.",
            path=path,
            why=why,
        )
        with self._lock:
            self._texts["about"] = text

    def about_written(self) -> None:
        with self._lock:
            self._texts.pop("about", None)

    def disk_low(self, free_bytes: int) -> bool:
        """Little room is left; returns whether that is new."""
        text = translatable(
            "Only {free:.1f} GB are left on the disk of {path}. When it is full, recording stops; "
            "the data up to there stay valid. Free some space.",
            free=free_bytes / 1e9,
            path=self._folder,
        )
        with self._lock:
            is_new = "disk" not in self._texts
            self._texts["disk"] = text
            return is_new

    def disk_has_room(self) -> None:
        with self._lock:
            self._texts.pop("disk", None)
