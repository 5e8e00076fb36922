"""Analysis gives way to the window: its threads come later, and nobody else's do."""

import os
import sys
import threading
from types import SimpleNamespace

import pytest

from ferdesk.runtime import priority
from ferdesk.runtime.priority import give_way


def in_a_thread(work: object) -> None:
    thread = threading.Thread(target=work)  # type: ignore[arg-type]
    thread.start()
    thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread's priority is not read")
def test_a_thread_that_gives_way_takes_its_own_threads_along_and_no_others() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    if before > 9:
        pytest.skip("this process is as nice as can be already")
    seen: list[int] = []

    def analyse() -> None:
        give_way()
        seen.append(niceness())
        in_a_thread(lambda: seen.append(niceness()))

    in_a_thread(analyse)
    assert seen == [before + 10, before + 10]
    assert niceness() == before


def test_a_system_that_does_not_allow_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse, raising=False)
    give_way()


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_elsewhere_nothing_is_asked_of_the_system(
    monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    asked: list[tuple[int, ...]] = []
    monkeypatch.setattr(os, "getpriority", lambda *_: 0, raising=False)
    monkeypatch.setattr(os, "setpriority", lambda *given: asked.append(given), raising=False)
    monkeypatch.setattr(priority, "sys", SimpleNamespace(platform=platform))
    give_way()
    assert asked == []
