"""Pipeline, the flow of a frame: detector, tracker, crop, classifier, smoother, result."""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.crop import FACE_SIZE_PX, crop_face, square_around
from ferdesk.core.geometry import Box, Square
from ferdesk.core.measurer import Measured, Measurer
from ferdesk.core.pacing import AdaptiveBudget, FramePacing
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.quality import FaceQuality, LowConfidenceReason, is_unclear, sharpness
from ferdesk.core.smoother import Smoother
from ferdesk.core.tracking.appearance import appearance_embeddings
from ferdesk.core.tracking.tracker import Tracker
from ferdesk.core.types import (
    STAGES,
    Detection,
    DeviceInfo,
    Expression,
    FaceResult,
    Frame,
    FrameResult,
    ModelInfo,
    TrackedFace,
)

if TYPE_CHECKING:
    from ferdesk.core.labels import LabelsFrom

_FACES_AT_FIRST = 4.0
_MOST_FACES = 64.0
_BUSY_SHARE = 0.8
"""Classification may take this much of the camera's interval."""
_MEASURING_SHARE = 0.5
"""And measuring this much."""
_MEASURED_AT_LEAST_EVERY_S = 0.4
"""However little time there is, a face is measured as often as this: sooner than the measurer
forgets what is shown of it."""
_CLASSIFIED_AT_LEAST_EVERY_S = 0.5
"""However little time there is, a face's classification is no older than this."""


class FaceDetector(Protocol):
    """Face detector: detections in a picture [H, W, 3] uint8 RGB."""

    def detect(self, image: NDArray[np.uint8]) -> Sequence[Detection]: ...

    def close(self) -> None: ...


@runtime_checkable
class PacedDetector(Protocol):
    """Paced face detector: it remembers where faces were and keeps to a frame pacing."""

    def for_new_source(self) -> FaceDetector:
        """Detector that shares the networks and remembers no face."""
        ...

    def set_pacing(self, pacing: FramePacing) -> None: ...


class ExpressionClassifier(Protocol):
    """Expression classifier of crops [n, 48, 48] float32, grey values 0..255, in one batch."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def device(self) -> DeviceInfo: ...

    def classify(self, crops: NDArray[np.float32]) -> Sequence[Expression]: ...


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFrame:
    """Tracked frame: its faces are detected, tracked and cropped, and not yet classified.

    ``crops`` [n, 48, 48] float32 are those of ``chosen``, the faces to be classified, as indices
    of ``faces`` and ``squares``. ``marks_s`` has the clock before detection and after detection,
    tracking and cropping. ``unconfirmed`` has the boxes of detections that became no face.
    """

    frame: Frame
    faces: tuple[TrackedFace, ...]
    squares: tuple[Square, ...]
    chosen: tuple[int, ...]
    crops: NDArray[np.float32]
    marks_s: tuple[float, ...]
    unconfirmed: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Classification:
    """Last classification of a face, raw and smoothed, with the quality of its crop."""

    expression: Expression
    smoothed: NDArray[np.float32]
    sharpness: float
    brightness: float
    baseline_applied: bool


class Pipeline:
    """Pipeline: ``process`` turns a frame into its result; nothing flows back, no stage is skipped.

    Its two halves, ``detect`` and ``classify``, may run on two threads at once, each frame passing
    through both in order. One pipeline serves one source: detector, tracker and smoother
    remember. ``for_new_source`` makes the next.
    """

    def __init__(
        self,
        detector: FaceDetector,
        classifier: ExpressionClassifier,
        *,
        post_processing: PostProcessing | None = None,
        measurer: Measurer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.detector = detector
        self.classifier = classifier
        self.measurer = measurer
        self._tracker = Tracker()
        self._smoother = Smoother()
        self._post_processing = post_processing or PostProcessing()
        self._clock = clock
        self._beside = ThreadPoolExecutor(1, "ferdesk-measures")
        self._pacing = FramePacing()
        self._num_classified = AdaptiveBudget(_FACES_AT_FIRST, low=1.0, high=_MOST_FACES)
        self._num_measured = AdaptiveBudget(1.0, low=0.1, high=_MOST_FACES)
        self._measured_owed = 0.0
        # the last belongs to ``detect``, what stands before it to ``classify``
        self._classifications: dict[int, _Classification] = {}
        self._measured_s: dict[int, float] = {}
        self._labels_from: LabelsFrom | None = None
        self._chosen_s: dict[int, float] = {}
        # one of each half, since a frame is in one while the next is in the other
        self._stretch_detected: int | None = None
        self._stretch_classified: int | None = None

    def for_new_source(self) -> "Pipeline":
        """Pipeline with the same models that remembers no face."""
        detector = self.detector
        return Pipeline(
            detector.for_new_source() if isinstance(detector, PacedDetector) else detector,
            self.classifier,
            post_processing=self._post_processing.for_other_faces(),
            measurer=None if self.measurer is None else self.measurer.for_new_source(),
            clock=self._clock,
        )

    @property
    def post_processing(self) -> PostProcessing:
        return self._post_processing

    def set_post_processing(self, post_processing: PostProcessing) -> None:
        """Apply ``post_processing`` from the next frame on; from any thread."""
        self._post_processing = post_processing

    def set_pacing(self, pacing: FramePacing) -> None:
        """Do from the next frame on as much as ``pacing`` leaves time for; from any thread."""
        self._pacing = pacing
        if isinstance(self.detector, PacedDetector):
            self.detector.set_pacing(pacing)

    def close(self) -> None:
        """Free the detector; pipelines made by ``for_new_source`` share it."""
        self.detector.close()
        self._beside.shutdown(wait=False)

    def process(self, frame: Frame) -> FrameResult:
        """Analyse one frame."""
        return self.classify(self.detect(frame))

    def detect(self, frame: Frame) -> TrackedFrame:
        """First half of the pipeline: detector, tracker and crop."""
        marks = [self._clock()]
        if frame.stretch != self._stretch_detected:
            self._begin_stretch(frame.stretch)
        detections = self.detector.detect(frame.image)
        marks.append(self._clock())
        appearances = appearance_embeddings(frame.image, [d.box for d in detections])
        faces = self._tracker.update(detections, frame.t_s, appearances)
        marks.append(self._clock())
        tracked = {face.detection.box for face in faces}
        unconfirmed = tuple(d.box for d in detections if d.box not in tracked)
        squares = tuple(square_around(face.detection.box, face.detection.framing) for face in faces)
        chosen = self._choose(faces, frame.t_s)
        crops = np.empty((len(chosen), FACE_SIZE_PX, FACE_SIZE_PX), dtype=np.float32)
        for crop, i in zip(crops, chosen, strict=True):
            crop[:] = crop_face(frame.image, squares[i])
        marks.append(self._clock())
        return TrackedFrame(frame, faces, squares, chosen, crops, tuple(marks), unconfirmed)

    def classify(self, tracked: TrackedFrame) -> FrameResult:
        """Second half of the pipeline: classifier, measures, neutral baselines and smoother."""
        frame, pacing, post_processing = tracked.frame, self._pacing, self._post_processing
        marks = [*tracked.marks_s, self._clock()]
        # read once: another model may be put in its place at any time
        classifier = self.classifier
        # live, another core measures meanwhile: what is shown comes sooner
        measuring = None
        if pacing.interval_s is not None and self._is_measuring(post_processing):
            measuring = self._beside.submit(self._measure, tracked, post_processing)
        expressions = classifier.classify(tracked.crops) if tracked.chosen else ()
        marks.append(self._clock())
        measured = measuring.result() if measuring else self._measure(tracked, post_processing)
        marks.append(self._clock())
        if frame.stretch != self._stretch_classified:
            self._stretch_classified = frame.stretch
            self._smoother.restart()
        self._smoother.tau_s = post_processing.smoothing_tau_s
        expressions = [one.labelled_from(post_processing.labels_from) for one in expressions]
        self._begin_anew_with(expressions)
        for i, crop, expression in zip(tracked.chosen, tracked.crops, expressions, strict=True):
            face_id = tracked.faces[i].face_id
            baseline = post_processing.baselines.get(face_id)
            raw = expression.probabilities
            shifted = raw if baseline is None else baseline.apply(raw)
            self._classifications[face_id] = _Classification(
                expression,
                smoothed=self._smoother.update(face_id, shifted, frame.t_s),
                sharpness=sharpness(crop),
                brightness=float(crop.mean()),
                baseline_applied=baseline is not None,
            )
        classified_now = frozenset(tracked.chosen)
        faces = tuple(
            self._result(
                face, square, post_processing, measured, classified_now=i in classified_now
            )
            for i, (face, square) in enumerate(zip(tracked.faces, tracked.squares, strict=True))
        )
        self._smoother.forget_before(frame.t_s)
        present = {face.face_id for face in tracked.faces}
        self._classifications = {k: v for k, v in self._classifications.items() if k in present}
        marks.append(self._clock())
        stages_s = [after - before for before, after in pairwise(marks)]
        if tracked.chosen and pacing.interval_s is not None:
            busy_s = marks[-3] - marks[-4]
            self._num_classified.learn(busy_s / (_BUSY_SHARE * pacing.interval_s))
        return FrameResult(
            frame=frame,
            faces=faces,
            latency_ms=(marks[-1] - frame.captured_s) * 1000,
            stage_ms={
                stage: spent_s * 1000 for stage, spent_s in zip(STAGES, stages_s, strict=True)
            },
            unconfirmed=tracked.unconfirmed,
        )

    def _is_measuring(self, post_processing: PostProcessing) -> bool:
        """Whether there is something to measure, or to forget since it was switched off."""
        return self.measurer is not None and (
            post_processing.measures != "off" or bool(self._measured_s)
        )

    def _measure(self, tracked: TrackedFrame, post_processing: PostProcessing) -> Measured:
        """Measures of the frame's faces: of all without a clock, else in turn.

        With time for one of many, the chosen face has about every second turn.
        """
        faces = {face.face_id: face.detection for face in tracked.faces}
        measurer, t_s = self.measurer, tracked.frame.t_s
        if measurer is None or not self._is_measuring(post_processing):
            return Measured()
        interval_s = self._pacing.interval_s
        weights = {post_processing.chosen_face: float(len(faces))}
        ages_s = {one: t_s - self._measured_s.get(one, -math.inf) for one in faces}
        ids = sorted(faces, key=lambda one: -ages_s[one] * weights.get(one, 1.0))
        if interval_s is not None:
            self._measured_owed = min(
                self._measured_owed + self._num_measured.value, float(max(len(ids), 1))
            )
            waited_s = max((ages_s[one] for one in ids[:1]), default=0.0)
            least = 1 if waited_s >= _MEASURED_AT_LEAST_EVERY_S else 0
            ids = ids[: max(least, int(self._measured_owed))]
            self._measured_owed = max(0.0, self._measured_owed - len(ids))
        began_s = self._clock()
        measured = measurer.measure(tracked.frame.image, faces, ids, t_s, post_processing.measures)
        if interval_s is not None and ids:
            busy_s = self._clock() - began_s
            self._num_measured.learn(busy_s / (_MEASURING_SHARE * interval_s))
        now = dict.fromkeys(ids, t_s)
        self._measured_s = {
            one: now.get(one, self._measured_s.get(one, -math.inf)) for one in faces
        }
        if post_processing.measures == "off":
            self._measured_s = {}
        return measured

    def _begin_stretch(self, stretch: int) -> None:
        """Another place of the source: what was known of the faces there is of no use here."""
        first = self._stretch_detected is None
        self._stretch_detected = stretch
        if first:
            return
        self._tracker.restart()
        self._chosen_s = {}
        if isinstance(self.detector, PacedDetector):
            self.detector = self.detector.for_new_source()
            self.set_pacing(self._pacing)

    def _begin_anew_with(self, expressions: Sequence[Expression]) -> None:
        """Probabilities of another kind are not smoothed into those before."""
        for one in expressions[:1]:
            if self._labels_from not in (None, one.labels_from):
                self._smoother.restart()
            self._labels_from = one.labels_from

    def _choose(self, tracked: Sequence[TrackedFace], t_s: float) -> tuple[int, ...]:
        """Choice of the faces to classify now: all without a clock, else the longest waiting.

        A face that was never classified comes first and always, since there is nothing to show
        for it; so does one whose last classification is too old.
        """
        pacing = self._pacing
        if pacing.every_face or pacing.interval_s is None:
            chosen = tuple(range(len(tracked)))
        else:
            ages_s = [t_s - self._chosen_s.get(face.face_id, -math.inf) for face in tracked]
            by_age = sorted(range(len(tracked)), key=lambda i: -ages_s[i])
            num_due = sum(age_s > _CLASSIFIED_AT_LEAST_EVERY_S for age_s in ages_s)
            chosen = tuple(sorted(by_age[: max(num_due, int(self._num_classified.value))]))
        # every tracked frame is classified too: a face that was chosen will have its values
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
        measured: Measured,
        *,
        classified_now: bool,
    ) -> FaceResult:
        detection, last = face.detection, self._classifications[face.face_id]
        box = detection.box
        quality = FaceQuality(
            (box.width + box.height) / 2,
            last.sharpness,
            last.brightness,
            detection.roll_deg,
            detection.yaw_deg,
            detection.pitch_deg,
        )
        reason: LowConfidenceReason = quality.low_confidence_reason(
            smallest_face_px=post_processing.smallest_face_px
        )
        if not reason and is_unclear(
            last.smoothed,
            below=post_processing.confidence_threshold,
            margin=post_processing.margin_threshold,
        ):
            reason = "unclear"
        measures = measured.faces.get(face.face_id)
        pose = detection if measures is None or not measures.measured_now else measures.pose
        return FaceResult(
            face_id=face.face_id,
            box=box,
            square=square,
            detection_score=detection.score,
            expression=last.expression,
            smoothed=last.smoothed,
            low_confidence=reason != "",
            roll_deg=pose.roll_deg,
            sharpness=last.sharpness,
            brightness=last.brightness,
            classified_now=classified_now,
            baseline_applied=last.baseline_applied,
            reason=reason,
            yaw_deg=pose.yaw_deg,
            pitch_deg=pose.pitch_deg,
            measures=measures,
            unmeasured=measured.reasons.get(face.face_id, "off"),
        )
