"""A red picture stays red on its way out, and what is to be covered is covered."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.adapters.outputs.video_writer import MODES, VideoMode, VideoWriter
from ferdesk.core.anonymize import Recent
from ferdesk.core.geometry import Box
from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.sessions.reader import read_session
from tests.adapters.test_session_writer import header, new_folder
from tests.helpers.results import FACE, OTHER, coloured_picture, make_result

Picture = NDArray[np.uint8]


def filmed(path: Path, mode: VideoMode, *results: FrameResult) -> list[Picture]:
    """The pictures of a video of these results, a tenth of a second apart."""
    writer = VideoWriter(path, mode, lossless=True)
    for number, result in enumerate(results):
        writer.add(result, number / 10)
    writer.close()
    assert writer.problem == ""
    return pictures_of(path)


def pictures_of(path: Path) -> list[Picture]:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [frame.astype(np.uint8) for frame in frames]


def assert_colours_are_kept(picture: Picture) -> None:
    """Red above and blue below, as ``coloured_picture`` is; away from faces and their plates."""
    height = picture.shape[0]
    red, _, blue = picture[2 : height // 2 - 4, -8:].reshape(-1, 3).mean(axis=0)
    assert red > 180
    assert blue < 30
    red, _, blue = picture[height // 2 + 4 : -2, -8:].reshape(-1, 3).mean(axis=0)
    assert red < 30
    assert blue > 160


@pytest.mark.parametrize("faces", [(), (FACE,)], ids=["no face", "a face"])
@pytest.mark.parametrize("mode", MODES)
def test_red_stays_red_in_a_video(
    mode: VideoMode, faces: tuple[FaceResult, ...], tmp_path: Path
) -> None:
    image = coloured_picture(384, 216)
    pictures = filmed(tmp_path / "v.mp4", mode, *[make_result(*faces, image=image)] * 3)
    assert len(pictures) == 3
    for picture in pictures:
        assert_colours_are_kept(picture)


def test_red_stays_red_where_a_face_was() -> None:
    image = coloured_picture(384, 216)
    above, below = Box(20, 10, 60, 70), Box(200, 130, 60, 70)
    faces = (replace(FACE, box=above), replace(OTHER, box=below))
    recent = Recent()
    result = make_result(*faces, image=image)
    recent.add(result)
    covered = recent.covered(result)
    for box, channel in ((above, 0), (below, 2)):
        centre = covered[int(box.y + box.height / 2), int(box.x + box.width / 2)]
        assert centre.argmax() == channel
    assert_colours_are_kept(covered)


def test_an_overlays_box_has_the_labels_own_red(tmp_path: Path) -> None:
    face = replace(FACE, box=Box(60, 40, 200, 120), low_confidence=False, reason="")
    grey = np.full((216, 384, 3), 128, np.uint8)
    (picture,) = filmed(tmp_path / "v.mp4", "overlay", make_result(face, image=grey))
    red, green, blue = picture[100:140, 60].mean(axis=0)
    # angry is #D55E00
    assert red > green + 60 > blue + 90


def grain(box: Box, picture: Picture) -> float:
    inside = picture[int(box.y) : int(box.y + box.height), int(box.x) : int(box.x + box.width)]
    return float(np.abs(np.diff(inside[..., 0].astype(int), axis=1)).mean())


def test_an_anonymous_video_covers_unconfirmed_detections_and_nothing_that_is_neither(
    tmp_path: Path,
) -> None:
    face, suspect, nobody = Box(30, 40, 70, 90), Box(160, 60, 80, 60), Box(280, 40, 70, 90)
    image = coloured_picture(384, 216)
    image[::2, ::4] = 255
    result = make_result(replace(FACE, box=face), image=image, unconfirmed=(suspect,))
    clean = filmed(tmp_path / "clean.mp4", "clean", result, result)[0]
    hidden = filmed(tmp_path / "hidden.mp4", "anonymous", result, result)[0]
    assert min(grain(box, clean) for box in (face, suspect, nobody)) > 10
    assert grain(face, hidden) < 3
    assert grain(suspect, hidden) < 3
    assert grain(nobody, hidden) > 10


def test_a_picture_of_another_size_is_scaled_in_the_video_and_noted_in_the_session(
    tmp_path: Path,
) -> None:
    folder = new_folder(tmp_path)
    video = VideoWriter(folder / "video.mp4", "clean", lossless=True)
    writer = SessionWriter(folder, header(), live=False, lossless=True, video=video)
    for index, (width, height) in enumerate([(384, 216), (384, 216), (200, 300), (384, 216)]):
        image = coloured_picture(width, height)
        writer.add(make_result(FACE, index=index, t_s=index / 10, image=image))
    writer.close()
    pictures = pictures_of(folder / "video.mp4")
    assert [picture.shape for picture in pictures] == [(216, 384, 3)] * 4
    for picture in pictures:
        assert_colours_are_kept(picture)
    events = read_session(folder).about["events"]
    assert [(one["event"], one["t_s"]) for one in events] == [
        ("picture_changed", pytest.approx(0.2, abs=0.05)),
        ("picture_changed", pytest.approx(0.3, abs=0.05)),
    ]
    assert "200x300" in events[0]["text"]
    assert "384x216" in events[1]["text"]
