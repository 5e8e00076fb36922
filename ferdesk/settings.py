"""Settings: typed, with defaults and ranges, read with forgiveness, replaced whole."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ferdesk.core.detection.networks import DetectorChoice
from ferdesk.core.heatmap import HeatColours
from ferdesk.core.labels import LABELS_FROM, LabelsFrom
from ferdesk.core.locations import has_credentials
from ferdesk.core.measures.drawing import LandmarksShown
from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.core.quality import CONFIDENCE_THRESHOLD, SMALLEST_FACE_PX
from ferdesk.core.smoother import SMOOTHING_TAU_S
from ferdesk.core.types import MapName
from ferdesk.core.video_format import VideoCodec, VideoQuality
from ferdesk.errors import FerdeskError
from ferdesk.messages import translatable
from ferdesk.paths import config_folder
from ferdesk.replace_file import replace_file

Language = Literal["system", "en", "zh_CN"]
Provider = Literal["auto", "cpu", "cuda"]
ThemeChoice = Literal["system", "light", "dark"]
VideoChoice = Literal["off", "clean", "overlay", "anonymous"]
CamLabel = Literal["", "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the window; a value that is not in the file is the default here."""

    mirror: bool = False
    """Mirror the preview; recorded data are never mirrored."""
    heatmap: bool = False
    """Paint the chosen map over the faces."""
    show_boxes: bool = True
    """Draw a box around each face."""
    show_labels: bool = True
    """Draw each face's label beside it."""
    map_name: MapName = "cam"
    """The map that the heatmap shows."""
    cam_label: CamLabel = ""
    """The expression whose class activation is shown; empty for each face's predicted label."""
    heat_opacity: float = field(default=0.7, metadata={"range": (0.0, 1.0)})
    """Opacity of the heatmap where it is strongest."""
    heat_colours: HeatColours = "viridis"
    """The colour scale of the heatmap; colour-blind people can read each of them."""
    heat_in_oval: bool = True
    """Paint no heat outside the outline of a face whose landmarks are measured."""
    last_source: str = ""
    """The source that was chosen last, as ``--source`` takes it; empty for none."""
    recent_files: tuple[str, ...] = ()
    """Paths of the files that were opened last, the newest first."""
    file_folder: str = ""
    """The folder in which the file dialog opens; empty for the user's own."""
    record_video: VideoChoice = "off"
    """The video saved with recordings: none, original, with overlay, or with faces blurred."""
    video_codec: VideoCodec = "auto"
    """The codec of recorded videos; where this computer cannot write it, the next best."""
    video_quality: VideoQuality = "normal"
    """The quality of recorded videos, which is the size of their files."""
    video_heatmap: bool = False
    """Paint the heatmap into videos that show boxes and labels, while it is switched on."""
    record_sound: str = ""
    """The microphone that is heard in videos saved with recordings; empty for none."""
    sound_consent: bool = False
    """The user has said that those who can be heard agreed to it."""
    record_landmarks: bool = False
    """Save all landmarks with recordings, while they are measured."""
    recording_folder: str = ""
    """The folder that holds recordings; empty for ferdesk's own in the user's documents."""
    recording_length_s: float | None = field(default=None, metadata={"range": (1.0, 86_400.0)})
    """Recordings end by themselves after this many seconds; None for no limit."""
    recording_countdown_s: int = field(default=0, metadata={"range": (0, 60)})
    """Seconds counted down before a recording begins."""
    ask_before_recording: bool = False
    """Record opens a sheet (name, participant, length, folder) instead of starting at once."""
    marker_names: str = "1;2;3;4;5;6;7;8;9"
    """Labels of the markers that the keys 1 to 9 set, joined by semicolons."""
    remote_commands: bool = False
    """Programs with the WebSocket's token may record, set markers and save snapshots."""
    lsl_markers: str = ""
    """The LSL stream whose markers become ours, as name=...; type=...; source_id=...; or empty."""
    web_origins: str = ""
    """Origins of web pages that may connect to the WebSocket, joined by blanks."""
    camera_size: str = ""
    """Resolution requested from cameras, as 1280x720; empty for the camera's default."""
    camera_rate: float = field(default=0.0, metadata={"range": (0.0, 1000.0)})
    """Frame rate requested from cameras; 0 for the camera's default."""
    offer_same_face: bool = True
    """Ask whether someone who comes back is a face that was here before."""
    timeline_s: int = field(default=30, metadata={"range": (10, 120)})
    """How many seconds the timeline shows."""
    side_panel: bool = True
    """Show the panels."""
    model: str = ""
    """The model that classifies faces; empty chooses by the speed of this machine."""
    lock_model: bool = False
    """Keep model and device as they are, so that all recordings of a study are comparable."""
    measured_model: str = ""
    """The model that this machine's speed chose, used again until it is measured anew."""
    measured_for: str = ""
    """What ``measured_model`` was chosen for: models, their versions and the device."""
    provider: Provider = "auto"
    """The device that runs the model; --provider on the command line overrides it."""
    detector: DetectorChoice = "ferdesk"
    """Who finds faces: ferdesk itself, or MediaPipe's package; --detector overrides it."""
    measures: MeasuresChoice = "off"
    """What is measured: nothing, landmarks and head pose, or movements, blinks and gaze too."""
    landmarks_shown: LandmarksShown = "contours"
    """What is drawn of a face's landmarks while they are measured."""
    labels_from: LabelsFrom = LABELS_FROM
    """Where labels come from: people's votes, or FER2013's label."""
    smoothing_tau_s: float = field(default=SMOOTHING_TAU_S, metadata={"range": (0.0, 3.0)})
    """Time constant of the smoothing, in seconds; 0 = off."""
    uncertain_below: float = field(default=CONFIDENCE_THRESHOLD, metadata={"range": (0.0, 1.0)})
    """Labels with a smaller probability are marked low confidence."""
    smallest_face_px: float = field(default=SMALLEST_FACE_PX, metadata={"range": (0.0, 500.0)})
    """Labels of smaller faces, in pixels, are marked low confidence."""
    reduced_motion: bool = False
    """No animations: bars jump to their values."""
    theme: ThemeChoice = "system"
    """Light or dark; ``system`` follows the desktop, also while the program runs."""
    language: Language = "system"
    """The language of the window."""
    font_scale: float = field(default=1.0, metadata={"range": (0.75, 2.0)})
    """The size of all text, as a multiple of the system's."""
    consent: int = 0
    """The version of the first page that the user agreed to; 0 for none."""
    window_geometry: str = ""
    """Size and place of the window, as Qt saves it, in base64."""
    dock_state: str = ""
    """How the docks are arranged, as Qt saves it, in base64."""


MACHINE = (
    "consent",
    "record_sound",
    "sound_consent",
    "window_geometry",
    "last_source",
    "recent_files",
    "file_folder",
    "recording_folder",
    "measured_model",
    "measured_for",
)
"""What belongs to this person and machine: neither exported, nor imported, nor reset."""

ACCESS = ("remote_commands", "web_origins", "lsl_markers")
"""Who may command, connect or mark: a file of settings cannot allow it, only this person can."""


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings as read, and a sentence for the user about each thing that was dropped."""

    settings: Settings
    warnings: tuple[str, ...] = ()


def settings_path() -> Path:
    return config_folder() / "settings.json"


def load_settings(path: Path) -> LoadedSettings:
    """Read ``path``; what cannot be used costs its own entry, never the start-up.

    A file that is no settings file at all is moved to ``*.bad`` beside it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return LoadedSettings(Settings())
    except (OSError, UnicodeDecodeError) as error:
        return _set_aside(path, error)
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _set_aside(path, error)
    if not isinstance(entries, dict):
        return _set_aside(path, TypeError("it contains no settings"))
    return _from_entries(entries)


def export_settings(settings: Settings, path: Path) -> None:
    """Write all but ``MACHINE`` and ``ACCESS`` to ``path``, for another machine or as a backup.

    Raises:
        FerdeskError: the file cannot be written.
    """
    try:
        save_settings(_with_others(settings, Settings(), (*MACHINE, *ACCESS)), path)
    except OSError as error:
        raise FerdeskError(
            translatable(
                "The settings cannot be written to {path}: {why}.",
                path=path,
                why=error.strerror or error,
            )
        ) from error


def import_settings(path: Path, now: Settings) -> LoadedSettings:
    """The settings of ``path``, with ``MACHINE`` and ``ACCESS`` as now; the file stays as it is.

    Raises:
        FerdeskError: the file holds no settings.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(entries, dict):
            raise TypeError("it contains no settings")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise FerdeskError(
            translatable(
                "{path} contains no settings ({why}). Choose a file that ferdesk exported.",
                path=path,
                why=error,
            )
        ) from error
    kept = (*MACHINE, *ACCESS)
    loaded = _from_entries({k: v for k, v in entries.items() if k not in kept})
    return LoadedSettings(_with_others(loaded.settings, now, kept), loaded.warnings)


def reset_settings(now: Settings) -> Settings:
    """The defaults, with ``MACHINE`` as it is ``now``."""
    return _with_others(Settings(), now, MACHINE)


def _with_others(settings: Settings, other: Settings, names: tuple[str, ...]) -> Settings:
    """``settings`` with ``other``'s values of ``names``."""
    # Any: names and values come from the same class
    kept: dict[str, Any] = {name: getattr(other, name) for name in names}
    return replace(settings, **kept)


def save_settings(settings: Settings, path: Path) -> None:
    """Write what differs from the defaults; a crash leaves the old file or the new one.

    Raises ``OSError`` where the folder cannot be written.
    """
    default = Settings()
    entries = {
        item.name: getattr(settings, item.name)
        for item in fields(Settings)
        if getattr(settings, item.name) != getattr(default, item.name)
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    # the user's own folder: a settings file kept elsewhere and linked to stays linked
    replace_file(path.resolve(), json.dumps(entries, indent=2) + "\n")


def _from_entries(entries: Mapping[str, object]) -> LoadedSettings:
    kinds = get_type_hints(Settings)
    ranges = {item.name: item.metadata.get("range") for item in fields(Settings)}
    # Any: what the file holds is checked entry by entry before it becomes an argument
    good: dict[str, Any] = {}
    warnings: list[str] = []
    for name, value in entries.items():
        if name not in kinds:
            warnings.append(
                translatable('The setting "{name}" is not known and was ignored.', name=name)
            )
        elif (wanted := _complaint(value, kinds[name], ranges[name])) != "":
            warnings.append(
                translatable(
                    'The setting "{name}" must be {wanted}, not {value!r}; the default is used.',
                    name=name,
                    wanted=wanted,
                    value=value,
                )
            )
        elif name == "last_source" and has_credentials(str(value)):
            continue  # an earlier version may have kept one
        elif isinstance(value, list):
            good[name] = tuple(value)
        elif isinstance(value, int) and kinds[name] in (float, float | None):
            good[name] = float(value)
        else:
            good[name] = value
    return LoadedSettings(Settings(**good), tuple(warnings))


def _complaint(value: object, kind: object, bounds: tuple[float, float] | None) -> str:
    """What is wanted where ``value`` does not fit, else nothing."""
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return (
            "" if value in choices else translatable("one of {choices}", choices=", ".join(choices))
        )
    if kind is bool:
        return "" if isinstance(value, bool) else translatable("true or false")
    if kind is int and (not isinstance(value, int) or isinstance(value, bool)):
        return translatable("a whole number")
    if kind == float | None and value is None:
        return ""
    if kind in (int, float, float | None):
        low, high = bounds or (-math.inf, math.inf)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = is_number and low <= value <= high  # type: ignore[operator]
        return "" if fits else translatable("a number from {low:g} to {high:g}", low=low, high=high)
    if get_origin(kind) is tuple:
        fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return "" if fits else translatable("a list of texts")
    return "" if isinstance(value, str) else translatable("a text")


def _set_aside(path: Path, error: Exception) -> LoadedSettings:
    bad = path.with_name(path.name + ".bad")
    try:
        path.replace(bad)
        kept = translatable("it was kept as {path}", path=bad.name)
    except OSError:
        kept = translatable("it was left where it is")
    return LoadedSettings(
        Settings(),
        (
            translatable(
                "The settings file {path} cannot be read ({why}); {kept} and the defaults "
                "are used.",
                path=path,
                why=error,
                kept=kept,
            ),
        ),
    )
