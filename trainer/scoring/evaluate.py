"""Evaluation of a classifier: test-time augmentation views, accuracy, recall and calibration.

Works on a checkpoint (torch) and on an exported file (ONNX Runtime) alike: both are a function
from faces [N, 48, 48] to logits [N, 7]. Axes: N faces, K expressions.
"""

import contextlib
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray

from ferdesk.core.crop import FACE_SIZE_PX
from ferdesk.core.labels import LABELS, NUM_LABELS
from ferdesk.errors import DataError
from trainer.data.augment import center_crop
from trainer.data.fer2013 import Faces
from trainer.models.network import Network

Views = Literal["one", "flip", "ten"]
Classifier = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""Faces [N, 48, 48] uint8 -> logits [N, 7]."""

_INNER_CROP_PX = 44
"""The paper's, where a file does not say its own."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one model on one split by one kind of views. All shares lie in [0, 1].

    ``interval`` is Wilson's 95 % interval of the accuracy; ``ece`` has 15 bins of equal width.
    """

    num_faces: int
    accuracy: float
    interval: tuple[float, float]
    macro_recall: float
    recall: dict[str, float]
    ece: float
    nll: float


@contextlib.contextmanager
def whole_float32() -> Iterator[None]:
    """Convolutions of a GPU in whole float32, not TF32: judged figures are those of a processor."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def torch_classifier(model: Network, crop_px: int, temperature: float = 1.0) -> Classifier:
    """Classifier of a torch model in eval mode: one centre crop, on the model's device."""
    device = next(model.parameters()).device

    @torch.no_grad()
    def classify(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        faces = torch.from_numpy(pixels)
        with whole_float32():
            outputs = [
                model(center_crop(faces[i : i + 512].to(device), crop_px)) / temperature
                for i in range(0, len(pixels), 512)
            ]
        return torch.cat(outputs).double().cpu().numpy()

    model.eval()
    return classify


def onnx_crowd(path: Path) -> Classifier | None:
    """Classifier by the crowd head of an exported file; None where it has none.

    Raises:
        DataError: the file is missing, broken, or not one of ours.
    """
    names = {value.name for value in open_session(path).get_outputs()}
    return onnx_classifier(path, "crowd") if "crowd" in names else None


def onnx_classifier(path: Path, output: str = "logits") -> Classifier:
    """Classifier of an exported file: ONNX Runtime on the CPU, with the app's inputs.

    Raises:
        DataError: the file is missing, broken, or not one of ours.
    """
    session = open_session(path)

    def classify(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        outputs = [
            session.run([output], {"faces": pixels[i : i + 256, None].astype(np.float32)})[0]
            for i in range(0, len(pixels), 256)
        ]
        return np.concatenate(outputs).astype(np.float64)

    return classify


def onnx_crop_px(path: Path) -> int:
    """Side of the inner crop of an exported file, from its metadata.

    Raises:
        DataError: the file is missing, broken, or not one of ours.
    """
    text = open_session(path).get_modelmeta().custom_metadata_map.get("crop")
    if text is None:
        return _INNER_CROP_PX
    try:
        return int(json.loads(text)["inner_px"])
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path} has a crop that cannot be read: {text!r}; export again."
        ) from error


def torch_crowd(model: Network, crop_px: int, temperature: float = 1.0) -> Classifier:
    """Classifier by the crowd head of a torch network, one centre crop, as ``torch_classifier``."""
    both = torch_both_heads(model, crop_px)
    return lambda pixels: both(pixels)[:, NUM_LABELS:] / temperature


def torch_both_heads(model: Network, crop_px: int) -> Classifier:
    """Classifier by both heads in one run: logits [N, 14], the labels' seven, then the votes'."""
    device = next(model.parameters()).device

    @torch.no_grad()
    def classify(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        faces = torch.from_numpy(pixels)
        outputs = []
        with whole_float32():
            for i in range(0, len(pixels), 512):
                embedding = model.embed(center_crop(faces[i : i + 512].to(device), crop_px))
                heads = model.classify(embedding), model.classify_crowd(embedding)
                outputs.append(torch.cat(heads, 1))
        return torch.cat(outputs).double().cpu().numpy()

    model.eval()
    return classify


def onnx_version(path: Path) -> str:
    """Version of an exported file, from its metadata.

    Raises:
        DataError: the file is missing, broken, or not one of ours.
    """
    return str(open_session(path).get_modelmeta().custom_metadata_map.get("version", "1"))


def open_session(path: Path) -> Any:  # noqa: ANN401, ONNX Runtime has no types
    """ONNX Runtime session of an exported file, on the CPU.

    Raises:
        DataError: the file is missing, broken, or not one of ours.
    """
    import onnxruntime

    if not path.is_file():
        raise DataError(f"There is no model {path}; make one with ferdesk-train export.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # beside other work, threads that spin cost both far more than they gain
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's classes share no base of their own
        raise DataError(
            f"{path} cannot be opened as an ONNX model; it may be cut off. Export it again."
        ) from error
    names = {value.name for value in (*session.get_inputs(), *session.get_outputs())}
    if not {"faces", "logits"} <= names:
        raise DataError(
            f"{path} is not a model of ferdesk: it lacks faces or logits; make one with "
            "ferdesk-train export."
        )
    return session


def shift_of(crop_px: int) -> int:
    """Distance in pixels from the centre crop of ``crop_px`` to the corner crops."""
    return (FACE_SIZE_PX - crop_px) // 2


def shifted(pixels: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """Faces [N, H, W] shifted by whole pixels, edges repeated."""
    rows = np.clip(np.arange(pixels.shape[1]) - down, 0, pixels.shape[1] - 1)
    columns = np.clip(np.arange(pixels.shape[2]) - right, 0, pixels.shape[2] - 1)
    return pixels[:, rows][:, :, columns]


def view_logits(
    classify: Classifier, pixels: NDArray[np.uint8], views: Views, shift_px: int = 2
) -> NDArray[np.float64]:
    """Logits [N, K], averaged over the test-time augmentation views before any softmax.

    ``one`` is the centre, as the app runs it; ``flip`` adds its mirror; ``ten`` is the paper's:
    centre and four corners, with their mirrors. The corners lie ``shift_px`` from the centre:
    2 for an inner crop of 44 in 48 pixels.
    """
    offsets = [(0, 0)]
    if views == "ten" and shift_px:  # without a margin the corners are the centre
        s = shift_px
        offsets += [(s, s), (s, -s), (-s, s), (-s, -s)]
    faces = [shifted(pixels, down, right) for down, right in offsets]
    if views != "one":
        faces += [np.ascontiguousarray(face[:, :, ::-1]) for face in faces]
    total = classify(faces[0])
    for face in faces[1:]:
        total = total + classify(face)
    return total / len(faces)


def score(logits_NK: NDArray[np.float64], labels_N: NDArray[np.int64]) -> Scores:
    """Scores from logits [N, K] and labels [N]."""
    from sklearn.metrics import recall_score

    predicted = logits_NK.argmax(1)
    correct = predicted == labels_N
    recall_K = recall_score(
        labels_N, predicted, labels=range(NUM_LABELS), average=None, zero_division=math.nan
    )
    recall = dict(zip(LABELS, recall_K.tolist(), strict=True))
    return Scores(
        num_faces=len(labels_N),
        accuracy=float(correct.mean()),
        interval=wilson_interval(int(correct.sum()), len(labels_N)),
        macro_recall=float(np.nanmean(list(recall.values()))),
        recall=recall,
        ece=expected_calibration_error(softmax(logits_NK), labels_N),
        nll=negative_log_likelihood(logits_NK, labels_N),
    )


def softmax(logits_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax over the last axis of [N, K], computed stably."""
    probabilities: NDArray[np.float64] = scipy.special.softmax(logits_NK, axis=1)
    return probabilities


def negative_log_likelihood(logits_NK: NDArray[np.float64], labels_N: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    log_probabilities_NK = scipy.special.log_softmax(logits_NK, axis=1)
    return float(-log_probabilities_NK[np.arange(len(labels_N)), labels_N].mean())


NUM_BINS = 15
"""Of the calibration error: equal widths over [0, 1]."""


def bin_of(confidence_N: NDArray[np.float64]) -> NDArray[np.int64]:
    """Bin index [N] of each confidence, out of ``NUM_BINS`` of equal width."""
    return np.minimum((confidence_N * NUM_BINS).astype(np.int64), NUM_BINS - 1)


def expected_calibration_error(
    probabilities_NK: NDArray[np.float64], labels_N: NDArray[np.int64]
) -> float:
    """Expected calibration error: the mean gap of confidence and accuracy over equal-width bins."""
    confidence = probabilities_NK.max(axis=1)
    correct = probabilities_NK.argmax(axis=1) == labels_N
    bins = bin_of(confidence)
    gaps = [
        abs(float(correct[bins == b].mean()) - float(confidence[bins == b].mean()))
        * float((bins == b).mean())
        for b in range(NUM_BINS)
        if (bins == b).any()
    ]
    return float(sum(gaps))


def fit_temperature(logits_NK: NDArray[np.float64], labels_N: NDArray[np.int64]) -> float:
    """Temperature T that minimises the mean NLL of softmax(logits / T) (Guo et al., 2017)."""
    return lowest_temperature(lambda t: negative_log_likelihood(logits_NK / t, labels_N))


def lowest_temperature(nll: Callable[[float], float]) -> float:
    """Temperature between 0.05 and 20 with the lowest ``nll``."""
    from scipy.optimize import minimize_scalar

    # the NLL is convex in 1 / T, hence unimodal in log T
    found = minimize_scalar(
        lambda log_t: nll(math.exp(log_t)),
        bounds=(math.log(0.05), math.log(20.0)), method="bounded", options={"xatol": 1e-8},
    )  # fmt: skip
    return math.exp(found.x)


def wilson_interval(num_correct: int, num_faces: int) -> tuple[float, float]:
    """Wilson's 95 % interval (1927) of the share ``num_correct`` of ``num_faces``, in [0, 1]."""
    if num_faces == 0:
        return (0.0, 1.0)
    from scipy.stats import binomtest

    interval = binomtest(num_correct, num_faces).proportion_ci(0.95, method="wilson")
    return (float(interval.low), float(interval.high))


def evaluate(classify: Classifier, faces: Faces, views: Views, shift_px: int = 2) -> Scores:
    """Scores of a classifier on ``faces`` by one kind of views."""
    if len(faces) == 0:
        raise DataError("The split has no faces.")
    return score(view_logits(classify, faces.pixels, views, shift_px), faces.labels)


def as_table(scores: Scores, digits: int = 4) -> dict[str, object]:
    """JSON values of the scores, rounded."""

    def rounded(value: object) -> object:
        if isinstance(value, float):  # JSON has no NaN, the recall of an absent expression
            return None if math.isnan(value) else round(value, digits)
        if isinstance(value, dict):
            return {key: rounded(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [rounded(item) for item in value]
        return value

    table = rounded(asdict(scores))
    assert isinstance(table, dict)
    return table


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
