"""FER+'s votes meet FER2013 row by row, or not at all."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError
from trainer.data.fer2013 import SPLITS, Fer2013, load_fer2013
from trainer.data.ferplus import CHOICES, FerPlus, load_ferplus

Row = tuple[int, NDArray[np.uint8], str]
HEADER = f"Usage,Image name,{','.join(CHOICES)}"


def _votes(**votes: int) -> list[int]:
    return [votes.get(choice, 0) for choice in CHOICES]


@pytest.fixture
def mixed(rows: list[Row]) -> list[Row]:
    """The splits interleaved, so that a row's place in its split is not its row."""
    return [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]


@pytest.fixture
def fer(mixed: list[Row], write_csv: Callable[[Sequence[Row]], Path]) -> Fer2013:
    return load_fer2013(write_csv(mixed), official=False)


def _write(path: Path, mixed: list[Row]) -> list[str]:
    """FER+ for ``mixed``, where row i has i votes for anger; its lines."""
    lines = [HEADER]
    for i, (_, _, usage) in enumerate(mixed):
        name = "" if i == 0 else f"fer{i:07}.png"  # not every row has a name
        lines.append(f"{usage},{name},{','.join(map(str, _votes(anger=i)))}")
    path.write_text("\n".join(lines) + "\n")
    return lines


def test_each_face_gets_the_votes_of_its_row(
    fer: Fer2013, mixed: list[Row], tmp_path: Path
) -> None:
    _write(tmp_path / "fer2013new.csv", mixed)
    found = load_ferplus(tmp_path, fer)
    for split in SPLITS:
        assert found[split].votes.shape == (len(fer.splits[split]), 10)
        for votes, face in zip(found[split].votes, fer.splits[split].pixels, strict=True):
            row = votes[CHOICES.index("anger")]
            np.testing.assert_array_equal(mixed[row][1], face)


@pytest.mark.parametrize(
    ("votes", "label"),
    [
        (_votes(anger=6, sadness=4), "angry"),
        (_votes(happiness=10), "happy"),
        (_votes(neutral=4, disgust=3, fear=3), "neutral"),  # a plurality, no majority
        (_votes(anger=5, sadness=5), None),  # a tie
        (_votes(contempt=6, anger=4), None),
        (_votes(unknown=5, anger=4, fear=1), None),
        (_votes(NF=10), None),
        (_votes(anger=4, contempt=4, fear=2), None),
        (_votes(), None),
    ],
)
def test_the_plurality_is_the_single_most_voted_choice_if_it_is_ours(
    votes: list[int], label: str | None
) -> None:
    labels, clear = FerPlus(np.array([votes])).plurality()
    assert clear.tolist() == [label is not None]
    assert labels.tolist() == [-1 if label is None else LABELS.index(label)]


@pytest.mark.parametrize("label", range(7))
def test_every_label_finds_its_own_column(label: int) -> None:
    ours = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    labels, clear = FerPlus(np.array([_votes(**{ours[label]: 1})])).plurality()
    assert (labels.tolist(), clear.tolist()) == ([label], [True])


def test_agreement_counts_the_clear_faces_only() -> None:
    votes = [_votes(anger=6), _votes(fear=6), _votes(NF=6), _votes(anger=5, fear=5)]
    predicted = np.array([0, 0, 0, 0])
    assert FerPlus(np.array(votes)).agreement(predicted) == (1, 2)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda lines: lines[:-1], "has 29 rows, FER2013 has 30"),
        (lambda lines: [lines[0].replace("NF", "none"), *lines[1:]], "its first line lacks NF"),
        (lambda lines: [*lines[:3], lines[3].replace(",0,", ",x,", 1), *lines[4:]],
         "line 4: a number of votes is not a whole number"),
        (lambda lines: [*lines[:3], lines[3].replace(",0,", ",-1,", 1), *lines[4:]],
         "line 4: a number of votes is not a whole number"),
        (lambda lines: [*lines[:3], "Test,,0", *lines[4:]], "line 4: 3 fields, 12 are needed"),
        (lambda lines: [*lines[:3], "Test" + lines[3], *lines[4:]], "line 4: Usage is 'Test"),
    ],
)  # fmt: skip
def test_votes_that_do_not_fit_are_refused(
    fer: Fer2013,
    mixed: list[Row],
    tmp_path: Path,
    change: Callable[[list[str]], list[str]],
    complaint: str,
) -> None:
    path = tmp_path / "fer2013new.csv"
    path.write_text("\n".join(change(_write(path, mixed))) + "\n")
    with pytest.raises(DataError) as caught:
        load_ferplus(path, fer)
    assert str(path) in str(caught.value)
    assert complaint in str(caught.value)


def test_rows_in_another_order_are_refused(fer: Fer2013, mixed: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "fer2013new.csv"
    lines = _write(path, mixed)
    other = next(i for i in range(2, 31) if lines[i].split(",")[0] != lines[1].split(",")[0])
    lines[1], lines[other] = lines[other], lines[1]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"its Usage is not that of FER2013's row"):
        load_ferplus(path, fer)


def test_a_data_set_without_rows_is_refused(mixed: list[Row], fer: Fer2013, tmp_path: Path) -> None:
    path = tmp_path / "fer2013new.csv"
    _write(path, mixed)
    with pytest.raises(DataError, match=r"give fer2013\.csv"):
        load_ferplus(path, Fer2013(fer.splits, fer.sha256))
    with pytest.raises(DataError, match="There is no "):
        load_ferplus(tmp_path / "absent.csv", fer)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="is not a text file"):
        load_ferplus(path, fer)


@pytest.mark.slow
def test_the_real_votes_fit_the_real_rows(shared_folder: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    unpack = shared_folder / "data" / "fer2013" / "unpack.py"
    subprocess.run([sys.executable, str(unpack), str(tmp_path)], check=True)
    fer = load_fer2013(tmp_path)
    found = load_ferplus(shared_folder / "data" / "ferplus", fer)
    counted = {split: found[split].agreement(fer.splits[split].labels) for split in SPLITS}
    assert counted == {"training": (17613, 26778), "public": (2204, 3372), "private": (2196, 3350)}
