"""Post-processing parameters: smoothing, confidence thresholds, baselines; read between frames."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ferdesk.core.baseline import Baseline
from ferdesk.core.labels import LABELS_FROM, LabelsFrom
from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.core.quality import CONFIDENCE_THRESHOLD, MARGIN_THRESHOLD, SMALLEST_FACE_PX
from ferdesk.core.smoother import SMOOTHING_TAU_S


@dataclass(frozen=True, slots=True)
class PostProcessing:
    """Post-processing of raw probabilities into what is shown; the raw ones stay as they are.

    ``smoothing_tau_s`` is the smoother's time constant, 0 switches it off. A label has low
    confidence below ``confidence_threshold``, with a lead smaller than ``margin_threshold``, or on
    a face smaller than ``smallest_face_px``; docs/uncertain.md has the rest of the rule.
    ``baselines`` has the neutral baseline of some faces, by id. ``measures`` says what of the face
    itself is measured, and ``chosen_face`` whose turn comes first where time is short; 0 for none.
    ``labels_from`` chooses between people's votes and FER2013's label, where the model knows both.
    """

    smoothing_tau_s: float = SMOOTHING_TAU_S
    confidence_threshold: float = CONFIDENCE_THRESHOLD
    margin_threshold: float = MARGIN_THRESHOLD
    smallest_face_px: float = SMALLEST_FACE_PX
    baselines: Mapping[int, Baseline] = field(default_factory=dict)
    measures: MeasuresChoice = "off"
    chosen_face: int = 0
    labels_from: LabelsFrom = LABELS_FROM

    def with_baseline(self, face_id: int, baseline: Baseline | None) -> "PostProcessing":
        """The same with that baseline for ``face_id``, None for none."""
        others = {k: v for k, v in self.baselines.items() if k != face_id}
        return replace(
            self, baselines=others if baseline is None else {**others, face_id: baseline}
        )

    def with_labels_from(self, labels_from: LabelsFrom) -> "PostProcessing":
        """The same with other labels; baselines were measured on the old ones, and end."""
        if labels_from == self.labels_from:
            return self
        return replace(self, labels_from=labels_from, baselines={})

    def table(self) -> dict[str, object]:
        """The numbers as ``session.json`` keeps them among the settings; baselines are apart."""
        return {
            "smoothing_tau_s": self.smoothing_tau_s,
            "uncertain_below": self.confidence_threshold,
            "uncertain_margin": self.margin_threshold,
            "smallest_face_px": self.smallest_face_px,
            "measures": self.measures,
            "labels_from": self.labels_from,
        }

    def for_other_faces(self) -> "PostProcessing":
        """The same for another source, whose ids mean other people."""
        return replace(self, baselines={}, chosen_face=0)
