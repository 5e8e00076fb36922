"""Pictures and videos as sources, good ones and broken ones."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import cv2
import numpy as np
import pytest

from ferdesk.adapters.sources import video_file
from ferdesk.adapters.sources.camera import Camera
from ferdesk.adapters.sources.still_image import StillImage
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.core.locations import shown_location
from ferdesk.core.types import Frame
from ferdesk.errors import SourceError
from tests.helpers.videos import with_matrix, write_film


def write_video(
    path: Path,
    times_ms: list[int],
    size: tuple[int, int] = (64, 48),
    metadata: dict[str, str] | None = None,
) -> Path:
    """Frames whose grey value is ten times their number, at the given times."""
    with av.open(str(path), "w") as container:
        if metadata:
            container.metadata.update(metadata)
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, time_ms in enumerate(times_ms):
            rng = np.random.default_rng(number)
            image = rng.integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def all_frames(source: VideoFile) -> list[Frame]:
    return list(iter(source.read, None))


READ_ALL = """
import hashlib, os, sys
from pathlib import Path
cores = sorted(os.sched_getaffinity(0))
os.sched_setaffinity(0, cores[: int(sys.argv[2])])
from ferdesk.adapters.sources.video_file import VideoFile
source = VideoFile(sys.argv[1])
source.open()
pictures = hashlib.sha256()
while (frame := source.read()) is not None:
    pictures.update(frame.image.tobytes())
print(pictures.hexdigest())
"""


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two cores, one of which can be taken away",
)
def test_a_damaged_film_gives_the_same_pictures_whatever_the_number_of_cores(
    tmp_path: Path,
) -> None:
    film = write_film(tmp_path / "film.mp4", 60)
    data = bytearray(film.read_bytes())
    data[1121:1141] = np.random.default_rng(3).bytes(20)
    film.write_bytes(data)
    one, all_of_them = (
        subprocess.run(
            [sys.executable, "-c", READ_ALL, str(film), num],
            capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        ).stdout
        for num in ("1", "64")
    )  # fmt: skip
    assert one == all_of_them


def test_a_videos_times_are_its_presentation_times(tmp_path: Path) -> None:
    times_ms = [0, 33, 100, 140, 400, 433]
    source = VideoFile(str(write_video(tmp_path / "a.mkv", times_ms)))
    info = source.open()
    frames = all_frames(source)
    source.close()
    assert (info.kind, info.name, info.location) == ("video", "a", "a.mkv")
    assert (info.width, info.height) == (64, 48)
    assert [frame.index for frame in frames] == list(range(6))
    assert [frame.t_s for frame in frames] == pytest.approx([t / 1000 for t in times_ms], abs=2e-3)
    assert frames[0].image.shape == (48, 64, 3)


def test_a_date_in_the_container_is_read(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "d.mp4", [0, 33], metadata={"creation_time": "2024-05-06T07:08:09Z"}
    )
    source = VideoFile(str(path))
    starts_utc = source.open().starts_utc
    source.close()
    assert starts_utc is not None
    assert starts_utc.isoformat() == "2024-05-06T07:08:09+00:00"


def test_an_android_films_date_is_that_of_its_end(tmp_path: Path) -> None:
    metadata = {"creation_time": "2024-05-06T07:08:09Z", "com.android.version": "14"}
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(metadata)
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(120):
            grey = np.full((48, 64, 3), 90, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode(None))
    source = VideoFile(str(path))
    starts_utc = source.open().starts_utc
    source.close()
    assert starts_utc is not None
    assert starts_utc.isoformat() == "2024-05-06T07:07:57+00:00"


@pytest.mark.parametrize("suffix", ["mkv", "avi"])
def test_a_video_cut_off_in_the_middle_gives_its_frames_then_says_so(
    tmp_path: Path, suffix: str
) -> None:
    path = write_video(tmp_path / f"cut.{suffix}", [33 * i for i in range(90)])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    source = VideoFile(str(path))
    source.open()
    frames: list[Frame] = []
    with pytest.raises(SourceError, match=f"cut.{suffix} breaks off after"):
        frames.extend(iter(source.read, None))
    source.close()
    assert 20 < len(frames) < 90


def test_a_short_picture_beside_a_long_sound_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=30)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for _ in range(20):
            still = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            container.mux(picture.encode(still))
        silence = av.AudioFrame.from_ndarray(
            np.zeros((1, 8000 * 4), np.int16), format="s16", layout="mono"
        )
        silence.sample_rate = 8000
        container.mux(picture.encode(None))
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    source = VideoFile(str(path))
    source.open()
    assert len(all_frames(source)) == 20
    source.close()


def test_a_gif_that_holds_its_last_frame_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "held.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 100)
        for number, time_cs in enumerate([0, 10, 20]):
            rng = np.random.default_rng(number)
            image = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="rgb8")
            frame.pts, frame.time_base = time_cs, Fraction(1, 100)
            for packet in stream.encode(frame):
                packet.duration = 300 if number == 2 else 10
                container.mux(packet)
    source = VideoFile(str(path))
    source.open()
    assert len(all_frames(source)) == 3
    source.close()


def test_a_colon_in_a_files_name_is_no_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_video(tmp_path / "a.mkv", [0, 33]).rename(tmp_path / "10:15.mkv")
    monkeypatch.chdir(tmp_path)
    source = VideoFile("10:15.mkv")
    source.open()
    assert len(all_frames(source)) == 2
    source.close()


def test_an_mp4_without_its_end_cannot_be_used(tmp_path: Path) -> None:
    path = write_video(tmp_path / "cut.mp4", [33 * i for i in range(30)])
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SourceError, match=r"cut\.mp4"):
        VideoFile(str(path)).open()


@pytest.mark.parametrize("name", ["a.mp4", "a.gif", "a.txt", "a"])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("this is a text\n" * 50)
    source = VideoFile(str(path))
    with pytest.raises(SourceError, match="not a video or picture"):
        source.open()
    source.close()


def test_missing_empty_and_folder_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    for path, message in [
        (tmp_path / "gone.mp4", "There is no file"),
        (tmp_path / "empty.mp4", "is empty"),
        (tmp_path, "is a folder"),
    ]:
        with pytest.raises(SourceError, match=message):
            VideoFile(str(path)).open()


def test_a_sound_file_has_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        tone.sample_rate = 8000
        container.mux(stream.encode(tone))
        container.mux(stream.encode(None))
    source = VideoFile(str(path))
    with pytest.raises(SourceError, match="has no picture"):
        source.open()
    source.close()


def test_a_video_of_an_unknown_codec_is_one_sentence(tmp_path: Path) -> None:
    path = write_film(tmp_path / "unknown.mp4", 3)
    # the name of the codec in the description of the track; the file type's list has it too
    path.write_bytes(b"zzzz".join(path.read_bytes().rsplit(b"avc1", 1)))
    source = VideoFile(str(path))
    with pytest.raises(SourceError, match=r"unknown\.mp4"):
        source.open()
    source.close()


def test_a_turned_phone_video_comes_upright(tmp_path: Path) -> None:
    path = tmp_path / "phone.mp4"
    stored = np.zeros((48, 64, 3), np.uint8)
    stored[:24] = 255
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(stored, format="rgb24")))
        container.mux(stream.encode(None))
    with_matrix(path, (0, 1, -1, 0))
    source = VideoFile(str(path))
    info = source.open()
    frame = source.read()
    source.close()
    assert (info.width, info.height) == (48, 64)
    assert frame is not None
    # a quarter clockwise: what was stored on top is on the right
    assert frame.image[:, 36:].mean() > 200
    assert frame.image[:, :12].mean() < 50


def test_closing_from_another_thread_ends_a_wait_for_the_next_frame(tmp_path: Path) -> None:
    source = VideoFile(str(write_video(tmp_path / "slow.mkv", [0, 30_000])), paced=True)
    source.open()
    assert source.read() is not None
    taken: list[Frame | None] = []
    reader = threading.Thread(target=lambda: taken.append(source.read()))
    reader.start()
    source.close()
    reader.join(5)
    assert taken == [None]


def test_shown_locations_have_no_credentials() -> None:
    shown = shown_location("rtsp://user:secret@10.0.0.7:554/live?token=abc")
    assert shown == "rtsp://10.0.0.7:554/live"


def test_a_still_is_one_frame_at_zero(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    red = np.zeros((20, 30, 3), np.uint8)
    red[..., 2] = 200
    cv2.imwrite(str(path), red)
    source = StillImage(path)
    info = source.open()
    frame = source.read()
    assert (info.kind, info.name, info.width, info.height) == ("still", "red", 30, 20)
    assert frame is not None
    assert frame.t_s == 0
    assert frame.image[0, 0].tolist() == [200, 0, 0]
    assert source.read() is None


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    picture = np.zeros((20, 40, 3), np.uint8)
    _, jpeg = cv2.imencode(".jpg", picture)
    # APP1 with one tag, orientation 6: turn a quarter clockwise
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    data = jpeg.tobytes()
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    path = tmp_path / "phone.jpg"
    path.write_bytes(data[:2] + segment + data[2:])
    info = StillImage(path).open()
    assert (info.width, info.height) == (20, 40)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "There is no file"), (b"", "is empty"), (b"junk" * 9, "not a picture")],
)
def test_a_bad_picture_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "p.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=message):
        StillImage(path).open()


def test_no_camera_is_one_sentence() -> None:
    with pytest.raises(SourceError, match="camera 97"):
        Camera(97).open()


def promised_s(kind: str, *, base_s: float = 0.0, jumped: bool = False, **parts: object) -> float:
    """When a file of this kind promises to end, from what its headers say."""
    stream: dict[str, object] = {
        "frames": 0, "average_rate": None, "duration": None, "time_base": Fraction(1, 1000),
        "start_time": None, "metadata": {},
    }  # fmt: skip
    whole: dict[str, object] = {"duration": None, "start_time": 0, "streams": [1]}
    for name, value in parts.items():
        if name.startswith("whole_"):
            whole[name.removeprefix("whole_")] = value
        else:
            stream[name] = value
    container = SimpleNamespace(format=SimpleNamespace(name=kind), **whole)
    clock = SimpleNamespace(base_s=base_s, jumped=jumped)
    return video_file._promised_end_s(
        cast("Any", container), cast("Any", SimpleNamespace(**stream)), cast("Any", clock)
    )


def test_every_kind_of_file_promises_its_end_in_its_own_way() -> None:
    rate = Fraction(30)
    assert promised_s("avi", frames=75, average_rate=rate, duration=900) == 2.5
    # of another kind the number of frames says nothing, nor does an AVI's without a rate
    assert promised_s("mov", frames=75, average_rate=rate, duration=900) == 0.9
    assert promised_s("avi", frames=75, duration=900) == 0.9
    assert promised_s("avi", average_rate=rate, duration=900) == 0.9
    assert promised_s("mov", start_time=250, duration=900) == 1.15
    tag = {"DURATION": "01:02:03.500000000"}
    assert promised_s("matroska", metadata=tag) == 3723.5
    assert promised_s("matroska", metadata=tag, duration=900, time_base=None) == 3723.5
    # the whole file's length counts where the picture is all there is in it
    assert promised_s("flv", whole_duration=2_500_000) == 2.5
    assert promised_s("flv", whole_duration=2_500_000, whole_start_time=1_000_000) == 3.5
    assert promised_s("flv", whole_duration=2_500_000, whole_streams=[1, 2]) == 0
    assert promised_s("flv") == 0
    # in the times of its frames, which begin where the file's clock says ``base_s``
    assert promised_s("mov", base_s=0.25, start_time=250, duration=900) == pytest.approx(0.9)
    assert promised_s("matroska", base_s=3.0, metadata=tag) == 3720.5
    assert promised_s("flv", base_s=1.0, whole_duration=2_500_000) == 1.5
    # a length that is only estimated, or counted over a jump, is no promise
    assert promised_s("mpegts", duration=900) == 0
    assert promised_s("mpeg", whole_duration=2_500_000) == 0
    assert promised_s("h264", duration=900, whole_start_time=None) == 0
    assert promised_s("mov", duration=900, jumped=True) == 0


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-06T07:08:09Z", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("2024-05-06T07:08:09", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("2024-05-06T07:08:09+02:00", datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)),
        ("1981-01-01T00:00:00Z", datetime(1981, 1, 1, tzinfo=UTC)),
        ("1980-12-31T23:59:59Z", None), ("1970-01-01T00:00:00Z", None), ("soon", None), ("", None),
    ],
)  # fmt: skip
def test_a_date_of_a_camera_without_a_clock_is_none(text: str, moment: datetime | None) -> None:
    container = SimpleNamespace(metadata={"creation_time": text}, duration=12_000_000)
    assert video_file._creation_time(cast("Any", container)) == moment
