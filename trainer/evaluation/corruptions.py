"""Robustness of a model: accuracy under corruptions, and label flips under a moving crop.

The network alone is evaluated: the app does not classify faces that are too small, dark or blurred,
and smooths over time. Axes: N faces, T frames.
"""

import io
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ferdesk.core.crop import FACE_SIZE_PX, crop_face
from ferdesk.core.geometry import Square
from ferdesk.errors import DataError
from trainer.data.fer2013 import Faces
from trainer.scoring.evaluate import Classifier, wilson_interval

Pixels = NDArray[np.uint8]
_SEED = 2013


@dataclass(frozen=True, slots=True)
class Corruption:
    """Corruption at three strengths."""

    name: str
    what: str
    """Unit of the strengths."""
    strengths: tuple[float, float, float]
    apply: Callable[[Pixels, float], Pixels]
    """Faces [N, 48, 48] uint8 and a strength -> corrupted faces of the same shape and dtype."""


def _blur(pixels: Pixels, sigma: float) -> Pixels:
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(pixels.astype(np.float32), (0, sigma, sigma), mode="nearest")
    return _as_pixels(blurred)


def _darken(pixels: Pixels, gain: float) -> Pixels:
    """Low light; a sensor's noise does not shrink with it: 2 grey levels at 1/2, 6 at 1/8."""
    deviation = -2 * math.log2(gain)
    noise = np.random.default_rng(_SEED).normal(0, deviation, pixels.shape)
    return _as_pixels(pixels * gain + noise)


def _compress(pixels: Pixels, quality: float) -> Pixels:
    from PIL import Image

    faces = []
    for face in pixels:
        stored = io.BytesIO()
        Image.fromarray(face).save(stored, "JPEG", quality=int(quality))
        faces.append(np.asarray(Image.open(stored)))
    return np.array(faces, dtype=np.uint8).reshape(pixels.shape)


def _shrink(pixels: Pixels, side_px: float) -> Pixels:
    """Low resolution: resampled as the app crops a face with so few pixels."""
    whole, few = Square(0, 0, FACE_SIZE_PX), int(side_px)
    small = [_as_pixels(crop_face(face, whole, few)) for face in pixels]
    return _as_pixels(np.array([crop_face(face, Square(0, 0, few)) for face in small]))


def _cover(pixels: Pixels, share: float) -> Pixels:
    """Occlusion by a mid-grey square at a random place."""
    side = round(FACE_SIZE_PX * math.sqrt(share))
    rng = np.random.default_rng(_SEED)
    covered = pixels.copy()
    for face in covered:
        top, left = rng.integers(0, FACE_SIZE_PX - side + 1, 2)
        face[top : top + side, left : left + side] = 127
    return covered


CORRUPTIONS = (
    Corruption("blur", "Gaussian of so many pixels of 48", (0.75, 1.25, 2.0), _blur),
    Corruption("low light", "share of the light, with noise", (0.5, 0.25, 0.125), _darken),
    Corruption("compression", "JPEG's quality", (40, 20, 10), _compress),
    Corruption("small faces", "pixels of the face's square", (36, 30, 24), _shrink),
    Corruption("partly covered", "covered share of the square", (0.1, 0.2, 0.3), _cover),
)


def _as_pixels(values: NDArray[Any]) -> Pixels:
    pixels: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels


def evenly_spaced(faces: Faces, limit: int | None) -> Faces:
    """Subset of at most ``limit`` faces at equal distances in the split's order.

    Raises:
        DataError: there is none.
    """
    if not len(faces) or limit == 0:
        raise DataError("There are no faces to evaluate.")
    if limit is None or limit >= len(faces):
        return faces
    chosen = np.linspace(0, len(faces) - 1, limit).round().astype(np.int64)
    return Faces(faces.pixels[chosen], faces.labels[chosen])


def robustness(
    classify: Classifier, faces: Faces, show: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Accuracy by one crop on ``faces``, clean and under each corruption, with 95 % intervals.

    Returns:
        JSON values: ``num_faces``, ``clean`` and, by way and strength, ``accuracy``, ``interval``
        and ``change`` from clean.
    """
    show("clean")
    clean = _accuracy(classify, faces.pixels, faces.labels)
    ways = []
    for corruption in CORRUPTIONS:
        rows = []
        for strength in corruption.strengths:
            show(f"{corruption.name} {strength:g}")
            found = _accuracy(classify, corruption.apply(faces.pixels, strength), faces.labels)
            change = round(found["accuracy"] - clean["accuracy"], 4)
            rows.append({"strength": strength, **found, "change": change})
        ways.append({"way": corruption.name, "strength_is": corruption.what, "strengths": rows})
    return {"num_faces": len(faces), "clean": clean, "ways": ways}


def _accuracy(classify: Classifier, pixels: Pixels, labels_N: NDArray[np.int64]) -> dict[str, Any]:
    hits = int((classify(pixels).argmax(1) == labels_N).sum())
    low, high = wilson_interval(hits, len(labels_N))
    return {
        "accuracy": round(hits / len(labels_N), 4), "interval": [round(low, 4), round(high, 4)],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Motion:
    """Range of a still face's crop motion: shares of its side, a factor less 1, degrees."""

    shift: float = 0.06
    scale: float = 0.08
    rotation_deg: float = 6.0
    frames_per_s: float = 30.0
    num_frames: int = 60


_PERIODS_S = (1.0, 3.0)
"""Periods of the oscillations: a head before a camera, and the detector's box with it."""


def label_flip_rate(
    classify: Classifier,
    faces: Faces,
    motion: Motion | None = None,
    show: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Label flip rate: how often the raw label of a still face changes while its crop moves.

    Two motions: ``moving``, in which shift, scale and rotation each oscillate over their whole
    range with a period between 1 and 3 s; and ``jumping``, the worst case, in which they are drawn
    independently for each frame.

    Returns:
        JSON values: for each motion ``changes``, the share of frames whose label is not that of
        the frame before, its 95 % ``interval`` over faces, and ``never``, the share of faces whose
        label never changes.
    """
    motion = motion or Motion()
    found: dict[str, Any] = {"num_faces": len(faces), **asdict(motion)}
    rng = np.random.default_rng(_SEED)
    size = (len(faces), motion.num_frames, 4)
    period_s = rng.uniform(*_PERIODS_S, (len(faces), 1, 4))
    phase = rng.uniform(0, 1, (len(faces), 1, 4))
    time_s = np.arange(motion.num_frames)[None, :, None] / motion.frames_per_s
    paths = {
        "moving": np.sin(2 * np.pi * (time_s / period_s + phase)),
        "jumping": rng.uniform(-1, 1, size),
    }
    for name, path_NT4 in paths.items():
        show(name)
        flips_N = np.array(
            [
                _flip_rate(classify, face, path_T4, motion)
                for face, path_T4 in zip(faces.pixels, path_NT4, strict=True)
            ]
        )
        half = 1.96 * float(flips_N.std(ddof=1)) / math.sqrt(len(faces)) if len(faces) > 1 else 1
        mean = float(flips_N.mean())
        found[name] = {
            "changes": round(mean, 4),
            "interval": [round(max(0.0, mean - half), 4), round(min(1.0, mean + half), 4)],
            "never": round(float((flips_N == 0).mean()), 4),
        }
    return found


def _flip_rate(
    classify: Classifier, face: Pixels, path_T4: NDArray[np.float64], motion: Motion
) -> float:
    labels_T = classify(moved_crops(face, path_T4, motion)).argmax(1)
    return float((labels_T[1:] != labels_T[:-1]).mean())


def moved_crops(face: Pixels, path_T4: NDArray[np.float64], motion: Motion) -> Pixels:
    """Moved crops [T, 48, 48] of one face, edges repeated.

    Args:
        face: [48, 48].
        path_T4: shift across, shift down, scale and rotation, in shares of ``motion``'s ranges.
        motion: the ranges.
    """
    path = torch.from_numpy(path_T4.astype(np.float32))
    angle = torch.deg2rad(path[:, 3] * motion.rotation_deg)
    scale = torch.exp(path[:, 2] * math.log1p(motion.scale))
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    # grid coordinates span 2 over the picture
    across, down = 2 * motion.shift * path[:, 0], 2 * motion.shift * path[:, 1]
    theta = torch.stack([cos, -sin, across, sin, cos, down], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, [len(path), 1, FACE_SIZE_PX, FACE_SIZE_PX], align_corners=False)
    picture = torch.from_numpy(face.astype(np.float32)).expand(len(path), 1, -1, -1)
    seen = F.grid_sample(picture, grid, padding_mode="border", align_corners=False)
    return _as_pixels(seen[:, 0].numpy())
