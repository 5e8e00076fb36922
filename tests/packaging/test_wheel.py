"""The wheel holds all that the program needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.timeout(120)
def test_the_wheel_holds_code_presets_models_and_licences(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=CHECKOUT, check=True, capture_output=True, timeout=100,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assets = {
        f"ferdesk/{path.relative_to(CHECKOUT)}"
        for path in (CHECKOUT / "assets").rglob("*")
        if path.is_file()
    }
    assert {Path(name).name for name in assets} >= {
        "face_detection_short_range.onnx", "face_detection_full_range.onnx",
        "LICENSE.mediapipe", "collins.webp", "hopper.webp", "SOURCES.md",
    }  # fmt: skip
    assert assets <= names
    assert "ferdesk/app.py" in names
    assert "trainer/recipes/presets/fast.toml" in names
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert not any(name.startswith("tests/") for name in names)
