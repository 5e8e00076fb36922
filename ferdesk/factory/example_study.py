"""Example study: four landscapes and a film of waves, drawn here, and a study about them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.adapters.outputs.clip_writer import write_clip
from ferdesk.adapters.outputs.jpeg import jpeg_of
from ferdesk.errors import StudyError
from ferdesk.messages import translatable
from ferdesk.studies.study_file import STUDY_FILE

_WIDTH, _HEIGHT, _RATE_FPS, _CLIP_S = 960, 540, 25, 3

_LANDSCAPES: dict[str, tuple[tuple[int, int, int], ...]] = {
    # sky above, sky below, far hills, near hills, foreground
    "lake": ((70, 120, 190), (200, 215, 225), (95, 120, 140), (60, 95, 85), (70, 125, 165)),
    "wood": ((150, 185, 205), (225, 230, 215), (80, 115, 85), (45, 85, 50), (70, 105, 45)),
    "desert": ((230, 150, 80), (250, 220, 160), (190, 120, 75), (165, 95, 55), (215, 165, 100)),
    "night": ((8, 12, 35), (40, 50, 95), (22, 28, 52), (12, 16, 32), (14, 20, 30)),
}

_TOML = """\
# A study of five stimuli; docs: studies.md says what may stand here.
[study]
name = "Landscapes"
version = "1"
order = "latin square"
instructions = \"\"\"
You will see four landscapes and a short film.
Please look at them as you would at home.
After each one there is a question.\"\"\"
thanks = "That was all. Thank you."
conditions = ["morning", "evening"]
fixation_s = 1.0

[baseline]
duration_s = 6
text = "Please look at the cross and relax your face."
neutral = true

[[fields]]
id = "age"
label = "Age in years"
kind = "number"

[[fields]]
id = "glasses"
label = "Glasses"
kind = "choice"
choices = ["no", "yes"]

[[stimuli]]
id = "lake"
kind = "image"
file = "lake.jpg"
duration_s = 4
condition = "green"

[[stimuli]]
id = "wood"
kind = "image"
file = "wood.jpg"
duration_s = 4
condition = "green"

[[stimuli]]
id = "pause"
kind = "pause"
duration_s = 2

[[stimuli]]
id = "desert"
kind = "image"
file = "desert.jpg"
duration_s = 4
condition = "bare"

[[stimuli]]
id = "night"
kind = "image"
file = "night.jpg"
duration_s = 4
condition = "bare"

[[stimuli]]
id = "waves"
kind = "video"
file = "waves.mp4"
stays = true

[[stimuli.questions]]
id = "watched"
text = "Did you watch the film to its end?"
kind = "buttons"
buttons = ["Yes", "No"]

# after each stimulus that has no question of its own
[[questions]]
id = "pleasant"
text = "How pleasant was that?"
kind = "scale"
lowest = 1
highest = 7
lowest_label = "not at all"
highest_label = "very"
"""


def write_example(folder: Path) -> None:
    """Make ``folder`` with the example in it.

    Raises:
        StudyError: there is something already, or it cannot be written.
        RecordingError: the film cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise StudyError(
                translatable("{path} is not empty; give a folder that is new.", path=folder)
            )
        for name in _LANDSCAPES:
            picture = landscape(name)
            content = jpeg_of(picture, longest_px=_WIDTH, quality=92)
            (folder / f"{name}.jpg").write_bytes(content)
        write_clip(folder / "waves.mp4", _waves(), _RATE_FPS)
        (folder / STUDY_FILE).write_text(_TOML, encoding="utf-8")
    except OSError as error:
        raise StudyError(
            translatable(
                "The example cannot be written to {path}: {why}.",
                path=folder,
                why=error.strerror or error,
            )
        ) from error


def landscape(name: str) -> NDArray[np.uint8]:
    """One of the four: [540, 960, 3] uint8 RGB."""
    above, below, far, near, ground = (np.array(c, np.float32) for c in _LANDSCAPES[name])
    y = np.linspace(0, 1, _HEIGHT, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, _WIDTH, dtype=np.float32)[None, :]
    picture = above + (below - above) * np.minimum(y / 0.6, 1.0)[..., None] * np.ones(
        (1, _WIDTH, 1)
    )
    sun = (x - 0.72) ** 2 * (_WIDTH / _HEIGHT) ** 2 + (y - 0.22) ** 2 < 0.055**2
    picture[sun] = (252, 244, 214) if name != "night" else (225, 228, 235)
    waves = np.arange(1, 6, dtype=np.float32)
    for height, scale, colour in ((0.52, 0.06, far), (0.60, 0.035, near)):
        hills = (np.sin((x[..., None] + 9 * height) * waves * 7 + waves**2) / waves).sum(-1)
        picture[y > height + scale * hills] = colour
    on_ground = np.broadcast_to(y > 0.68, (_HEIGHT, _WIDTH))
    shade = 1 + 0.12 * np.sin(140 * y**2 + 6 * np.sin(5 * x))
    picture[on_ground] = (ground * shade[..., None])[on_ground]
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _waves() -> Iterator[NDArray[np.uint8]]:
    """Three seconds of the lake, which moves."""
    still = landscape("lake")[::2, ::2].astype(np.float32)
    height, width = still.shape[:2]
    height -= height % 2
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    for number in range(_CLIP_S * _RATE_FPS):
        t_s = number / _RATE_FPS
        shade = 1 + 0.18 * np.sin(120 * y**2 - 4 * t_s + 5 * np.sin(6 * x + t_s))
        picture = still[:height].copy()
        water = np.broadcast_to(y > 0.68, (height, width))
        picture[water] *= shade[..., None][water]
        yield np.clip(picture, 0, 255).astype(np.uint8)
