"""Markdown of the model card: tables, shares with intervals, names of the splits."""

from collections.abc import Sequence

SPLITS = {"public_test": "PublicTest", "private_test": "PrivateTest"}
NOT_MEASURED = "Not measured on this file yet"


def with_interval(share: float, interval: Sequence[float]) -> str:
    """Share and its interval in percent."""
    low, high = interval
    return f"{100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
