"""Name each system library that is missing on Linux, and the package that has it."""

import ctypes
import os
import sys

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


def missing() -> dict[str, str]:
    """Libraries that cannot be loaded, with their packages."""
    absent = {}
    for library, package in {**ALWAYS, **(ON_X11 if os.environ.get("DISPLAY") else {})}.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            absent[library] = package
    return absent


def main() -> None:
    if sys.platform != "linux":
        return
    absent = missing()
    for library, package in absent.items():
        sys.stderr.write(f"The system library {library} is missing; install {package}.\n")
    if absent:
        sys.exit(f"All of them: sudo apt-get install {' '.join(sorted(set(absent.values())))}")


if __name__ == "__main__":
    main()
