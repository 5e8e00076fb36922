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


def test_the_review_on_disk_keeps_its_keys(make_session: Maker) -> None:
    folder = make_session([[(1, "happy"), (2, "sad"), (3, "fear")]] * 10)
    review = load_review(read_session(folder)).split(2, 0.45).named(4, "Bo").excluding(3)
    review = review.with_comment(Comment(0.25, "b", 4)).with_comment(Comment(0.125, "a"))
    review = review.with_markers(Marker(0.75, "stop", "m.csv"), Marker(0.5, "go", "review"))
    save_review(review, folder)
    assert json.loads((folder / "review.json").read_text("utf-8")) == {
        "schema": 1,
        "lanes": [
            {"id": 2, "name": "", "excluded": False,
             "pieces": [{"face_id": 2, "from_s": None, "to_s": 0.45}]},
            {"id": 3, "name": "", "excluded": True,
             "pieces": [{"face_id": 3, "from_s": None, "to_s": None}]},
            {"id": 4, "name": "Bo", "excluded": False,
             "pieces": [{"face_id": 2, "from_s": 0.45, "to_s": None}]},
        ],
        "comments": [
            {"t_s": 0.125, "text": "a", "lane": None}, {"t_s": 0.25, "text": "b", "lane": 4},
        ],
        "markers": [
            {"t_s": 0.5, "label": "go", "origin": "review"},
            {"t_s": 0.75, "label": "stop", "origin": "m.csv"},
        ],
        "notes": "",
    }  # fmt: skip


def test_a_merge_keeps_the_firsts_id_and_its_name_if_it_has_one(make_session: Maker) -> None:
    review = load_review(read_session(make_session([[(1, "happy"), (2, "sad"), (3, "fear")]])))
    named = review.named(1, "Ana").named(2, "Bo")
    assert named.merged(2, 1).track(2).name == "Bo"
    assert named.merged(3, 1).track(3).name == "Ana"
    assert [track.id for track in named.merged(3, 1).tracks] == [2, 3]
    assert named.excluding(3).shown_tracks() == named.tracks[:2]


def test_a_split_row_belongs_to_the_later_part_and_the_parts_join_again(
    make_session: Maker,
) -> None:
    folder = make_session([[(1, "happy"), (5, "sad")]] * 5, times=[0.0, 0.25, 0.5, 1.0, 1.5])
    review = load_review(read_session(folder))
    parts = review.named(1, "Ana").excluding(1).split(1, 0.5)
    assert rows(parts, folder, 1) == [0, 2]
    assert rows(parts, folder, 6) == [4, 6, 8]
    assert (parts.track(1).name, parts.track(6).name) == ("Ana", "")
    assert parts.track(6).excluded
    assert parts.merged(1, 6).track(1).segments == (Segment(1),)
    assert parts.restored(6).track(1) == Track(1, (Segment(1),))


def test_markers_are_added_once_and_recorded_ones_cannot_be_taken_back(
    make_session: Maker,
) -> None:
    session = read_session(make_session([[]] * 9, markers=[(0.35, "go")]))
    added = Marker(0.15, "start", "m.csv")
    review = load_review(session).with_markers(added, Marker(0.5, "end")).with_markers(added)
    assert [(m.t_s, m.label) for m in review.all_markers(session)] == [
        (0.15, "start"), (0.35, "go"), (0.5, "end"),
    ]  # fmt: skip
    fewer = review.without_marker(added).without_marker(session.markers[0])
    assert [m.label for m in fewer.all_markers(session)] == ["go", "end"]


def test_overlapping_tracks_of_a_file_are_refused_and_touching_ones_are_not(
    make_session: Maker,
) -> None:
    folder = make_session([[(1, "happy")]] * 9)

    def loaded(second_from_s: float) -> Review:
        table = {"lanes": [
            {"id": 1, "pieces": [{"face_id": 1, "to_s": 0.4}]},
            {"id": 2, "pieces": [{"face_id": 1, "from_s": second_from_s}]},
        ]}  # fmt: skip
        (folder / "review.json").write_text(json.dumps(table))
        return load_review(read_session(folder))

    assert [track.id for track in loaded(0.4).tracks] == [1, 2]
    assert loaded(0.4).warnings == ()
    overlapping = loaded(0.3)
    assert [track.id for track in overlapping.tracks] == [1]
    assert overlapping.warnings == (
        "The track 2 of review.json is left out: its rows belong to another.",
    )


def test_half_a_surrogate_pair_in_a_name_is_saved(make_session: Maker) -> None:
    folder = make_session([[(1, "happy")]])
    save_review(load_review(read_session(folder)).named(1, "A\udcff"), folder)
    assert load_review(read_session(folder)).track(1).name == "A\udcff"
