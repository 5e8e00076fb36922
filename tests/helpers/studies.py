"""A study whose stimuli are small and short, and of which no two values are the same."""

from pathlib import Path

import numpy as np

from ferdesk.adapters.outputs.jpeg import jpeg_of
from tests.helpers.videos import write_film

TOML = """
[study]
name = "Colours"
version = "2"
order = "fixed"
instructions = "Look at what comes."
thanks = "Thank you."
conditions = ["early", "late"]
fixation_s = 0.08

[baseline]
duration_s = 1
text = "Rest."

[[fields]]
id = "age"
label = "Age in years"
kind = "number"
required = true

[[stimuli]]
id = "red"
kind = "image"
file = "red.jpg"
duration_s = 0.25
condition = "warm"

[[stimuli.questions]]
id = "liked"
text = "How much did you like it?"
kind = "scale"
lowest = 1
highest = 5

[[stimuli]]
id = "rest"
kind = "pause"
duration_s = 0.1

[[stimuli]]
id = "film"
kind = "video"
file = "film.mp4"
condition = "cold"

[[stimuli.questions]]
id = "known"
text = "Did you know it?"
kind = "buttons"
buttons = ["Yes", "No"]

[[stimuli]]
id = "words"
kind = "text"
text = "The rain."
"""


def write_study(folder: Path, toml: str = TOML) -> Path:
    """A red picture, a film of 12 numbered pictures (0.4 s), and ``study.toml``."""
    folder.mkdir(exist_ok=True)
    red = np.zeros((30, 40, 3), np.uint8)
    red[..., 0] = 220
    (folder / "red.jpg").write_bytes(jpeg_of(red, longest_px=40, quality=90))
    write_film(folder / "film.mp4", 12)
    (folder / "study.toml").write_text(toml, encoding="utf-8")
    return folder
