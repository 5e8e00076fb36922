"""The order of stimuli: reproducible, and balanced where it should be."""

from collections import Counter
from itertools import pairwise

import pytest

from ferdesk.studies.order import order_for, seed_of, shuffled, williams_square
from ferdesk.studies.study_file import Stimulus, Study


def study(order: str, *names: str) -> Study:
    stimuli = tuple(Stimulus(n.strip("!"), "text", text="t", stays=n.endswith("!")) for n in names)
    return Study(None, "s", "0" * 64, order, stimuli)  # type: ignore[arg-type]


def test_a_fixed_order_is_that_of_the_file() -> None:
    order = order_for(study("fixed", "c", "a", "b"), "P1", 5)
    assert (order.ids, order.seed, order.row) == (("c", "a", "b"), None, None)


def test_a_code_has_its_random_order_for_ever() -> None:
    # written out: another order for the same code would spoil what was recorded before
    assert seed_of("s", "P1") == 206568541093942
    assert shuffled("abcdef", 7) == ["d", "f", "e", "c", "a", "b"]
    one = order_for(study("random", *"abcdefgh"), "P1", 0)
    assert one == order_for(study("random", *"abcdefgh"), "P1", 9)
    assert one.seed == seed_of("s", "P1")
    assert sorted(one.ids) == list("abcdefgh")
    assert one.ids != order_for(study("random", *"abcdefgh"), "P2", 0).ids


@pytest.mark.parametrize("count", range(2, 9))
def test_each_follows_each_other_equally_often(count: int) -> None:
    square = williams_square(count)
    assert len(square) == (count if count % 2 == 0 else 2 * count)
    assert all(sorted(row) == list(range(count)) for row in square)
    for column in zip(*square, strict=True):
        assert set(Counter(column).values()) == {len(square) // count}
    follows = Counter(pair for row in square for pair in pairwise(row))
    assert len(follows) == count * (count - 1)
    assert len(set(follows.values())) == 1


def test_participants_have_the_rows_one_after_the_other() -> None:
    four = study("latin square", *"abcd")
    assert [order_for(four, "P", n).row for n in range(5)] == [0, 1, 2, 3, 0]
    assert order_for(four, "P", 1).ids == ("b", "c", "a", "d")


def test_one_stimulus_needs_no_square() -> None:
    assert williams_square(1) == [[0]]
    assert order_for(study("latin square", "a!"), "P", 3).ids == ("a",)


def test_what_stays_keeps_its_place() -> None:
    order = order_for(study("latin square", "a", "pause!", "b", "c", "d"), "P", 1)
    assert order.ids == ("b", "pause", "c", "a", "d")
