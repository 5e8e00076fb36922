"""The hand-over between two threads."""

import threading

from ferdesk.runtime.mailbox import Mailbox


def test_the_newest_value_wins_and_the_others_are_counted() -> None:
    place: Mailbox[int] = Mailbox()
    assert place.put(1) is True
    assert place.put(2) is False
    assert place.put(3) is False
    assert place.take() == 3
    assert place.num_dropped == 2


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
