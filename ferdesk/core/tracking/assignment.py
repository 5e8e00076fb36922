"""Linear assignment (the Hungarian problem) by LAPJV's shortest augmenting paths.

Jonker and Volgenant (1987): rows are added one at a time, each along the cheapest path, which may
move earlier pairs.
"""

import numpy as np
from numpy.typing import NDArray


def assign(costs: NDArray[np.float64], unpaired: float) -> list[tuple[int, int]]:
    """Linear assignment: the pairs (row, column) of least total cost.

    Args:
        costs: [n, m], finite where a pair is possible, ``inf`` where it is not.
        unpaired: what a row that gets no column costs; a pair dearer than this is not made.

    Returns:
        the pairs, by row; rows and columns left alone are not in it.
    """
    possible = costs < unpaired
    pairs: list[tuple[int, int]] = []
    for rows, columns in _groups(possible):
        if len(rows) == len(columns) == 1:
            pairs.append((rows[0], columns[0]))
            continue
        # a column of its own for each row, where it may stay alone
        padded = np.full((len(rows), len(columns) + len(rows)), np.inf)
        padded[:, : len(columns)] = np.where(
            possible[np.ix_(rows, columns)], costs[np.ix_(rows, columns)], np.inf
        )
        padded[np.arange(len(rows)), len(columns) + np.arange(len(rows))] = unpaired
        for i, j in enumerate(_solve(padded)):
            if j < len(columns):
                pairs.append((rows[i], columns[j]))
    return sorted(pairs)


def _groups(possible: NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    """Connected components of possible pairs, as rows and columns; mostly one of each."""
    groups: list[tuple[set[int], set[int]]] = []
    for i, j in np.argwhere(possible).tolist():
        touched = [group for group in groups if i in group[0] or j in group[1]]
        rows, columns = {i}.union(*(g[0] for g in touched)), {j}.union(*(g[1] for g in touched))
        groups = [group for group in groups if group not in touched] + [(rows, columns)]
    return sorted((sorted(rows), sorted(columns)) for rows, columns in groups)


def _solve(costs: NDArray[np.float64]) -> list[int]:
    """LAPJV's augmentation: the column of each row of ``costs`` [n, m].

    n <= m, and every row has a finite column.
    """
    num_rows, num_columns = costs.shape
    row_price = np.zeros(num_rows)
    column_price = np.zeros(num_columns)
    row_of = np.full(num_columns, -1)
    for first_row in range(num_rows):
        # Dijkstra over the reduced costs, until a free column is the nearest
        distance = np.full(num_columns, np.inf)
        came_from = np.full(num_columns, -1)
        done = np.zeros(num_columns, dtype=bool)
        row, column, so_far = first_row, -1, 0.0
        while True:
            reach = so_far + costs[row] - row_price[row] - column_price
            nearer = ~done & (reach < distance)
            distance[nearer] = reach[nearer]
            came_from[nearer] = column
            column = int(np.argmin(np.where(done, np.inf, distance)))
            so_far = float(distance[column])
            done[column] = True
            if row_of[column] < 0:
                break
            row = int(row_of[column])
        settled = done & (row_of >= 0)
        row_price[row_of[settled]] += so_far - distance[settled]
        column_price[settled] -= so_far - distance[settled]
        row_price[first_row] += so_far
        # turn the pairs along the path
        while True:
            before = int(came_from[column])
            row_of[column] = first_row if before < 0 else row_of[before]
            if before < 0:
                break
            column = before
    columns = [0] * num_rows
    for column in range(num_columns):
        if row_of[column] >= 0:
            columns[int(row_of[column])] = column
    return columns
