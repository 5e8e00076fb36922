"""JAFFE's whole pictures through the app: ``python benchmarks/portraits.py --jaffe FOLDER``.

No model that ships has seen JAFFE. Each picture is a scene of its own, analysed as ``ferdesk
analyze`` does it; of several faces the largest counts. Printed are how many faces are found, the
accuracy on the found ones with its 95 % interval, and the recall of each expression, by FER2013's
label; for a model that knows people's votes the same by these, as the file has them and as the app
shows them, with its rare labels lifted.
"""

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ferdesk.core.labels import LABELS, lift_rare_labels
from ferdesk.core.types import Frame
from ferdesk.factory.models import find_model, open_pipeline
from trainer.data.images import read_picture
from trainer.data.jaffe import portraits
from trainer.delivery.measurements import add_figures
from trainer.scoring.evaluate import wilson_interval


def main() -> None:
    parser = argparse.ArgumentParser(description="Judge JAFFE's pictures through the app.")
    parser.add_argument("--jaffe", type=Path, required=True, help="folder of its .tiff files")
    parser.add_argument("--model")
    parser.add_argument("--out", type=Path, help="put the figures into this JSON file, for card")
    options = parser.parse_args()
    model = find_model(options.model)
    pictures = portraits(options.jaffe)
    seen: list[tuple[int, int]] = []
    by_crowd: list[tuple[int, int]] = []
    as_shown: list[tuple[int, int]] = []
    pipeline = open_pipeline(str(model), "cpu", thorough=True)
    with contextlib.closing(pipeline):
        for path, label in pictures:
            grey = read_picture(path)[0]
            image = grey if grey.ndim == 3 else np.repeat(grey[:, :, None], 3, axis=2)
            frame = Frame(np.ascontiguousarray(image), 0, 0.0, 0.0)
            faces = pipeline.for_new_source().process(frame).faces
            face = max(faces, key=lambda each: each.square.side, default=None)
            if face is not None:
                expression = face.expression
                by_label = expression.fer2013
                if by_label is None:
                    by_label = expression.probabilities
                seen.append((label, int(by_label.argmax())))
                if expression.crowd is not None:
                    by_crowd.append((label, int(expression.crowd.argmax())))
                    as_shown.append((label, int(lift_rare_labels(expression.crowd).argmax())))
    found: dict[str, Any] = {
        "num_pictures": len(pictures), "found": len(seen), **_figures(seen),
    }  # fmt: skip
    if by_crowd:
        found["crowd"] = _figures(by_crowd)
        found["votes_as_shown"] = _figures(as_shown)
    if options.out is not None:
        command = f"python benchmarks/portraits.py --model {model.stem}"
        add_figures(options.out, model, "jaffe", command, found)
    sys.stdout.write(
        f"{len(pictures)} pictures, {len(seen)} faces found and classified by {model.stem}\n"
        f"{_text(found)}"
    )
    if by_crowd:
        sys.stdout.write(f"people's votes, as in the file:\n{_text(found['crowd'])}")
        sys.stdout.write(f"people's votes, as shown:\n{_text(found['votes_as_shown'])}")


def _figures(seen: list[tuple[int, int]]) -> dict[str, Any]:
    """Accuracy, interval and recalls of pairs of label and prediction."""
    hits = sum(label == predicted for label, predicted in seen)
    low, high = wilson_interval(hits, len(seen))
    return {
        "accuracy": round(hits / max(len(seen), 1), 4),
        "interval": [round(low, 4), round(high, 4)],
        "recall": {
            name: _share([predicted == k for label, predicted in seen if label == k])
            for k, name in enumerate(LABELS)
        },
    }


def _text(found: dict[str, Any]) -> str:
    """Accuracy, interval and recalls as lines of text."""
    low, high = found["interval"]
    recalls = ", ".join(f"{name} {share}" for name, share in found["recall"].items())
    return (
        f"right of those: {100 * found['accuracy']:.1f} % (95 %: {100 * low:.1f} to "
        f"{100 * high:.1f})\nrecall: {recalls}\n"
    )


def _share(hits: list[bool]) -> float | None:
    return round(sum(hits) / len(hits), 4) if hits else None


if __name__ == "__main__":
    main()
