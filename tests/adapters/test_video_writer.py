"""Videos beside the rows: times, kinds, faults."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from ferdesk.adapters.outputs import video_writer
from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.adapters.outputs.video_writer import (
    VideoWriter,
    _dashes,
    _sides,
    draw_faces,
    encoders,
    face_text,
)
from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box, Square
from ferdesk.core.palette import LABEL_COLOURS, PLATE, PLATE_ALPHA, PLATE_TEXT, rgb
from ferdesk.core.types import Detection, Expression, FaceResult, Frame, FrameResult
from ferdesk.core.video_format import VideoCodec, VideoFormat, VideoQuality
from ferdesk.sessions.reader import read_session
from tests.adapters.test_recording_faults import wait_for
from tests.adapters.test_session_writer import header, new_folder

BOX = Box(40, 30, 40, 48)


def result(
    index: int, t_s: float, *, face: bool = True, size: tuple[int, int] = (120, 160)
) -> FrameResult:
    image = np.full((*size, 3), 90, np.uint8)
    image[30:78:4, 40:80:2] = 255  # a pattern in the face's place
    p = np.full(7, 1 / 7, np.float32)
    one = FaceResult(1, BOX, Square(0, 0, 48), 0.9, Expression(p), p, False, 0, 1, 2)
    frame = Frame(image, index, t_s, t_s)
    return FrameResult(frame, (one,) if face else (), 1.0, {})


def read_back(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as container:
        return [
            (float(frame.time or 0), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
        ]


def test_presentation_times_are_the_frames_own(tmp_path: Path) -> None:
    times = [0.0, 0.033, 0.5, 0.51, 2.25, 2.25, 3.0]
    writer = VideoWriter(tmp_path / "video.mp4", "clean", lossless=True)
    for index, t_s in enumerate(times):
        writer.add(result(index, t_s), t_s)
    writer.close()
    assert writer.problem == ""
    assert writer.about()["frames"] == 7
    read = [t_s for t_s, _ in read_back(tmp_path / "video.mp4")]
    # two frames at one moment cannot stand in a file; the second is a tick later
    assert read == pytest.approx(times, abs=1e-3)


def test_a_video_that_starts_late_says_when_and_counts_from_its_first_frame(
    tmp_path: Path,
) -> None:
    writer = VideoWriter(tmp_path / "video.mp4", "clean", lossless=True)
    assert writer.about()["starts_at_s"] is None
    for index, t_s in enumerate((4.34, 4.375, 5.59)):
        writer.add(result(index, t_s), t_s)
    writer.close()
    assert writer.about()["starts_at_s"] == 4.34
    read = [t_s for t_s, _ in read_back(tmp_path / "video.mp4")]
    assert read == pytest.approx([0.0, 0.035, 1.25], abs=1e-3)
    assert sorted(set(read)) == read


def test_no_encoder_under_the_gpl_is_used() -> None:
    names = [name for name, _ in encoders()]
    assert names
    assert not {"libx264", "libx264rgb", "libx265", "libxvid"} & set(names)


@pytest.mark.parametrize("codec", ["vp9", "mpeg4"])
def test_the_wanted_codec_is_used_and_quality_is_size(tmp_path: Path, codec: VideoCodec) -> None:
    size: dict[VideoQuality, int] = {}
    rng = np.random.default_rng(1)
    # soft structure that moves: what cameras show, and what a coarser encoder leaves out
    seen = np.kron(rng.integers(0, 256, (24, 40, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    noise = rng.integers(0, 40, (144, 256, 3), np.uint8)
    for quality in ("low", "normal", "high"):
        wanted = VideoFormat(codec, quality)
        path = tmp_path / f"{quality}.mp4"
        writer = VideoWriter(path, "clean", lossless=True, wanted_format=wanted)
        for index in range(12):
            image = seen[index : index + 144, 2 * index : 2 * index + 256] // 2 + noise
            writer.add(FrameResult(Frame(image, index, 0, 0), (), 1.0, {}), index / 30)
        writer.close()
        about = writer.about()
        assert about["codec"] == {"vp9": "libvpx-vp9", "mpeg4": "mpeg4"}[codec]
        assert about["quality"] == quality
        size[quality] = path.stat().st_size
    assert 1.3 * size["low"] < size["normal"] < size["high"] / 1.3, size


def test_a_codec_that_is_not_there_gives_way_to_the_best_that_is() -> None:
    names = [name for name, _ in encoders()]
    for codec in ("auto", "h264"):
        assert [name for name, _ in encoders(VideoFormat(codec))] == names
    last_first = [name for name, _ in encoders(VideoFormat("mpeg4"))]
    assert last_first == ["mpeg4", *(name for name in names if name != "mpeg4")]


def test_an_encoder_that_does_not_open_gives_way_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = encoders()
    broken = ("libvpx-vp9", {"cpu-used": "999"})
    monkeypatch.setattr(video_writer, "encoders", lambda _format: [broken, ("mpeg4", {}), *real])
    writer = VideoWriter(tmp_path / "video.mp4", "clean", lossless=True)
    writer.add(result(0, 0.0), 0.0)
    writer.close()
    assert writer.about()["codec"] == "mpeg4"
    assert len(read_back(tmp_path / "video.mp4")) == 1
    assert "does not open" in caplog.text


def test_the_overlay_is_in_the_video_and_not_in_the_frame(tmp_path: Path) -> None:
    one = result(0, 0.0)
    before = one.frame.image.copy()
    drawn = draw_faces(one.frame.image, one.faces)
    np.testing.assert_array_equal(one.frame.image, before)
    assert (drawn != before).any(axis=2).sum() > 200
    np.testing.assert_array_equal(draw_faces(before, ()), before)


@pytest.mark.parametrize("box", [Box(-30, -30, 50, 50), Box(150, 110, 60, 60), Box(2, 2, 3, 3)])
def test_the_overlay_of_a_face_at_the_edge_is_no_error(box: Box) -> None:
    p = np.full(7, 1 / 7, np.float32)
    face = FaceResult(1, box, Square(0, 0, 48), 0.9, Expression(p), p, True, 0, 1, 2)
    assert draw_faces(np.zeros((120, 160, 3), np.uint8), (face,)).shape == (120, 160, 3)


def test_an_anonymous_video_covers_from_a_second_before_to_a_second_after(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "video.mp4", "anonymous", lossless=True)
    for index in range(120):
        t_s = index / 20
        writer.add(result(index, t_s, face=2.0 <= t_s <= 4.0), t_s)
    writer.close()
    frames = read_back(tmp_path / "video.mp4")
    assert len(frames) == 120
    for t_s, image in frames:
        clear = image[36:72, 46:74].astype(float).std() > 20
        assert clear == (not 1.0 <= round(t_s, 3) <= 5.0), t_s


def test_odd_sizes_and_a_picture_that_changes_its_size_are_written(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "video.mp4", "clean", lossless=True)
    writer.add(result(0, 0.0, size=(121, 163)), 0.0)
    writer.add(result(1, 0.1, size=(240, 320)), 0.1)
    writer.close()
    assert [image.shape for _, image in read_back(tmp_path / "video.mp4")] == [(120, 162, 3)] * 2


def test_an_encoder_that_does_not_keep_up_loses_pictures_never_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    take = VideoWriter._take

    def stalled(writer: VideoWriter, one: FrameResult, t_s: float) -> None:
        go_on.wait(20)
        take(writer, one, t_s)

    monkeypatch.setattr(VideoWriter, "_take", stalled)
    folder = new_folder(tmp_path)
    video = VideoWriter(folder / "video.mp4", "clean")
    writer = SessionWriter(folder, header(), live=True, video=video)
    for index in range(60):
        writer.add(result(index, index / 30))
    assert video.num_lost > 20
    assert "Frames missing from the video: " in writer.warning
    go_on.set()
    writer.close()
    session = read_session(folder)
    assert len(session.table) == 60
    about = session.about["video"]
    assert about["frames"] + about["frames_lost"] == 60
    assert session.video is not None


def test_a_video_that_cannot_be_written_is_told_and_the_rows_go_on(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    (folder / "video.mp4").mkdir()
    writer = SessionWriter(
        folder, header(), live=True, video=VideoWriter(folder / "video.mp4", "clean")
    )
    writer.add(result(0, 0.0))
    wait_for(lambda: "The video has stopped" in writer.warning)
    writer.add(result(1, 0.1))
    writer.close()
    session = read_session(folder)
    assert len(session.table) == 2
    assert session.about["events"][-1]["event"] == "video_stopped"
    assert not session.complete


@pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")
def test_a_video_is_written_whatever_its_folder_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("study:1")
    folder.mkdir()
    writer = VideoWriter(folder / "video.mp4", "clean", lossless=True)
    writer.add(result(0, 0.0), 0.0)
    writer.close()
    assert writer.problem == ""
    assert len(read_back(tmp_path / "study:1" / "video.mp4")) == 1


@pytest.mark.parametrize(("mode", "lost_s"), [("clean", 0.5), ("anonymous", 1.5)])
def test_a_killed_programs_video_opens_and_lacks_its_last_moment_alone(
    mode: str, lost_s: float, tmp_path: Path
) -> None:
    import signal
    import subprocess
    import sys
    import textwrap

    code = textwrap.dedent(
        f"""
        import sys, threading
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from tests.adapters.test_video_writer import *
        writer = VideoWriter(Path({str(tmp_path)!r}) / "video.mp4", {mode!r}, lossless=True)
        for index in range(150):
            writer.add(result(index, index / 30), index / 30)
        while not writer._waiting.empty():
            threading.Event().wait(0.01)
        sys.stdout.write("added")
        sys.stdout.flush()
        threading.Event().wait(60)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.read(5) == b"added"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    times = [t_s for t_s, _ in read_back(tmp_path / "video.mp4")]
    # without a gap up to its end; an anonymous one is written a second late
    assert times == pytest.approx([index / 30 for index in range(len(times))], abs=1e-3)
    assert 149 / 30 - times[-1] <= lost_s


def labelled(box: Box, *, low_confidence: bool = False) -> FaceResult:
    p = np.array([0.05, 0.05, 0.1, 0.5, 0.1, 0.1, 0.1], np.float32)
    return FaceResult(
        7, box, Square(0, 0, 48), 0.9, Expression(p), p, low_confidence, 0, 300, 120
    )  # fmt: skip


@pytest.mark.parametrize(
    ("box", "left", "top"),
    [
        # a plate stands above its box, to the left; a line of 1 lies between them
        (Box(300, 250, 100, 120), 300, lambda height: 250 - height - 1),
        # under it where there is no room above, and at the bottom where there is none below
        (Box(300, 5, 100, 120), 300, lambda _: 5 + 120 + 1),
        (Box(300, -5, 400, 620), 300, lambda height: 600 - height),
        # never beyond the sides
        (Box(-20, 250, 100, 120), 0, lambda height: 250 - height - 1),
        (Box(790, 250, 100, 120), None, lambda height: 250 - height - 1),
    ],
)
def test_a_plate_stands_where_it_can_be_read(
    box: Box, left: int | None, top: Callable[[int], int]
) -> None:
    import cv2

    face = labelled(box)
    assert face_text(face) == "#7  happy 50 %"
    # the shorter side of 600 makes letters of 2/3, in lines of 1, with 5 pixels around them
    font = cv2.FONT_HERSHEY_SIMPLEX
    (text_width, text_height), below = cv2.getTextSize("#7  happy 50 %", font, 2 / 3, 1)
    height, width = text_height + below + 10, text_width + 10
    y, x = top(height), 800 - width if left is None else left
    ground = np.full((600, 800, 3), 255, np.uint8)
    drawn = draw_faces(ground, (face,))
    dark = (255 * (1 - PLATE_ALPHA) + np.array(rgb(PLATE)) * PLATE_ALPHA).astype(np.uint8)
    plate = np.tile(dark, (height, width, 1))
    origin = (5, 5 + text_height)
    cv2.putText(plate, "#7  happy 50 %", origin, font, 2 / 3, rgb(PLATE_TEXT), 1, cv2.LINE_AA)
    # rows that the box's own lines may cross are left out
    rows = slice(4, height - 4)
    inside = drawn[y : y + height, x : x + width][rows]
    if left is not None:
        np.testing.assert_array_equal(inside[:, 6:], plate[rows, 6:])
    edge = drawn[:, min(x + width // 2, 799)]
    for row, is_plate in [(y, True), (y + height - 1, True), (y - 1, False), (y + height, False)]:
        if 0 <= row < 600 and min(abs(row - box.y), abs(row - box.y - box.height)) > 4:
            assert (edge[row] < 250).any() == is_plate, row


def test_a_box_has_its_labels_colour_on_a_dark_ground() -> None:
    drawn = draw_faces(np.full((600, 800, 3), 255, np.uint8), (labelled(Box(300, 250, 100, 120)),))
    colour = list(rgb(LABEL_COLOURS["happy"]))
    for y, x in [(250, 350), (370, 350), (310, 300), (310, 400)]:
        assert drawn[y, x].tolist() == colour
    for y, x in [(310, 297), (310, 403), (373, 350)]:
        assert (drawn[y, x] < 255).all(), (y, x)
    for y, x in [(310, 295), (310, 405), (375, 350), (310, 350)]:
        assert drawn[y, x].tolist() == [255] * 3


def test_a_box_of_low_confidence_is_dashed() -> None:
    drawn = draw_faces(
        np.full((600, 800, 3), 255, np.uint8),
        (labelled(Box(300, 250, 100, 120), low_confidence=True),),
    )
    colour = list(rgb(LABEL_COLOURS["happy"]))
    # seven pixels of colour and seven of ground, from each corner on
    right = [drawn[y, 400].tolist() == colour for y in (253, 260, 267, 274)]
    assert right == [True, False, True, False]


def test_the_sides_and_dashes_of_a_box_are_known() -> None:
    assert _sides((1, 2), (11, 8)) == [
        ((1, 2), (11, 2)), ((11, 2), (11, 8)), ((11, 8), (1, 8)), ((1, 8), (1, 2)),
    ]  # fmt: skip
    assert _dashes((1, 2), (11, 8), 4) == [
        ((1, 2), (5, 2)), ((9, 2), (11, 2)), ((11, 2), (11, 6)),
        ((11, 8), (7, 8)), ((3, 8), (1, 8)), ((1, 8), (1, 4)),
    ]  # fmt: skip


class Search:
    """Finds a face where ``result`` has its pattern."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.num_closed = 0

    def detect(self, image: np.ndarray) -> list[Detection]:
        if self.error is not None:
            raise self.error
        return [Detection(BOX, 0.9, SHORT_RANGE, 0.0)]

    def close(self) -> None:
        self.num_closed += 1


def test_an_anonymous_video_covers_what_only_its_own_search_finds(tmp_path: Path) -> None:
    search = Search()
    writer = VideoWriter(tmp_path / "video.mp4", "anonymous", lossless=True, search=search)
    for index in range(40):
        writer.add(result(index, index / 20, face=False), index / 20)
    writer.close()
    frames = read_back(tmp_path / "video.mp4")
    assert [round(t_s * 20) for t_s, _ in frames] == list(range(40))
    for t_s, image in frames:
        assert image[36:72, 46:74].astype(float).std() < 20, t_s
    assert search.num_closed == 1


def test_an_anonymous_video_whose_search_fails_stops_and_writes_nothing_clear(
    tmp_path: Path,
) -> None:
    writer = VideoWriter(
        tmp_path / "video.mp4", "anonymous", lossless=True, search=Search(ValueError("no memory"))
    )
    for index in range(60):
        writer.add(result(index, index / 20), index / 20)
    writer.close()
    assert "no memory" in writer.problem
    assert writer.about()["frames"] == 0
