"""The flow of a frame: detector, tracker, crop, classifier, smoother, result."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FACE_SIZE_PX, crop_face, square_around
from ferdesk.core.quality import is_uncertain, sharpness
from ferdesk.core.smoother import Smoother
from ferdesk.core.tracker import Tracker
from ferdesk.core.types import (
    Detection,
    DeviceInfo,
    Expression,
    FaceResult,
    Frame,
    FrameResult,
    ModelInfo,
)


class FaceDetector(Protocol):
    """Finds faces in a picture [H, W, 3] uint8 RGB."""

    def detect(self, image: NDArray[np.uint8]) -> Sequence[Detection]: ...

    def close(self) -> None: ...


class ExpressionClassifier(Protocol):
    """Judges crops [n, 48, 48] float32, grey values 0..255, in one run."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def device(self) -> DeviceInfo: ...

    def classify(self, crops: NDArray[np.float32]) -> Sequence[Expression]: ...


class Pipeline:
    """``process`` turns a frame into its result; nothing flows back and no stage is skipped.

    One pipeline serves one source: tracker and smoother remember. ``fresh`` makes the next.
    """

    def __init__(
        self,
        detector: FaceDetector,
        classifier: ExpressionClassifier,
        *,
        smoothing_tau_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.detector = detector
        self.classifier = classifier
        self._tracker = Tracker()
        self._smoother = Smoother() if smoothing_tau_s is None else Smoother(smoothing_tau_s)
        self._smoothing_tau_s = smoothing_tau_s
        self._clock = clock

    def fresh(self) -> "Pipeline":
        """A pipeline with the same detector and classifier that remembers no face."""
        return Pipeline(
            self.detector,
            self.classifier,
            smoothing_tau_s=self._smoothing_tau_s,
            clock=self._clock,
        )

    def close(self) -> None:
        """Free the detector; pipelines made by ``fresh`` share it."""
        self.detector.close()

    def process(self, frame: Frame) -> FrameResult:
        """Analyse one frame; every face found is classified."""
        marks = [self._clock()]
        detections = self.detector.detect(frame.image)
        marks.append(self._clock())
        tracked = self._tracker.update(detections, frame.t_s)
        marks.append(self._clock())
        squares = [square_around(f.detection.box, f.detection.framing) for f in tracked]
        crops = np.empty((len(tracked), FACE_SIZE_PX, FACE_SIZE_PX), dtype=np.float32)
        for crop, square in zip(crops, squares, strict=True):
            crop[:] = crop_face(frame.image, square)
        marks.append(self._clock())
        expressions = self.classifier.classify(crops) if tracked else ()
        marks.append(self._clock())
        faces: list[FaceResult] = []
        for face, square, crop, expression in zip(
            tracked, squares, crops, expressions, strict=True
        ):
            box = face.detection.box
            smoothed = self._smoother.update(face.face_id, expression.probabilities, frame.t_s)
            faces.append(
                FaceResult(
                    face_id=face.face_id,
                    box=box,
                    square=square,
                    detection_score=face.detection.score,
                    expression=expression,
                    smoothed=smoothed,
                    uncertain=is_uncertain(smoothed, (box.width + box.height) / 2),
                    roll_deg=face.detection.roll_deg,
                    sharpness=sharpness(crop),
                    brightness=float(crop.mean()),
                )
            )
        self._smoother.forget_before(frame.t_s)
        marks.append(self._clock())
        stages = ("detect", "track", "crop", "classify", "smooth")
        return FrameResult(
            frame=frame,
            faces=tuple(faces),
            latency_ms=(marks[-1] - frame.captured_s) * 1000,
            stage_ms={
                stage: (after - before) * 1000
                for stage, before, after in zip(stages, marks, marks[1:], strict=False)
            },
        )
