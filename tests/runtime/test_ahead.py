"""Reading ahead: in order, nothing lost, errors at their place, and no thread is left."""

import contextlib
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from ferdesk import batch
from ferdesk.core.types import Frame
from ferdesk.runtime.ahead import Ahead

FRAME = Frame(np.zeros((4, 6, 3), np.uint8), 0, 0.0, 0.0)


def test_items_come_in_order_and_up_to_two_are_made_before_they_are_wanted() -> None:
    made: list[int] = []
    third = threading.Event()

    def items() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            if number == 2:
                third.set()
            yield number

    with contextlib.closing(Ahead(items(), "ferdesk-ahead")) as ahead:
        reader = iter(ahead)
        assert next(reader) == 0
        # one waits, one is made
        assert third.wait(5)
        assert made == [0, 1, 2]
        assert list(reader) == [1, 2, 3, 4]


def test_an_error_comes_after_what_was_read_before_it() -> None:
    def items() -> Iterator[str]:
        yield "first"
        raise ValueError("damaged")

    with contextlib.closing(Ahead(items(), "ferdesk-ahead")) as ahead:
        reader = iter(ahead)
        assert next(reader) == "first"
        with pytest.raises(ValueError, match="damaged"):
            next(reader)


def test_closed_in_the_middle_its_thread_ends() -> None:
    ended = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            ended.set()

    ahead = Ahead(items(), "ferdesk-ahead")
    assert next(iter(ahead)) == 0
    ahead.close()
    assert not any(one.name == "ferdesk-ahead" for one in threading.enumerate())
    del ahead
    assert ended.is_set()


def test_a_worker_that_has_one_core_reads_nothing_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERDESK_THREADS", "1")
    threads = set()

    def reads() -> Iterator[batch.Read]:
        for _ in range(3):
            threads.add(threading.current_thread().name)
            yield FRAME, None, ()

    with batch._ahead(reads()) as found:
        assert len(list(found)) == 3
    assert threads == {"MainThread"}
    threads.clear()
    monkeypatch.delenv("FERDESK_THREADS")
    with batch._ahead(reads()) as found:
        assert len(list(found)) == 3
    assert threads == {"ferdesk-ahead"}
