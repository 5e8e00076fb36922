"""Order of a study's stimuli for a participant: fixed, random by the code, or a Latin square.

What ``stays`` keeps its place in every order, as pauses do; the others change theirs.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from ferdesk.studies.study_file import OrderRule, Study


@dataclass(frozen=True, slots=True)
class StimulusOrder:
    """Order for one participant: ids of all stimuli, and what reproduces it.

    ``seed`` is None unless the rule is ``random``, ``row`` (from 0) unless it is a Latin square.
    """

    ids: tuple[str, ...]
    rule: OrderRule
    seed: int | None = None
    row: int | None = None


def order_for(study: Study, participant: str, number: int) -> StimulusOrder:
    """The order of the stimuli for a participant.

    Args:
        study: whose stimuli.
        participant: the code, which decides a random order: the same code gives the same order.
        number: how many participants came before, from 0, which decides the Latin square's row.
    """
    movable = [one.id for one in study.stimuli if not one.stays]
    seed = row = None
    if study.order == "random":
        seed = seed_of(study.name, participant)
        movable = shuffled(movable, seed)
    elif study.order == "latin square" and movable:
        square = williams_square(len(movable))
        row = number % len(square)
        movable = [movable[at] for at in square[row]]
    following = iter(movable)
    ids = tuple(one.id if one.stays else next(following) for one in study.stimuli)
    return StimulusOrder(ids, study.order, seed, row)


def seed_of(study: str, participant: str) -> int:
    """The seed of a participant's random order, in [0, 2^48)."""
    text = f"{study}\n{participant}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:6], "big")


def shuffled(items: Sequence[str], seed: int) -> list[str]:
    """``items`` in an order that ``seed`` decides, the same in every version of Python."""
    # of a seeded generator only random() itself is promised to stay as it is
    draw, mixed = random.Random(seed).random, list(items)
    for last in range(len(mixed) - 1, 0, -1):
        other = int(draw() * (last + 1))
        mixed[last], mixed[other] = mixed[other], mixed[last]
    return mixed


def williams_square(count: int) -> list[list[int]]:
    """Williams' balanced Latin square: rows of the numbers 0 to ``count`` - 1.

    Each number stands once in each row and as often in each column; over all rows each number
    follows each other number equally often. There are ``count`` rows where ``count`` is even, and
    twice as many where it is odd, the second half mirrored.
    """
    first = [0]
    for step in range(1, count):
        first.append((step + 1) // 2 if step % 2 else count - step // 2)
    rows = [[(one + row) % count for one in first] for row in range(count)]
    return rows if count % 2 == 0 or count == 1 else rows + [row[::-1] for row in rows]
