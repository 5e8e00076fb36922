"""Movements of a face: MediaPipe's 52 blendshapes, from 0 (at rest) to 1 (as far as it goes).

They are named after ARKit's blendshapes, in MediaPipe's order. They are no action units: nobody
trained in FACS has coded what the network learned from. Right and left are the person's own.

The network is not symmetric: the same face in a mirror has other values. ``sides`` tells by how
much the sides of a movement differ, as far as that is more than the network's own difference, and
``mean_of_mirrored`` has the mean of both.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOVEMENTS = (
    "_neutral",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft",
    "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft",
    "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft",
    "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""The movements in the network's order; ``_neutral`` stands first and says little."""

_INDEX = {name: index for index, name in enumerate(MOVEMENTS)}


def _opposite(name: str) -> str:
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


_MIRRORED = np.array([_INDEX[_opposite(name)] for name in MOVEMENTS])
SIDE_NOISE: Mapping[str, float] = {
    "browDown": 0.08, "browOuterUp": 0.14, "cheekSquint": 0.02, "eyeBlink": 0.10,
    "eyeLookDown": 0.04, "eyeLookUp": 0.02, "eyeSquint": 0.14, "eyeWide": 0.02, "mouthDimple": 0.09,
    "mouthFrown": 0.02, "mouthLowerDown": 0.16, "mouthPress": 0.09, "mouthSmile": 0.03,
    "mouthStretch": 0.07, "mouthUpperUp": 0.07, "noseSneer": 0.02,
}  # fmt: skip
"""Movements that each side of the face makes for itself, and the noise of left minus right.

95th percentile of the part of the difference that does not change its sign in a mirror, which is
the network's and not the face's, over 60 frames of each of six clips; at least 0.02
(``benchmarks/measures.py --sides``). Eyes that look in or out turn together and are left out.
"""


def mirrored(movements: NDArray[np.float32]) -> NDArray[np.float32]:
    """Movements [..., 52] of the mirrored face: left and right change places."""
    return movements[..., _MIRRORED]


def mean_of_mirrored(
    movements: NDArray[np.float32], of_mirrored_picture: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Mean of movements [..., 52] and those that the mirrored picture gave.

    A face and its mirrored picture then have the same values but for left and right.
    """
    return np.asarray((movements + mirrored(of_mirrored_picture)) / 2, dtype=np.float32)


def sides(movements: NDArray[np.float32]) -> dict[str, float]:
    """Left minus right of movements [52], by the names of ``SIDE_NOISE``.

    A difference within the noise of the network is left out: it says nothing of the face.
    """
    differences = {
        name: float(movements[_INDEX[name + "Left"]] - movements[_INDEX[name + "Right"]])
        for name in SIDE_NOISE
    }
    return {name: off for name, off in differences.items() if abs(off) > SIDE_NOISE[name]}


def with_sides_joined(
    movements: NDArray[np.floating[Any]],
) -> tuple[list[str], NDArray[np.floating[Any]]]:
    """Names [k], and values [..., k] of movements [..., 52], with sides that differ only.

    Where left and right lie within the network's noise of each other in every row, their mean
    stands for both, under the name without a side.
    """
    names: list[str] = []
    values: list[NDArray[np.floating[Any]]] = []
    for i, name in enumerate(MOVEMENTS):
        base = name.removesuffix("Left").removesuffix("Right")
        if base in SIDE_NOISE:
            left, right = (movements[..., _INDEX[base + side]] for side in ("Left", "Right"))
            if not (np.abs(left - right) > SIDE_NOISE[base]).any():
                if base not in names:
                    names.append(base)
                    values.append((left + right) / 2)
                continue
        names.append(name)
        values.append(movements[..., i])
    return names, np.stack(values, axis=-1)


def largest(
    movements: NDArray[np.float32], number: int, above: float = 0.1
) -> list[tuple[str, float]]:
    """Names and values of the largest of movements [52], the largest first; never ``_neutral``.

    Sides that differ by no more than the network's noise are one movement.
    """
    names, values = with_sides_joined(movements)
    order = [int(i) for i in np.argsort(-values, kind="stable") if i != 0 and values[i] >= above]
    return [(names[i], float(values[i])) for i in order[:number]]
