"""Against the ``fer`` package on the same pictures: ``python benchmarks/peers.py --fer PYTHON``.

PYTHON is an interpreter in an environment of its own: ``python -m venv fer-venv`` and
``fer-venv/bin/pip install fer``. Both programs get the same pictures of the composed scenes
(``benchmarks/scenes.py``) one after the other, already decoded: fer as its documentation calls it,
``FER().detect_emotions(picture)``; ferdesk as its window searches and judges, every face in every
picture. Each in a process of its own, in turn, as often as ``--rounds`` says; medians count.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does, before numpy

import numpy as np
from live import machine
from scenes import Scene, SceneSource, scenes

from ferdesk.core.geometry import Box
from ferdesk.factory.services import WindowServices
from ferdesk.runtime.engine import Engine

SCENE_NAMES = ("360p/small", "480p/3", "1080p/5")
_SAME_IOU = 0.3

_FER = """
import json, sys, time
import numpy as np
from fer.fer import FER
paths, height, width, num = json.loads(sys.argv[1]), *map(int, sys.argv[2:5])
detector = FER()
pictures = [np.load(path) for path in paths]
detector.detect_emotions(pictures[0])
boxes, began = [], time.perf_counter()
for index in range(num):
    found = detector.detect_emotions(pictures[index])
    boxes.append([[float(v) for v in face["box"]] for face in found])
print(json.dumps({"seconds": time.perf_counter() - began, "boxes": boxes}))
"""


def run_fer(python: str, scene: Scene, num: int) -> tuple[float, list[list[Box]]]:
    """Frames a second, and the boxes of each picture."""
    with tempfile.TemporaryDirectory(prefix="ferdesk-peers-") as folder:
        paths = []
        for index in range(num):
            path = Path(folder) / f"{index}.npy"
            # OpenCV's order, as fer expects it
            np.save(path, scene.picture(index)[:, :, ::-1])
            paths.append(str(path))
        spec = scene.spec
        done = subprocess.run(
            [python, "-c", _FER, json.dumps(paths), str(spec.height), str(spec.width), str(num)],
            check=False, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"fer did not run: {done.stderr[-800:]}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    boxes = [[Box(*box) for box in faces] for faces in said["boxes"]]
    return num / said["seconds"], boxes


def run_ferdesk(services: WindowServices, scene: Scene, num: int) -> tuple[float, list[list[Box]]]:
    """The same of the engine; its first pictures, when nobody is known yet, count too."""
    gate = threading.Semaphore(1)
    done = threading.Event()
    boxes: list[list[Box]] = []
    times: list[float] = []

    def take(result: object) -> None:
        times.append(time.perf_counter())
        boxes.append([face.box for face in result.faces])  # type: ignore[attr-defined]
        gate.release(2 if len(times) == 1 else 1)
        if len(boxes) == num:
            done.set()

    engine = Engine(on_result=take)
    engine.classify_every_face(True)
    source = SceneSource(scene, gate=gate)
    engine.start(lambda: source, services.open_pipeline)
    done.wait(300)
    engine.stop()
    return (num - 1) / (times[num - 1] - times[0]), boxes[:num]


def score(scene: Scene, boxes: list[list[Box]]) -> tuple[float, float]:
    """Share of the true faces that were found, and false boxes a picture."""
    num_true = num_found = num_false = 0
    for index, found in enumerate(boxes):
        truth = list(scene.faces(index).values())
        num_true += len(truth)
        num_found += sum(any(box.iou(true) > _SAME_IOU for box in found) for true in truth)
        num_false += sum(not any(box.iou(true) > 0.1 for true in truth) for box in found)
    return num_found / num_true, num_false / len(boxes)


def main() -> None:
    parser = argparse.ArgumentParser(description="ferdesk against fer.")
    parser.add_argument("--fer", required=True, help="the interpreter that has fer installed")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model")
    options = parser.parse_args()
    version = subprocess.run(
        [options.fer, "-c", "from importlib.metadata import version; print(version('fer'))"],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout.strip()  # fmt: skip
    sys.stdout.write(f"{machine()}\nfer {version}, its default; {options.frames} pictures each\n")
    sys.stdout.write(
        f"{'scene':<12}{'fer /s':>8}{'ferdesk /s':>12}{'ratio':>8}{'fer found':>11}"
        f"{'ferdesk found':>15}{'fer false':>11}{'ferdesk false':>15}\n"
    )
    services = WindowServices(model=options.model, provider="cpu")
    services.open_pipeline()
    for name, scene in scenes(list(SCENE_NAMES)).items():
        theirs, ours = [], []
        for _ in range(options.rounds):
            theirs.append(run_fer(options.fer, scene, options.frames))
            ours.append(run_ferdesk(services, scene, options.frames))
        their_fps = statistics.median(fps for fps, _ in theirs)
        our_fps = statistics.median(fps for fps, _ in ours)
        their_found, their_false = score(scene, theirs[-1][1])
        our_found, our_false = score(scene, ours[-1][1])
        sys.stdout.write(
            f"{name:<12}{their_fps:>8.1f}{our_fps:>12.1f}{our_fps / their_fps:>8.1f}"
            f"{their_found:>11.1%}{our_found:>15.1%}{their_false:>11.2f}{our_false:>15.2f}\n"
        )
        sys.stdout.flush()
    services.close()


if __name__ == "__main__":
    main()
