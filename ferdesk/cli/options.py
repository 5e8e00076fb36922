"""Command-line options that several commands have, and what they mean with the settings."""

from enum import StrEnum
from typing import Annotated

import typer

from ferdesk.core.types import CameraFormat


class ProviderName(StrEnum):
    """The device that the user asks for."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


ModelOption = Annotated[
    str | None, typer.Option("--model", help="A bundled model's name, or a path to an .onnx file.")
]

ProviderOption = Annotated[ProviderName, typer.Option("--provider", help="Device of the network.")]

WantedOption = Annotated[
    ProviderName | None,
    typer.Option("--provider", help="Device of the network; by default the setting's."),
]

ResolutionOption = Annotated[
    str | None, typer.Option("--resolution", help="Asked of cameras, for example 1280x720.")
]

FpsOption = Annotated[
    float | None, typer.Option("--fps", min=1, max=1000, help="Pictures a second asked of cameras.")
]

JsonOption = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]

DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


def camera_format_of(resolution: str | None, fps: float | None) -> CameraFormat:
    """What the options ask of a camera.

    Raises:
        typer.BadParameter: the resolution is none.
    """
    try:
        return CameraFormat.of(resolution or "", fps or 0.0)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--resolution") from error


def wanted_provider(provider: ProviderName | None) -> ProviderName:
    """The device that is asked for: on the command line, else in the settings."""
    from ferdesk.settings import load_settings, settings_path

    return provider or ProviderName(load_settings(settings_path()).settings.provider)


def remembered_model() -> str | None:
    """The model that was chosen in the window, as far as it is still there."""
    from ferdesk.factory.models import bundled_models
    from ferdesk.settings import load_settings, settings_path

    chosen = load_settings(settings_path()).settings.model
    return chosen if chosen in {path.stem for path in bundled_models()} else None
