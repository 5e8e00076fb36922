"""Pictures: files as one source, copies of them beside the rows, and what a report shows."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ferdesk.adapters.outputs.jpeg import jpeg_of
from ferdesk.core.geometry import Box
from ferdesk.errors import SourceError
from ferdesk.factory.pictures import open_film, session_pictures
from ferdesk.factory.recordings import open_picture_writer
from ferdesk.factory.sources import PictureFiles, picture_files
from ferdesk.sessions.reader import read_session
from tests.helpers.results import FACE, make_result
from tests.helpers.sessions import write_two_faces

RED, GREEN, BLUE = (210, 12, 30), (10, 160, 60), (20, 40, 190)


def picture(left: tuple[int, int, int], right: tuple[int, int, int]) -> np.ndarray:
    """40 x 24, wider than high, its halves of two colours."""
    image = np.empty((24, 40, 3), np.uint8)
    image[:, :20], image[:, 20:] = left, right
    return image


def write_picture(path: Path, image: np.ndarray) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


def decoded(content: bytes | None) -> np.ndarray:
    assert content is not None
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB))


def near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() < 30)


def test_pictures_are_frames_by_their_number_and_bad_ones_are_told(tmp_path: Path) -> None:
    first = write_picture(tmp_path / "a.png", picture(RED, BLUE))
    (tmp_path / "b.png").write_bytes(b"no picture")
    last = write_picture(tmp_path / "c.png", picture(GREEN, RED))
    source = PictureFiles("stimuli", (first, tmp_path / "b.png", last)).open()
    info = source.open()
    assert (info.kind, info.name, info.width, info.height) == ("pictures", "stimuli", 40, 24)
    assert not info.live
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    assert [(frame.index, frame.t_s) for frame in frames] == [(0, 0.0), (2, 2.0)]
    assert near(frames[0].image[12, 5], RED)
    assert near(frames[1].image[12, 5], GREEN)
    (event,) = source.take_events()
    assert (event.kind, event.t_s) == ("pictures_damaged", 1.0)
    assert event.text.startswith("b.png is not a picture")
    nothing = PictureFiles("stimuli", (tmp_path / "b.png",)).open()
    with pytest.raises(SourceError, match="None of the pictures in stimuli"):
        nothing.open()


def test_pictures_are_taken_together_by_their_folders(tmp_path: Path) -> None:
    names = [
        "x/a.jpg", "x/b.PNG", "y/c.heic", "y/d.jpg", "z/alone.jpg", "x/film.mp4", "demo",
        "https://host/e.jpg",
    ]  # fmt: skip
    sets, rest = picture_files(names)
    assert [(one.name, [path.name for path in one.paths]) for one in sets] == [
        ("x", ["a.jpg", "b.PNG"]), ("y", ["c.heic", "d.jpg"]),
    ]  # fmt: skip
    assert rest == ["z/alone.jpg", "x/film.mp4", "demo", "https://host/e.jpg"]


@pytest.mark.parametrize("mode", ["clean", "overlay", "anonymous"])
def test_a_copy_is_what_was_asked_for(tmp_path: Path, mode: str) -> None:
    writer = open_picture_writer(tmp_path, mode)  # type: ignore[arg-type]
    assert writer is not None
    face = replace(FACE, box=Box(20, 90, 60, 70), low_confidence=False)
    image = picture(RED, BLUE).repeat(10, axis=0).repeat(10, axis=1)
    image[100:150:8, 25:75] = image[104:150:8, 25:75] = 255
    image[102:150:8, 25:75] = 0
    writer.add(make_result(face, image=image, index=4), 4.0)
    writer.close()
    copy = decoded((tmp_path / "pictures" / "00005.jpg").read_bytes())
    assert copy.shape == image.shape
    assert near(copy[235, 390], BLUE)
    stripes = float(copy[105:145, 50].astype(int).mean(axis=1).std())
    assert (stripes < 20) is (mode == "anonymous")
    assert near(copy[235, 5], RED)
    # the box's line, a part of which lies beside the face
    edge = copy[120:150, 15:22].astype(int)
    assert (np.abs(edge - RED).max() > 80) == (mode == "overlay") or mode == "anonymous"
    about = writer.about()
    assert (about["mode"], about["frames"], writer.problem) == (mode, 1, "")
    assert open_picture_writer(tmp_path, None) is None


def test_a_folder_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("a file")
    writer = open_picture_writer(tmp_path, "clean")
    assert writer is not None
    for index in range(2):
        writer.add(make_result(image=picture(RED, BLUE), index=index), float(index))
    assert "Pictures are no longer saved" in writer.problem
    assert writer.about()["frames"] == 0


def test_a_sessions_copies_are_read_by_their_numbers(tmp_path: Path) -> None:
    write_picture(tmp_path / "00001.jpg", picture(RED, BLUE))
    write_picture(tmp_path / "00004.jpg", picture(GREEN, BLUE))
    (tmp_path / "thumbs.db").write_bytes(b"x")
    film = open_film(tmp_path)
    assert film.picture_at(-0.5) is None
    for t_s, colour, began_s in ((0.0, RED, 0.0), (2.9, RED, 0.0), (3.0, GREEN, 3.0)):
        found = film.picture_at(t_s)
        assert found is not None
        assert near(found[0][12, 5], colour)
        assert found[1] == began_s
    film.close()


def pictures_session(tmp_path: Path, mode: str) -> Path:
    """Rows of 96 x 54 whose copies are half as large; the face's box is left, and red."""
    files = [{"frame": 2 * i, "file": f"p{i}.png", "width": 96, "height": 54} for i in range(24)]
    about = {
        "source": {"kind": "pictures", "name": "p"},
        "pictures": files,
        "video": {"file": "pictures", "mode": mode, "starts_at_s": 0.0},
    }
    folder = write_two_faces(tmp_path / "s", about=about)
    (folder / "pictures").mkdir()
    path = folder / "results.csv"
    lines = path.read_text("utf-8").splitlines()
    rows = [line.split(",") for line in lines[1:]]
    for row in rows:
        row[1] = row[0]
    path.write_text("\n".join([lines[0], *map(",".join, rows)]) + "\n", "utf-8")
    image = cv2.resize(picture(RED, BLUE), (48, 27), interpolation=cv2.INTER_NEAREST)
    write_picture(folder / "pictures" / "00001.jpg", image)
    return folder


def test_a_report_gets_whole_pictures_and_the_part_of_a_face(tmp_path: Path) -> None:
    folder = pictures_session(tmp_path, "clean")
    with session_pictures(read_session(folder)) as pictures:
        assert pictures is not None
        whole = decoded(pictures.jpeg(0, None, 24))
        assert whole.shape == (14, 24, 3)
        left = decoded(pictures.jpeg(0, Box(-9, 5, 40, 30), 96))
        assert left.shape == (16, 16, 3)
        assert near(left[8, 8], RED)
        right = decoded(pictures.jpeg(0, Box(70, 5, 20, 30), 96))
        assert near(right[8, 4], BLUE)
        assert pictures.jpeg(0, Box(200, 5, 20, 30), 96) is None
        # of the second picture there is no copy, and the first is another
        assert pictures.jpeg(2, None, 24) is None
    assert read_session(folder).film == folder / "pictures"


def test_covered_faces_and_sessions_without_pictures_show_nothing(tmp_path: Path) -> None:
    folder = pictures_session(tmp_path, "anonymous")
    with session_pictures(read_session(folder)) as pictures:
        assert pictures is None
    bare = write_two_faces(tmp_path / "bare")
    (bare / "video.mp4").write_bytes(b"no film")
    with session_pictures(read_session(bare)) as pictures:
        assert pictures is None


def test_originals_are_found_by_their_names_in_the_folder_that_is_given(tmp_path: Path) -> None:
    folder = pictures_session(tmp_path, "off")
    about = json.loads((folder / "session.json").read_text())
    about["pictures"][0]["file"] = "../secret/p0.png"
    (folder / "session.json").write_text(json.dumps(about))
    originals = tmp_path / "originals"
    originals.mkdir()
    write_picture(originals / "p0.png", picture(GREEN, RED))
    with session_pictures(read_session(folder), originals) as pictures:
        assert pictures is not None
        assert near(decoded(pictures.jpeg(0, None, 40))[12, 5], GREEN)


def test_a_jpeg_keeps_its_colours_and_is_never_made_larger() -> None:
    small = decoded(jpeg_of(picture(RED, BLUE), longest_px=20))
    assert small.shape == (12, 20, 3)
    assert near(small[6, 4], RED)
    assert near(small[6, 15], BLUE)
    assert decoded(jpeg_of(picture(RED, BLUE), longest_px=500)).shape == (24, 40, 3)
