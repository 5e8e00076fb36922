"""Several programs write one review: nothing that any of them saved is lost."""

import json
import multiprocessing
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ferdesk.errors import RecordingError
from ferdesk.file_lock import locked
from ferdesk.sessions import review_merge
from ferdesk.sessions.reader import Marker, Session, read_session
from ferdesk.sessions.review import Comment, Review, Segment, Track, load_review, save_review
from ferdesk.sessions.review_merge import LOCK_FILE, edit_review, rebased, save_changes

Maker = Callable[..., Path]
FACES = [[(1, "happy"), (2, "sad"), (3, "fear")]] * 10


@pytest.fixture
def session(make_session: Maker) -> Session:
    return read_session(make_session(FACES))


def adding(marker: Marker, review: Review) -> Review:
    return review.with_markers(marker)


def add_markers(folder: Path, name: str, count: int) -> None:
    session = read_session(folder)
    for number in range(count):
        marker = Marker(number / 100, f"{name}{number}", name)
        edit_review(session, partial(adding, marker))


def test_two_programs_that_add_markers_at_once_lose_none(session: Session) -> None:
    context = multiprocessing.get_context("spawn")
    children = [
        context.Process(target=add_markers, args=(session.folder, name, 40)) for name in "ab"
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]
    labels = {marker.label for marker in load_review(session).markers}
    assert labels == {f"{name}{number}" for name in "ab" for number in range(40)}
    assert sorted(path.name for path in session.folder.iterdir()) == [
        "results.csv", "review.json", "session.json",
    ]  # fmt: skip


def test_what_is_changed_here_is_applied_to_what_lies_there(session: Session) -> None:
    base = load_review(session).named(1, "Ana").with_comment(Comment(0.1, "old", 3))
    base = replace(base.with_markers(Marker(0.2, "taken back", "review")), notes="first")
    mine = base.named(2, "Bo").without_comment(Comment(0.1, "old", 3))
    mine = mine.with_markers(Marker(0.4, "mine", "review")).without_marker(base.markers[0])
    theirs = base.named(1, "Anna").excluding(2).merged(3, 1).with_comment(Comment(0.6, "hm", 3))
    theirs = replace(theirs.with_markers(Marker(0.3, "theirs", "m.csv")), notes="second")
    merged, conflict = rebased(base, mine, theirs)
    assert not conflict
    assert merged.tracks == (
        Track(2, (Segment(2),), "Bo", excluded=True),
        Track(3, (Segment(1), Segment(3)), "Anna"),
    )
    assert merged.comments == (Comment(0.6, "hm", 3),)
    assert [marker.label for marker in merged.markers] == ["theirs", "mine"]
    assert merged.notes == "second"


def test_notes_of_two_stand_below_each_other_and_each_goes_on_with_its_own() -> None:
    def notes(base: str, mine: str, theirs: str) -> str:
        return rebased(*(Review(notes=text) for text in (base, mine, theirs)))[0].notes

    assert notes("", "mine", "theirs") == "mine\n\ntheirs"
    assert notes("mine", "mine 2", "mine\n\ntheirs") == "mine 2\n\ntheirs"
    assert notes("theirs", "theirs 2", "mine 2\n\ntheirs") == "mine 2\n\ntheirs 2"
    assert notes("a", "a", "b") == "b"
    assert notes("a", "b", "a") == "b"


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (lambda r: r.split(1, 0.35), lambda r: r.split(1, 0.55)),
        (lambda r: r.merged(1, 2), lambda r: r.merged(3, 2)),
        (lambda r: r.merged(1, 2), lambda r: r.split(2, 0.5)),
    ],
)
def test_the_same_faces_changed_by_two_are_as_the_later_wants_and_the_other_is_kept(
    session: Session,
    mine: Callable[[Review], Review],
    theirs: Callable[[Review], Review],
) -> None:
    base = load_review(session)
    save_review(theirs(base).with_markers(Marker(0.3, "theirs", "m.csv")), session.folder)
    before = (session.folder / "review.json").read_bytes()
    merged, aside = save_changes(session, base, mine(base).named(1, "Ana"))
    assert aside is not None
    assert aside.read_bytes() == before
    assert load_review(session) == merged
    assert merged.tracks == mine(base).named(1, "Ana").tracks
    assert [marker.label for marker in merged.markers] == ["theirs"]


def test_reviews_that_older_versions_put_aside_are_part_of_the_review(session: Session) -> None:
    folder = session.folder
    save_review(load_review(session).named(1, "Ana").excluding(2), folder)
    for name, marker, lane in (("review-other", "one", 3), ("review-other-2", "two", 2)):
        table = {
            "schema": 1, "notes": f"notes of {marker}", "markers": [{"t_s": 0.5, "label": marker}],
            "comments": [{"t_s": 0.25, "text": f"of {marker}", "lane": lane}],
            "lanes": [{"id": 3, "name": "Cy", "excluded": False, "pieces": [{"face_id": 3}]}],
        }  # fmt: skip
        (folder / f"{name}.json").write_text(json.dumps(table), "utf-8")
    (folder / "review-other-3.json").write_text("{ half")
    review = load_review(session)
    assert [track.title for track in review.tracks] == ["Ana", "#2", "Cy"]
    assert [track.excluded for track in review.tracks] == [False, True, False]
    assert [marker.label for marker in review.markers] == ["two", "one"]
    assert [comment.text for comment in review.comments] == ["of two", "of one"]
    assert sorted(review.notes.split("\n\n")) == ["notes of one", "notes of two"]
    save_changes(
        session, review, review.without_marker(Marker(0.5, "one", "review")).named(2, "Bo")
    )
    assert sorted(path.name for path in folder.glob("review*")) == [
        "review-other-3.json", "review.json",
    ]  # fmt: skip
    assert [marker.label for marker in load_review(session).markers] == ["two"]


def test_an_unchanged_review_is_not_written(session: Session) -> None:
    edit_review(session, lambda review: review)
    assert not (session.folder / "review.json").exists()


def test_whoever_saves_waits_for_the_lock_and_is_told_where_that_lasts(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[float] = []
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(session.folder / LOCK_FILE):
            holding.set()
            release.wait(20)
            done.append(time.monotonic())

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(20)
    threading.Timer(0.2, release.set).start()
    edit_review(session, lambda review: review.named(1, "Ana"))
    assert done
    holder.join()
    with locked(session.folder / LOCK_FILE):
        monkeypatch.setattr(review_merge, "locked", lambda path: locked(path, wait_s=0.05))
        with pytest.raises(RecordingError, match="another program holds it"):
            edit_review(session, lambda review: review.named(1, "Bo"))
    assert load_review(session).track(1).name == "Ana"


def test_ids_and_moments_out_of_range_cost_their_own_entry(session: Session) -> None:
    text = """{"lanes": [
        {"id": 1e400, "pieces": [{"face_id": 1}]}, {"id": 4294967297, "pieces": [{"face_id": 1}]},
        {"id": 2, "name": "Bo", "pieces": [{"face_id": 1e300}]},
        {"id": 0, "pieces": [{"face_id": 3}]}, {"id": -5, "pieces": [{"face_id": 3}]},
        {"id": 2147483647, "name": "Cy", "pieces": [{"face_id": 3, "from_s": NaN}]},
        {"id": 2147483647, "name": "Cy", "pieces": [{"face_id": 3}]}],
        "comments": [{"t_s": Infinity, "text": "a"}, {"t_s": 1, "text": "b", "lane": 1e999}],
        "markers": [{"t_s": NaN, "label": "c"}, {"t_s": 2, "label": "d"}]}"""
    (session.folder / "review.json").write_text(text)
    review = load_review(session)
    assert [track.title for track in review.tracks] == ["#1", "#2", "Cy"]
    assert ([m.label for m in review.markers], review.comments) == (["d"], ())
    assert len(review.warnings) == 9
    # there is no larger id: a gap is taken
    assert [track.id for track in review.split(2147483647, 0.5).tracks] == [1, 2, 4, 2147483647]
