"""Library for programs and notebooks: the pipeline with the parts that ship."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from ferdesk.adapters.networks.onnx_classifier import Provider
from ferdesk.core import pipeline
from ferdesk.core.measurer import Measurer
from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.core.pipeline import ExpressionClassifier, FaceDetector
from ferdesk.core.post_processing import PostProcessing
from ferdesk.core.types import Frame, FrameResult
from ferdesk.factory.models import measure_models, open_pipeline
from ferdesk.factory.sources import open_source
from ferdesk.runtime.reconnect import FrameSource


class Pipeline(pipeline.Pipeline):
    """Pipeline of face detection, tracking and expression classification, frame by frame.

    Give each source a pipeline of its own (``for_new_source()``): it remembers faces, and their
    ids go on. It is a context manager; ``close`` frees the detector, where this pipeline opened it.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        provider: Provider = "auto",
        *,
        thorough: bool = True,
        detector: FaceDetector | None = None,
        classifier: ExpressionClassifier | None = None,
        post_processing: PostProcessing | None = None,
        measurer: Measurer | None = None,
        measures: MeasuresChoice | None = None,
    ) -> None:
        """Load the models, which takes a second or two.

        Args:
            model: a bundled model's name or an .onnx file; by default the best that ships.
            provider: ``auto``, ``cpu`` or ``cuda``; ``pipeline.classifier.device`` says what is
                really used, and why.
            thorough: search for small faces everywhere in each picture; slower.
            detector: instead of the one that ships, for example a faster one.
            classifier: instead of ``model`` and ``provider``.
            post_processing: smoothing and the rule for uncertain labels.
            measurer: instead of the one that ships.
            measures: what of the face itself is measured, ``off``, ``pose``, ``all`` or ``mean``
                (``docs/measures.md``); by default as ``post_processing`` has it.

        Raises:
            ValueError: there are no such ``measures``.
            ferdesk.errors.ModelError: a model is missing or broken; the text is a sentence.
        """
        choices = get_args(MeasuresChoice)
        if measures is not None and measures not in choices:
            raise ValueError(f"measures are one of {', '.join(choices)}, not {measures!r}")
        if detector is None or classifier is None:
            name = None if model is None else str(model)
            loaded = open_pipeline(name, provider, thorough=thorough)
            if detector is not None:
                loaded.close()
            detector, classifier = detector or loaded.detector, classifier or loaded.classifier
        post_processing = post_processing or PostProcessing()
        if measures is not None:
            post_processing = replace(post_processing, measures=measures)
        super().__init__(
            detector,
            classifier,
            post_processing=post_processing,
            measurer=measurer or Measurer(measure_models),
        )
        self._shares_detector = False

    def for_new_source(self) -> "Pipeline":
        """A pipeline with the same models that remembers no face, and with all that this one can.

        The models stay this pipeline's: closing the new one leaves them open.
        """
        new = super().for_new_source()
        pipeline = Pipeline(
            detector=new.detector,
            classifier=new.classifier,
            post_processing=new.post_processing,
            measurer=new.measurer,
        )
        pipeline._shares_detector = True
        return pipeline

    def close(self) -> None:
        """Free the detector, unless it belongs to the pipeline that this one was made from."""
        if not self._shares_detector:
            super().close()

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, source: FrameSource | str) -> Iterator[FrameResult]:
        """Open ``source`` (or the one of that name), analyse its frames in turn, and close it.

        Of a camera or a stream the newest picture is taken, of a file each one.

        Raises:
            ferdesk.errors.SourceError: it cannot be opened, or was cut off; the text is a sentence.
        """
        opened = open_source(source) if isinstance(source, str) else source
        try:
            opened.open()
            while (frame := opened.read()) is not None:
                yield self.process(frame)
        finally:
            opened.close()

    def look(self, image: NDArray[np.uint8]) -> FrameResult:
        """One picture by itself: no face is remembered from it or for it.

        Args:
            image: [H, W, 3] uint8 RGB, upright. (OpenCV reads BGR: give ``image[..., ::-1]``.)

        Raises:
            ValueError: it has another shape or type.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"a picture is [H, W, 3] uint8 RGB, not {list(image.shape)} {image.dtype}"
            )
        picture = np.array(image, dtype=np.uint8, order="C")
        now_s = self._clock()
        return self.for_new_source().process(Frame(picture, 0, 0.0, now_s))
