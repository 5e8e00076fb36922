"""What a library imports and does not use costs nothing, and works where it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

from ferdesk.late_imports import late


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library ``lateuser`` that imports ``latepack.deep``, which notes that it was imported."""
    (tmp_path / "latepack").mkdir()
    (tmp_path / "latepack" / "__init__.py").touch()
    (tmp_path / "latepack" / "deep.py").write_text("value = 7\n")
    (tmp_path / "lateuser.py").write_text(
        "import latepack.deep as deep\n\ndef used():\n    return deep.value\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("latepack", "latepack.deep", "lateuser"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def test_a_late_module_is_imported_when_it_is_used(library: Path) -> None:
    with late("latepack", "latepack.deep"):
        import lateuser  # type: ignore[import-not-found]
    assert "latepack" not in sys.modules
    assert lateuser.used() == 7
    assert Path(sys.modules["latepack.deep"].__file__ or "").parent == library / "latepack"


def test_a_module_that_is_there_already_stays(library: Path) -> None:
    import latepack.deep  # type: ignore[import-not-found]

    with late("latepack", "latepack.deep"):
        import lateuser
    assert lateuser.deep is latepack.deep


def test_the_detector_does_not_load_what_only_plots_and_listens() -> None:
    code = (
        "import sys\n"
        "from ferdesk.adapters.mediapipe_detector import MediaPipeDetector\n"
        "from ferdesk.paths import detectors_folder\n"
        "MediaPipeDetector(detectors_folder()).close()\n"
        "assert 'mediapipe' in sys.modules\n"
        "assert not {'matplotlib', 'sounddevice'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-500:]
