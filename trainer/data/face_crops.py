"""Face crops from whole pictures, framed as the app does: the trainer's only use of the detector.

It is used once for a data set; what it cuts lies in a cache, and training reads that without it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import square_around
from ferdesk.core.geometry import Square
from ferdesk.errors import DataError
from ferdesk.paths import detectors_folder

if TYPE_CHECKING:
    from ferdesk.core.detection.exhaustive import ExhaustiveSearch


def find_squares(images: Iterable[NDArray[np.uint8]]) -> list[Square | None]:
    """Square of the most confident face in each picture; None where there is none.

    Only confirmed detections count.

    Args:
        images: [H, W] grey or [H, W, 3] RGB, uint8.

    Raises:
        DataError: OpenCV or ONNX Runtime is not installed here.
    """
    try:
        return _find_squares(images)
    except ModuleNotFoundError as error:
        raise DataError(
            f"Framing faces as the app does needs {error.name}, which is not installed here; cut "
            "them where ferdesk is installed and take them along with ferdesk-train data --pack."
        ) from error


def _find_squares(images: Iterable[NDArray[np.uint8]]) -> list[Square | None]:
    from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
    from ferdesk.core.detection.exhaustive import ExhaustiveSearch

    with MediaPipeNetworks(detectors_folder()) as networks:
        detector = ExhaustiveSearch(networks)
        return [_square(detector, image) for image in images]


def _square(detector: "ExhaustiveSearch", image: NDArray[np.uint8]) -> Square | None:
    colour = np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image
    for face in detector.detect(colour):
        if face.confirmed:
            return square_around(face.box, face.framing)
    return None
