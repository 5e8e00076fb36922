"""How long the network takes: ``python benchmarks/judging.py [--model NAME|PATH ...]``.

Blank crops go through the app's own classifier on the CPU, so many at once; several models take
turns, so that what else the machine does meets all of them alike. Printed and kept with ``--out``
are the median and the least of the runs.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.factory.models import find_model
from trainer.delivery.measurements import add_figures

BATCHES = (1, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the network on the CPU.")
    parser.add_argument("--model", action="append", help="several are timed in turns")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--out", type=Path, help="put one model's figures into this JSON file")
    options = parser.parse_args()
    paths = [find_model(name) for name in options.model or [None]]
    if options.out is not None and len(paths) > 1:
        parser.error("--out takes the figures of one model")
    classifiers = [OnnxClassifier(path, "cpu") for path in paths]
    taken_ms: dict[tuple[int, int], list[float]] = {}
    for num_faces in BATCHES:
        crops = np.full((num_faces, FACE_SIZE_PX, FACE_SIZE_PX), 128, np.float32)
        for run in range(options.runs + 5):
            for number, classifier in enumerate(classifiers):
                began_s = time.perf_counter()
                classifier.classify(crops)
                if run >= 5:  # the first ones warm up
                    spent_ms = 1000 * (time.perf_counter() - began_s)
                    taken_ms.setdefault((number, num_faces), []).append(spent_ms)
    for number, path in enumerate(paths):
        rows = [
            {
                "num_faces": num_faces,
                "median_ms": round(statistics.median(taken_ms[number, num_faces]), 2),
                "least_ms": round(min(taken_ms[number, num_faces]), 2),
            }
            for num_faces in BATCHES
        ]
        for row in rows:
            sys.stdout.write(
                f"{path.name}, {row['num_faces']} at once: median {row['median_ms']} ms, "
                f"least {row['least_ms']} ms of {options.runs}\n"
            )
        if options.out is not None:
            found = {"rows": rows, "runs": options.runs}
            add_figures(options.out, path, "speed", "python benchmarks/judging.py", found)


if __name__ == "__main__":
    main()
