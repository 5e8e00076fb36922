"""``ferdesk doctor``, ``models``, ``cameras``, ``bench`` and ``licences``: this installation."""

import contextlib
import json
import os
import platform
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import ferdesk
from ferdesk.cli.options import (
    DetectorName,
    DetectorOption,
    JsonOption,
    ModelOption,
    ProviderName,
    ProviderOption,
    WantedOption,
    wanted_provider,
)
from ferdesk.cli.terminal import console_on
from ferdesk.display import display_name, display_problem, has_display
from ferdesk.errors import EXIT_OK, EXIT_UNUSABLE
from ferdesk.messages import counted
from ferdesk.paths import (
    assets_folder,
    detectors_folder,
    landmarks_folder,
    licences_folder,
    log_folder,
    sessions_folder,
)
from ferdesk.text_output import write

if TYPE_CHECKING:
    from rich.console import Console


def doctor(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="With --compare-mediapipe: pictures or videos (default: the demo's)."),
    ] = None,
    provider: WantedOption = None,
    compare_mediapipe: Annotated[
        bool,
        typer.Option(
            "--compare-mediapipe",
            help="Show by how much landmarks differ from MediaPipe's own (extra mediapipe).",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check what works on this computer, and why not.

    Exits 3 where something does not work, or where the wanted device is not the one that is used.
    """
    if compare_mediapipe:
        from ferdesk.cli.compare import compare

        compare(files or (), as_json)
        raise typer.Exit(EXIT_OK)
    if files:
        raise typer.BadParameter("files belong to --compare-mediapipe.")
    report = _examine(wanted_provider(provider))
    failed = [check for check in report["checks"] if not check["ok"]]
    if as_json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        console = console_on(soft_wrap=True)
        for check in report["checks"]:
            mark = "[green]ok[/green]  " if check["ok"] else "[red]no[/red]  "
            console.print(f"{mark}{check['name']}: ", end="", markup=True)
            console.print(str(check["says"]))
    raise typer.Exit(EXIT_UNUSABLE if failed else EXIT_OK)


def _examine(provider: ProviderName) -> dict[str, Any]:
    from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
    from ferdesk.adapters.networks.face_landmarks import try_networks
    from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier, runtime_text
    from ferdesk.adapters.sources.camera import list_cameras
    from ferdesk.factory.models import find_model
    from ferdesk.factory.recordings import device_table

    checks: list[dict[str, object]] = []

    def check(name: str, ok: bool, says: str) -> None:
        checks.append({"name": name, "ok": ok, "says": says})

    check(
        "Python",
        sys.version_info >= (3, 11),
        f"{platform.python_version()} on {platform.platform()}",
    )
    for builds in _PACKAGES:
        package, installed = _installed_one(builds)
        check(package, bool(installed), installed or "not installed; install ferdesk again")
    check("ONNX Runtime", True, runtime_text())
    try:
        MediaPipeNetworks(detectors_folder()).close()
        check("face detectors", True, "both load")
    except Exception as error:  # noqa: BLE001 (whatever keeps it from working is to be told)
        check("face detectors", False, str(error))
    try:
        try_networks(landmarks_folder())
        check("landmark networks", True, "both load")
    except Exception as error:  # noqa: BLE001 (as above)
        check("landmark networks", False, str(error))
    device_text: dict[str, object] = {}
    try:
        path = find_model(None)
        classifier = OnnxClassifier(path, provider.value)
        device = classifier.device
        check("model", True, f"{path.stem} {classifier.info.version}")
        gpu = f" on {device.gpu}" if device.provider == "CUDA" else ""
        why = f"; {device.reason}" if device.reason else ""
        check("device", not device.fell_back, f"{device.provider} is used{gpu}{why}")
        device_text = device_table(device)
    except Exception as error:  # noqa: BLE001 (as above)
        check("model", False, str(error))
    found = list_cameras()
    names = ", ".join(name for _, name in found)
    # no camera is no fault: files and the demo work without one
    check("cameras", True, names or "none found; the demo and files work")
    for title, folder in (("sessions folder", sessions_folder()), ("log folder", log_folder())):
        problem = _write_problem(folder)
        check(title, not problem, problem or str(folder))
    problem = display_problem()
    none = "none (neither DISPLAY nor WAYLAND_DISPLAY is set): analyze works, the window does not"
    check("display", not problem, problem or (display_name() if has_display() else none))
    return {"version": ferdesk.__version__, "device": device_text, "checks": checks}


_PACKAGES: tuple[tuple[str, ...], ...] = (
    ("numpy",),
    ("opencv-python-headless", "opencv-contrib-python", "opencv-python"),
    ("av",),
    ("PySide6-Essentials",),
)
"""What must be installed; the packaged program has another build of OpenCV."""


def _installed_one(names: tuple[str, ...]) -> tuple[str, str]:
    """Package of ``names`` that is installed, and its version; that is empty where none is."""
    from importlib import metadata

    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            return name, metadata.version(name)
    return names[0], ""


def _write_problem(folder: Path) -> str:
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if os.access(nearest, os.W_OK):
        return ""
    return f"{folder} cannot be written; choose another with --out"


def models(
    name: Annotated[
        str | None, typer.Argument(help="Show this model's card: a bundled name or a path.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the bundled models with details, or show a model card."""
    from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
    from ferdesk.factory.models import bundled_models, find_model

    paths = bundled_models() if name is None else [find_model(name)]
    found = [
        {
            "file": path.name,
            **_plain(asdict(OnnxClassifier(path, "cpu").info)),
            "card": _card_beside(path),
        }
        for path in paths
    ]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    from rich.table import Table

    console = console_on()
    if name is not None and found[0]["card"] is not None:
        _print_card(found[0]["card"], console)
        return
    for model in found:
        table = Table(title=model["file"], show_header=False, title_justify="left")
        for key in ("name", "version", "architecture", "trained_on", "licence", "sha256"):
            table.add_row(key, str(model[key]))
        for split, figures in model["accuracy"].items():
            table.add_row(f"accuracy, {split}", _figures_text(figures))
        if model["card"] is None:
            table.add_row("card", "none lies beside it; ferdesk-train card writes one")
        elif name is None:
            table.add_row("card", f"ferdesk models {Path(model['file']).stem}")
        console.print(table)


def _card_beside(path: Path) -> str | None:
    """Model card, Markdown beside the file under the same name; None where there is none."""
    try:
        return path.with_suffix(".md").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _print_card(card: str, console: "Console") -> None:
    """Print a model card: laid out on a terminal, as Markdown into a file or a pipe."""
    if console.is_terminal:
        from rich.markdown import Markdown

        console.print(Markdown(card))
    else:
        write(card)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: dict(value) if hasattr(value, "items") else value for key, value in values.items()}


def _figures_text(figures: object) -> str:
    """A split's figures of the metadata in words, a line for each way of viewing."""
    if not isinstance(figures, dict):
        return str(figures)
    lines = []
    for views, values in figures.items():
        if isinstance(values, dict) and "accuracy" in values:
            low, high = values.get("interval", (0.0, 1.0))
            lines.append(
                f"{views.replace('_', ' ')}: {100 * values['accuracy']:.1f} % "
                f"({100 * low:.1f} to {100 * high:.1f}), ECE {values.get('ece', 'unknown')}"
            )
    return "\n".join(lines) or str(figures)


def licences() -> None:
    """Show the licences of ferdesk and of third-party components."""
    folder = licences_folder()
    if folder is not None:
        for name in ("NOTICE", "THIRD-PARTY.md"):
            sys.stdout.write((folder / name).read_text(encoding="utf-8") + "\n")
        sys.stdout.write(f"The texts of all licences lie in {folder}.\n")
        return
    from importlib import metadata

    in_checkout = assets_folder().parent / "NOTICE"
    if in_checkout.is_file():
        notice = in_checkout.read_text(encoding="utf-8")
    else:
        notice = metadata.distribution("ferdesk").read_text("licenses/NOTICE") or ""
    sys.stdout.write(notice + "\n")
    sys.stdout.write("The libraries were installed beside it, each under its own licence:\n")
    wanted = [line for line in metadata.requires("ferdesk") or () if "extra ==" not in line]
    for name in sorted({re.split(r"[\[<>=!~; ]", line)[0] for line in wanted}, key=str.lower):
        with contextlib.suppress(metadata.PackageNotFoundError):
            about = metadata.metadata(name).json
            said = about.get("license_expression") or about.get("license") or "see its files"
            line = f"{about['name']} {about['version']}: {str(said).strip().splitlines()[0]}"
            sys.stdout.write(f"  {line}\n")


def cameras(as_json: JsonOption = False) -> None:
    """List the cameras of this computer."""
    from ferdesk.adapters.sources.camera import list_cameras

    found = [{"source": f"camera:{index}", "name": name} for index, name in list_cameras()]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    elif found:
        for camera in found:
            write(f"{camera['source']}  {camera['name']}\n")
    else:
        sys.stdout.write("No camera was found; ferdesk --source demo shows the program without.\n")


def bench(
    source: Annotated[str, typer.Option(help="A path, or demo.")] = "demo",
    model: ModelOption = None,
    provider: ProviderOption = ProviderName.AUTO,
    detector: DetectorOption = DetectorName.FERDESK,
    frames: Annotated[int, typer.Option(min=1, help="Number of frames to time.")] = 300,
    as_json: JsonOption = False,
) -> None:
    """Time each stage of the analysis on this computer."""
    from ferdesk.bench import bench as time_stages
    from ferdesk.factory.models import open_pipeline

    opened = open_pipeline(model, provider.value, detector=detector.value)
    with contextlib.closing(opened) as pipeline:
        result = time_stages(source, pipeline, num_frames=frames)
        device, name = pipeline.classifier.device, pipeline.classifier.info.name
    if as_json:
        table = {**asdict(result), "model": name, "provider": device.provider}
        sys.stdout.write(json.dumps(table, indent=2) + "\n")
        return
    from rich.table import Table

    console = console_on()
    console.print(
        f"{result.source} {result.width}x{result.height}, {result.mean_faces:.2f} faces a frame, "
        f"{counted(result.num_frames, 'frame')}; model {name} on {device.provider}: "
        f"{result.fps:.1f} frames a second"
    )
    stages = Table("stage", "median ms", "95th percentile ms")
    for timing in result.timings:
        stages.add_row(timing.stage, f"{timing.median_ms:.2f}", f"{timing.p95_ms:.2f}")
    console.print(stages)
