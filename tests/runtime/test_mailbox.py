"""The mailbox between two threads: the newest value wins, and what it replaces is counted."""

import contextlib
import threading

from ferdesk.runtime.mailbox import Mailbox


class MeetingMailbox(Mailbox[int]):
    """Lets threads meet where one looks at the stored value: two meet only where no lock holds."""

    def __init__(self) -> None:
        self.meeting: threading.Barrier | None = None
        super().__init__()

    @property
    def _value(self) -> int | None:
        value = self._held
        if self.meeting is not None:
            with contextlib.suppress(threading.BrokenBarrierError):
                self.meeting.wait(0.3)
        return value

    @_value.setter
    def _value(self, value: int | None) -> None:
        self._held = value


def test_the_newest_value_wins_and_the_others_are_counted() -> None:
    place: Mailbox[int] = Mailbox()
    assert place.put(1) is True
    assert place.put(2) is False
    assert place.put(3) is False
    assert place.take() == 3
    assert place.num_dropped == 2


def test_of_two_threads_that_put_at_once_one_replaces_the_other() -> None:
    place = MeetingMailbox()
    place.meeting = threading.Barrier(2)
    was_empty: list[bool] = []
    threads = [
        threading.Thread(target=lambda v=value: was_empty.append(place.put(v))) for value in (1, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    place.meeting = None
    assert sorted(was_empty) == [False, True]
    assert place.num_dropped == 1
    assert place.take(timeout_s=0) in (1, 2)


def test_of_two_threads_that_take_at_once_one_gets_the_value() -> None:
    place = MeetingMailbox()
    place.put(7)
    place.meeting = threading.Barrier(2)
    taken: list[int | None] = []
    threads = [
        threading.Thread(target=lambda: taken.append(place.take(timeout_s=0))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert [value for value in taken if value is not None] == [7]


def test_every_value_is_taken_or_counted_between_two_threads() -> None:
    place: Mailbox[int] = Mailbox()
    begin = threading.Barrier(2)
    taken: list[int] = []

    def read() -> None:
        begin.wait(5)
        while (value := place.take()) is not None:
            taken.append(value)

    reader = threading.Thread(target=read)
    reader.start()
    begin.wait(5)
    for value in range(1, 2001):
        place.put(value)
    place.close()
    reader.join(10)
    assert taken == sorted(taken)
    assert taken[-1] == 2000
    assert len(taken) + place.num_dropped == 2000


def test_a_blocking_put_loses_nothing_and_keeps_the_order() -> None:
    place: Mailbox[int] = Mailbox()
    done: list[bool] = []
    writer = threading.Thread(
        target=lambda: done.extend(place.put_blocking(value) for value in range(1, 101))
    )
    writer.start()
    assert [place.take(timeout_s=5) for _ in range(100)] == list(range(1, 101))
    writer.join(5)
    assert done == [True] * 100
    assert place.num_dropped == 0
    place.close()
    assert place.put_blocking(1) is False


def test_a_writer_can_wait_until_the_value_was_taken() -> None:
    place: Mailbox[int] = Mailbox()
    place.put(1)
    empty: list[bool] = []
    writer = threading.Thread(target=lambda: empty.append(place.wait_empty()))
    writer.start()
    assert place.take(timeout_s=5) == 1
    writer.join(5)
    assert empty == [True]
    place.put(2)
    place.close()
    assert place.wait_empty() is False


def test_an_empty_place_gives_nothing_after_the_time_is_over() -> None:
    assert Mailbox[int]().take(timeout_s=0.01) is None


def test_closing_wakes_a_waiting_reader() -> None:
    place: Mailbox[int] = Mailbox()
    taken: list[int | None] = []
    reader = threading.Thread(target=lambda: taken.append(place.take()))
    reader.start()
    place.close()
    reader.join(5)
    assert taken == [None]


def test_a_value_stored_before_closing_can_still_be_taken() -> None:
    place: Mailbox[int] = Mailbox()
    place.put(7)
    place.close()
    assert place.take() == 7
    assert place.take() is None


def test_a_value_comes_out_once() -> None:
    place: Mailbox[int] = Mailbox()
    place.put(1)
    assert place.take() == 1
    assert place.take(timeout_s=0.01) is None
