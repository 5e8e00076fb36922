"""Palette: the colours of the seven labels, and of what is written on a picture.

The window, the video with its overlay and the reports read them here, so that they agree.
"""

from ferdesk.core.labels import LABELS

LABEL_COLOURS: dict[str, str] = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
    "neutral": "#8C8C8C",
}
"""Okabe and Ito's colours, which colour-blind eyes tell apart; the word always stands beside."""
assert tuple(LABEL_COLOURS) == LABELS

PLATE = "#0B0D10"
PLATE_ALPHA = 0.80
PLATE_TEXT = "#E8EBEF"
NO_LABEL = "#A3ACB8"
"""A face whose label is not shown has none of the seven colours."""


def rgb(colour: str) -> tuple[int, int, int]:
    """``#RRGGBB`` as three numbers from 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
