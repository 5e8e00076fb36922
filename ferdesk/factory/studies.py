"""Study factory: the pictures of stimuli, and the check of a study's files."""

import contextlib

import numpy as np
from numpy.typing import NDArray

from ferdesk.adapters.sources.probe import has_sound, length_s
from ferdesk.errors import FerdeskError, SourceError
from ferdesk.factory.sources import open_source
from ferdesk.messages import translatable
from ferdesk.runtime.ports import StudyCheck
from ferdesk.runtime.reconnect import FrameSource
from ferdesk.studies.study_file import Stimulus, Study


class StimulusFile:
    """Pictures of a stimulus in their order, upright, read as any other file is."""

    def __init__(self, source: FrameSource) -> None:
        """``source`` is open."""
        self._source = source
        self._first_s: float | None = None

    def read(self) -> tuple[NDArray[np.uint8], float] | None:
        """The next picture [H, W, 3] uint8 RGB and its seconds since the first; None at the end.

        Raises:
            SourceError: the file breaks off.
        """
        frame = self._source.read()
        if frame is None:
            return None
        if self._first_s is None:
            self._first_s = frame.t_s
        return frame.image, frame.t_s - self._first_s

    def close(self) -> None:
        self._source.close()


def open_stimulus(stimulus: Stimulus) -> StimulusFile:
    """The pictures of an image or a video.

    Raises:
        SourceError: it is missing or damaged, or not of its kind.
    """
    assert stimulus.file is not None, "texts and pauses have no pictures"
    source = open_source(str(stimulus.file))
    try:
        info = source.open()
        if (info.kind == "still") != (stimulus.kind == "image"):
            raise SourceError(
                translatable(
                    'The stimulus {name} is no {kind}: write kind = "{other}" or another file.',
                    name=stimulus.id,
                    kind=stimulus.kind,
                    other="video" if stimulus.kind == "image" else "image",
                )
            )
    except FerdeskError:
        source.close()
        raise
    return StimulusFile(source)


def check_study(study: Study) -> StudyCheck:
    """What of a study's files cannot be shown; the first picture of each is decoded."""
    problems, sounding, lengths = [], [], {}
    for one in study.stimuli:
        if one.file is None:
            continue
        try:
            with contextlib.closing(open_stimulus(one)) as clip:
                if clip.read() is None:
                    raise SourceError(
                        translatable("The stimulus {name} has no picture.", name=one.id)
                    )
        except FerdeskError as error:
            problems.append(str(error))
            continue
        if one.kind == "video":
            lengths[one.id] = length_s(one.file)
            if one.sound and has_sound(one.file):
                sounding.append(one.id)
    return StudyCheck(tuple(problems), tuple(sounding), lengths)
