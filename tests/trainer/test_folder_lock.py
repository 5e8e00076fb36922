"""Two trainings never write into one folder, and a training that is stopped at once says so."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ferdesk.errors import DataError
from trainer.training.folder_lock import alone_in

CHECKOUT = Path(__file__).parents[2]


def test_a_second_training_in_a_folder_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with alone_in(folder):
        with (
            pytest.raises(DataError, match=r"Another training writes into .*run; wait"),
            alone_in(folder),
        ):
            pass
        # other processes of its own group write nothing
        with alone_in(folder, writes=False):
            pass
        with alone_in(tmp_path / "other"):
            (tmp_path / "other" / "last.pt").touch()
        (folder / "last.pt").touch()
    with alone_in(folder):
        assert (folder / "last.pt").is_file()
    assert [path.name for path in folder.iterdir()] == ["last.pt"]


def test_a_folder_in_which_nothing_was_written_goes_again(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="odd"), alone_in(tmp_path / "run"):
        raise ValueError("odd")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be made"), alone_in(tmp_path / "file" / "run"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal on Windows")
def test_ctrl_c_while_libraries_are_loaded_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)")
    child = subprocess.Popen(
        [sys.executable, "-m", "trainer", "fit"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{CHECKOUT}"},
        cwd=tmp_path,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "loading\n"
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=30)
    assert child.returncode == 1
    assert told == "Stopped before anything began; the same command starts it.\n"
