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

HEAT_ANCHORS: dict[str, str] = {
    "inferno": (
        "000004 0A0723 200C49 3C0964 560F6D 70196E 89226A A22B61 BB3654"
        " D04544 E35932 F1711E F98C09 FCAA0F F9C932 F2E865 FCFFA4"
    ),
    "viridis": (
        "440154 481769 472C7A 423F85 3B518B 33628D 2C718E 26818E 21908C"
        " 1F9F88 27AD80 3DBC73 5CC862 81D34C AADC31 D5E219 FDE725"
    ),
    "cividis": (
        "00204D 002B68 05366E 2C416C 404D6B 51586C 60646F 6E6F73 7C7B78"
        " 8B8779 9B9477 ACA174 BCAF6F CEBC67 E0CB5D F2DA4F FFEA46"
    ),
}
"""Seventeen colours evenly spaced along each scale of the heatmap, from its low to its high end.

Each is even to the eye and rises in lightness all the way, so that colour-blind eyes read it too.
Inferno and viridis: van der Walt and Smith (CC0); cividis: Nunez, Anderton and Renslow (CC0).
"""

PLATE = "#0B0D10"
PLATE_ALPHA = 0.80
PLATE_TEXT = "#E8EBEF"
NO_LABEL = "#A3ACB8"
"""A face whose label is not shown has none of the seven colours."""


def rgb(colour: str) -> tuple[int, int, int]:
    """``#RRGGBB`` as three numbers from 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
