"""What measuring a face costs, and how symmetric its movements are.

``python benchmarks/measures.py`` prints CPU time a face on one core: cutting, landmarks, movements,
and what is computed of them, for one face and for four in one batch. ``--sides CLIP...`` prints the
noise of left minus right (``ferdesk.core.measures.movements.SIDE_NOISE``): the 95th percentile of
the part of it that a mirror does not turn around, over 60 frames of each clip. ``--blinks
SESSION...`` takes sessions of whole clips, analysed with ``--measure all``, and prints how many of
the blinks that an eye sees in them are found, from every picture and from fewer.
"""

# ruff: noqa: T201
import argparse
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.adapters.networks.face_landmarks import (
    MediaPipeLandmarks,
    cut,
    load_canonical_face,
)
from ferdesk.adapters.sources.demo import DemoSource
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.core.geometry import Region
from ferdesk.core.measurer import square_of_detection
from ferdesk.core.measures.blinks import BlinkDetector
from ferdesk.core.measures.eyes import Openness, gaze, openness
from ferdesk.core.measures.framing import TurnedSquare
from ferdesk.core.measures.movements import MOVEMENTS, SIDE_NOISE
from ferdesk.core.measures.one_euro import OneEuroFilter
from ferdesk.core.measures.pose import pose_matrix
from ferdesk.paths import detectors_folder, landmarks_folder
from ferdesk.sessions.reader import read_session

_RUNS = 100
_FRAMES = 60
_BLINKS_S = {
    ("WolfgangLanger_Pexels", 1): (6.38, 8.43, 10.33, 12.0, 16.1, 17.89),
    ("cap12_edit", 1): (25.6, 30.96),
    ("face_noface", 1): (0.9,),
    ("head-pose-face-detection-female-and-male", 1): (3.5,),
    ("head-pose-face-detection-female-and-male", 2): (0.67, 1.62, 2.33, 3.08, 4.12),
    ("noface_face", 1): (4.85,),
    ("single_face", 1): (0.9,),
}
"""When who blinks, by the names of sessions and ids of faces: looked at picture by picture."""

_OUTCOMES = ("found", "missed", "made up")


def cpu_ms(work: Callable[[], object]) -> tuple[float, float]:
    """Median and least CPU time of ``work``, in milliseconds; a busy machine spoils the first."""
    times = []
    for _ in range(_RUNS):
        began_s = time.process_time()
        work()
        times.append((time.process_time() - began_s) * 1000)
    return float(np.median(times)), min(times)


def square_in(detectors: MediaPipeNetworks, image: np.ndarray) -> TurnedSquare | None:
    """The crop of the largest face that the short-range network sees."""
    height, width = image.shape[:2]
    found = detectors.detect_short_range(image, Region(0, 0, width, height))
    return square_of_detection(max(found, key=lambda d: d.box.width)) if found else None


def costs() -> None:
    detectors = MediaPipeNetworks(detectors_folder())
    networks, face = MediaPipeLandmarks(landmarks_folder()), load_canonical_face(landmarks_folder())
    source = DemoSource(duration_s=20.0, paced=False)
    source.open()
    image, square = None, None
    while square is None and (frame := source.read()) is not None:
        image = frame.image
        square = square_in(detectors, image)
    source.close()
    assert image is not None
    assert square is not None
    height, width = image.shape[:2]
    (one,) = networks.landmarks(image, [square])
    one_euro, rotation = OneEuroFilter(), pose_matrix(face, one.points, width, height)[0]
    ticks = iter(range(10**9))
    for title, faces, work in (
        ("cutting", 1, lambda: cut(image, square)),
        ("cutting and landmarks", 1, lambda: networks.landmarks(image, [square])),
        ("the same, four at once", 4, lambda: networks.landmarks(image, [square] * 4)),
        ("movements", 1, lambda: networks.movements([one])),
        ("the same, four at once", 4, lambda: networks.movements([one] * 4)),
        ("head pose", 1, lambda: pose_matrix(face, one.points, width, height)),
        ("eyes and gaze", 1, lambda: (openness(one.points), gaze(face, one.points, rotation))),
        ("smoothing", 1, lambda: one_euro.update(one.points, 100.0, next(ticks) / 30)),
    ):
        median, least = cpu_ms(work)
        print(f"{title:28}{median / faces:7.2f} ms a face, at least {least / faces:.2f}")


def sides(clips: list[Path]) -> None:
    detectors, networks = (
        MediaPipeNetworks(detectors_folder()),
        MediaPipeLandmarks(landmarks_folder()),
    )
    left = [MOVEMENTS.index(name + "Left") for name in SIDE_NOISE]
    right = [MOVEMENTS.index(name + "Right") for name in SIDE_NOISE]
    kept = []
    for path in clips:
        images = []
        source = VideoFile(str(path))
        source.open()
        while (frame := source.read()) is not None:
            images.append(frame.image)
        source.close()
        for index in np.linspace(0, len(images) - 1, min(len(images), _FRAMES)).astype(int):
            image = images[index]
            square = square_in(detectors, image)
            if square is None:
                continue
            other = TurnedSquare(
                image.shape[1] - square.center_x, square.center_y, square.side, -square.roll_deg
            )
            seen = networks.landmarks(image, [square])
            seen += networks.landmarks(np.ascontiguousarray(image[:, ::-1]), [other])
            if min(one.presence for one in seen) > 0.9:
                off = [one[left] - one[right] for one in networks.movements(seen)]
                kept.append(np.abs(off[0] + off[1]) / 2)
    for name, noise in zip(SIDE_NOISE, np.quantile(kept, 0.95, axis=0), strict=True):
        print(f"{name:16}{noise:.3f}  (in use: {SIDE_NOISE[name]:.2f})")


def blinks(sessions: list[Path]) -> None:
    """Blinks found, missed and made up, from every picture and from fewer of them."""
    found: Counter[tuple[int, str]] = Counter()
    for session in map(read_session, sessions):
        table = session.table
        for face_id in np.unique(table.face_id[table.face_id > 0]).tolist():
            rows = np.flatnonzero(table.face_id == face_id)
            eyes = [table.added_numbers(f"eye_open_{side}")[rows] for side in ("left", "right")]
            seen = np.isfinite(eyes).all(axis=0)
            series = np.stack([table.t_s[rows], *eyes])[:, seen]
            wanted = _BLINKS_S.get((session.name, face_id), ())
            for every in (1, 2, 3, 4):
                for first in range(every):
                    starts = _blink_starts(series[:, first::every])
                    near = [any(abs(one - start) < 0.3 for start in starts) for one in wanted]
                    more = [s for s in starts if all(abs(one - s) >= 0.3 for one in wanted)]
                    found[every, "found"] += sum(near)
                    found[every, "missed"] += len(near) - sum(near)
                    found[every, "made up"] += len(more)
    for every in (1, 2, 3, 4):
        counts = ", ".join(f"{what} {found[every, what]}" for what in _OUTCOMES)
        print(f"of each {every} pictures one: {counts}")


def _blink_starts(series: np.ndarray) -> list[float]:
    """When the blinks of ``series`` [3, n], times and both eyes' openness, began."""
    detector = BlinkDetector()
    return [
        blink.start_s
        for t_s, left, right in series.T.tolist()
        for blink in detector.update(Openness(left, right), t_s)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Costs and symmetry of the measures of a face.")
    parser.add_argument("--sides", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument("--blinks", nargs="+", type=Path, metavar="SESSION")
    options = parser.parse_args()
    if options.blinks:
        blinks(options.blinks)
    elif options.sides:
        sides(options.sides)
    else:
        costs()


if __name__ == "__main__":
    main()
