"""Studies on disk: two pictures of a few bytes, a video, and a ``study.toml`` of a test's own."""

from collections.abc import Callable
from pathlib import Path

import pytest

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)

StudyMaker = Callable[[str], Path]


@pytest.fixture
def make_study(tmp_path: Path) -> StudyMaker:
    """Writes ``study.toml``; lake.png, wood.jpg and waves.mp4 stand beside it."""

    def make(text: str) -> Path:
        folder = tmp_path / "study"
        folder.mkdir(exist_ok=True)
        (folder / "lake.png").write_bytes(PNG)
        (folder / "wood.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(8))
        (folder / "waves.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom")
        (folder / "study.toml").write_text(text, encoding="utf-8")
        return folder

    return make
