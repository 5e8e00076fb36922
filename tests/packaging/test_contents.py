"""What the packaged program is made of: nothing too much, nothing under the GPL, all named."""

import ctypes
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

Load = Callable[[str], ModuleType]
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="libraries are ELF here")
COMPILER = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler is installed")


@pytest.mark.parametrize(
    "inside",
    [
        "cv2/qt/plugins/platforms/libqxcb.so",
        "opencv_contrib_python.libs/libQt5Core-6243ef7e.so.5.15.19",
        "PySide6/Qt/lib/libQt6Quick.so.6",
        "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
        "PySide6/Qt/translations/qtbase_de.qm",
        "PySide6\\Qt\\translations\\qtbase_de.qm",
        "python3.11/lib-dynload/readline.cpython-311-x86_64-linux-gnu.so",
        "libreadline.so.8",
        "libstdc++.so.6",
        "numpy-2.4.6.dist-info/licenses/LICENSE.txt",
        "ferdesk/assets/mediapipe/face_landmarker.task",
        "ferdesk/assets/mediapipe/LICENSE.mediapipe",
    ],
)
def test_what_only_weighs_or_harms_stays_out(load: Load, inside: str) -> None:
    assert load("contents").kept([(inside, "/there", "BINARY")]) == []


@pytest.mark.parametrize(
    "inside",
    [
        "onnxruntime/capi/libonnxruntime_providers_shared.so",
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/Qt/plugins/platforms/libqoffscreen.so",
        "PySide6/Qt/plugins/platforms/libqwayland.so",
        "PySide6/Qt/translations/qtbase_zh_CN.qm",
        "ferdesk/assets/models/fast.onnx",
        "ferdesk/assets/detectors/face_detection_short_range.onnx",
        "ferdesk/assets/landmarks/face_landmarks.onnx",
        "ferdesk/assets/landmarks/canonical_face.npz",
        "ferdesk/assets/landmarks/LICENSE.mediapipe",
        "ferdesk/assets/translations/ferdesk_zh_CN.qm",
        "numpy-2.4.6.dist-info/METADATA",
        "pylsl/lib/liblsl.so",
    ],
)
def test_what_the_program_needs_goes_in(load: Load, inside: str) -> None:
    entry = (inside, "/there", "DATA")
    assert load("contents").kept([entry]) == [entry]


def test_the_environment_takes_no_trainer_and_one_build_of_each_library(load: Load) -> None:
    environment = load("environment")
    for kind, runtime in (("cpu", "onnxruntime"), ("cuda", "onnxruntime-gpu")):
        names = [environment.name_of(line) for line in environment.requirements(kind)]
        assert "torch" not in names
        assert {"pyside6-essentials", "av", "pylsl", "websockets", "pyinstaller"} <= set(names)
        assert [name for name in names if name.startswith("onnxruntime")] == [runtime]
        assert [name for name in names if name.startswith("opencv")] == ["opencv-python-headless"]


@LINUX
@COMPILER
def test_the_stand_ins_have_the_names_that_libavcodec_looks_for(load: Load, tmp_path: Path) -> None:
    import av

    no_gpl = load("no_gpl")
    libraries = Path(av.__file__).parents[1] / "av.libs"
    avcodec = next(iter(libraries.glob("libavcodec*")), None)
    nm = shutil.which("nm")
    if avcodec is None or nm is None:
        pytest.skip("this PyAV was not installed from a wheel, or nm is missing")
    listed = subprocess.run(
        [nm, "-D", "--undefined-only", str(avcodec)], capture_output=True, text=True, check=True
    ).stdout
    wanted = set(re.findall(r"\b(x26[45]_\w+)", listed))
    have: set[str] = set()
    for original in libraries.glob("libx26*"):
        made = no_gpl.make_stand_in(original, avcodec, tmp_path)
        assert made.name == original.name
        assert made.stat().st_size < 50_000
        library = ctypes.CDLL(str(made))
        have |= {name for name in wanted if hasattr(library, name)}
    assert have == wanted
    assert no_gpl.parts_under_gpl(tmp_path) == []


@LINUX
def test_a_program_with_a_part_under_the_gpl_is_noticed(load: Load, tmp_path: Path) -> None:
    no_gpl = load("no_gpl")
    (tmp_path / "libx264-d6533a8d.so.165").write_bytes(
        b"\x7fELF...x264 - core %d%s - H.264/MPEG-4 AVC codec - Copy%s 2003-2025 - ..."
    )
    (tmp_path / "THIRD-PARTY.txt").write_text("H.264/MPEG-4 AVC codec - Copyleft")
    (tmp_path / "libreadline.so.8").write_bytes(b"\x7fELF")
    found = {path.name for path in no_gpl.parts_under_gpl(tmp_path)}
    assert found == {"libx264-d6533a8d.so.165", "libreadline.so.8"}


def test_every_part_is_named_with_its_licence(load: Load, tmp_path: Path) -> None:
    load("contents")
    licences = load("licences")
    page = licences.write(tmp_path)
    text = page.read_text(encoding="utf-8")
    assert page.name == "THIRD-PARTY.md"
    for name in ("numpy", "opencv-python-headless", "av", "PySide6_Essentials", "Python"):
        assert f"| {name} | " in text
    assert "| torch |" not in text
    folder = page.parent
    for name in ("LICENSE", "NOTICE", "LGPL-3.0.txt", "GPL-3.0.txt", "LGPL-2.1.txt"):
        assert (folder / name).stat().st_size > 500
    assert any((folder / "numpy").iterdir())
    assert "{" not in text


def test_the_bill_of_materials_names_libraries_and_models(load: Load, tmp_path: Path) -> None:
    load("contents")
    load("licences")
    bill = load("bill")
    made = bill.bill(tmp_path, datetime(2026, 11, 25, tzinfo=UTC))
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert made["metadata"]["timestamp"] == "2026-11-25T00:00:00Z"
    assert made["metadata"]["component"]["name"] == "ferdesk"
    references = [component["bom-ref"] for component in made["components"]]
    assert len(references) == len(set(references))
    assert made["dependencies"][0]["dependsOn"] == sorted(references)
    names = {component["name"]: component for component in made["components"]}
    assert names["numpy"]["purl"].startswith("pkg:pypi/numpy@")
    model = names["face_detection_short_range.onnx"]
    assert model["type"] == "machine-learning-model"
    sums = (Path(__file__).parents[2] / "assets" / "detectors" / "SHA256SUMS").read_text("ascii")
    assert model["hashes"][0]["content"] in sums
    assert names["face_landmarks.onnx"]["type"] == "machine-learning-model"
    json.dumps(made)


def test_the_program_is_found_in_each_systems_folder(load: Load) -> None:
    check = load("check")
    assert check.program_of(Path("dist/ferdesk.app")).parts[-3:] == (
        "Contents", "MacOS", "ferdesk",
    )  # fmt: skip
    assert check.program_of(Path("dist/ferdesk")).stem == "ferdesk"
