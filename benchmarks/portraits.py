"""JAFFE's whole pictures through the app: ``python benchmarks/portraits.py --jaffe FOLDER``.

No model that ships has seen JAFFE. Each picture is a scene of its own, analysed as ``ferdesk
analyze`` does it; of several faces the largest counts. Printed are how many faces are found, the
accuracy on the found ones with its 95 % interval, and the recall of each expression; of a model
that also says how people would vote, the same of that.
"""

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ferdesk import wiring
from ferdesk.core.labels import LABELS
from ferdesk.core.types import Frame
from trainer.evaluate import wilson_interval
from trainer.figures import add_figures
from trainer.jaffe import portraits
from trainer.pictures import read_picture


def main() -> None:
    parser = argparse.ArgumentParser(description="Judge JAFFE's pictures through the app.")
    parser.add_argument("--jaffe", type=Path, required=True, help="folder of its .tiff files")
    parser.add_argument("--model")
    parser.add_argument("--out", type=Path, help="put the figures into this JSON file, for card")
    options = parser.parse_args()
    model = wiring.find_model(options.model)
    pictures = portraits(options.jaffe)
    seen: list[tuple[int, int]] = []
    voted: list[tuple[int, int]] = []
    pipeline = wiring.open_pipeline(str(model), "cpu", thorough=True)
    with contextlib.closing(pipeline):
        for path, label in pictures:
            grey = read_picture(path)[0]
            image = grey if grey.ndim == 3 else np.repeat(grey[:, :, None], 3, axis=2)
            frame = Frame(np.ascontiguousarray(image), 0, 0.0, 0.0)
            faces = pipeline.fresh().process(frame).faces
            face = max(faces, key=lambda each: each.square.side, default=None)
            if face is not None:
                seen.append((label, int(face.expression.probabilities.argmax())))
                if face.expression.crowd is not None:
                    voted.append((label, int(face.expression.crowd.argmax())))
    found: dict[str, Any] = {
        "num_pictures": len(pictures), "found": len(seen), **_figures(seen),
    }  # fmt: skip
    if voted:
        found["crowd"] = _figures(voted)
    if options.out is not None:
        command = f"python benchmarks/portraits.py --model {model.stem}"
        add_figures(options.out, model, "jaffe", command, found)
    sys.stdout.write(
        f"{len(pictures)} pictures, {len(seen)} faces found and judged by {model.stem}\n"
        f"{_told(found)}"
    )
    if voted:
        sys.stdout.write(f"as people would vote:\n{_told(found['crowd'])}")


def _figures(seen: list[tuple[int, int]]) -> dict[str, Any]:
    """Accuracy, interval and recalls of pairs of label and answer."""
    hits = sum(label == said for label, said in seen)
    low, high = wilson_interval(hits, len(seen))
    return {
        "accuracy": round(hits / max(len(seen), 1), 4),
        "interval": [round(low, 4), round(high, 4)],
        "recall": {
            name: _share([said == k for label, said in seen if label == k])
            for k, name in enumerate(LABELS)
        },
    }


def _told(found: dict[str, Any]) -> str:
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
