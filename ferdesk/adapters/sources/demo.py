"""Demo source, without a camera: two public-domain portraits move before a backdrop.

The pictures and why they may be shipped: assets/demo/SOURCES.md. The scene is a fixed script of
``LOOP_S`` seconds, the same each time: one person, two, a dip of the light, a loss of focus, the
other person alone, nobody, and round again. Nothing in it is random.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box
from ferdesk.core.types import Frame, SourceInfo
from ferdesk.errors import SourceError
from ferdesk.messages import translatable
from ferdesk.paths import assets_folder

LOOP_S = 20.0
WIDTH, HEIGHT = 1280, 720
RATE_FPS = 30.0

_TOGETHER_S = (8.2, 11.4)
"""When both people are there."""
_STAY_S = 24.0

Picture = NDArray[np.uint8]
Point = tuple[float, float]

_STRIP_PX = 32


@dataclass(frozen=True, slots=True)
class Pose:
    """Pose of a face: its centre and width as the short-range detector boxes it, in pixels.

    ``roll_deg`` is clockwise. ``mouth`` lifts the corners of the mouth and ``brow`` the inner ends
    of the brows, from -1 to 1.
    """

    x: float
    y: float
    width: float
    roll_deg: float
    mouth: float = 0.0
    brow: float = 0.0


@dataclass(frozen=True, slots=True)
class Person:
    """Person of the demo: a cut-out portrait, points on it in its own pixels, and its path.

    ``path`` has poses at times; before the first and after the last the person is away, so both
    ends lie wholly outside the picture.
    """

    name: str
    file: str
    face_center: Point
    face_width: float
    mouth_corners: tuple[Point, Point]
    inner_brows: tuple[Point, Point]
    path: tuple[tuple[float, Pose], ...]


PEOPLE = (
    Person(
        name="Eileen Collins",
        file="collins.webp",
        face_center=(423.0, 230.0),
        face_width=222.0,
        mouth_corners=((376.0, 256.0), (462.0, 256.0)),
        inner_brows=((394.0, 163.0), (448.0, 163.0)),
        path=(
            (0.0, Pose(-480, 395, 160, -6)),
            (1.8, Pose(540, 385, 180, 4)),
            (3.4, Pose(700, 360, 245, 11, -1.0, 0.6)),
            (5.0, Pose(620, 350, 215, -12, 0.5, -1.0)),
            (6.6, Pose(390, 390, 165, -3, -1.0, 1.0)),
            (8.4, Pose(330, 400, 158, 8, 0.6)),
            (10.2, Pose(400, 375, 205, -7, -0.6, -1.0)),
            (11.6, Pose(350, 390, 165, 0)),
            (13.4, Pose(-480, 390, 165, -8)),
        ),
    ),
    Person(
        name="Grace Hopper",
        file="hopper.webp",
        face_center=(269.0, 226.0),
        face_width=188.0,
        mouth_corners=((226.0, 262.0), (309.0, 260.0)),
        inner_brows=((243.0, 152.0), (285.0, 149.0)),
        path=(
            (6.0, Pose(1540, 430, 150, 6)),
            (8.0, Pose(940, 425, 160, 5, 0.5)),
            (9.6, Pose(890, 400, 205, -8, 1.0, 0.6)),
            (11.4, Pose(950, 420, 165, 7, -1.0, -1.0)),
            (13.0, Pose(760, 390, 230, -4, 0.8, 1.0)),
            (14.6, Pose(600, 385, 270, 6, -0.8, -0.6)),
            (16.0, Pose(560, 380, 290, -10, 1.0)),
            (17.0, Pose(720, 410, 200, 3)),
            (18.6, Pose(1560, 430, 150, 8)),
        ),
    ),
)

# the light's strength, and the blur's sigma in pixels, at times of the loop
_LIGHT = ((0.0, 1.0), (2.8, 1.0), (4.2, 0.32), (5.6, 1.0), (9.0, 1.0), (10.2, 1.3), (11.4, 1.0))
_BLUR = ((13.8, 0.0), (15.0, 8.0), (15.4, 8.0), (16.6, 0.0))

# how far the face's own movements go, and how far around they are felt, in widths of the face
_MOUTH_LIFT, _MOUTH_REACH = 0.05, 0.11
_BROW_LIFT, _BROW_REACH = 0.035, 0.10


def visible_people(t_s: float) -> dict[str, Box]:
    """Boxes of the faces that lie wholly in the picture at ``t_s``, by the person's name."""
    faces = {}
    for person in PEOPLE:
        pose = _pose(person, t_s)
        if pose is None:
            continue
        half = pose.width / 2
        if half <= pose.x <= WIDTH - half and half <= pose.y <= HEIGHT - half:
            faces[person.name] = Box(pose.x - half, pose.y - half, pose.width, pose.width)
    return faces


def staying(t_s: float) -> float:
    """The script's moment at ``t_s`` of a scene in which each person stays for half a minute.

    The time in which both are there goes forth and back for a while before it goes on.
    """
    begin_s, end_s = _TOGETHER_S
    t_s %= LOOP_S + _STAY_S
    if t_s <= end_s:
        return t_s
    if t_s >= end_s + _STAY_S:
        return t_s - _STAY_S
    span_s = end_s - begin_s
    # a whole number of ways back and forth, so that it goes on where it stopped
    num = max(2 * round(_STAY_S / span_s / 2), 2)
    way = (t_s - end_s) / _STAY_S * num
    back = way % 2
    return end_s - span_s * (back if back <= 1 else 2 - back)


class DemoSource:
    """Demo scene as a source.

    Args:
        duration_s: the end; without one it goes on until it is closed.
        paced: in real time, as a camera would be: ``read`` waits for its frame, and one that
            comes late gets the frame that is due and misses those between. Otherwise each frame
            comes as fast as it is read.
        stays: each person stays for half a minute, for the window; the script else.
        clock: the monotonic clock.
        sleep: waits for so many seconds; by default ``close`` from another thread ends the wait.
    """

    def __init__(
        self,
        *,
        duration_s: float | None = None,
        paced: bool = True,
        stays: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._num_frames = None if duration_s is None else round(duration_s * RATE_FPS)
        self._paced, self._stays = paced, stays
        self._clock = clock
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        self._next_index = 0
        self._start_s: float | None = None
        self._scene: _Scene | None = None

    def open(self) -> SourceInfo:
        self._scene = _Scene(assets_folder() / "demo")
        self._closed.clear()
        self._next_index, self._start_s = 0, None
        return SourceInfo("demo", "demo", "demo", WIDTH, HEIGHT, RATE_FPS)

    def read(self) -> Frame | None:
        if self._closed.is_set() or self._scene is None:
            return None
        index = self._due_index() if self._paced else self._next_index
        if self._closed.is_set() or (self._num_frames is not None and index >= self._num_frames):
            return None
        self._next_index = index + 1
        t_s = index / RATE_FPS
        image = self._scene.render(staying(t_s) if self._stays else t_s)
        return Frame(image, index, t_s, captured_s=self._clock())

    def close(self) -> None:
        self._closed.set()

    def _due_index(self) -> int:
        """The next frame once its time has come, or a later one if that is due already."""
        now_s = self._clock()
        if self._start_s is None:
            self._start_s = now_s
        wait_s = self._start_s + self._next_index / RATE_FPS - now_s
        if wait_s > 0:
            self._sleep(wait_s)
            return self._next_index
        # the sliver keeps a reader who is exactly on time from losing a frame to rounding
        return max(self._next_index, math.floor((now_s - self._start_s) * RATE_FPS + 1e-6))


class _Scene:
    """Scene of the script; ``render`` draws one moment of it."""

    def __init__(self, folder: Path) -> None:
        self._backdrop = _backdrop()
        self._cutouts = [_CutOut(person, folder) for person in PEOPLE]

    def render(self, t_s: float) -> Picture:
        t_s %= LOOP_S
        image = self._backdrop.copy()
        for cutout in self._cutouts:
            pose = _pose(cutout.person, t_s)
            if pose is not None:
                cutout.draw(image, pose)
        sigma = _at(_BLUR, t_s)
        if sigma > 0.3:
            image = _defocus(image, sigma)
        light = _at(_LIGHT, t_s) * (1 + 0.03 * _wave(5, t_s))
        return _u8(cv2.convertScaleAbs(image, alpha=light))


class _CutOut:
    """Cut-out portrait with soft edges that can be drawn in any pose."""

    def __init__(self, person: Person, folder: Path) -> None:
        self.person = person
        self._picture = _premultiplied(folder / person.file)
        side = person.face_width
        left, top = (round(center - side / 2) for center in person.face_center)
        self._face = (slice(top, top + round(side)), slice(left, left + round(side)))
        self._face_at_rest = self._picture[self._face].copy()
        grid = np.mgrid[self._face].astype(np.float32)
        self._rows, self._columns = grid[0] - top, grid[1] - left
        # what is felt at the border of this region would show as a seam, so nothing is
        border = _border_fade(self._rows.shape)
        (ax, ay), (bx, by) = person.mouth_corners
        mouth_reach, lift = _MOUTH_REACH * side, np.float32(_MOUTH_LIFT * side) * border
        at_a, at_b = _bump(grid, (ax, ay), mouth_reach), _bump(grid, (bx, by), mouth_reach)
        middle = _bump(grid, ((ax + bx) / 2, (ay + by) / 2), mouth_reach)
        self._mouth_up = lift * (at_a + at_b - 0.4 * middle)
        self._mouth_out = 0.4 * lift * (at_b - at_a)
        brows = [_bump(grid, point, _BROW_REACH * side) for point in person.inner_brows]
        self._brow_up = np.float32(_BROW_LIFT * side) * border * (brows[0] + brows[1])

    def draw(self, image: Picture, pose: Pose) -> None:
        """Alpha-composite the portrait onto ``image``, in place."""
        self._make_face(pose)
        scale = pose.width / self.person.face_width
        (cx, cy), turn = self.person.face_center, math.radians(pose.roll_deg)
        a, b = scale * math.cos(turn), scale * math.sin(turn)
        place = np.array(
            [[a, -b, pose.x - a * cx + b * cy], [b, a, pose.y - b * cx - a * cy]], np.float64
        )
        height, width = self._picture.shape[:2]
        corners = place @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
        x0, y0 = np.clip(np.floor(corners.min(axis=1)), 0, (WIDTH, HEIGHT)).astype(int).tolist()
        x1, y1 = np.clip(np.ceil(corners.max(axis=1)), 0, (WIDTH, HEIGHT)).astype(int).tolist()
        if x0 >= x1:
            return
        # in strips that fit the processor's cache, each no wider than what it shows: a fifth faster
        for top in range(y0, y1, _STRIP_PX):
            shifted = place - np.array([[0, 0, x0], [0, 0, top]])
            layer = cv2.warpAffine(self._picture, shifted, (x1 - x0, min(_STRIP_PX, y1 - top)))
            left, _, width, _ = cv2.boundingRect(cv2.extractChannel(layer, 3))
            if width > 0:
                region = image[top : top + len(layer), x0 + left : x0 + left + width]
                _composite(region, _u8(layer[:, left : left + width]))

    def _make_face(self, pose: Pose) -> None:
        """Warp the face in place: each pixel is fetched from where it would be at rest."""
        rows = self._rows + pose.mouth * self._mouth_up + pose.brow * self._brow_up
        columns = self._columns - pose.mouth * self._mouth_out
        self._picture[self._face] = cv2.remap(self._face_at_rest, columns, rows, cv2.INTER_LINEAR)


def _composite(region: Picture, layer: Picture) -> None:
    """Alpha compositing of premultiplied RGBA over RGB, in place."""
    through = cv2.bitwise_not(cv2.extractChannel(layer, 3))
    behind = cv2.multiply(region, cv2.merge([through] * 3), scale=1 / 255)
    cv2.add(behind, cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB), dst=region)


def _pose(person: Person, t_s: float) -> Pose | None:
    """Pose interpolated between two of the path's, with a little sway; None while away."""
    t_s %= LOOP_S
    if not person.path[0][0] <= t_s < person.path[-1][0]:
        return None
    after = next(i for i, (at_s, _) in enumerate(person.path) if at_s > t_s)
    (from_s, one), (to_s, two) = person.path[after - 1], person.path[after]
    share = _smoothstep((t_s - from_s) / (to_s - from_s))

    def between(a: float, b: float) -> float:
        return a + (b - a) * share

    return Pose(
        x=between(one.x, two.x) + 7 * _wave(4, t_s),
        y=between(one.y, two.y) + 5 * _wave(7, t_s),
        width=between(one.width, two.width),
        roll_deg=between(one.roll_deg, two.roll_deg) + 0.8 * _wave(9, t_s),
        mouth=between(one.mouth, two.mouth),
        brow=between(one.brow, two.brow),
    )


def _at(script: tuple[tuple[float, float], ...], t_s: float) -> float:
    """Value interpolated between two of the script's; the first and last hold beyond."""
    after = next((i for i, (at_s, _) in enumerate(script) if at_s > t_s), len(script))
    if after in (0, len(script)):
        return script[min(after, len(script) - 1)][1]
    (from_s, one), (to_s, two) = script[after - 1], script[after]
    return one + (two - one) * _smoothstep((t_s - from_s) / (to_s - from_s))


def _smoothstep(share: float) -> float:
    return share * share * (3 - 2 * share)


def _wave(turns: int, t_s: float) -> float:
    """Sine with whole turns in the loop, so that its end meets its start."""
    return math.sin(2 * math.pi * turns * t_s / LOOP_S)


def _bump(grid: NDArray[np.float32], point: Point, reach: float) -> NDArray[np.float32]:
    """Gaussian around ``point``, sigma ``reach`` pixels; ``grid`` has the rows and the columns."""
    away = (grid[0] - point[1]) ** 2 + (grid[1] - point[0]) ** 2
    return cast("NDArray[np.float32]", np.exp(-away / (2 * reach**2)))


def _border_fade(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Ramp [rows, columns]: 0 at a region's border, 1 from a tenth of its side inwards."""
    rows, columns = (
        np.clip(10 * np.minimum(np.arange(n), n - 1 - np.arange(n)) / n, 0, 1) for n in shape
    )
    return np.outer(rows, columns).astype(np.float32)


def _premultiplied(path: Path) -> Picture:
    """Portrait [H, W, 4] uint8 RGBA, premultiplied by its alpha."""
    # not cv2.imread: it cannot open paths with letters beyond the code page on Windows
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as error:
        raise SourceError(
            translatable(
                "The demo's picture {path} cannot be read. Installing ferdesk again "
                "brings it back.",
                path=path,
            )
        ) from error
    bgra = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4:
        raise SourceError(
            translatable(
                "The demo's picture {path} is damaged. Installing ferdesk again brings it back.",
                path=path,
            )
        )
    return _u8(cv2.cvtColor(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA), cv2.COLOR_RGBA2mRGBA))


def _backdrop() -> Picture:
    """Backdrop: a grey-blue studio wall with a pool of light and a warm corner."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)

    def pool(x: float, y: float, reach: float) -> NDArray[np.float32]:
        return cast(
            "NDArray[np.float32]",
            np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * reach**2))[..., None],
        )

    wall = np.array([74, 84, 98], np.float32) - 18 * (rows / HEIGHT)[..., None]
    wall = wall + pool(620, 260, 330) * np.array([62, 64, 66], np.float32)
    wall = wall + pool(1180, 640, 260) * np.array([46, 28, 8], np.float32)
    wall = wall + pool(90, 80, 240) * np.array([6, 16, 30], np.float32)
    # a fixed pattern below one grey level, as smooth slopes of 8 bits show bands
    dither = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16
    wall = wall + np.tile(dither, (HEIGHT // 4, WIDTH // 4))[..., None]
    return cast("Picture", wall.astype(np.uint8))


def _defocus(image: Picture, sigma: float) -> Picture:
    """Gaussian blur; a strong one at reduced size, where it costs little and looks the same."""
    shrink = 1 if sigma < 1 else 2 if sigma < 4 else 4
    small = cv2.resize(image, (WIDTH // shrink, HEIGHT // shrink), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / shrink)
    return _u8(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR))


def _u8(picture: NDArray[np.generic]) -> Picture:
    """OpenCV's types leave the sample type open; here it is always uint8."""
    return cast("Picture", picture)
