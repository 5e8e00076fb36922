"""What is added afterwards, and that the recording stays as it was."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ferdesk.errors import RecordingError
from ferdesk.sessions.reader import Marker, read_session
from ferdesk.sessions.review import Comment, Review, Segment, Track, load_review, save_review

Maker = Callable[..., Path]


def rows(review: Review, folder: Path, track: int) -> list[int]:
    return [int(row) for row in review.track(track).rows(read_session(folder).table)]


def test_a_review_is_the_same_after_saving_and_the_recording_is_untouched(
    make_session: Maker,
) -> None:
    folder = make_session([[(1, "happy"), (2, "sad")]] * 10, markers=[(0.2, "go")])
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    session = read_session(folder)
    review = load_review(session)
    assert [track.title for track in review.tracks] == ["#1", "#2"]
    review = review.named(1, "  Ana \n B ").split(2, 0.45).excluding(3)
    review = review.with_comment(Comment(0.3, 'laughs, then "stops"', 1))
    review = review.with_markers(Marker(0.5, "stop", "review"))
    save_review(review, folder)
    assert load_review(session) == review
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert review.track(1).name == "Ana B"
    assert [m.label for m in review.all_markers(session)] == ["go", "stop"]


def test_split_and_merged_tracks_hold_the_rows_of_their_times(make_session: Maker) -> None:
    folder = make_session([[(1, "happy")]] * 5 + [[(2, "sad")]] * 5)
    review = load_review(read_session(folder))
    parts = review.split(1, 0.15)
    assert rows(parts, folder, 1) == [0, 1]
    assert rows(parts, folder, 3) == [2, 3, 4]
    merged = parts.merged(3, 2)
    assert rows(merged, folder, 3) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert [track.id for track in merged.tracks] == [1, 3]
    assert merged.merged(1, 3).track(1).segments == (Segment(1), Segment(2))
    assert merged.restored(3).tracks == review.tracks


def test_a_split_outside_the_track_and_a_merge_with_itself_change_nothing(
    make_session: Maker,
) -> None:
    review = load_review(read_session(make_session([[(1, "happy")]] * 5)))
    later = review.split(1, 0.2)
    assert later.split(2, 0.1) == later
    assert review.merged(1, 1) == review


def test_merged_faces_seen_at_once_count_once_by_the_surer_detection(make_session: Maker) -> None:
    folder = make_session([[(1, "happy"), (2, "sad")], [(2, "sad")]])
    path = folder / "results.csv"
    lines = path.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace(",0.9,", ",0.7,", 1)
    path.write_text("".join(lines))
    merged = load_review(read_session(folder)).merged(1, 2)
    assert rows(merged, folder, 1) == [1, 2]


def test_comments_follow_their_track_into_a_merge(make_session: Maker) -> None:
    review = load_review(read_session(make_session([[(1, "happy"), (2, "sad")]])))
    comment = Comment(0.0, "hm", 2)
    merged = review.with_comment(comment).merged(1, 2)
    assert merged.comments == (Comment(0.0, "hm", 1),)
    assert merged.without_comment(merged.comments[0]).comments == ()


def test_what_cannot_be_used_costs_its_own_entry(make_session: Maker) -> None:
    folder = make_session([[(1, "happy"), (2, "sad")]])
    table = {
        "schema": 1,
        "lanes": [
            {"id": 1, "name": "Ana", "pieces": [{"face_id": 1}]},
            {"id": 7, "pieces": [{"face_id": 1, "from_s": 3}]},
            {"id": 8, "pieces": [{"face_id": 99}]},
            "nonsense",
        ],
        "comments": [{"t_s": 1, "text": "good"}, {"text": "no time"}],
        "markers": {"not": "a list"},
        "future": [1, 2],
    }
    (folder / "review.json").write_text(json.dumps(table))
    review = load_review(read_session(folder))
    assert review.tracks == (Track(1, (Segment(1),), "Ana"), Track(2, (Segment(2),)))
    assert [comment.text for comment in review.comments] == ["good"]
    assert len(review.warnings) == 5
    save_review(review, folder)
    assert json.loads((folder / "review.json").read_text())["future"] == [1, 2]


def test_an_unreadable_review_is_kept_aside_when_a_new_one_is_saved(make_session: Maker) -> None:
    folder = make_session([[(1, "happy")]])
    (folder / "review.json").write_text("{ half")
    review = load_review(read_session(folder))
    assert "kept as review.json.bad" in review.warnings[0]
    save_review(review.named(1, "Ana"), folder)
    assert (folder / "review.json.bad").read_text() == "{ half"
    assert load_review(read_session(folder)).track(1).name == "Ana"


def test_a_folder_that_is_gone_is_one_sentence(make_session: Maker, tmp_path: Path) -> None:
    review = load_review(read_session(make_session([[(1, "happy")]])))
    with pytest.raises(RecordingError, match="cannot be saved"):
        save_review(review, tmp_path / "gone")
