"""Folder of pictures: stepped through; each picture is a place of its own."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ferdesk.core.types import Frame
from ferdesk.errors import SourceError
from ferdesk.factory.sources import open_source
from ferdesk.runtime.playback import Playback
from ferdesk.runtime.reconnect import FrameSource, events_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """b is no picture; the others differ in size and brightness."""
    for i, name in enumerate(("a.png", "c.png", "d.png")):
        cv2.imwrite(str(tmp_path / name), np.full((20 + i, 30, 3), 50 * (i + 1), np.uint8))
    (tmp_path / "b.png").write_bytes(b"no picture")
    return tmp_path


def opened(folder: Path) -> FrameSource:
    source = open_source(str(folder), paced=True)
    assert source.open().kind == "still"
    return source


def read(source: FrameSource) -> Frame:
    frame = source.read()
    assert frame is not None
    return frame


def test_a_folders_pictures_are_stepped_through_in_order(folder: Path) -> None:
    source = opened(folder)
    assert isinstance(source, Playback)
    first = read(source)
    source.step(2)
    third = read(source)
    assert (first.image.mean(), third.image.mean()) == (50, 100)
    assert source.playback().name == "c.png"
    assert (source.playback().position_s, source.playback().length_s) == (2, 4)
    assert first.stretch != third.stretch
    source.seek(3)
    assert read(source).image.shape == (22, 30, 3)
    source.close()


def test_one_that_cannot_be_read_is_told_and_passed_by(folder: Path) -> None:
    source = opened(folder)
    assert isinstance(source, Playback)
    read(source)
    source.step(1)
    # passed by: a name must not stand over another picture
    assert read(source).image.mean() == 100
    assert source.playback().name == "c.png"
    assert [event.kind for event in events_of(source)] == ["pictures_damaged"]
    source.step(-1)
    assert read(source).image.mean() == 50
    assert source.playback().name == "a.png"
    source.close()


def test_where_nothing_further_can_be_read_the_picture_that_is_shown_stays(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"no picture either")
    source = opened(folder)
    assert isinstance(source, Playback)
    read(source)
    events_of(source)
    source.step(-1)
    assert read(source).image.mean() == 100
    assert source.playback().name == "c.png"
    assert [event.t_s for event in events_of(source)] == [1.0, 0.0]
    source.set_loops(True)
    source.step(-1)
    assert read(source).image.mean() == 150
    source.close()


def test_a_broken_first_picture_does_not_keep_the_folder_closed(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"no picture either")
    source = opened(folder)
    assert isinstance(source, Playback)
    assert read(source).image.mean() == 100
    assert (source.playback().name, source.playback().position_s) == ("c.png", 2)
    told = events_of(source)
    assert [(event.kind, event.t_s) for event in told] == [
        ("pictures_damaged", 0.0), ("pictures_damaged", 1.0),
    ]  # fmt: skip
    source.close()
    for name in ("c.png", "d.png"):
        (folder / name).write_bytes(b"")
    with pytest.raises(SourceError, match=r"a\.png is not a picture"):
        open_source(str(folder), paced=True).open()


def test_at_the_end_it_stays_or_begins_again(folder: Path) -> None:
    source = opened(folder)
    assert isinstance(source, Playback)
    source.step(9)
    assert read(source).image.mean() == 150
    source.set_loops(True)
    source.step(1)
    assert read(source).image.mean() == 50
    source.close()
    assert source.read() is None


def test_a_folder_without_pictures_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no pictures"):
        open_source(str(tmp_path), paced=True)
