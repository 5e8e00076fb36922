"""Video writer, by PyAV: ``video.mp4`` beside the rows, with true presentation times.

Which encoder, and why not the best-known one, stands in ``docs/sessions.md``: libx264, which PyAV
brings along, is under the GPL, and a program that carries it would be too.
"""

import contextlib
import logging
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ferdesk.adapters.outputs.heat_drawing import draw_heat
from ferdesk.adapters.outputs.landmark_drawing import draw_landmarks
from ferdesk.adapters.outputs.video_sound import ANONYMOUS_SOUND, VideoSound
from ferdesk.core.annotation import MANY_FACES, annotate, short_words
from ferdesk.core.anonymize import Anonymizer
from ferdesk.core.heatmap import Heat
from ferdesk.core.measures.drawing import LandmarksShown
from ferdesk.core.palette import PLATE, PLATE_ALPHA, PLATE_TEXT, rgb
from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.core.video_format import VideoCodec, VideoFormat, VideoQuality
from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.runtime.cover_search import CoverSearch, FaceSearch, Searched
from ferdesk.runtime.priority import give_way

if TYPE_CHECKING:
    import av.video.stream
    from av.container import OutputContainer

log = logging.getLogger(__name__)

_Point = tuple[int, int]

VideoMode = Literal["clean", "overlay", "anonymous"]
MODES: tuple[VideoMode, ...] = get_args(VideoMode)
TICKS_PER_S = 60_000
"""Fine enough for any camera, and the most that MPEG-4 part 2 can count."""
_MAX_WAITING_FRAMES = 24
"""Pictures are large: at 1280x720 these are 66 MB. A live recording loses what finds no room."""
_CODECS: dict[str, VideoCodec] = {
    "libopenh264": "h264",
    "h264_videotoolbox": "h264",
    "h264_mf": "h264",
    "libvpx-vp9": "vp9",
    "mpeg4": "mpeg4",
}
"""What each encoder writes."""
_BITS_PER_PIXEL: dict[VideoQuality, float] = {"low": 0.05, "normal": 0.1, "high": 0.25}
_CRF: dict[VideoQuality, str] = {"low": "40", "normal": "30", "high": "20"}
_QUANTISER: dict[VideoQuality, str] = {"low": "8", "normal": "4", "high": "2"}
_USUAL = VideoFormat()
_GOP_S = 1.0
"""Seconds from one key frame to the next."""
_FRAGMENTS = {
    "movflags": "hybrid_fragmented",
    # microseconds of a piece that survives a crash; pieces need not begin with a key frame
    "frag_duration": "250000",
    # each fragment goes to the system as soon as it is whole
    "flush_packets": "1",
    # microseconds for which pictures wait for sound that does not come
    "max_interleave_delta": "1000000",
}


def encoders(wanted_format: VideoFormat = _USUAL) -> list[tuple[str, dict[str, str]]]:
    """Encoders in the order of preference, all of licences that a packaged program can carry.

    Those of the wanted codec first. Then H.264 of Cisco (BSD) or of the system; then VP9 (BSD);
    then MPEG-4 part 2 (FFmpeg's).
    """
    quality = wanted_format.quality
    wanted: list[tuple[str, dict[str, str]]] = [("libopenh264", {})]
    if sys.platform == "darwin":
        wanted.append(("h264_videotoolbox", {"realtime": "1", "allow_sw": "1"}))
    if sys.platform == "win32":
        wanted.append(("h264_mf", {}))
    wanted.append(
        (
            "libvpx-vp9",
            {
                "deadline": "realtime", "cpu-used": "8", "row-mt": "1", "lag-in-frames": "0",
                "crf": _CRF[quality], "static-thresh": "200",
            },
        )
    )  # fmt: skip
    # of one quality: at this time base its rate control takes each tick for a frame
    wanted.append(("mpeg4", {"qmin": _QUANTISER[quality], "qmax": _QUANTISER[quality]}))
    # stable: within a codec, and of the others, the order stays
    wanted.sort(key=lambda one: _CODECS[one[0]] != wanted_format.codec)
    import av

    known = []
    for name, options in wanted:
        with contextlib.suppress(av.error.FFmpegError, ValueError):
            if av.Codec(name, "w").is_encoder:
                known.append((name, options))
    return known


class VideoWriter:
    """One video. ``add`` never waits unless ``lossless``; what finds no room is counted.

    ``anonymous`` is written a second late, with the last second at ``close``. A picture of another
    size than the first (a camera that came back) is scaled to it.
    """

    def __init__(
        self,
        path: Path,
        mode: VideoMode,
        *,
        lossless: bool = False,
        search: FaceSearch | None = None,
        heat: Heat | None = None,
        landmarks: LandmarksShown = "off",
        wanted_format: VideoFormat = _USUAL,
        sound: VideoSound | None = None,
    ) -> None:
        """Nothing is opened before the first frame.

        ``heat`` and ``landmarks``, where they are measured, are painted into an ``overlay``.

        ``sound`` is written beside the pictures and closed with the video; an ``anonymous`` video
        refuses it, since a voice tells who speaks.

        ``search`` looks for faces in every picture of an ``anonymous`` video before it is written,
        where the analysis itself looks only as long as it has time; it is closed with the video.

        Raises:
            RecordingError: this installation has no encoder, or the video must have no sound.
        """
        if sound is not None and mode == "anonymous":
            raise RecordingError(ANONYMOUS_SOUND)
        self.path, self.mode = path, mode
        self._lossless = lossless
        self._heat, self._landmarks = heat, landmarks
        self._anonymizer = Anonymizer() if mode == "anonymous" else None
        self._cover_search = None if search is None else CoverSearch(search)
        self._quality = wanted_format.quality
        self._encoders = encoders(wanted_format)
        if not self._encoders:
            raise RecordingError(
                translatable("No video can be written: PyAV here has no encoder for it.")
            )
        self._container: OutputContainer | None = None
        self._stream: av.video.stream.VideoStream | None = None
        self._size = (0, 0)
        self._last_tick = -1
        self._starts_at_s: float | None = None
        self._lock = threading.Lock()
        self._problem = ""
        self._codec = ""
        self._num_frames = self._num_lost = 0
        self._waiting: queue.Queue[tuple[FrameResult, float] | None] = queue.Queue(
            _MAX_WAITING_FRAMES
        )
        self._sound = sound
        self._thread = threading.Thread(target=self._write, name="ferdesk-video", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why nothing more is written, in a sentence; empty while all is well."""
        with self._lock:
            return self._problem

    @property
    def num_lost(self) -> int:
        """Frames that found no room, as the encoder or the disk did not keep up."""
        with self._lock:
            return self._num_lost

    def about(self) -> dict[str, object]:
        """What ``session.json`` says of the video."""
        with self._lock:
            return {
                "file": self.path.name,
                "mode": self.mode,
                "codec": self._codec,
                "quality": self._quality,
                "frames": self._num_frames,
                "frames_lost": self._num_lost,
                # the file's own times count from its first frame
                "starts_at_s": self._starts_at_s,
                **({} if self._sound is None else {"sound": self._sound.about()}),
            }

    def add(self, result: FrameResult, t_s: float) -> None:
        """Write an analysed frame at ``t_s`` seconds of the session."""
        if self._lossless:
            self._waiting.put((result, t_s))
            return
        try:
            self._waiting.put_nowait((result, t_s))
        except queue.Full:
            with self._lock:
                self._num_lost += 1

    def close(self) -> None:
        """Write what waits and close the file; where that fails, ``problem`` says so."""
        if self._sound is not None:
            self._sound.stop()
        self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        """The video's thread. After an error it goes on taking, so that nobody waits for it."""
        give_way()
        while (item := self._waiting.get()) is not None:
            self._guard(lambda item=item: self._take(*item))  # type: ignore[misc]
        self._guard(self._finish)
        if self._cover_search is not None:
            self._cover_search.close()

    def _guard(self, work: Callable[[], None]) -> None:
        if self.problem:
            return
        try:
            work()
        except Exception as error:
            log.exception("the video %s cannot be written on", self.path)
            reason = getattr(error, "strerror", None) or str(error)
            with self._lock:
                self._problem = translatable(
                    "The video has stopped: {path} cannot be written ({why}). The rows go on.",
                    path=self.path,
                    why=reason,
                )
            if self._sound is not None:
                self._sound.stop()
            if self._container is not None:
                # best effort: what is in whole fragments can be played anyway
                with contextlib.suppress(Exception):
                    self._container.close()

    def _take(self, result: FrameResult, t_s: float) -> None:
        if self._cover_search is not None:
            self._cover(self._cover_search.add(result, t_s))
        elif self._anonymizer is not None:
            self._cover([Searched(result, t_s, ())])
        elif self.mode == "overlay":
            image = result.frame.image
            if self._heat is not None:
                image = draw_heat(image, result.faces, self._heat)
            if self._landmarks != "off":
                image = draw_landmarks(image, result.faces, self._landmarks)
            self._encode(draw_faces(image, result.faces), t_s, result.frame.captured_s)
        else:
            self._encode(result.frame.image, t_s, result.frame.captured_s)

    def _cover(self, frames: Sequence[Searched]) -> None:
        assert self._anonymizer is not None
        for frame in frames:
            due = self._anonymizer.add_result(frame.result, frame.t_s, frame.detections)
            for image, at_s in due:
                self._encode(image, at_s)

    def _finish(self) -> None:
        if self._cover_search is not None:
            self._cover(self._cover_search.finish())
        if self._anonymizer is not None:
            for image, at_s in self._anonymizer.finish():
                self._encode(image, at_s)
        if self._stream is not None and self._container is not None:
            for packet in self._stream.encode():
                self._container.mux(packet)
            if self._sound is not None:
                self._sound.write_to(self._container, ends=True)
            self._container.close()

    def _encode(self, image: NDArray[np.uint8], t_s: float, captured_s: float = 0.0) -> None:
        import av

        if self._stream is None:
            self._open(image)
        assert self._stream is not None
        assert self._container is not None
        if self._starts_at_s is None:
            with self._lock:
                self._starts_at_s = round(t_s, 6)
            if self._sound is not None:
                self._sound.begin(captured_s)
        width, height = self._size
        # encoders want even sides: the last row or column goes
        picture = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]),
            format="rgb24",
        )
        picture = picture.reformat(width=width, height=height, format="yuv420p")
        # a clock that stood still must not stop the file: times only ever grow in it
        since_start = round((t_s - self._starts_at_s) * TICKS_PER_S)
        self._last_tick = max(self._last_tick + 1, since_start)
        picture.pts, picture.time_base = self._last_tick, Fraction(1, TICKS_PER_S)
        for packet in self._stream.encode(picture):
            self._container.mux(packet)
        if self._sound is not None:
            self._sound.write_to(self._container)
        with self._lock:
            self._num_frames += 1

    def _open(self, image: NDArray[np.uint8]) -> None:
        """Begin the file with the first encoder that opens."""
        import av
        from av.video.stream import VideoStream

        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        self._size = (width, height)
        for number, (name, options) in enumerate(self._encoders):
            # absolute, or FFmpeg takes what stands before a colon for a protocol;
            # fragments survive a crash; at a proper end the file becomes an ordinary one
            container = av.open(str(self.path.absolute()), "w", options=_FRAGMENTS)
            stream = container.add_stream(name, rate=30, options=options)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            context = stream.codec_context
            context.time_base = Fraction(1, TICKS_PER_S)
            context.gop_size = round(30 * _GOP_S)
            context.thread_count = 2
            context.bit_rate = int(width * height * 30 * _BITS_PER_PIXEL[self._quality])
            try:
                context.open()
                if self._sound is not None:
                    self._sound.add_to(container)
            except (av.error.FFmpegError, OSError) as error:
                log.warning("the encoder %s does not open: %s", name, error)
                with contextlib.suppress(Exception):
                    container.close()
                self.path.unlink(missing_ok=True)
                if number == len(self._encoders) - 1:
                    raise
                continue
            self._container, self._stream = container, stream
            with self._lock:
                self._codec = name
            return


def draw_faces(image: NDArray[np.uint8], faces: Sequence[FaceResult]) -> NDArray[np.uint8]:
    """A copy of ``image`` [H, W, 3] RGB with each face's box, and its label on a dark plate."""
    import cv2

    drawn = image.copy()
    height, width = image.shape[:2]
    scale = max(0.4, min(width, height) / 900)
    font, thin = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(scale * 1.5))
    ground, ink = rgb(PLATE), rgb(PLATE_TEXT)
    for face in faces:
        box, annotation = face.box, annotate(face)
        corners = (
            (round(box.x), round(box.y)),
            (round(box.x + box.width), round(box.y + box.height)),
        )
        cv2.rectangle(drawn, *corners, ground, thin + 3, cv2.LINE_AA)
        for line in _dashes(*corners, 7 * thin) if face.low_confidence else _sides(*corners):
            cv2.line(drawn, *line, rgb(annotation.colour), thin + 1, cv2.LINE_AA)
        text = face_text(face, short=len(faces) > MANY_FACES)
        (text_width, text_height), below = cv2.getTextSize(text, font, scale, thin)
        pad = round(8 * scale)
        left = min(max(0, corners[0][0]), max(0, width - text_width - 2 * pad))
        top = corners[0][1] - text_height - below - 2 * pad - thin
        if top < 0:
            top = min(corners[1][1] + thin, height - text_height - below - 2 * pad)
        plate = drawn[
            max(0, top) : top + text_height + below + 2 * pad, left : left + text_width + 2 * pad
        ]
        plate[:] = (plate * (1 - PLATE_ALPHA) + np.array(ground) * PLATE_ALPHA).astype(np.uint8)
        origin = (left + pad, top + pad + text_height)
        cv2.putText(drawn, text, origin, font, scale, ink, thin, cv2.LINE_AA)
    return drawn


def _sides(first: _Point, last: _Point) -> list[tuple[_Point, _Point]]:
    """The four lines of a box."""
    (left, top), (right, bottom) = first, last
    corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    return list(pairwise(corners))


def _dashes(first: _Point, last: _Point, step: int) -> list[tuple[_Point, _Point]]:
    """The same in dashes, as the window draws the box of a face with low confidence."""
    dashes = []
    for (x, y), (end_x, end_y) in _sides(first, last):
        along_x, along_y = np.sign(end_x - x), np.sign(end_y - y)
        length = abs(end_x - x) + abs(end_y - y)
        for start in range(0, length, 2 * step):
            stop = min(start + step, length)
            dashes.append(
                (
                    (int(x + along_x * start), int(y + along_y * start)),
                    (int(x + along_x * stop), int(y + along_y * stop)),
                )
            )
    return dashes


def face_text(face: FaceResult, *, short: bool = False) -> str:
    """What the plate beside a face says; always in English, as its letters are OpenCV's."""
    if short:
        return f"#{face.face_id} {short_words(face)}".rstrip()
    return f"#{face.face_id}  {annotate(face).words}"
