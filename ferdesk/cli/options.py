"""Command-line options that several commands have, and what they mean with the settings."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ferdesk.core.types import CameraFormat


def _hide_type_of_flags(parameters: list[Any]) -> list[Any]:
    """Show ``--debug`` in the help, not ``--debug <bool>``: a flag takes no value."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters


class Command(TyperCommand):
    """Command whose help shows flags without a type."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 (the library's own type is private)
        return _hide_type_of_flags(super().get_params(ctx))


class CommandGroup(TyperGroup):
    """Group of commands whose help shows flags without a type."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 (as above)
        return _hide_type_of_flags(super().get_params(ctx))


class ProviderName(StrEnum):
    """Device that the user asks for."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


ModelOption = Annotated[
    str | None, typer.Option("--model", help="Bundled model name, or path to an .onnx file.")
]

ProviderOption = Annotated[ProviderName, typer.Option("--provider", help="Where to run the model.")]


class DetectorName(StrEnum):
    """Who finds faces, as the user asks for it."""

    FERDESK = "ferdesk"
    MEDIAPIPE = "mediapipe"


DetectorOption = Annotated[
    DetectorName,
    typer.Option("--detector", help="Who finds faces; mediapipe needs the extra mediapipe."),
]

WantedDetectorOption = Annotated[
    DetectorName | None,
    typer.Option("--detector", help="Who finds faces (default: from settings)."),
]

WantedOption = Annotated[
    ProviderName | None,
    typer.Option("--provider", help="Where to run the model (default: from settings)."),
]


class LabelsFromName(StrEnum):
    """Where labels come from, as the user asks for it."""

    VOTES = "votes"
    FER2013 = "fer2013"


LabelsFromOption = Annotated[
    LabelsFromName,
    typer.Option(
        "--labels-from",
        help="Labels from people's votes on such faces, or as the data set FER2013 has them.",
    ),
]


class StreamKind(StrEnum):
    """Stream that results are sent to while they come."""

    LSL = "lsl"
    WEBSOCKET = "websocket"


StreamPortOption = Annotated[
    int | None,
    typer.Option(
        "--stream-port", min=0, max=65535, help="Port of the WebSocket (default: a free one)."
    ),
]

ResolutionOption = Annotated[
    str | None, typer.Option("--resolution", help="Requested camera resolution, e.g. 1280x720.")
]

FpsOption = Annotated[
    float | None, typer.Option("--fps", min=1, max=1000, help="Requested frame rate.")
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


def camera_format_of(resolution: str | None, fps: float | None) -> CameraFormat:
    """Camera format of the options.

    Raises:
        typer.BadParameter: the resolution is none.
    """
    try:
        return CameraFormat.of(resolution or "", fps or 0.0)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--resolution") from error


def moment_of(text: str, option: str) -> datetime:
    """Moment, in UTC, that the text of an option names with its zone.

    Raises:
        typer.BadParameter: it names none.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter(
        f"{text!r} is no moment with its zone; write one like 2026-05-06T07:08:09.123Z.",
        param_hint=option,
    )


def wanted_provider(provider: ProviderName | None) -> ProviderName:
    """Device of the command line, else of the settings."""
    from ferdesk.settings import load_settings, settings_path

    return provider or ProviderName(load_settings(settings_path()).settings.provider)


def wanted_detector(detector: DetectorName | None) -> DetectorName:
    """Detector of the command line, else of the settings."""
    from ferdesk.settings import load_settings, settings_path

    return detector or DetectorName(load_settings(settings_path()).settings.detector)


def remembered_model() -> str | None:
    """Model that was chosen in the window, as far as it is still there."""
    from ferdesk.factory.models import bundled_models
    from ferdesk.settings import load_settings, settings_path

    chosen = load_settings(settings_path()).settings.model
    return chosen if chosen in {path.stem for path in bundled_models()} else None
