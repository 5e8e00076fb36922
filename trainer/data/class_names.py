"""The names under which the seven expressions go in other people's folders and files."""

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
    """The label's place in LABELS for its name or another common one (anger, happiness, ...)."""
    return _LABEL_OF.get(name.strip().lower())


def advice_for(name: str) -> str:
    """What to do about a class that is none of ours: the nearest name, or all of them."""
    near = difflib.get_close_matches(name.lower(), _LABEL_OF, n=1)
    return f"did you mean {near[0]}?" if near else f"the classes are {', '.join(LABELS)}."
