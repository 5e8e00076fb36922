"""Pipeline of pictures that have nothing to do with each other."""

from dataclasses import replace

from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import Frame, FrameResult


class UnrelatedPictures:
    """Pipeline that remembers no face, and numbers them on from 1.

    Tracks and smoothing would take strangers in two pictures for one person.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._num_faces = 0

    def process(self, frame: Frame) -> FrameResult:
        result = self._pipeline.for_new_source().process(frame)
        faces = tuple(
            replace(face, face_id=self._num_faces + number)
            for number, face in enumerate(result.faces, start=1)
        )
        self._num_faces += len(faces)
        return replace(result, faces=faces)
