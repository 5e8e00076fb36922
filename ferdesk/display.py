"""Display check: whether Qt can open a window here, found out before Qt would abort the process.

Standard library only, so that it runs before anything is installed (scripts/system_libraries.py).
"""

import ctypes
import os
import re
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from ferdesk.messages import translatable

# what OpenCV and Qt load from the system, with the package's name in Debian and Ubuntu
ALWAYS = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
}
# what Qt needs besides to open a window on X11
ON_X11 = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
# and on Wayland
ON_WAYLAND = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
}
_PLUGINS = {"xcb": "libqxcb.so", "wayland": "libqwayland.so", "wayland-egl": "libqwayland.so"}
_SYSTEMS = {"xcb": "X11", "wayland": "Wayland", "wayland-egl": "Wayland"}
_ON = {"xcb": ON_X11, "wayland": ON_WAYLAND, "wayland-egl": ON_WAYLAND}


def missing_libraries(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """System libraries that cannot be loaded, with their packages in Debian and Ubuntu."""
    wanted = dict(ALWAYS)
    if environ.get("DISPLAY"):
        wanted |= ON_X11
    if environ.get("WAYLAND_DISPLAY"):
        wanted |= ON_WAYLAND
    return _missing_of(wanted)


def has_display(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody may see a window: always but on Linux without X11 and Wayland."""
    return sys.platform != "linux" or bool(_platforms(environ))


def display_name(environ: Mapping[str, str] = os.environ) -> str:
    """Window system that is used, as ``X11 (:0)``; empty for none."""
    if sys.platform != "linux":
        return "Windows" if sys.platform == "win32" else "macOS"
    for name in _platforms(environ):
        if not _trouble(name, environ):
            where = environ.get("DISPLAY" if name == "xcb" else "WAYLAND_DISPLAY", "")
            return f"{_SYSTEMS.get(name, name)} ({where})" if name in _SYSTEMS else name
    return ""


def display_problem(environ: Mapping[str, str] = os.environ) -> str:
    """Why no window can open although there is a display, and what to do; empty if one can."""
    if sys.platform != "linux":
        return ""
    problems = []
    for name in _platforms(environ):
        if (trouble := _trouble(name, environ)) == "":
            return ""
        problems.append(trouble)
    return problems[0] if problems else ""


def _platforms(environ: Mapping[str, str]) -> list[str]:
    """Names of the Qt platforms that are tried, in Qt's order."""
    if named := environ.get("QT_QPA_PLATFORM", ""):
        return [each.partition(":")[0] for each in named.split(";") if each]
    on_wayland = bool(environ.get("WAYLAND_DISPLAY"))
    on_x11 = bool(environ.get("DISPLAY"))
    return ["wayland"] * on_wayland + ["xcb"] * on_x11


def _trouble(name: str, environ: Mapping[str, str]) -> str:
    """Why Qt's platform ``name`` does not start; empty if it does, or if that cannot be told."""
    file = _PLUGINS.get(name)
    if file is None:
        return ""
    folder = _plugins_folder(environ)
    system = _SYSTEMS[name]
    if folder is not None and (why := _load_error(folder / file)) != "":
        lacking = _missing_of({**ALWAYS, **_ON[name]})
        unknown = {match[0] for match in re.finditer(r"^lib[\w.+-]+\.so[\d.]*(?=:)", why)}
        libraries = sorted({*lacking, *unknown}) or [why]
        if lacking:
            return translatable(
                "No window can open: for {system}, the system lacks {libraries}. "
                "Install: sudo apt-get install {packages}",
                system=system,
                libraries=", ".join(libraries),
                packages=" ".join(sorted(set(lacking.values()))),
            )
        return translatable(
            "No window can open: Qt's part for {system} cannot be loaded ({why}). "
            "Install the package that has it, or install ferdesk again.",
            system=system,
            why=", ".join(libraries),
        )
    if not (_x11_answers(environ) if name == "xcb" else _wayland_answers(environ)):
        variable = "DISPLAY" if name == "xcb" else "WAYLAND_DISPLAY"
        return translatable(
            "No window can open: {system} does not answer at {variable}={value}. Check that "
            "variable and your permission, or use ferdesk analyze, which needs no window.",
            system=system,
            variable=variable,
            value=environ.get(variable, ""),
        )
    return ""


def _plugins_folder(environ: Mapping[str, str]) -> Path | None:
    """The folder of Qt's platform plugins, as PySide6's wheels lay it out; None elsewhere."""
    if named := environ.get("QT_QPA_PLATFORM_PLUGIN_PATH"):
        folder = Path(named)
        if "cv2" not in folder.parts and folder.is_dir():
            return folder
    found = find_spec("PySide6")
    for place in (found.submodule_search_locations or ()) if found is not None else ():
        folder = Path(place) / "Qt" / "plugins" / "platforms"
        if folder.is_dir():
            return folder
    return None


def _missing_of(packages: Mapping[str, str]) -> dict[str, str]:
    return {name: package for name, package in packages.items() if _load_error(Path(name))}


def _load_error(library: Path) -> str:
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        return str(error)
    return ""


def _x11_answers(environ: Mapping[str, str]) -> bool:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    for of_connection in (xcb.xcb_connection_has_error, xcb.xcb_disconnect):
        of_connection.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(environ.get("DISPLAY", "").encode(), None)
    refused = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not refused


def _wayland_answers(environ: Mapping[str, str]) -> bool:
    try:
        wayland = ctypes.CDLL("libwayland-client.so.0")
    except OSError:
        return True
    wayland.wl_display_connect.restype = ctypes.c_void_p
    wayland.wl_display_disconnect.argtypes = [ctypes.c_void_p]
    name = environ.get("WAYLAND_DISPLAY")
    connection = wayland.wl_display_connect(name.encode() if name else None)
    if connection is None:
        return False
    wayland.wl_display_disconnect(connection)
    return True
