"""What goes into the packaged program and what stays out; used by packaging/ferdesk.spec."""

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

Entry = tuple[str, str, str]
"""PyInstaller's: the path inside the program, the file, the kind."""

EXCLUDED_MODULES = [
    "torch", "torchvision", "trainer", "tensorboard", "onnx", "onnxscript", "jax", "tensorflow",
    "matplotlib", "PIL", "sounddevice", "scipy", "pandas", "sklearn", "skimage", "pyarrow", "sympy",
    "IPython", "notebook", "tkinter", "_tkinter", "pytest", "setuptools", "pip", "pkg_resources",
    "readline", "lib2to3", "ensurepip", "pydoc_data", "test", "PyQt5", "PyQt6", "PySide2",
    "PySide6.QtNetwork", "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtDBus", "PySide6.QtTest",
    "pyqtgraph.opengl", "pyqtgraph.examples",
    "numpy.f2py", "OpenSSL",
]  # fmt: skip

_LEFT_OUT = re.compile(
    "|".join(
        (
            # OpenCV's own Qt 5 and its fonts, where the build with windows was installed
            r"(^|/)cv2/qt/", r"libQt5",
            # of Qt: what a window of widgets does not use
            r"PySide6/Qt/(lib/)?(lib)?Qt6?(Qml|Quick|Pdf|Virtual|Labs|Designer|Help|Sql|Test)",
            r"PySide6/.*plugins/(qmltooling|sqldrivers|tls|networkinformation|virtualkeyboard)",
            r"platforminputcontexts/.*virtualkeyboard", r"imageformats/.*pdf", r"PySide6/.*/qml/",
            r"platformthemes/.*gtk3", r"PySide6/.*plugins/(egldeviceintegrations|generic)",
            r"platforms/libq(eglfs|linuxfb|vnc|vkkhr|minimalegl)", r"libQt6EglF[Ss]",
            # of Qt's own texts, the languages of the program
            r"PySide6/.*translations/(?!qtbase_(en|zh_CN)\.qm$)",
            # of ONNX Runtime: tools for making models
            r"onnxruntime/(tools|quantization|datasets)/",
            r"\.(pyi|pxd|pyx|h|hpp|lib|a)$",
            # what MediaPipe's own package takes, which is not in the program
            r"ferdesk/assets/mediapipe/",
            # licence texts lie in the folder licences
            r"\.dist-info/(licen[cs]es/|LICEN[CS]E|NOTICE|AUTHORS|sboms/|RECORD$)",
            # the system's own: one from an older system keeps its graphics drivers from loading
            r"^lib(stdc\+\+|gcc_s|mvec)\.so",
            # GNU readline is under the GPL; there is no prompt here
            r"(^|/)(lib)?readline\.",
        )
    )
)  # fmt: skip
_STRIPPED = re.compile(r"^(libpython|av/.*\.so$)")
"""Built with names for debuggers."""


def kept(entries: list[Entry]) -> list[Entry]:
    """``entries`` without what is left out."""
    return [entry for entry in entries if not _LEFT_OUT.search(entry[0].replace("\\", "/"))]


def lean(entries: list[Entry], folder: Path) -> list[Entry]:
    """``entries`` without libraries that nothing left needs, some stripped into ``folder``.

    On Linux alone: elsewhere none of this is found to matter.
    """
    if not sys.platform.startswith("linux"):
        return entries
    entries = _needed(entries)
    if shutil.which("strip") is None:
        return entries
    folder.mkdir(parents=True, exist_ok=True)
    smaller = []
    for inside, file, kind in entries:
        if kind != "SYMLINK" and _STRIPPED.search(inside):
            made = folder / inside.replace("/", "-")
            subprocess.run(["strip", "--strip-unneeded", "-o", str(made), file], check=True)
            file = str(made)
        smaller.append((inside, file, kind))
    return smaller


def _needed(entries: list[Entry]) -> list[Entry]:
    """Of the libraries from the system, which lie on top, those that something kept loads.

    PyInstaller gathered them for plugins too that were left out since.
    """
    from PyInstaller.depend.bindepend import get_imports

    on_top = {i: file for i, file, kind in entries if kind == "BINARY" and "/" not in i}
    starts = [file for i, file, kind in entries if kind != "SYMLINK" and i not in on_top]
    # loaded by name, not by another library's list
    starts += [
        file for i, file in on_top.items() if i.startswith(("libpython", "libssl", "libffi"))
    ]
    waiting, seen = starts, set(starts)
    while waiting:
        for name, path in get_imports(waiting.pop()):
            file = on_top.get(Path(name).name) or path
            if file and file not in seen:
                seen.add(file)
                waiting.append(file)
    seen_names = {Path(file).name for file in seen}
    return [e for e in entries if e[0] not in on_top or e[1] in seen or e[0] in seen_names]


def shipped(root: str = "ferdesk") -> list[str]:
    """The distributions in this environment that the program is made of, sorted.

    What a distribution asks for and is not installed here was left out on purpose.
    """
    found: dict[str, str] = {}
    waiting = [(root, frozenset({"streams", "cuda", "cudnn"}))]
    # ferdesk asks for another build of it
    waiting += [(name, frozenset({"cuda", "cudnn"})) for name in _OTHER_BUILDS]
    while waiting:
        name, extras = waiting.pop()
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        key = _key(name)
        if key in found:
            continue
        found[key] = distribution.metadata["Name"]
        for line in distribution.requires or ():
            wanted = Requirement(line)
            if wanted.marker is None or any(
                wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ):
                waiting.append((wanted.name, frozenset(wanted.extras)))
    return sorted(found.values(), key=str.lower)


_OTHER_BUILDS = ("onnxruntime", "onnxruntime-gpu")


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def cuda_libraries() -> list[tuple[str, str]]:
    """The libraries of CUDA and cuDNN that pip installed for ONNX Runtime, where it did."""
    pairs = []
    for name in shipped():
        if not name.startswith("nvidia-"):
            continue
        for path in metadata.distribution(name).files or ():
            if re.search(r"(\.so(\.\d+)*|\.dll)$", path.name):
                pairs.append((str(path.locate()), str(path.parent)))
    return pairs


def windows_version(version: str) -> object:
    """The version as Windows shows it in a file's properties."""
    from PyInstaller.utils.win32.versioninfo import (
        FixedFileInfo,
        StringFileInfo,
        StringStruct,
        StringTable,
        VarFileInfo,
        VarStruct,
        VSVersionInfo,
    )

    numbers = tuple(int(n) for n in (*re.findall(r"\d+", version), 0, 0, 0, 0)[:4])
    texts = {
        "FileDescription": "ferdesk",
        "ProductName": "ferdesk",
        "ProductVersion": version,
        "FileVersion": version,
        "LegalCopyright": "The ferdesk team. MIT; see the licences in the program.",
    }
    table = StringTable("040904B0", [StringStruct(name, text) for name, text in texts.items()])
    return VSVersionInfo(
        ffi=FixedFileInfo(filevers=numbers, prodvers=numbers),
        kids=[StringFileInfo([table]), VarFileInfo([VarStruct("Translation", [1033, 1200])])],
    )
