"""Pairings of least cost."""

from itertools import combinations, permutations

import numpy as np
import pytest

from ferdesk.core.tracking.assignment import assign


def cheapest(costs: np.ndarray, unpaired: float) -> float:
    """By trying everything."""
    num_rows, num_columns = costs.shape
    totals = [num_rows * unpaired]
    for num in range(1, min(num_rows, num_columns) + 1):
        for rows in combinations(range(num_rows), num):
            for columns in permutations(range(num_columns), num):
                paid = sum(float(costs[i, j]) for i, j in zip(rows, columns, strict=True))
                totals.append(paid + (num_rows - num) * unpaired)
    return float(min(totals))


@pytest.mark.parametrize("seed", range(40))
def test_no_other_pairing_is_cheaper(seed: int) -> None:
    random = np.random.default_rng(seed)
    costs = 3 * random.random(random.integers(1, 5, 2))
    costs[random.random(costs.shape) < 0.3 * random.random()] = np.inf
    pairs = assign(costs, 1.5)
    paid = sum(costs[i, j] for i, j in pairs) + 1.5 * (len(costs) - len(pairs))
    assert paid == pytest.approx(cheapest(costs, 1.5))
    assert len({j for _, j in pairs}) == len({i for i, _ in pairs}) == len(pairs)


def test_a_near_pair_is_given_up_for_two_good_ones() -> None:
    assert assign(np.array([[1.0, 2.0], [1.1, np.inf]]), 10.0) == [(0, 1), (1, 0)]


def test_what_is_too_dear_stays_alone() -> None:
    assert assign(np.array([[5.0, np.inf], [0.5, 7.0]]), 3.0) == [(1, 0)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nobody_is_paired_with_nobody(shape: tuple[int, int]) -> None:
    assert assign(np.empty(shape), 1.0) == []
