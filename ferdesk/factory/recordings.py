"""Recording factory: session folders, their headers, and the video beside the rows."""

import itertools
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

import ferdesk
from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.adapters.outputs.jpeg import jpeg_of
from ferdesk.adapters.outputs.landmark_drawing import draw_landmarks
from ferdesk.adapters.outputs.picture_writer import PictureWriter
from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.adapters.outputs.video_sound import ANONYMOUS_SOUND, VideoSound
from ferdesk.adapters.outputs.video_writer import MODES as VIDEO_MODES
from ferdesk.adapters.outputs.video_writer import VideoMode, VideoWriter, draw_faces
from ferdesk.core.detection.exhaustive import ExhaustiveSearch
from ferdesk.core.heatmap import Heat
from ferdesk.core.measures.drawing import LandmarksShown
from ferdesk.core.types import DeviceInfo, FaceResult, ModelInfo, SourceInfo
from ferdesk.core.video_format import VideoFormat
from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.paths import detectors_folder, file_name_of
from ferdesk.runtime.sound_port import Microphone
from ferdesk.sessions.schema import PICTURES_FOLDER, VIDEO_FILE, SessionHeader

_COPY_PX = 1600
"""The longer side of a picture's copy."""

USUAL_FORMAT = VideoFormat()
NOTHING: Mapping[str, str] = MappingProxyType({})
NO_STUDY: Mapping[str, object] = MappingProxyType({})


def new_folder(root: Path, name: str) -> Path:
    """Make ``root/name``, or with -2, -3, ... where that is taken, also by another process.

    Raises:
        RecordingError: it cannot be made.
    """
    safe = folder_name_of(name)
    for number in itertools.count(1):
        folder = root / (safe if number == 1 else f"{safe}-{number}")
        try:
            root.mkdir(parents=True, exist_ok=True)
            # of people: for nobody else who uses this machine
            folder.mkdir(mode=0o700)
        except FileExistsError:
            if not root.is_dir():
                break
        except OSError as error:
            reason = error.strerror
            raise RecordingError(
                translatable(
                    "A session cannot be written to {path}: {why}. Choose another folder.",
                    path=folder,
                    why=reason,
                )
            ) from error
        else:
            return folder
    raise RecordingError(
        translatable(
            "A session cannot be written to {path}: it is a file. Choose a folder.", path=root
        )
    )


def take_back_folder(folder: Path) -> None:
    """Remove a folder that ``new_folder`` has just made, where no session could begin in it.

    On a full disk each further try would leave another, with the room that it had reserved.
    """
    shutil.rmtree(folder, ignore_errors=True)


def folder_name_of(name: str) -> str:
    """A source's name as every file system takes it for a folder."""
    return file_name_of(name) or "session"


def video_mode(name: str) -> VideoMode | None:
    """The kind of video by its name; None for ``off``.

    Raises:
        RecordingError: there is no such kind.
    """
    if name in ("", "off"):
        return None
    for mode in VIDEO_MODES:
        if mode == name:
            return mode
    raise RecordingError(
        translatable(
            "There is no video {name!r}; there are {names}.",
            name=name,
            names=", ".join(VIDEO_MODES),
        )
    )


def open_video(
    folder: Path,
    mode: VideoMode | None,
    *,
    lossless: bool,
    heat: Heat | None = None,
    landmarks: LandmarksShown = "off",
    wanted_format: VideoFormat = USUAL_FORMAT,
    sound: VideoSound | None = None,
) -> VideoWriter | None:
    """The video of a session in ``folder``, where one is wanted.

    An anonymous one of a source that does not wait is searched as ``analyze`` searches a file; a
    ``lossless`` one is so already. ``heat`` and ``landmarks`` are painted into one with overlay.

    Raises:
        RecordingError: this installation has no encoder.
        ModelError: the detector that covers faces cannot be loaded.
    """
    if mode is None:
        return None
    search = open_cover_search() if mode == "anonymous" and not lossless else None
    return VideoWriter(
        folder / VIDEO_FILE,
        mode,
        lossless=lossless,
        search=search,
        heat=heat,
        landmarks=landmarks,
        wanted_format=wanted_format,
        sound=sound,
    )


def open_sound(
    name: str, mode: VideoMode | None, open_microphone: Callable[[str], Microphone]
) -> VideoSound | None:
    """The sound of a video of this kind, from the microphone of that name; None without either.

    Raises:
        RecordingError: the video must have no sound, or the microphone cannot be opened.
    """
    if not name or mode is None:
        return None
    if mode == "anonymous":
        raise RecordingError(ANONYMOUS_SOUND)
    return VideoSound(open_microphone(name))


def open_cover_search() -> ExhaustiveSearch:
    """The detector that decides what an anonymous picture covers.

    Raises:
        ModelError: it cannot be loaded.
    """
    return ExhaustiveSearch(MediaPipeNetworks(detectors_folder()))


def open_picture_writer(
    folder: Path, mode: VideoMode | None, landmarks: LandmarksShown = "off"
) -> PictureWriter | None:
    """The copies of a session's pictures in ``folder``, where they are wanted."""
    if mode is None:
        return None
    encode = partial(jpeg_of, longest_px=_COPY_PX, quality=90)

    def draw(image: NDArray[np.uint8], faces: Sequence[FaceResult]) -> NDArray[np.uint8]:
        return draw_faces(draw_landmarks(image, faces, landmarks), faces)

    return PictureWriter(folder / PICTURES_FOLDER, mode, encode, draw)


def open_session(
    folder: Path,
    header: SessionHeader,
    video: VideoMode | None,
    *,
    live: bool,
    landmarks: LandmarksShown = "off",
) -> SessionWriter:
    """The session of an analysis in ``folder``, with its video or copies of its pictures.

    Raises:
        RecordingError: the folder cannot be written, or there is no encoder.
        ModelError: the detector that covers faces cannot be loaded.
    """
    return SessionWriter(
        folder,
        header,
        live=live,
        lossless=not live,
        video=open_picture_writer(folder, video, landmarks)
        if header.pictures
        else open_video(folder, video, lossless=not live, landmarks=landmarks),
    )


def session_header(
    source: SourceInfo,
    model: ModelInfo,
    device: DeviceInfo,
    settings: dict[str, object],
    *,
    pictures: tuple[str, ...] = (),
    about: Mapping[str, str] = NOTHING,
    study: Mapping[str, object] = NO_STUDY,
) -> SessionHeader:
    """What ``session.json`` says from the beginning; ``about`` is what the user said of it."""
    return SessionHeader(
        program_version=ferdesk.__version__,
        model={
            "name": model.name,
            "version": model.version,
            "sha256": model.sha256,
            # with the rows, so that whoever reads them knows how far they can be trusted
            "accuracy": dict(model.accuracy),
            **({"votes_accuracy": dict(model.votes_accuracy)} if model.has_votes else {}),
        },
        provider=device.provider,
        provider_reason=device.reason,
        device=device_table(device),
        source={"kind": source.kind, "name": source.name, "location": source.location},
        width=source.width,
        height=source.height,
        rate_fps=source.rate_fps,
        settings=settings,
        started_utc=datetime.now(UTC),
        file_starts_utc=source.starts_utc,
        about=about,
        study=study,
        pictures=pictures,
    )


def device_table(device: DeviceInfo) -> dict[str, object]:
    """The device as ``session.json`` and ``ferdesk doctor --json`` write it."""
    return {
        "wanted": device.wanted,
        "used": device.provider,
        "gpu": device.gpu,
        "reason": device.reason,
        "session_providers": list(device.providers),
    }
