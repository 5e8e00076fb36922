"""Annotation of a face: the words and the colour that stand beside it.

The window's overlay and the video's painter both ask here, so that they never say different things.
"""

from dataclasses import dataclass

from ferdesk.core.palette import LABEL_COLOURS, NO_LABEL
from ferdesk.core.quality import LowConfidenceReason
from ferdesk.core.types import FaceResult
from ferdesk.messages import Message, translatable

MANY_FACES = 6
"""Of more faces, all but those that the user asks about are annotated in few letters."""
REASONS: dict[LowConfidenceReason, Message] = {
    "small": translatable("too small"),
    "turned": translatable("turned away"),
    "tilted": translatable("tilted"),
    "dark": translatable("too dark"),
    "bright": translatable("too bright"),
    "blurred": translatable("blurred"),
}
"""Why a face is not classified at all, in words that stand in its label's place."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What to write and paint beside a face; ``colour`` is ``#RRGGBB``."""

    words: Message
    colour: str


def annotate(face: FaceResult) -> Annotation:
    """The face's label, or why it has none to be trusted.

    A face that cannot be classified has none of the seven labels' colours either.
    """
    colour = colour_of(face)
    if not face.classifiable:
        return Annotation(REASONS[face.reason], colour)
    words = translatable(
        "{label} {share}", label=Message(face.label, {}), share=percent(face.confidence)
    )
    if face.low_confidence:
        words = translatable("Low confidence: {label}", label=words)
    return Annotation(words, colour)


def colour_of(face: FaceResult) -> str:
    """The colour of the face's label as ``#RRGGBB``; none of the seven where it has no label."""
    return LABEL_COLOURS[face.label] if face.classifiable else NO_LABEL


def short_words(face: FaceResult) -> str:
    """A face's confidence alone, where many stand close together; empty where it has no label."""
    if not face.classifiable:
        return ""
    return f"? {percent(face.confidence)}" if face.low_confidence else percent(face.confidence)


def percent(share: float) -> str:
    """``share`` in [0, 1] as whole per cent."""
    return f"{round(share * 100)} %"
