"""A recorded video, asked for any moment: the right picture, and a sentence where there is none."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ferdesk.adapters.outputs.video_writer import VideoWriter
from ferdesk.adapters.sources.seekable_video import SeekableVideo
from ferdesk.core.types import Frame, FrameResult
from ferdesk.errors import SourceError
from tests.adapters.test_recording_faults import wait_for

TIMES = [0.0, 0.1, 0.15, 0.4, *(0.5 + i / 20 for i in range(60)), 9.0, 9.1]
"""As a live recording has them: never at one rate, and with a gap."""


def fill(writer: VideoWriter) -> None:
    """A picture for each of TIMES that shows its number in black and white stripes."""
    for number, t_s in enumerate(TIMES):
        stripes = np.repeat([255 * (number >> bit & 1) for bit in range(8)], 16)
        image = np.tile(stripes.astype(np.uint8)[None, :, None], (48, 1, 3))
        writer.add(FrameResult(Frame(image, number, t_s, 0.0), (), 0.0, {}), t_s)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    writer = VideoWriter(path, "clean", lossless=True)
    fill(writer)
    writer.close()
    assert not writer.problem
    return path


@pytest.fixture
def seekable(video: Path) -> Iterator[SeekableVideo]:
    seekable = SeekableVideo(video)
    yield seekable
    seekable.close()


def number_at(seekable: SeekableVideo, t_s: float) -> int:
    found = seekable.picture_at(t_s)
    assert found is not None
    image, began_s = found
    stripes = image.mean(axis=(0, 2)).reshape(8, 16).mean(axis=1) > 128
    number = sum(int(bit) << place for place, bit in enumerate(stripes))
    assert began_s == pytest.approx(TIMES[number], abs=0.001)
    return number


def test_each_moment_has_its_picture_forwards_backwards_and_at_random(
    seekable: SeekableVideo,
) -> None:
    order = [*range(len(TIMES)), *reversed(range(len(TIMES)))]
    order += np.random.default_rng(0).permutation(len(TIMES)).tolist()
    for number in order:
        assert number_at(seekable, TIMES[number]) == number


def test_between_two_pictures_the_first_one_stands(seekable: SeekableVideo) -> None:
    assert number_at(seekable, 0.39) == 2
    assert number_at(seekable, 7.0) == TIMES.index(9.0) - 1
    assert number_at(seekable, 1000.0) == len(TIMES) - 1


def test_before_the_first_picture_there_is_none(seekable: SeekableVideo) -> None:
    assert seekable.picture_at(-1.0) is None
    assert number_at(seekable, 0.0) == 0


def test_the_video_of_a_killed_program_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "video.mp4", "clean", lossless=True)
    fill(writer)
    try:
        wait_for(lambda: writer.about()["frames"] == len(TIMES))
        # what lies on the disk before the end is what a killed program leaves
        shutil.copy(writer.path, tmp_path / "left.mp4")
    finally:
        writer.close()
    seekable = SeekableVideo(tmp_path / "left.mp4")
    for number in (0, 20, 3, 40, 10):
        assert number_at(seekable, TIMES[number]) == number
    seekable.close()


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\x00" * 5000])
def test_what_is_no_video_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"video\.mp4"):
        SeekableVideo(path)
    with pytest.raises(SourceError, match=r"gone\.mp4"):
        SeekableVideo(tmp_path / "gone.mp4")
