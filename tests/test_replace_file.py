"""Replacing a file: whole or not at all, through a brief lock, never through a link."""

import errno
import os
import stat
from pathlib import Path

import pytest

from ferdesk.replace_file import WAIT_S, replace_file, replacing


class Lock:
    """``os.replace`` as it is while another program holds the target for ``num_tries`` tries."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, num_tries: float, code: int) -> None:
        self.left, self.code, self.replace = num_tries, code, os.replace
        self.pauses_s: list[float] = []
        monkeypatch.setattr(os, "replace", self)

    def __call__(self, source: object, target: object) -> None:
        if self.left > 0:
            self.left -= 1
            raise OSError(self.code, os.strerror(self.code), str(source))
        self.replace(source, target)  # type: ignore[arg-type]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "session.json"
    path.write_bytes(b"before")
    return path


def only(path: Path) -> bytes:
    """The file's content, where its folder holds nothing else."""
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    return path.read_bytes()


def test_a_new_file_and_an_old_one_get_the_content(target: Path) -> None:
    replace_file(target, b"\x00after\r\n")
    assert only(target) == b"\x00after\r\n"
    target.unlink()
    replace_file(target, "größer\n")
    assert only(target) == "größer\n".encode()


def test_the_old_file_stands_until_the_block_ends(target: Path) -> None:
    with replacing(target) as file:
        file.write(b"after")
        assert Path(file.name).parent == target.parent
        assert target.read_bytes() == b"before"
    assert only(target) == b"after"


def test_a_writer_may_use_the_path_or_close_the_file(target: Path) -> None:
    with replacing(target) as file:
        Path(file.name).write_bytes(b"by its path")
    assert only(target) == b"by its path"
    with replacing(target) as file:
        file.write(b"closed")
        file.close()
    assert only(target) == b"closed"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_the_mode_is_as_the_umask_gives(target: Path) -> None:
    before = os.umask(0o027)
    try:
        replace_file(target, b"after")
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EBUSY, errno.EEXIST])
def test_a_brief_lock_of_another_program_is_waited_for(
    target: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    lock = Lock(monkeypatch, 3, code)
    replace_file(target, b"after", sleep=lock.pauses_s.append)
    assert only(target) == b"after"
    assert lock.pauses_s == [0.01, 0.02, 0.04]


def test_a_lock_that_lasts_is_an_error_after_a_second_and_leaves_the_old_file(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = Lock(monkeypatch, float("inf"), errno.EACCES)
    with pytest.raises(PermissionError):
        replace_file(target, b"after", sleep=lock.pauses_s.append)
    assert only(target) == b"before"
    assert 0.8 < sum(lock.pauses_s) <= WAIT_S


def test_whoever_must_not_wait_tries_once(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = Lock(monkeypatch, 1, errno.EBUSY)
    with pytest.raises(OSError, match="busy"):
        replace_file(target, b"after", wait_s=0, sleep=lock.pauses_s.append)
    assert lock.pauses_s == []


def test_another_error_of_the_move_is_told_at_once(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = Lock(monkeypatch, 1, errno.EROFS)
    with pytest.raises(OSError, match="Read-only"):
        replace_file(target, b"after", sleep=lock.pauses_s.append)
    assert (lock.pauses_s, only(target)) == ([], b"before")


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(target, b"after")
    assert only(target) == b"before"


def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(target: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replacing(target) as file:  # noqa: PT012
        file.write(b"half")
        raise KeyboardInterrupt
    assert only(target) == b"before"


def test_a_link_is_refused_and_what_it_leads_to_stays(target: Path, tmp_path: Path) -> None:
    link = tmp_path / "folder" / "report.html"
    link.parent.mkdir()
    link.symlink_to(target)
    with pytest.raises(OSError, match="symbolic link") as caught:
        replace_file(link, b"after")
    assert caught.value.filename == str(link)
    assert target.read_bytes() == b"before"
    assert link.is_symlink()
    assert len(list(link.parent.iterdir())) == 1


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "report.html"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        replace_file(link, b"after")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        replace_file(tmp_path, b"after")


def test_two_writers_at_once_do_not_share_a_temporary_file(target: Path) -> None:
    with replacing(target) as first:
        first.write(b"first")
        with replacing(target) as second:
            second.write(b"second")
            assert first.name != second.name
        assert target.read_bytes() == b"second"
    assert only(target) == b"first"
