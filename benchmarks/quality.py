"""How bad may a face be? ``python -m benchmarks.quality --data FER2013``, for docs/uncertain.md.

PublicTest faces are made smaller, blurred, darker, brighter and turned in the plane, and given to
the shipped model as the app would give them; and, as they are, they are set into pictures where the
detector estimates how the heads are turned. Printed is how accuracy falls: by FER2013's label, and,
with ``--ferplus``, of the votes as the app shows them by what most people chose. PrivateTest is not
read. ``--model`` measures another model than ``fast``.
"""

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))  # where framing finds its own parts

from benchmarks.framing import nearest, set_into_picture
from ferdesk.core.crop import FACE_SIZE_PX, crop_face
from ferdesk.core.geometry import Square
from ferdesk.core.labels import LabelsFrom
from ferdesk.core.pipeline import ExpressionClassifier, Pipeline
from ferdesk.core.quality import CONFIDENCE_THRESHOLD, MARGIN_THRESHOLD, sharpness
from ferdesk.core.types import Expression, Frame
from ferdesk.factory.models import open_pipeline
from trainer.data.fer2013 import load_fer2013
from trainer.data.ferplus import load_ferplus

Faces = NDArray[np.uint8]
SIDES_PX = (48, 32, 28, 24, 20, 18, 16, 14, 12, 10, 8)
BLURS_PX = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
LIGHTS = (1.0, 0.5, 0.25, 0.15, 0.1, 0.07, 0.05, 0.03)
OVER = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
TURNS_DEG = (0, 10, 20, 25, 30, 35, 40, 50, 60, 90)
SECTIONS = ("size", "blur", "light", "over", "turn", "own", "unclear")
CONFIDENCES = (0.0, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.8, 1.01)
LEADS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 1.01)
NOISE_GREY = 2.0
"""Standard deviation of a webcam's noise in the dark, in grey values; it does not dim."""
_BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what bad pictures cost.")
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv or its folder")
    parser.add_argument("--ferplus", type=Path, help="FER+'s votes, to judge the votes by")
    parser.add_argument("--model", help="a bundled model's name, or a file; by default tiny")
    parser.add_argument("--limit", type=int, default=1200, help="take only the first N faces")
    parser.add_argument("--only", choices=SECTIONS, help="measure one thing only")
    parser.add_argument("--poses", action="store_true", help="the heads' poses instead, slower")
    options = parser.parse_args()
    data = load_fer2013(options.data)
    public = data.splits["public"]
    faces, labels = public.pixels[: options.limit], public.labels[: options.limit]
    truths = [Truth("FER2013's label", "fer2013", labels)]
    if options.ferplus is not None:
        chosen, _ = load_ferplus(options.ferplus, data)["public"].plurality()
        truths.append(Truth("people's choice", "votes", chosen[: options.limit]))
    with contextlib.closing(open_pipeline(options.model, "cpu", thorough=True)) as pipeline:
        info = pipeline.classifier.info
        say(f"PublicTest, {len(faces)} faces, model {info.name} {info.version}")
        if options.poses:
            measure_poses(pipeline, faces, labels)
        else:
            measure_pictures(pipeline.classifier, faces, truths, options.only)


@dataclass(frozen=True, slots=True)
class Truth:
    """What labels of one kind are judged by: ``labels`` [n], -1 where a face has none."""

    name: str
    labels_from: LabelsFrom
    labels: NDArray[np.int64]

    def right(self, said: Sequence[Expression]) -> NDArray[np.bool_]:
        """[m] whether they are right, of the faces that have a truth."""
        labels = np.array([int(self.probabilities(one).argmax()) for one in said])
        return (labels == self.labels)[self.labels >= 0]

    def probabilities(self, said: Expression) -> NDArray[np.float32]:
        return said.labelled_from(self.labels_from).probabilities


def measure_pictures(
    classifier: ExpressionClassifier,
    faces: Faces,
    truths: Sequence[Truth],
    only: str | None = None,
) -> None:
    rng = np.random.default_rng(2013)

    def smaller(side: float) -> Callable[[Faces], Faces]:
        size = (int(side), int(side))
        return lambda face: np.asarray(cv2.resize(face, size, interpolation=cv2.INTER_AREA))

    def blurred(sigma: float) -> Callable[[Faces], Faces]:
        return lambda face: np.asarray(cv2.GaussianBlur(face, (0, 0), sigma)) if sigma else face

    def lit(share: float) -> Callable[[Faces], Faces]:
        def change(face: Faces) -> Faces:
            noise = rng.normal(0, NOISE_GREY, face.shape)
            return np.clip(np.round(face * share + noise), 0, 255).astype(np.uint8)

        return change

    def turned(degrees: float) -> Callable[[Faces], Faces]:
        matrix = cv2.getRotationMatrix2D((23.5, 23.5), -degrees, 1)
        return lambda face: np.asarray(
            cv2.warpAffine(face, matrix, (48, 48), borderMode=cv2.BORDER_REPLICATE)
        )

    for name, title, values, make in (
        ("size", "side of the face's square, pixels", SIDES_PX, smaller),
        ("blur", "blur of the 48-pixel crop, sigma in its pixels", BLURS_PX, blurred),
        ("light", f"light, as a share (with noise of {NOISE_GREY:g} grey values)", LIGHTS, lit),
        ("over", "too much light, times", OVER, lit),
        ("turn", "turned in the plane, degrees", TURNS_DEG, turned),
    ):
        if only not in (None, name):
            continue
        names = "  ".join(truth.name for truth in truths)
        say(f"\n{title}\n   value  right by {names}  sharpness (median)  brightness (median)")
        for value in values:
            change = make(float(value))
            crops = np.stack([whole(change(face)) for face in faces])
            said = judged(classifier, crops)
            right = "  ".join(f"{100 * truth.right(said).mean():6.1f} %" for truth in truths)
            sharp = float(np.median([sharpness(crop) for crop in crops]))
            bright = float(np.median(crops.mean(axis=(1, 2))))
            say(f"{value:8g}  {right}  {sharp:18.0f}  {bright:19.0f}")
    if only not in (None, "own", "unclear"):
        return
    crops = np.stack([whole(face) for face in faces])
    said = judged(classifier, crops)
    if only != "own":
        for truth in truths:
            measure_unclear(truth, said)
    if only == "unclear":
        return
    right_N = truths[0].right(said)
    for title, measured in (
        ("sharpness as it is", np.array([sharpness(crop) for crop in crops])),
        ("brightness as it is", crops.mean(axis=(1, 2))),
    ):
        say(f"\n{title}, tenths of the faces\n   from        to  accuracy")
        edges = np.quantile(measured, np.linspace(0, 1, 11))
        for low, high in pairwise(edges):
            share = 100 * right_N[(measured >= low) & (measured <= high)].mean()
            say(f"{low:7.0f}  {high:8.0f}  {share:6.1f} %")


def measure_unclear(truth: Truth, said: Sequence[Expression]) -> None:
    """Accuracy by the largest probability and by its lead, and what the rule marks."""
    right = truth.right(said)
    sorted_NK = np.sort([truth.probabilities(one) for one in said], axis=1)[truth.labels >= 0]
    largest, lead = sorted_NK[:, -1], sorted_NK[:, -1] - sorted_NK[:, -2]
    for title, measured, edges in (
        ("largest probability", largest, CONFIDENCES),
        ("its lead", lead, LEADS),
    ):
        say(f"\n{truth.name}, {title}\n   from    to  faces  accuracy")
        for low, high in pairwise(edges):
            chosen = (measured >= low) & (measured < high)
            share = f"{100 * right[chosen].mean():6.1f} %" if chosen.any() else "none"
            say(f"{low:7.2f}  {high:4.2f}  {chosen.sum():5d}  {share}")
    marked = (largest < CONFIDENCE_THRESHOLD) | (lead < MARGIN_THRESHOLD)
    shares = (marked.mean(), right[marked].mean(), right[~marked].mean())
    told = [f"{100 * share:.1f} %" for share in shares]
    say(f"marked unclear: {told[0]}; right of these {told[1]}, of the others {told[2]}")


def measure_poses(pipeline: Pipeline, faces: Faces, labels: Faces) -> None:
    rng = np.random.default_rng(2013)
    rows: list[tuple[float, float, float, bool]] = []
    for pixels, label in zip(faces, labels, strict=True):
        image, place = set_into_picture(pixels, rng)
        face = nearest(pipeline.for_new_source().process(Frame(image, 0, 0.0, 0.0)).faces, place)
        if face is not None:
            by_label = face.expression.fer2013
            if by_label is None:
                by_label = face.expression.probabilities
            right = bool(by_label.argmax() == label)
            rows.append((abs(face.yaw_deg), abs(face.pitch_deg), abs(face.roll_deg), right))
    table = np.array(rows)
    say(f"found: {len(table)}")
    for column, (name, edges) in enumerate(
        (
            ("yaw", (0, 10, 20, 25, 30, 35, 40, 81)),
            ("pitch", (0, 10, 20, 25, 30, 81)),
            ("roll", (0, 10, 20, 25, 30, 35, 181)),
        )
    ):
        say(f"\n{name}, degrees either way\n  from    to  faces  accuracy")
        for low, high in pairwise(edges):
            chosen = table[(table[:, column] >= low) & (table[:, column] < high)]
            share = f"{100 * chosen[:, 3].mean():6.1f} %" if len(chosen) else "none"
            say(f"{low:6d}  {high:4d}  {len(chosen):5d}  {share}")


def whole(face: Faces) -> NDArray[np.float32]:
    """The crop of a picture that is a face's square and nothing else."""
    return crop_face(face, Square(0, 0, face.shape[0]))


def judged(classifier: ExpressionClassifier, crops: NDArray[np.float32]) -> list[Expression]:
    """What the classifier says of each of ``crops`` [n, 48, 48]."""
    assert crops.shape[1:] == (FACE_SIZE_PX, FACE_SIZE_PX)
    said: list[Expression] = []
    for start in range(0, len(crops), _BATCH):
        said += classifier.classify(crops[start : start + _BATCH])
    return said


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
