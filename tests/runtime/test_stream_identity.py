"""Stream identities: stable over a restart, different by computer, source and program."""

import getpass
import subprocess
import sys
from pathlib import Path

import pytest

from ferdesk.runtime import stream_identity
from ferdesk.runtime.stream_identity import StreamIdentity


def name_of(folder: Path, *sources: str, host: str = "lab-1") -> str:
    identity = StreamIdentity(sources, host=host, folder=folder)
    identity.release()
    return identity.name


def test_a_restart_keeps_it_and_another_computer_or_source_has_another(tmp_path: Path) -> None:
    camera = name_of(tmp_path, "camera:0")
    assert name_of(tmp_path, "camera:0") == camera
    others = [
        name_of(tmp_path, "camera:0", host="lab-2"),
        name_of(tmp_path, "camera:1"),
        name_of(tmp_path, "demo"),
        name_of(tmp_path, "camera:0", "demo"),
        name_of(tmp_path, "camera:0demo"),
        name_of(tmp_path, "a.mp4"),
        name_of(tmp_path, "b.mp4"),
        name_of(tmp_path, "a.mp4", "b.mp4"),
        name_of(tmp_path, "rtsp://10.0.0.7/live?channel=1"),
        name_of(tmp_path, "rtsp://10.0.0.7/live?channel=2"),
        name_of(tmp_path, "camera:0", host=""),
        name_of(tmp_path / "another user", "camera:0"),
        name_of(tmp_path),
    ]
    assert len({camera, *others}) == 1 + len(others)


def test_one_source_in_two_spellings_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert name_of(tmp_path, "a.mp4") == name_of(tmp_path, str(tmp_path / "x" / ".." / "a.mp4"))
    assert name_of(tmp_path, "rtsp://ana:secret@10.0.0.7/live") == name_of(
        tmp_path, "rtsp://10.0.0.7/live"
    )


def test_programs_that_send_one_source_at_once_are_numbered(tmp_path: Path) -> None:
    first = StreamIdentity(["camera:0"], host="lab", folder=tmp_path)
    second = StreamIdentity(["camera:0"], host="lab", folder=tmp_path)
    third = StreamIdentity(["camera:0"], host="lab", folder=tmp_path)
    assert (second.name, third.name) == (f"{first.name}-2", f"{first.name}-3")
    second.release()
    again = StreamIdentity(["camera:0"], host="lab", folder=tmp_path)
    assert again.name == second.name
    for one in (first, third, again):
        one.release()


def test_a_killed_program_gives_it_back(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from ferdesk.runtime.stream_identity import StreamIdentity\n"
        "one = StreamIdentity(['camera:0'], host='lab', folder=Path(sys.argv[1]))\n"
        "print(one.name, flush=True); os._exit(1)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=root, timeout=28,
    )  # fmt: skip
    assert done.stdout.strip() == name_of(tmp_path, "camera:0", host="lab"), done.stderr


def test_without_locks_it_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(file: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(stream_identity, "take_lock", no_locks)
    one, two = name_of(tmp_path, "camera:0"), name_of(tmp_path, "camera:0")
    assert one != two


def test_it_discloses_neither_user_nor_path_nor_computer(tmp_path: Path) -> None:
    identity = StreamIdentity(["/home/ana/patient 7.mp4"], folder=tmp_path)
    identity.release()
    name = identity.name
    assert set(name) <= set("0123456789abcdef")
    assert len(name) == 16
    assert getpass.getuser() not in name or len(getpass.getuser()) < 3
