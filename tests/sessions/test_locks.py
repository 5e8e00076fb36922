"""The lock on a session that is being recorded, and those who only look at it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ferdesk.file_lock import take_lock
from ferdesk.sessions.files import is_being_written
from ferdesk.sessions.rows_file import RowsFile


@pytest.mark.skipif(sys.platform == "win32", reason="Windows' locks are not shared")
def test_who_looks_is_not_taken_for_a_recording(make_session: Callable[..., Path]) -> None:
    folder = make_session([[(1, "happy")]])
    with (folder / "results.csv").open("r+b") as looking:
        take_lock(looking, shared=True)
        assert not is_being_written(folder)
    with (folder / "results.csv").open("r+b") as writing:
        take_lock(writing)
        assert is_being_written(folder)
    assert not is_being_written(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows' locks are not shared")
def test_a_recording_that_began_while_somebody_looked_is_marked_soon_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def opening(path: Path, mode: Any = "r", **more: Any) -> object:
        file = opened(path, mode, **more)
        if mode.startswith("x"):
            take_lock(looking := opened(path, "r+b"), shared=True)
            lookers.append(looking)
        return file

    lookers: list[Any] = []
    monkeypatch.setattr(Path, "open", opening)
    rows = RowsFile(tmp_path)
    monkeypatch.undo()
    assert not is_being_written(tmp_path)
    lookers.pop().close()
    rows.check()
    assert is_being_written(tmp_path)
    rows.close()
    assert not is_being_written(tmp_path)
