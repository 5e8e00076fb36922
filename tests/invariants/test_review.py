"""Invariants of a review: no row is lost by any edit, ids stay apart, saved is read back."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ferdesk.sessions.export import summary_csv
from ferdesk.sessions.reader import Marker, Session, read_session
from ferdesk.sessions.report import html_report
from ferdesk.sessions.review import Comment, Review, load_review, save_review
from ferdesk.sessions.schema import REVIEW_FILE
from tests.helpers.strategies import (
    JSON_VALUES,
    ODD,
    SIMPLE_FRAMES,
    TEXTS,
    fresh_folder,
)
from tests.invariants.test_rows import MADE
from tests.sessions.conftest import Faces, SessionMaker

_TIMES = st.one_of(st.floats(-1, 3), st.sampled_from([0.0, 0.1, 0.3, 0.30000000000000004]))
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["name", "exclude", "merge", "split", "restore", "comment", "marker"]),
        st.integers(0, 5),
        st.integers(0, 5),
        _TIMES,
        TEXTS,
    ),
    max_size=8,
)


def edited(review: Review, edits: list[tuple[str, int, int, float, str]]) -> Review:
    for kind, first, second, at_s, text in edits:
        ids = [track.id for track in review.tracks]
        if not ids:
            break
        one, other = ids[first % len(ids)], ids[second % len(ids)]
        match kind:
            case "name":
                review = review.named(one, text)
            case "exclude":
                review = review.excluding(one, second % 2 == 0)
            case "merge":
                review = review.merged(one, other)
            case "split":
                review = review.split(one, at_s)
            case "restore":
                review = review.restored(one)
            case "comment":
                review = review.with_comment(Comment(at_s, text, one))
            case "marker":
                review = review.with_markers(Marker(at_s, text, "review"))
    return review


def check_rows(review: Review, session: Session) -> None:
    """Each row of a face belongs to one track; a frame has one row of each track."""
    table = session.table
    owners = np.zeros(len(table), int)
    for track in review.tracks:
        rows = track.rows(table)
        owners[rows] += 1
        assert len(set(table.frame[rows].tolist())) == len(rows)
    assert owners.max(initial=0) <= 1
    assert not owners[table.face_id == 0].any()
    merged = [track for track in review.tracks
              if len({segment.face_id for segment in track.segments}) > 1]  # fmt: skip
    if not merged:
        # where faces were merged, the one that was detected worse gives way in a frame of both
        assert (owners == (table.face_id > 0)).all()
    frames = set(table.frame[table.face_id > 0].tolist())
    shown = {int(f) for track in review.tracks for f in table.frame[track.rows(table)]}
    assert shown == frames


@given(SIMPLE_FRAMES, EDITS)
def test_no_edit_loses_a_row_or_gives_an_id_twice(
    analysed: list[Faces], edits: list[tuple[str, int, int, float, str]]
) -> None:
    with fresh_folder() as root:
        session = read_session(SessionMaker(root)(analysed))
        review = load_review(session)
        for number in range(len(edits)):
            before = {track.id for track in review.tracks}
            review = edited(review, edits[number : number + 1])
            ids = [track.id for track in review.tracks]
            assert len(set(ids)) == len(ids)
            if edits[number][0] == "split":
                # a part that is split off is nobody's that was recorded
                assert not (set(ids) - before) & set(session.face_ids())
            check_rows(review, session)
        times = [comment.t_s for comment in review.comments]
        assert times == sorted(times)
        assert {comment.track for comment in review.comments} <= {
            None, *(track.id for track in review.tracks),
        } or any(kind == "restore" for kind, *_ in edits)  # fmt: skip


@given(SIMPLE_FRAMES, EDITS, TEXTS)
def test_what_is_saved_is_read_back_and_the_recording_stays_as_it_is(
    analysed: list[Faces], edits: list[tuple[str, int, int, float, str]], notes: str
) -> None:
    with fresh_folder() as root:
        folder = SessionMaker(root)(analysed)
        recorded = {path.name: path.read_bytes() for path in folder.iterdir()}
        session = read_session(folder)
        review = replace(edited(load_review(session), edits), notes=notes)
        save_review(review, folder)
        again = load_review(session)
        assert again.warnings == ()
        assert again == review
        assert {name: (folder / name).read_bytes() for name in recorded} == recorded


def _entries(entry: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.one_of(entry, ODD), max_size=3)


_ENTRIES = {
    "lanes": _entries(
        st.fixed_dictionaries(
            {},
            optional={
                "id": st.one_of(st.integers(-1, 9), ODD),
                "name": ODD,
                "excluded": ODD,
                "pieces": st.one_of(
                    st.lists(
                        st.fixed_dictionaries(
                            {},
                            optional={
                                "face_id": st.one_of(st.sampled_from([2, 5, 6, 9]), ODD),
                                "from_s": ODD,
                                "to_s": ODD,
                            },
                        ),
                        max_size=3,
                    ),
                    JSON_VALUES,
                ),
            },
        ),
    ),
    "comments": _entries(
        st.fixed_dictionaries({}, optional={"t_s": ODD, "text": ODD, "lane": ODD})
    ),
    "markers": _entries(
        st.fixed_dictionaries({}, optional={"t_s": ODD, "label": ODD, "origin": ODD})
    ),
    "notes": ODD,
    "new key": JSON_VALUES,
}
REVIEWS = st.one_of(
    JSON_VALUES,
    st.fixed_dictionaries(
        {}, optional={key: st.one_of(value, JSON_VALUES) for key, value in _ENTRIES.items()}
    ),
)


@given(SIMPLE_FRAMES, REVIEWS)
def test_whatever_stands_in_it_every_row_is_shown_and_saved_again(
    analysed: list[Faces], content: Any
) -> None:
    with fresh_folder() as root:
        folder = SessionMaker(root)(analysed)
        (folder / REVIEW_FILE).write_text(json.dumps(content), "utf-8")
        session = read_session(folder)
        review = load_review(session)
        assert all(len(warning.splitlines()) == 1 for warning in review.warnings)
        held = {segment.face_id for track in review.tracks for segment in track.segments}
        assert held == set(session.face_ids())
        ids = [track.id for track in review.tracks]
        assert len(set(ids)) == len(ids)
        times = [one.t_s for one in review.comments] + [one.t_s for one in review.markers]
        assert all(math.isfinite(t_s) for t_s in times)
        summary_csv([session], [review])
        assert html_report([session], reviews=[review], made=MADE, version="0")
        save_review(review, folder)
        again = load_review(session)
        assert again.warnings == ()
        assert (again.tracks, again.comments, again.markers, again.notes) == (
            review.tracks, review.comments, review.markers, review.notes,
        )  # fmt: skip


@given(st.binary(max_size=60))
def test_a_file_that_is_no_review_is_told_and_kept_aside(content: bytes) -> None:
    with fresh_folder() as root:
        folder = SessionMaker(root)([[(1, "happy")]])
        (folder / REVIEW_FILE).write_bytes(content)
        review = load_review(read_session(folder))
        if review.warnings:
            save_review(review.named(1, "Ana"), folder)
            assert (folder / f"{REVIEW_FILE}.bad").read_bytes() == content
