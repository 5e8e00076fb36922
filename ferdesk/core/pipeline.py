"""The flow of a frame: detector, tracker, crop, classifier, smoother, result."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FACE_SIZE_PX, crop_face, square_around
from ferdesk.core.geometry import Box, Square
from ferdesk.core.pacing import AdaptiveBudget, FramePacing
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.quality import FaceQuality, LowConfidenceReason, is_unclear, sharpness
from ferdesk.core.smoother import Smoother
from ferdesk.core.tracking.appearance import appearance_embeddings
from ferdesk.core.tracking.tracker import Tracker
from ferdesk.core.types import (
    Detection,
    DeviceInfo,
    Expression,
    FaceResult,
    Frame,
    FrameResult,
    ModelInfo,
    TrackedFace,
)

_FACES_AT_FIRST = 4.0
_MOST_FACES = 64.0
_BUSY_SHARE = 0.8
"""Judging may take this much of the camera's interval."""
_JUDGED_AT_LEAST_EVERY_S = 0.5
"""However little time there is, what is said of a face is no older than this."""


class FaceDetector(Protocol):
    """Finds faces in a picture [H, W, 3] uint8 RGB."""

    def detect(self, image: NDArray[np.uint8]) -> Sequence[Detection]: ...

    def close(self) -> None: ...


@runtime_checkable
class PacedDetector(Protocol):
    """A detector that remembers where faces were and keeps to a pace."""

    def for_new_source(self) -> FaceDetector:
        """One that shares the models and remembers nothing."""
        ...

    def set_pacing(self, pace: FramePacing) -> None: ...


class ExpressionClassifier(Protocol):
    """Judges crops [n, 48, 48] float32, grey values 0..255, in one run."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def device(self) -> DeviceInfo: ...

    def classify(self, crops: NDArray[np.float32]) -> Sequence[Expression]: ...


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFrame:
    """A frame whose faces are found, tracked and cut out, and not yet judged.

    ``crops`` [n, 48, 48] float32 are those of ``chosen``, which are to be classified, as indices
    of ``faces`` and ``squares``. ``marks_s`` has the clock before detection and after detection,
    tracking and cropping.
    """

    frame: Frame
    faces: tuple[TrackedFace, ...]
    squares: tuple[Square, ...]
    chosen: tuple[int, ...]
    crops: NDArray[np.float32]
    marks_s: tuple[float, ...]
    unconfirmed: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Judgement:
    """What was last said of a face, and of which moment."""

    expression: Expression
    smoothed: NDArray[np.float32]
    sharpness: float
    brightness: float
    t_s: float
    baseline_applied: bool


class Pipeline:
    """``process`` turns a frame into its result; nothing flows back and no stage is skipped.

    Its two halves, ``find`` and ``judge``, may run on two threads at once, each frame passing
    through both in order. One pipeline serves one source: detector, tracker and smoother
    remember. ``fresh`` makes the next.
    """

    def __init__(
        self,
        detector: FaceDetector,
        classifier: ExpressionClassifier,
        *,
        post_processing: PostProcessing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.detector = detector
        self.classifier = classifier
        self._tracker = Tracker()
        self._smoother = Smoother()
        self._post_processing = post_processing or PostProcessing()
        self._clock = clock
        self._pace = FramePacing()
        self._num_judged = AdaptiveBudget(_FACES_AT_FIRST, low=1.0, high=_MOST_FACES)
        # the first belongs to ``judge``, the second to ``find``
        self._judgements: dict[int, _Judgement] = {}
        self._chosen_s: dict[int, float] = {}

    def for_new_source(self) -> "Pipeline":
        """A pipeline with the same models that remembers no face."""
        detector = self.detector
        return Pipeline(
            detector.for_new_source() if isinstance(detector, PacedDetector) else detector,
            self.classifier,
            post_processing=self._post_processing.for_other_faces(),
            clock=self._clock,
        )

    @property
    def post_processing(self) -> PostProcessing:
        return self._post_processing

    def set_post_processing(self, post_processing: PostProcessing) -> None:
        """Apply ``post_processing`` from the next frame on; from any thread."""
        self._post_processing = post_processing

    def set_pacing(self, pace: FramePacing) -> None:
        """Do from the next frame on as much as ``pace`` leaves time for; from any thread."""
        self._pace = pace
        if isinstance(self.detector, PacedDetector):
            self.detector.set_pacing(pace)

    def close(self) -> None:
        """Free the detector; pipelines made by ``fresh`` share it."""
        self.detector.close()

    def process(self, frame: Frame) -> FrameResult:
        """Analyse one frame."""
        return self.classify(self.detect(frame))

    def detect(self, frame: Frame) -> TrackedFrame:
        """The first half: the faces of ``frame``, who they are, and the pictures of them."""
        marks = [self._clock()]
        detections = self.detector.detect(frame.image)
        marks.append(self._clock())
        appearances = appearance_embeddings(frame.image, [d.box for d in detections])
        faces = self._tracker.update(detections, frame.t_s, appearances)
        marks.append(self._clock())
        tracked = {face.detection.box for face in faces}
        unconfirmed = tuple(found.box for found in detections if found.box not in tracked)
        squares = tuple(square_around(f.detection.box, f.detection.framing) for f in faces)
        chosen = self._choose(faces, frame.t_s)
        crops = np.empty((len(chosen), FACE_SIZE_PX, FACE_SIZE_PX), dtype=np.float32)
        for crop, i in zip(crops, chosen, strict=True):
            crop[:] = crop_face(frame.image, squares[i])
        marks.append(self._clock())
        return TrackedFrame(frame, faces, squares, chosen, crops, tuple(marks), unconfirmed)

    def classify(self, found: TrackedFrame) -> FrameResult:
        """The second half: what the faces show."""
        frame, tracked, squares = found.frame, found.faces, found.squares
        chosen, crops = found.chosen, found.crops
        pace, post_processing = self._pace, self._post_processing
        self._smoother.tau_s = post_processing.smoothing_tau_s
        marks = [*found.marks_s, self._clock()]
        # read once: another model may be put in its place at any time
        classifier = self.classifier
        expressions = classifier.classify(crops) if chosen else ()
        marks.append(self._clock())
        for i, crop, expression in zip(chosen, crops, expressions, strict=True):
            face_id = tracked[i].face_id
            baseline = post_processing.baselines.get(face_id)
            said = expression.probabilities
            self._judgements[face_id] = _Judgement(
                expression,
                self._smoother.update(
                    face_id, said if baseline is None else baseline.apply(said), frame.t_s
                ),
                sharpness(crop),
                float(crop.mean()),
                frame.t_s,
                baseline_applied=baseline is not None,
            )
        judged = frozenset(chosen)
        faces = tuple(
            self._result(face, square, post_processing, classified_now=i in judged)
            for i, (face, square) in enumerate(zip(tracked, squares, strict=True))
        )
        self._smoother.forget_before(frame.t_s)
        present = {face.face_id for face in tracked}
        self._judgements = {k: v for k, v in self._judgements.items() if k in present}
        marks.append(self._clock())
        if chosen and pace.interval_s is not None:
            self._num_judged.learn((marks[-1] - marks[4]) / (_BUSY_SHARE * pace.interval_s))
        stages = ("detect", "track", "crop", "wait", "classify", "smooth")
        return FrameResult(
            frame=frame,
            faces=faces,
            latency_ms=(marks[-1] - frame.captured_s) * 1000,
            stage_ms={
                stage: (after - before) * 1000
                for stage, before, after in zip(stages, marks, marks[1:], strict=False)
            },
            unconfirmed=found.unconfirmed,
        )

    def _choose(self, tracked: Sequence[TrackedFace], t_s: float) -> tuple[int, ...]:
        """Which of ``tracked`` are classified now: all without a clock, else the longest waiting.

        A face that was never classified comes first and always, since there is nothing to show
        for it; so does one whose last judgement is too old.
        """
        pace = self._pace
        if pace.every_face or pace.interval_s is None:
            chosen = tuple(range(len(tracked)))
        else:
            ages_s = [t_s - self._chosen_s.get(face.face_id, -math.inf) for face in tracked]
            by_age = sorted(range(len(tracked)), key=lambda i: -ages_s[i])
            num_due = sum(age_s > _JUDGED_AT_LEAST_EVERY_S for age_s in ages_s)
            chosen = tuple(sorted(by_age[: max(num_due, int(self._num_judged.value))]))
        # every frame that is found is judged too: a face that was chosen will have its judgement
        now = {tracked[i].face_id: t_s for i in chosen}
        self._chosen_s = {
            face.face_id: now.get(face.face_id, self._chosen_s.get(face.face_id, -math.inf))
            for face in tracked
        }
        return chosen

    def _result(
        self,
        face: TrackedFace,
        square: Square,
        post_processing: PostProcessing,
        *,
        classified_now: bool,
    ) -> FaceResult:
        found, said = face.detection, self._judgements[face.face_id]
        box = found.box
        quality = FaceQuality(
            (box.width + box.height) / 2,
            said.sharpness,
            said.brightness,
            found.roll_deg,
            found.yaw_deg,
            found.pitch_deg,
        )
        reason: LowConfidenceReason = quality.low_confidence_reason(
            smallest_face_px=post_processing.smallest_face_px
        )
        if not reason and is_unclear(
            said.smoothed,
            below=post_processing.confidence_threshold,
            margin=post_processing.margin_threshold,
        ):
            reason = "unclear"
        return FaceResult(
            face_id=face.face_id,
            box=box,
            square=square,
            detection_score=found.score,
            expression=said.expression,
            smoothed=said.smoothed,
            low_confidence=reason != "",
            roll_deg=found.roll_deg,
            sharpness=said.sharpness,
            brightness=said.brightness,
            classified_now=classified_now,
            baseline_applied=said.baseline_applied,
            reason=reason,
            yaw_deg=found.yaw_deg,
            pitch_deg=found.pitch_deg,
        )
