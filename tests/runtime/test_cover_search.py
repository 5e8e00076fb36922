"""The search for what an anonymous video covers: every picture, in its order, on other threads."""

import threading

import numpy as np
import pytest

from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box
from ferdesk.core.types import Detection
from ferdesk.runtime.cover_search import CoverSearch, Searched
from tests.helpers.results import make_result


class Search:
    """Finds one face, as wide as the picture's first value; waits where that is in ``gates``."""

    def __init__(self) -> None:
        self.gates: dict[int, threading.Event] = {}
        self.threads: set[str] = set()
        self.num_closed = 0

    def detect(self, image: np.ndarray) -> list[Detection]:
        self.threads.add(threading.current_thread().name)
        value = int(image[0, 0, 0])
        if value in self.gates:
            assert self.gates[value].wait(20)
        if value == 99:
            raise ValueError("no memory")
        return [Detection(Box(1, 2, value, 4), 0.9, SHORT_RANGE, 0.0)]

    def close(self) -> None:
        self.num_closed += 1


def add(cover: CoverSearch, value: int) -> list[Searched]:
    return cover.add(make_result(image=np.full((6, 8, 3), value, np.uint8)), value / 10)


def widths(searched: list[Searched]) -> list[tuple[float, float]]:
    return [(one.t_s, one.detections[0].box.width) for one in searched]


def test_pictures_come_back_in_their_order_each_with_what_was_found_in_it() -> None:
    search = Search()
    search.gates[1] = threading.Event()
    cover = CoverSearch(search, num_threads=2)
    assert add(cover, 1) == []
    assert add(cover, 2) == []
    threading.Timer(0.1, search.gates[1].set).start()
    # one more than there are threads waits for the oldest
    out = add(cover, 3)
    assert widths(out)[0] == (0.1, 1)
    out += cover.finish()
    assert widths(out) == [(0.1, 1), (0.2, 2), (0.3, 3)]
    assert all(name.startswith("ferdesk-cover") for name in search.threads)
    cover.close()
    assert search.num_closed == 1


def test_a_search_that_fails_is_told_to_whoever_takes_the_picture() -> None:
    cover = CoverSearch(Search(), num_threads=1)
    with pytest.raises(ValueError, match="no memory"):
        # at once, or with the next picture: a search takes its time
        widths(add(cover, 99) + cover.finish())
    cover.close()
