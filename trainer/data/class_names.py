"""Class names: the seven expressions under the names that other data sets use."""

import difflib

from ferdesk.core.labels import LABELS

_ALIASES: dict[str, tuple[str, ...]] = {
    "angry": ("anger",),
    "disgust": ("disgusted",),
    "fear": ("fearful", "afraid", "scared"),
    "happy": ("happiness", "joy"),
    "sad": ("sadness",),
    "surprise": ("surprised",),
    "neutral": ("neutrality",),
}
_LABEL_OF = {
    name: LABELS.index(label) for label, aliases in _ALIASES.items() for name in (label, *aliases)
}


def label_of(name: str) -> int | None:
    """Index in LABELS of a label's name or a common synonym (anger, happiness); None: unknown."""
    return _LABEL_OF.get(name.strip().lower())


def advice_for(name: str) -> str:
    """Advice on an unknown class name: the nearest known one, or all of them."""
    near = difflib.get_close_matches(name.lower(), _LABEL_OF, n=1)
    return f"did you mean {near[0]}?" if near else f"the classes are {', '.join(LABELS)}."
