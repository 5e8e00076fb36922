"""Labels of files from a table: each row is of one file, and what is doubtful is refused."""

import csv
from pathlib import Path

import pytest

from ferdesk.cli.labels import read_labels
from ferdesk.errors import DataError


def table(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "who.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def labels(path: Path, *names: str) -> tuple[dict[str, dict[str, str]], list[str]]:
    told: list[str] = []
    return read_labels(path).match(names, told.append), told


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffFile;Participant;Condition\r\na.mp4;p01;sad, long\r\nb.mp4;p02;\r\n",
        "condition\tfile\tparticipant\nsad, long\ta.mp4\tp01\n\tb.mp4\tp02\n",
        'sep=,\nfile,participant,condition\n\na.mp4,p01,"sad, long"\nb.mp4,p02\n,,\n',
        "file;participant;condition\na.mp4;p01;sad, long\nb.mp4;p02;\n".encode("utf-16"),
    ],
)
def test_a_table_is_read_as_spreadsheets_write_it(tmp_path: Path, content: str | bytes) -> None:
    path = table(tmp_path, content)
    assert labels(path, "a.mp4", "b.mp4", "c.mp4") == (
        {
            "a.mp4": {"participant": "p01", "condition": "sad, long"},
            "b.mp4": {"participant": "p02", "condition": ""},
        },
        [],
    )


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    path = table(tmp_path, "file,participant\np1/talk.mp4,p01\nfilms\\p2\\talk.mp4,p02\n")
    found, told = labels(
        path, "/data/films/p1/talk.mp4", "/data/films/p2/talk.mp4", "/xp1/talk.mp4"
    )
    assert [one["participant"] for one in found.values()] == ["p01", "p02"]
    assert (list(found), told) == (["/data/films/p1/talk.mp4", "/data/films/p2/talk.mp4"], [])


def test_a_row_with_more_of_the_path_goes_before(tmp_path: Path) -> None:
    path = table(tmp_path, "file,condition\ntalk.mp4,all\np2/talk.mp4,second\n")
    found, _ = labels(path, "/p1/talk.mp4", "/p2/talk.mp4")
    assert [one["condition"] for one in found.values()] == ["all", "second"]


def test_a_row_that_stands_for_two_files_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "file,participant\nfirst.mp4,p00\ntalk.mp4,p01\n")
    with pytest.raises(DataError, match=r"line 3: talk.mp4 stands for 2 files .*p1/talk.mp4"):
        labels(path, "/p1/talk.mp4", "/p2/talk.mp4")


def test_a_file_with_two_rows_is_refused_unless_they_agree(tmp_path: Path) -> None:
    same = "file,participant\na.mp4,p01\n./a.mp4,p01\n"
    assert labels(table(tmp_path, same), "a.mp4")[0] == {"a.mp4": {"participant": "p01"}}
    other = "file,participant\na.mp4,p01\na.mp4,p02\n"
    with pytest.raises(DataError, match=r"'p01' in line 2, and participant 'p02' in line 3"):
        read_labels(table(tmp_path, other))


def test_rows_of_other_files_are_told_in_one_sentence(tmp_path: Path) -> None:
    content = "file,participant\n" + "".join(f"film{i}.mp4,p{i}\n" for i in range(9))
    found, told = labels(table(tmp_path, content), "film0.mp4")
    assert list(found) == ["film0.mp4"]
    (sentence,) = told
    assert "film1.mp4, film2.mp4, film3.mp4, film4.mp4, film5.mp4 and 3 more are none" in sentence


def test_accents_are_the_same_in_both_of_their_forms(tmp_path: Path) -> None:
    found, _ = labels(table(tmp_path, "file,participant\nJose\u0301.mp4,p01\n"), "Jos\u00e9.mp4")
    assert list(found) == ["Jos\u00e9.mp4"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "columns file"),
        ("name,age\na,3\n", "columns file"),
        ("file\na.mp4\n", "columns file"),
        (b"file,participant\n\xe4.mp4,p01\n", "not UTF-8"),
        ("file,participant\n,p01\n", "line 2: there is no file for participant 'p01'"),
        ('file,participant\n"' + 200_000 * "a" + '",p01\n', "field larger"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(
    tmp_path: Path, content: str | bytes, why: str
) -> None:
    # the limit is the process's, and readers of other tables raise it
    before = csv.field_size_limit(131_072)
    try:
        with pytest.raises(DataError, match=why):
            read_labels(table(tmp_path, content))
    finally:
        csv.field_size_limit(before)


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"who\.csv cannot be read"):
        read_labels(tmp_path / "who.csv")
