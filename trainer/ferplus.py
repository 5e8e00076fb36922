"""FER+: ten people's votes for each row of FER2013 (Barsoum et al., 2016), matched by row."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferdesk.errors import DataError
from trainer.classes import label_of
from trainer.data import USAGE, Fer2013, Split

FILE_NAME = "fer2013new.csv"
CHOICES = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear",
    "contempt", "unknown", "NF",
)  # fmt: skip
"""What a voter could choose, in the file's order; NF: not a face."""
_CHOICE_OF_LABEL = sorted(
    (place for place, choice in enumerate(CHOICES) if label_of(choice) is not None),
    key=lambda place: label_of(CHOICES[place]) or 0,
)
"""The columns of our seven labels, in LABELS' order."""


@dataclass(frozen=True, slots=True)
class FerPlus:
    """The votes of one split: ``votes`` [N, 10] int64 in the order of CHOICES."""

    votes: NDArray[np.int64]

    def plurality(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """What most voters saw, and where that is one of our seven labels and no tie.

        The winner is sought among all ten choices: a face that most voters found unknown, no face
        or contemptuous has no truth among our seven, and is not clear.

        Returns:
            labels [N] int64 in LABELS' order, -1 where not clear; clear [N] bool.
        """
        most = self.votes.max(axis=1, initial=0)
        ours = self.ours()
        alone = (self.votes == most[:, None]).sum(axis=1) == 1
        clear = alone & (ours == most[:, None]).any(axis=1)
        return np.where(clear, ours.argmax(axis=1), -1), clear

    def ours(self) -> NDArray[np.int64]:
        """The votes for our seven labels, [N, 7] in LABELS' order."""
        return self.votes[:, _CHOICE_OF_LABEL]

    def shares(self) -> NDArray[np.float32]:
        """Each of our labels' share of all the face's votes, [N, 7]; a row may sum to less than 1.

        What is missing went to contempt, unknown or no face. Without any vote the row is 0.
        """
        total = np.maximum(self.votes.sum(axis=1, keepdims=True), 1)
        shares: NDArray[np.float32] = (self.ours() / total).astype(np.float32)
        return shares

    def divergence(self, logits_NK: NDArray[np.float64]) -> float:
        """KL(votes, softmax(logits)), mean over the faces that have votes for our labels."""
        shares = self.shares().astype(np.float64)
        voted = shares.sum(axis=1) > 0
        shares = shares[voted] / shares[voted].sum(axis=1, keepdims=True)
        logits = logits_NK[voted] - logits_NK[voted].max(axis=1, keepdims=True)
        log_model = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        log_votes = np.log(np.where(shares > 0, shares, 1.0))
        return float((shares * (log_votes - log_model)).sum(axis=1).mean())

    def agreement(self, predicted: NDArray[np.int64]) -> tuple[int, int]:
        """How many of ``predicted`` [N] agree with a clear plurality, and how many are clear."""
        labels, clear = self.plurality()
        return int((predicted == labels)[clear].sum()), int(clear.sum())


def load_ferplus(place: Path, fer: Fer2013) -> dict[Split, FerPlus]:
    """The votes for every face of ``fer``, by row position; the Usage of each row must agree.

    Args:
        place: fer2013new.csv, or a folder that holds it.
        fer: FER2013 from one of its csv files.

    Raises:
        DataError: no such file, ``fer`` has no rows, or a row that does not fit.
    """
    path = place / FILE_NAME if place.is_dir() else place
    if not path.is_file():
        raise DataError(f"There is no {path}; give FER+'s {FILE_NAME}.")
    if fer.rows is None:
        raise DataError(
            "FER+ belongs to FER2013's rows, which the folder form does not have; give fer2013.csv."
        )
    usages, votes = _read(path)
    num_rows = sum(len(rows) for rows in fer.rows.values())
    if len(usages) != num_rows:
        raise DataError(f"{path} has {len(usages)} rows, FER2013 has {num_rows}.")
    for split, rows in fer.rows.items():
        differing = rows[usages[rows] != list(USAGE.values()).index(split)]
        if len(differing):
            raise DataError(
                f"{path}, data row {differing[0] + 1}: its Usage is not that of FER2013's row; "
                "both files must have the official order."
            )
    return {split: FerPlus(votes[rows]) for split, rows in fer.rows.items()}


def _read(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each row's split, as its place in USAGE, and its votes."""
    usages, votes = [], []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            missing = [name for name in ("Usage", *CHOICES) if name not in header]
            if missing:
                raise DataError(f"{path} is not FER+: its first line lacks {', '.join(missing)}.")
            usage, columns = header.index("Usage"), [header.index(name) for name in CHOICES]
            for row in rows:
                if not any(map(str.strip, row)):
                    continue
                where = f"{path}, line {rows.line_num}"
                if len(row) < len(header):
                    raise DataError(f"{where}: {len(row)} fields, {len(header)} are needed.")
                if row[usage].strip() not in USAGE:
                    raise DataError(
                        f"{where}: Usage is {row[usage]!r}; it is one of {', '.join(USAGE)}."
                    )
                counts = [row[column].strip() for column in columns]
                if not all(count.isascii() and count.isdigit() for count in counts):
                    raise DataError(f"{where}: a number of votes is not a whole number.")
                usages.append(list(USAGE).index(row[usage].strip()))
                votes.append([int(count) for count in counts])
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file; give FER+'s {FILE_NAME}.") from error
    except (OSError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    return (
        np.array(usages, dtype=np.int64),
        np.array(votes, dtype=np.int64).reshape(-1, len(CHOICES)),
    )
