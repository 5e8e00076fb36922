"""Figures of an exported file, measured on itself: accuracy, crowd metrics, ranges of maps."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.errors import DataError
from trainer.data.fer2013 import Faces
from trainer.data.ferplus import FerPlus
from trainer.scoring.crowd_metrics import score_crowd
from trainer.scoring.evaluate import as_table, evaluate, onnx_classifier, open_session, score


def run_outputs(
    path: Path, names: Sequence[str], pixels: NDArray[np.uint8]
) -> dict[str, NDArray[np.float32]]:
    """Outputs ``names`` of an exported file for whole faces [N, 48, 48] uint8, from one pass."""
    session = open_session(path)
    parts = [
        session.run(list(names), {"faces": pixels[i : i + 256, None].astype(np.float32)})
        for i in range(0, len(pixels), 256)
    ]
    return {name: np.concatenate(values) for name, *values in zip(names, *parts, strict=True)}


def accuracy_of(
    path: Path,
    outputs: Mapping[str, NDArray[np.float32]],
    faces: Faces,
    shift_px: int,
    ten_crops: bool,
) -> dict[str, object]:
    """Accuracy figures by one crop, from ``outputs``, and where wanted by ten."""
    if len(faces) == 0:
        raise DataError("The split has no faces.")
    found: dict[str, object] = {
        "one_crop": as_table(score(outputs["logits"].astype(np.float64), faces.labels))
    }
    if ten_crops:
        scores = evaluate(onnx_classifier(path), faces, "ten", shift_px)
        found["ten_crop"] = as_table(scores)
    return found


def crowd_table(outputs: Mapping[str, NDArray[np.float32]], votes: FerPlus) -> dict[str, object]:
    """Crowd metrics of both heads on the same faces, one crop each."""
    return {
        head: score_crowd(outputs[output].astype(np.float64), votes).as_table()
        for head, output in (("crowd", "crowd"), ("labels", "logits"))
    }


def map_ranges(
    outputs: Mapping[str, NDArray[np.float32]], names: Sequence[str]
) -> dict[str, list[float]]:
    """Display range of each map: its 2nd and 98th percentile over PublicTest."""
    return {name: [float(x) for x in np.percentile(outputs[name], [2, 98])] for name in names}
