"""Which of two models says more of it right? ``python -m benchmarks.which_model fast tiny ...``.

On PublicTest (``--data``, ``--ferplus``), each face as it is: accuracy of both by FER2013's label,
and by what most people chose of the votes as the app shows them and as the file has them, with
McNemar's exact test on the same faces. With ``--corrupted N``, N faces under all corruptions of
``ferdesk-train robustness``. With ``--clips FOLDER``, the faces that the live search finds in the
first pictures of each clip: labels that change from one frame to the next, unclear ones, and how
often both models agree. For docs/models.md; PrivateTest is not read.
"""

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))  # where quality finds its own parts

from benchmarks.quality import judged, say, whole
from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
from ferdesk.core.crop import crop_face
from ferdesk.core.labels import LABELS, LabelsFrom
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.quality import CONFIDENCE_THRESHOLD, MARGIN_THRESHOLD
from ferdesk.core.types import Expression
from ferdesk.errors import FerdeskError
from ferdesk.factory.models import find_model, open_pipeline
from ferdesk.factory.sources import open_source
from trainer.data.fer2013 import load_fer2013
from trainer.data.ferplus import load_ferplus
from trainer.evaluation.corruptions import CORRUPTIONS
from trainer.scoring.statistics import mcnemar

Right = NDArray[np.bool_]
ANSWERS: tuple[LabelsFrom, ...] = ("votes", "fer2013")
SMALLEST_PX = 30
"""Side of the smallest face that is taken from a clip."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare two models on the same faces.")
    parser.add_argument("models", nargs=2, help="bundled models' names, or files")
    parser.add_argument("--data", type=Path, help="fer2013.csv or its folder")
    parser.add_argument("--ferplus", type=Path, help="FER+'s votes")
    parser.add_argument("--corrupted", type=int, default=0, help="so many evenly spread faces")
    parser.add_argument("--clips", type=Path, help="folder of videos")
    parser.add_argument("--frames", type=int, default=90, help="of each clip")
    options = parser.parse_args()
    models = {name: OnnxClassifier(find_model(name), "cpu") for name in options.models}
    if options.data is not None:
        if options.ferplus is None:
            parser.error("--data needs --ferplus")
        data = load_fer2013(options.data)
        public = data.splits["public"]
        chosen, _ = load_ferplus(options.ferplus, data)["public"].plurality()
        on_public_test(models, public.pixels, public.labels, chosen)
        if options.corrupted:
            rows = np.linspace(0, len(chosen) - 1, options.corrupted).round().astype(int)
            corrupted(models, public.pixels[rows], public.labels[rows], chosen[rows])
    if options.clips is not None:
        with contextlib.closing(open_pipeline(options.models[1], "cpu")) as pipeline:
            in_clips(models, pipeline, sorted(options.clips.iterdir()), options.frames)


def on_public_test(
    models: dict[str, OnnxClassifier],
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    chosen: NDArray[np.int64],
) -> None:
    """Accuracy of both and the test of their difference; ``chosen`` is -1 where nobody leads."""
    crops, clear = np.stack([whole(face) for face in pixels]), chosen >= 0
    said = {name: judged(model, crops) for name, model in models.items()}
    kinds: tuple[tuple[str, Callable[[Expression], NDArray[np.float32]], Right], ...] = (
        ("FER2013's label", _by("fer2013"), np.ones(len(labels), np.bool_)),
        ("votes as shown", _by("votes"), clear),
        ("votes as in the file", _in_file, clear),
    )
    for kind, shares, counted in kinds:
        truth = labels if kind == "FER2013's label" else chosen
        right = {name: _labels(said[name], shares)[counted] == truth[counted] for name in models}
        first, second = right.values()
        test = mcnemar(first, second)
        each = ", ".join(f"{name} {100 * hits.mean():.2f} %" for name, hits in right.items())
        say(
            f"{kind}, {counted.sum()} faces: {each}; right by one alone {test.only_first} and "
            f"{test.only_second}, p = {test.p_value:.3g}"
        )
        for name in models:
            if kind != "FER2013's label":
                found = _labels(said[name], shares)
                recall = [100 * (found[chosen == k] == k).mean() for k in range(len(LABELS))]
                told = ", ".join(f"{w} {r:.0f}" for w, r in zip(LABELS, recall, strict=True))
                say(f"    recall of {name}: {told} %, mean {np.mean(recall):.1f}")


def corrupted(
    models: dict[str, OnnxClassifier],
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    chosen: NDArray[np.int64],
) -> None:
    """Mean accuracy over all corruptions, and the difference of the second from the first."""
    hits: dict[tuple[str, LabelsFrom], list[Right]] = {}
    for corruption in CORRUPTIONS:
        for strength in corruption.strengths:
            crops = np.stack([whole(face) for face in corruption.apply(pixels, strength)])
            told = []
            for name, model in models.items():
                said = judged(model, crops)
                for answer in ANSWERS:
                    truth, counted = (chosen, chosen >= 0) if answer == "votes" else (labels, ...)
                    right = (_labels(said, _by(answer)) == truth)[counted]
                    hits.setdefault((name, answer), []).append(right)
                    told.append(f"{name} by {answer} {100 * right.mean():.1f} %")
            say(f"{corruption.name} {strength:g}: {', '.join(told)}")
    for answer in ANSWERS:
        first, second = (np.mean(hits[name, answer], axis=0) for name in models)
        gain = second - first
        error = 2 * gain.std() / len(gain) ** 0.5
        say(
            f"all corruptions by {answer}: {100 * first.mean():.2f} and {100 * second.mean():.2f} "
            f"%, {100 * gain.mean():+.2f} within {100 * error:.2f} (two standard errors)"
        )


def in_clips(
    models: dict[str, OnnxClassifier], pipeline: Pipeline, clips: Sequence[Path], most: int
) -> None:
    """What both say of the faces of clips, frame by frame."""
    flips = {(name, answer): [0, 0, 0, 0] for name in models for answer in ANSWERS}
    for clip in clips:
        crops, places = _faces_of(clip, pipeline, most)
        if not crops:
            continue
        said = {name: judged(model, np.stack(crops)) for name, model in models.items()}
        for answer in ANSWERS:
            both = [_labels(said[name], _by(answer)) for name in models]
            alike = 100 * (both[0] == both[1]).mean()
            say(f"{clip.name}, {len(crops)} faces, {answer}: {alike:.0f} % alike")
            for name, labels in zip(models, both, strict=True):
                shares = np.sort([_by(answer)(one) for one in said[name]], axis=1)
                lead = shares[:, -1] - shares[:, -2]
                unclear = (shares[:, -1] < CONFIDENCE_THRESHOLD) | (lead < MARGIN_THRESHOLD)
                last: dict[int, tuple[int, int]] = {}
                counts = flips[name, answer]
                for (face_id, frame), label in zip(places, labels.tolist(), strict=True):
                    before = last.get(face_id)
                    if before is not None and before[0] == frame - 1:
                        counts[0] += before[1] != label
                        counts[1] += 1
                    last[face_id] = (frame, label)
                counts[2] += int(unclear.sum())
                counts[3] += len(labels)
                share = np.bincount(labels, minlength=len(LABELS)) / len(labels)
                top = np.argsort(-share)[:3]
                told = ", ".join(f"{LABELS[k]} {100 * share[k]:.0f} %" for k in top if share[k])
                say(f"    {name}: {told}")
    for (name, answer), (changed, pairs, unclear_faces, faces) in flips.items():
        say(
            f"{name} by {answer}: {100 * changed / max(1, pairs):.1f} % of {pairs} pairs change, "
            f"{100 * unclear_faces / max(1, faces):.1f} % of {faces} faces unclear"
        )


def _faces_of(
    clip: Path, pipeline: Pipeline, most: int
) -> tuple[list[NDArray[np.float32]], list[tuple[int, int]]]:
    """Crops of a clip's faces, with id and number of frame; none of what is no video."""
    crops, places, own = [], [], pipeline.for_new_source()
    with contextlib.suppress(FerdeskError), contextlib.closing(open_source(str(clip))) as source:
        source.open()
        for number in range(most):
            frame = source.read()
            if frame is None:
                break
            for face in own.process(frame).faces:
                if face.square.side >= SMALLEST_PX:
                    crops.append(crop_face(frame.image, face.square))
                    places.append((face.face_id, number))
    return crops, places


def _by(answer: LabelsFrom) -> Callable[[Expression], NDArray[np.float32]]:
    return lambda one: one.labelled_from(answer).probabilities


def _in_file(one: Expression) -> NDArray[np.float32]:
    assert one.crowd is not None, "the model knows no votes"
    return one.crowd


def _labels(
    said: Sequence[Expression], shares: Callable[[Expression], NDArray[np.float32]]
) -> NDArray[np.int64]:
    return np.array([int(shares(one).argmax()) for one in said])


if __name__ == "__main__":
    main()
