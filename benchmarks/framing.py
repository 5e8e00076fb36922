"""Does the app frame a face as FER2013 does? ``python benchmarks/framing.py --data FER2013``.

PublicTest faces are enlarged to 200 pixels and set into a 640x480 picture (their edges repeated, at
places drawn from a fixed seed). The app's own pipeline must find and classify them. Printed are the
share found, and the accuracy on the found ones beside that of the same faces given to the model
directly. With ``--fill`` the faces are enlarged to 300 pixels and are the whole picture; counted as
well are the boxes in 200 pictures without people (``benchmarks/patterns.py``). With ``--live`` each
picture stands for a third of a second, ten frames at a camera's pace within the live search's
budget, and the last frame counts; with ``--counted`` each run of a network takes a fixed time, the
same on every machine (``benchmarks/counted.py``). ``--final`` does it once on PrivateTest and
appends to the log.
"""

import argparse
import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from counted import CountedNetworks
from numpy.typing import NDArray
from patterns import KINDS, patterns

from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
from ferdesk.core.crop import crop_face, square_around
from ferdesk.core.detection.live import LiveSearch
from ferdesk.core.geometry import Square
from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import Detection, FaceResult, Frame, FrameResult
from ferdesk.factory.models import find_model
from ferdesk.paths import detectors_folder
from trainer.data.fer2013 import load_fer2013
from trainer.delivery.measurements import add_row
from trainer.scoring.evaluate import wilson_interval
from trainer.scoring.private_looks import log_private, refuse_second_look_by_file
from trainer.training.checkpoint import current_commit

WIDTH, HEIGHT, FACE_PX, FILLING_PX = 640, 480, 200, 300
CAMERA_INTERVAL_S, LIVE_FRAMES = 1 / 30, 10
_NEAR = 0.35
"""A result belongs to the face where its square's centre lies this near, in sides of the face."""


def set_into_picture(
    face: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], Square]:
    """A picture with the face enlarged in it, and where it lies."""
    large = cv2.resize(face, (FACE_PX, FACE_PX), interpolation=cv2.INTER_CUBIC)
    left = int(rng.integers(40, WIDTH - FACE_PX - 40))
    top = int(rng.integers(40, HEIGHT - FACE_PX - 40))
    grey = cv2.copyMakeBorder(
        large, top, HEIGHT - FACE_PX - top, left, WIDTH - FACE_PX - left, cv2.BORDER_REPLICATE
    )
    image = np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2), dtype=np.uint8)
    return image, Square(left, top, FACE_PX)


def fill_picture(face: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Square]:
    """A picture that is nothing but the face enlarged, and where it lies."""
    large = cv2.resize(face, (FILLING_PX, FILLING_PX), interpolation=cv2.INTER_CUBIC)
    image = np.ascontiguousarray(np.repeat(large[:, :, None], 3, axis=2), dtype=np.uint8)
    return image, Square(0, 0, FILLING_PX)


def nearest(faces: tuple[FaceResult, ...], place: Square) -> FaceResult | None:
    """The result that belongs to the face at ``place``, if there is one."""

    def distance(face: FaceResult) -> float:
        dx = face.square.x + face.square.side / 2 - place.x - place.side / 2
        dy = face.square.y + face.square.side / 2 - place.y - place.side / 2
        return float(np.hypot(dx, dy)) / place.side

    best = min(faces, key=distance, default=None)
    return best if best is not None and distance(best) < _NEAR else None


def nearest_square(detections: Sequence[Detection], place: Square) -> Detection | None:
    """The detection that belongs to the face at ``place``, if there is one."""

    def distance(one: Detection) -> float:
        square = square_around(one.box, one.framing)
        dx = square.x + square.side / 2 - place.x - place.side / 2
        dy = square.y + square.side / 2 - place.y - place.side / 2
        return float(np.hypot(dx, dy)) / place.side

    best = min(detections, key=distance, default=None)
    return best if best is not None and distance(best) < _NEAR else None


class CameraClock:
    """Time as it passes beside a camera, without the waiting between its pictures."""

    def __init__(self, passed_s: Callable[[], float]) -> None:
        self._passed_s = passed_s
        self._ahead_s = 0.0
        self._next_s = 0.0

    def __call__(self) -> float:
        return self._passed_s() + self._ahead_s

    def next_frame(self) -> float:
        """The time of the next picture, which is now, or was while the last one was analysed."""
        now_s = self()
        self._ahead_s += max(0.0, self._next_s - now_s)
        self._next_s = max(self._next_s, now_s) + CAMERA_INTERVAL_S
        return self()


def last_result(
    pipeline: Pipeline, clock: CameraClock, image: NDArray[np.uint8], num: int
) -> FrameResult:
    """What a pipeline that knows nobody says after ``num`` frames of the same picture."""
    scene = pipeline.for_new_source()
    for index in range(num):
        t_s = clock.next_frame()
        result = scene.process(Frame(image, index, t_s, t_s))
    return result


def count_false(pipeline: Pipeline, clock: CameraClock, num: int) -> Counter[str]:
    """How many boxes are given in pictures without people, by what the pictures show."""
    given: Counter[str] = Counter()
    for kind, image in patterns():
        given[kind] += len(last_result(pipeline, clock, image, num).faces)
    return given


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the app's framing with FER2013's own.")
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv or its folder")
    parser.add_argument("--model")
    parser.add_argument("--limit", type=int, help="take only the first N faces")
    parser.add_argument("--out", type=Path, help="put the figures into this JSON file, for card")
    parser.add_argument("--live", action="store_true", help="search as the window does")
    parser.add_argument("--fill", action="store_true", help="faces are the whole picture")
    parser.add_argument("--counted", action="store_true", help="count a network's time")
    parser.add_argument("--final", action="store_true", help="PrivateTest, once, logged")
    options = parser.parse_args()
    split = "private" if options.final else "public"
    faces = load_fer2013(options.data).splits[split]
    num = min(options.limit or len(faces), len(faces))
    rng = np.random.default_rng(2013)
    found = right = right_directly = 0
    pace = FramePacing(CAMERA_INTERVAL_S if options.live else None)
    num_frames = LIVE_FRAMES if options.live else 1
    networks = CountedNetworks(MediaPipeNetworks(detectors_folder()))
    clock = CameraClock(networks.clock if options.counted else time.perf_counter)
    model = find_model(options.model)
    if options.final:
        refuse_second_look_by_file(model, None, what="benchmarks/framing.py")
    classifier = OnnxClassifier(model, "cpu")
    false: Counter[str] = Counter()
    began_s = time.process_time()
    # FER2013's faces are judged by FER2013's labels
    detector = LiveSearch(networks, pacing=pace, clock=clock)
    by_fer2013 = PostProcessing(labels_from="fer2013")
    pipeline = Pipeline(detector, classifier, post_processing=by_fer2013, clock=clock)
    with contextlib.closing(pipeline):
        info = classifier.info
        for i in range(num):
            image, place = (
                fill_picture(faces.pixels[i])
                if options.fill
                else set_into_picture(faces.pixels[i], rng)
            )
            # each picture is a scene of its own: no id or smoothing carries over
            result = last_result(pipeline, clock, image, num_frames)
            face = nearest(result.faces, place)
            if face is None:
                continue
            found += 1
            right += int(face.expression.probabilities.argmax() == faces.labels[i])
            own = crop_face(faces.pixels[i], Square(0, 0, 48))
            direct = classifier.classify(own[None])[0]
            right_directly += int(direct.probabilities.argmax() == faces.labels[i])
        spent_ms = 1000 * (time.process_time() - began_s) / num
        if options.fill:
            false = count_false(pipeline, clock, num_frames)
    shares = {
        "found": found / num,
        "accuracy_through_app": right / max(found, 1),
        "accuracy_directly": right_directly / max(found, 1),
    }
    low, high = wilson_interval(found, num)
    search = f"as {'the window' if options.live else '`analyze`'} does"
    if options.out is not None and not options.final and not options.fill:
        row = {"search": search, "num_faces": num, "interval": [low, high], **shares}
        row = {key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()}
        row["interval"] = [round(low, 4), round(high, 4)]
        how = f"--model {info.name} --limit {num}{' --live' * options.live}"
        add_row(
            options.out, model, "live_gap", f"python benchmarks/framing.py {how}", row, "search"
        )
    sys.stdout.write(
        f"{split}, {num} faces, model {info.name} {info.version}, "
        f"searched {'as the window does' if options.live else 'as analyze does'}\n"
        f"found through the app:            {100 * shares['found']:.1f} % "
        f"(95 %: {100 * low:.1f} to {100 * high:.1f})\n"
        f"right of those, through the app:  {100 * shares['accuracy_through_app']:.1f} %\n"
        f"right of those, given directly:   {100 * shares['accuracy_directly']:.1f} %\n"
        f"difference:                       "
        f"{100 * (shares['accuracy_through_app'] - shares['accuracy_directly']):+.1f} points\n"
        f"processor time for a face:        {spent_ms:.0f} ms with both runs of the model, "
        f"{num_frames} frames\n"
    )
    if options.fill:
        each = ", ".join(f"{kind} {false[kind]}" for kind in KINDS)
        sys.stdout.write(f"boxes in 200 pictures of nobody:  {false.total()} ({each})\n")
    if options.final:
        log_private(
            {
                "what": "benchmarks/framing.py",
                "model": info.name,
                "sha256": info.sha256,
                "commit": current_commit(),
                "num_faces": num,
                "live": options.live,
                "scores": {key: round(value, 4) for key, value in shares.items()},
            }
        )


if __name__ == "__main__":
    main()
