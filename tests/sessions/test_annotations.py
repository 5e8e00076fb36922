"""Annotations: kept in review.json, merged, and in every export and report."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ferdesk.sessions.annotations import annotated_ranges, texts_by_row
from ferdesk.sessions.export import annotations_csv, rows_csv
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.report import html_report
from ferdesk.sessions.review import Annotation, load_review, save_review
from ferdesk.sessions.review_merge import rebased

Maker = Callable[..., Path]
# #1: happy to 0.5 s, sad to 1.0, sad with low confidence to 1.5; #2 fear throughout
FRAMES = [
    *([[(1, "happy"), (2, "fear")]] * 5),
    *([[(1, "sad"), (2, "fear")]] * 5),
    *([[(1, "sad?"), (2, "fear")]] * 5),
]
ON_ONE = Annotation(0.35, 1.25, "sad", 1)
ON_ALL = Annotation(0.95, 1.15, "looks away")


def study(make_session: Maker) -> Path:
    folder = make_session(FRAMES, step_s=0.1)
    session = read_session(folder)
    review = load_review(session).named(1, "Ann").with_annotation(ON_ALL).with_annotation(ON_ONE)
    save_review(review, folder)
    return folder


def test_annotations_are_read_again_by_time(make_session: Maker) -> None:
    folder = study(make_session)
    table = json.loads((folder / "review.json").read_text())
    assert table["annotations"] == [
        {"from_s": 0.35, "to_s": 1.25, "label": "sad", "lane": 1},
        {"from_s": 0.95, "to_s": 1.15, "label": "looks away", "lane": None},
    ]
    review = load_review(read_session(folder))
    assert review.annotations == (ON_ONE, ON_ALL)
    assert review.annotations_of(1) == (ON_ONE, ON_ALL)
    assert review.annotations_of(2) == (ON_ALL,)
    assert review.merged(2, 1).annotations[0].track == 2
    assert review.without_annotation(ON_ONE).annotations == (ON_ALL,)


@pytest.mark.parametrize(
    "entry",
    [{}, 7, {"from_s": 1.0, "to_s": 1.0, "label": "x"}, {"from_s": 0, "to_s": 1, "label": " "},
     {"from_s": float("nan"), "to_s": 1, "label": "x"}, {"from_s": 0, "to_s": 1e400, "label": "x"},
     {"from_s": 0, "to_s": 1, "label": "x", "lane": -1}],
)  # fmt: skip
def test_an_annotation_that_is_none_costs_itself(make_session: Maker, entry: object) -> None:
    folder = study(make_session)
    table = json.loads((folder / "review.json").read_text())
    table["annotations"].append(entry)
    (folder / "review.json").write_text(json.dumps(table))
    review = load_review(read_session(folder))
    assert review.annotations == (ON_ONE, ON_ALL)
    (warning,) = review.warnings
    assert "annotation" in warning


def test_what_two_programs_annotate_is_all_kept(make_session: Maker) -> None:
    base = load_review(read_session(study(make_session)))
    mine = base.without_annotation(ON_ALL).with_annotation(Annotation(0.1, 0.2, "mine", 2))
    theirs = base.with_annotation(Annotation(1.2, 1.3, "theirs"))
    merged, conflict = rebased(base, mine, theirs)
    assert not conflict
    assert [one.label for one in merged.annotations] == ["mine", "sad", "theirs"]


def test_the_models_label_is_counted_within_the_range(make_session: Maker) -> None:
    session = read_session(study(make_session))
    one, two, three = annotated_ranges(session, load_review(session))
    # rows at 0.4 to 1.2: one happy, five sad, three of low confidence
    assert one.track.name == "Ann"
    assert (one.seen_s, one.confident_s) == pytest.approx((0.9, 0.6))
    assert one.agreed_s == pytest.approx(0.5)
    assert one.agreement == pytest.approx(5 / 6)
    assert [(r.track.id, r.annotation.label) for r in (two, three)] == [
        (1, "looks away"), (2, "looks away"),
    ]  # fmt: skip
    assert two.agreed_s != two.agreed_s  # no label of the model's


def test_every_export_carries_them(make_session: Maker) -> None:
    session = read_session(study(make_session))
    review = load_review(session)
    rows = list(csv.DictReader(io.StringIO(annotations_csv([session]))))
    assert rows[0] == {
        "session": "s", "face": "1", "name": "Ann", "from_s": "0.350", "to_s": "1.250",
        "label": "sad", "seen_s": "0.900", "confident_s": "0.600", "agreed_s": "0.500",
    }  # fmt: skip
    assert [row["agreed_s"] for row in rows] == ["0.500", "", ""]
    texts = texts_by_row(session, review)
    assert texts[8:10] == ["sad", ""]
    assert texts[20:22] == ["sad;looks away", "looks away"]
    for layout in ("openface", "pyfeat"):
        table = list(csv.DictReader(io.StringIO(rows_csv(session, layout)), skipinitialspace=True))
        assert [row["annotation"] for row in table] == texts
        bare = rows_csv(session, layout, review.without_annotation(ON_ONE)
                        .without_annotation(ON_ALL))  # fmt: skip
        assert "annotation" not in bare


def test_a_text_that_looks_like_a_formula_is_none(make_session: Maker) -> None:
    session = read_session(study(make_session))
    review = load_review(session).with_annotation(Annotation(0.0, 0.05, "=1+1", 1))
    assert "'=1+1" in annotations_csv([session], [review])
    assert "'=1+1" in rows_csv(session, "pyfeat", review)


def test_parquet_has_a_column_of_them(make_session: Maker, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    from ferdesk.adapters.outputs.parquet_export import write_parquet

    session = read_session(study(make_session))
    write_parquet(session, tmp_path / "rows.parquet")
    column = parquet.read_table(tmp_path / "rows.parquet")["annotation"].to_pylist()
    assert column[8:10] == ["sad", None]
    assert column[20] == "sad;looks away"


def test_the_report_has_a_table_of_them(make_session: Maker) -> None:
    folder = study(make_session)
    html = html_report([read_session(folder)], made=datetime(2026, 3, 5, tzinfo=UTC), version="1")
    assert "0:00.4 to 0:01.2" in html or "0:00.3 to 0:01.2" in html
    assert "looks away" in html
    assert "83 %" in html
