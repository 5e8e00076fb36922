"""Model factory: model files by name, and the pipeline of detector and classifier."""

import contextlib
import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.adapters.networks.face_landmarks import MediaPipeLandmarks, load_canonical_face
from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier, Provider
from ferdesk.core.detection.live import LiveSearch
from ferdesk.core.detection.networks import DetectorChoice
from ferdesk.core.measurer import MeasureModels, Measurer
from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import FaceDetector, Pipeline
from ferdesk.core.types import ModelInfo
from ferdesk.errors import ModelError
from ferdesk.messages import translatable
from ferdesk.paths import detectors_folder, landmarks_folder, mediapipe_folder, models_folder

_PREFERRED_MODELS = ("full", "tiny", "fast")

BEST_FIRST = ("full", "full-int8", "tiny", "tiny-int8", "fast", "fast-int8")
"""In which order models are tried live, until one keeps the camera's rate: the more accurate
first, of equally accurate ones the quicker (docs/models.md)."""


def bundled_models() -> list[Path]:
    """The model files that ship with the program."""
    return sorted(models_folder().glob("*.onnx"))


def find_model(name: str | None) -> Path:
    """The file of a bundled model's name or of a path; by default ``full``, else ``tiny``.

    Raises:
        ModelError: there is none.
    """
    bundled = {path.stem: path for path in bundled_models()}
    if name is None:
        for preferred in (*_PREFERRED_MODELS, *bundled):
            if preferred in bundled:
                return bundled[preferred]
        raise ModelError(
            translatable(
                "No model ships in {path}; give one with --model PATH.", path=models_folder()
            )
        )
    if name in bundled:
        return bundled[name]
    path = Path(name)
    with contextlib.suppress(OSError):
        if path.suffix == ".onnx" or path.exists():
            return path
    raise ModelError(
        translatable(
            "There is no model {name!r}; there are {names}, or give a path.",
            name=name,
            names=", ".join(bundled) or "none",
        )
    )


def quick_model() -> str | None:
    """The model to begin with before any was timed: the one that is quick everywhere."""
    return "tiny" if "tiny" in {path.stem for path in bundled_models()} else None


def model_info(path: Path) -> ModelInfo:
    """What a model file says of itself.

    Raises:
        ModelError: it is missing or broken.
    """
    return OnnxClassifier(path, "cpu").info


def open_pipeline(
    model: str | None = None,
    provider: Provider = "auto",
    *,
    thorough: bool = False,
    detector: DetectorChoice = "ferdesk",
) -> Pipeline:
    """Detector and classifier, loaded and joined.

    Args:
        model: a bundled model's name or a path.
        provider: the device to run it on.
        thorough: search every square of every frame, until the engine sets a pace.
        detector: who finds faces; MediaPipe's package looks at each whole picture only.

    Raises:
        ModelError: a model is missing or broken, or the detector's package is not installed.
    """
    path = find_model(model)
    # side by side: loading the network computes, loading the detector is mostly imports
    with ThreadPoolExecutor(1, "ferdesk-model") as pool:
        loading = pool.submit(OnnxClassifier, path, provider)
        search = open_detector(detector, thorough=thorough)
        try:
            classifier = loading.result()
        except BaseException:
            search.close()
            raise
    return Pipeline(search, classifier, measurer=Measurer(measure_models))


def open_detector(detector: DetectorChoice, *, thorough: bool = False) -> FaceDetector:
    """Face detector, loaded.

    Raises:
        ModelError: it is missing or broken, or its package is not installed.
    """
    if detector == "mediapipe":
        # never imported unless it was chosen: the package reports its use
        from ferdesk.adapters.networks.mediapipe_tasks import MediaPipeDetector

        return MediaPipeDetector(mediapipe_folder())
    networks = MediaPipeNetworks(detectors_folder(), measure_models().networks)
    return LiveSearch(networks, pacing=FramePacing(None) if thorough else None)


@functools.cache
def measure_models() -> MeasureModels:
    """Landmark networks and canonical face, once for all pipelines.

    Raises:
        ModelError: one is missing or broken.
    """
    folder = landmarks_folder()
    return MeasureModels(MediaPipeLandmarks(folder), load_canonical_face(folder))
