"""Does a crop that is turned upright help? ``python benchmarks/roll_crop.py --data FER2013``.

PublicTest faces are set into a picture as in ``benchmarks/framing.py`` and detected by the
short-range network on it. Each face that is found is cropped twice at its box: as the program does,
and from the picture turned about the box's middle so that the eyes lie level, by the roll of the
landmarks. Printed is the accuracy of both by FER2013's label, for all and for those whose roll is
beyond some angles. With ``--turn DEGREES`` each picture is turned by so much, either way by turns.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from framing import nearest_square, set_into_picture
from numpy.typing import NDArray

from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.adapters.networks.face_landmarks import MediaPipeLandmarks
from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
from ferdesk.core.crop import crop_face, square_around
from ferdesk.core.detection.tiling import whole
from ferdesk.core.measurer import MIN_PRESENCE, square_of_detection
from ferdesk.core.measures.framing import roll_of_eyes
from ferdesk.factory.models import find_model
from ferdesk.paths import detectors_folder, landmarks_folder
from trainer.data.fer2013 import load_fer2013

_BEYOND_DEG = (0.0, 5.0, 10.0, 15.0)


def turned(
    image: NDArray[np.uint8], center: tuple[float, float], angle_deg: float
) -> NDArray[np.uint8]:
    """``image`` turned counterclockwise about ``center``; its border is repeated."""
    height, width = image.shape[:2]
    about = (center[0] - 0.5, center[1] - 0.5)
    matrix = cv2.getRotationMatrix2D(about, angle_deg, 1.0)
    made = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(made, np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare crops with and without their roll.")
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv or its folder")
    parser.add_argument("--model")
    parser.add_argument("--limit", type=int, default=400, help="take only the first N faces")
    parser.add_argument("--turn", type=float, default=0.0, help="turn each picture, degrees")
    options = parser.parse_args()
    faces = load_fer2013(options.data).splits["public"]
    landmarks = MediaPipeLandmarks(landmarks_folder())
    networks = MediaPipeNetworks(detectors_folder(), landmarks)
    classifier = OnnxClassifier(find_model(options.model), "cpu")
    rng = np.random.default_rng(2013)
    rows: list[tuple[float, bool, bool]] = []
    for index in range(min(options.limit, len(faces))):
        image, place = set_into_picture(faces.pixels[index], rng)
        middle = (place.x + place.side / 2, place.y + place.side / 2)
        if options.turn:
            image = turned(image, middle, options.turn * (-1) ** index)
        found = nearest_square(networks.detect_short_range(image, whole(image)), place)
        if found is None:
            continue
        (seen,) = landmarks.landmarks(image, [square_of_detection(found)])
        if seen.presence < MIN_PRESENCE:
            continue
        roll = roll_of_eyes(seen.points)
        square = square_around(found.box, found.framing)
        level = turned(image, found.box.center, roll)
        crops = np.stack([crop_face(image, square), crop_face(level, square)])
        label = int(faces.labels[index])
        upright, levelled = (
            int(one.probabilities.argmax()) == label for one in classifier.classify(crops)
        )
        rows.append((roll, upright, levelled))
    print(f"{classifier.info.name}: {len(rows)} of {index + 1} faces measured")  # noqa: T201
    for beyond in _BEYOND_DEG:
        some = [row for row in rows if abs(row[0]) >= beyond]
        if some:
            as_is, level_share = (100 * np.mean([row[i] for row in some]) for i in (1, 2))
            print(  # noqa: T201
                f"roll beyond {beyond:g} degrees: {len(some)} faces, as they are {as_is:.1f} %, "
                f"eyes level {level_share:.1f} %"
            )


if __name__ == "__main__":
    main()
