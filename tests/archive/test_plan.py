"""The plan of an archive: what is done is known by content, what was interrupted is done again."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ferdesk.archive.finished import Wanted
from ferdesk.archive.plan import Plan, Todo, make_plan
from ferdesk.archive.work import Settlement
from ferdesk.factory.analysis_options import AnalysisOptions
from ferdesk.sessions.source_content import content_of

SETTINGS = AnalysisOptions(Path()).settings()
WANTED = Wanted("m0del", SETTINGS)


def film(folder: Path, name: str, content: bytes = b"pictures") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


def session(out: Path, path: Path, **changes: Any) -> Path:
    """The session.json that an analysis of ``path`` leaves."""
    folder = out / path.stem
    folder.mkdir(parents=True)
    about = {
        "source": {"location": str(path), **content_of(path).table()},
        "model": {"sha256": "m0del"},
        "settings": json.loads(json.dumps(SETTINGS)),
        "events": [],
        "complete": True,
        **changes,
    }
    (folder / "session.json").write_text(json.dumps(about))
    (folder / "results.csv").touch()
    return folder


def plan_of(path: Path, out: Path, *, redo: bool = False, wanted: Wanted = WANTED) -> Plan:
    return make_plan([str(path)], out, wanted, redo=redo)


def test_what_a_session_holds_is_not_analysed_again(tmp_path: Path) -> None:
    path = film(tmp_path / "in", "talk.mp4")
    folder = session(tmp_path / "out", path)
    (item,) = plan_of(path, tmp_path / "out").items
    assert (item.todo, item.done) == (Todo.DONE, folder)
    assert plan_of(path, tmp_path / "out").open_items == []


def test_a_file_that_was_renamed_and_touched_is_known_by_its_content(tmp_path: Path) -> None:
    path = film(tmp_path / "in", "talk.mp4")
    session(tmp_path / "out", path)
    moved = path.rename(tmp_path / "in" / "interview.mp4")
    os.utime(moved, ns=(1, 2))
    assert plan_of(moved, tmp_path / "out").items[0].todo is Todo.DONE


def test_another_content_of_the_same_size_is_new(tmp_path: Path) -> None:
    path = film(tmp_path / "in", "talk.mp4", b"one film")
    session(tmp_path / "out", path)
    path.write_bytes(b"another!")
    os.utime(path, ns=(3, 4))
    assert plan_of(path, tmp_path / "out").items[0].todo is Todo.NEW


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("0ther", SETTINGS),
        Wanted("m0del", AnalysisOptions(Path(), every=2).settings()),
        Wanted("m0del", AnalysisOptions(Path(), clip_s=(1.0, 2.0)).settings()),
        Wanted("m0del", AnalysisOptions(Path(), rate_fps=5.0).settings()),
        Wanted("m0del", AnalysisOptions(Path(), detector="mediapipe").settings()),
        Wanted("m0del", AnalysisOptions(Path(), labels_from="fer2013").settings()),
    ],
)
def test_another_model_or_other_settings_are_other_work(tmp_path: Path, wanted: Wanted) -> None:
    path = film(tmp_path / "in", "talk.mp4")
    session(tmp_path / "out", path)
    (item,) = plan_of(path, tmp_path / "out", wanted=wanted).items
    # beside the other, whose name is taken
    assert (item.todo, item.folder_name, item.stale) == (Todo.NEW, "talk-2", ())


@pytest.mark.parametrize(
    ("model", "settings", "todo"),
    [
        ({"sha256": "m0del"}, {**SETTINGS, "labels_from": "fer2013"}, Todo.DONE),
        (
            {"sha256": "m0del", "votes_accuracy": {}},
            {**SETTINGS, "labels_from": "fer2013"},
            Todo.NEW,
        ),
        # from before there was a choice, whatever the model knew
        (
            {"sha256": "m0del"},
            {key: value for key, value in SETTINGS.items() if key != "labels_from"},
            Todo.NEW,
        ),
    ],
)
def test_a_model_without_votes_is_done_whichever_labels_are_wanted(
    tmp_path: Path, model: dict[str, object], settings: dict[str, object], todo: Todo
) -> None:
    path = film(tmp_path / "in", "talk.mp4")
    session(tmp_path / "out", path, model=model, settings=settings)
    assert plan_of(path, tmp_path / "out").items[0].todo is todo


@pytest.mark.parametrize(
    "changes",
    [
        {"complete": False},
        {"events": [{"t_s": 1.0, "event": "stopped", "text": ""}]},
        {"events": [{"t_s": 1.0, "event": "source_changed", "text": ""}]},
        {"events": [{"t_s": 1.0, "event": "recording_stopped", "text": ""}]},
    ],
)
def test_what_was_interrupted_is_done_again_in_its_place(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = film(tmp_path / "in", "talk.mp4")
    folder = session(tmp_path / "out", path, **changes)
    (item,) = plan_of(path, tmp_path / "out").items
    assert (item.todo, item.stale) == (Todo.AGAIN, (folder,))


def test_an_interrupted_session_that_was_reviewed_keeps_its_place(tmp_path: Path) -> None:
    path = film(tmp_path / "in", "talk.mp4")
    folder = session(tmp_path / "out", path, complete=False)
    (folder / "review.json").write_text("{}")
    (item,) = plan_of(path, tmp_path / "out").items
    assert (item.todo, item.stale, item.folder_name) == (Todo.NEW, (), "talk-2")


def test_redo_leaves_what_is_done_and_analyses_beside_it(tmp_path: Path) -> None:
    path = film(tmp_path / "in", "talk.mp4")
    session(tmp_path / "out", path)
    (item,) = plan_of(path, tmp_path / "out", redo=True).items
    assert (item.todo, item.folder_name, item.stale) == (Todo.NEW, "talk-2", ())


def test_files_of_one_name_get_folders_of_their_own_in_the_plans_order(tmp_path: Path) -> None:
    paths = [film(tmp_path / f"in{i}", "talk.mp4", b"x" * i) for i in (1, 2, 3)]
    plan = make_plan([str(path) for path in paths], tmp_path / "out", WANTED)
    assert [item.folder_name for item in plan.items] == ["talk", "talk-2", "talk-3"]


def test_the_longest_comes_first_and_unknown_lengths_by_size(tmp_path: Path) -> None:
    lengths = {"a": 5.0, "b": 60.0, "c": 0.0, "d": 0.0}
    sizes = {"a": 1, "b": 2, "c": 3, "d": 4}
    names = [str(film(tmp_path / "in", f"{name}.mp4", b"x" * sizes[name])) for name in lengths]
    plan = make_plan(names, tmp_path / "out", WANTED, length_of=lambda path: lengths[path.stem])
    assert [Path(item.name).stem for item in plan.longest_first()] == ["b", "a", "d", "c"]


def test_a_session_of_another_program_version_or_a_damaged_one_counts_as_nothing(
    tmp_path: Path,
) -> None:
    path = film(tmp_path / "in", "talk.mp4")
    for name, text in (("broken", "{"), ("list", "[]"), ("empty", "{}")):
        (tmp_path / "out" / name).mkdir(parents=True)
        (tmp_path / "out" / name / "session.json").write_text(text)
    assert plan_of(path, tmp_path / "out").items[0].todo is Todo.NEW


def test_what_has_no_file_is_always_done(tmp_path: Path) -> None:
    plan = make_plan(["demo", "camera:0"], tmp_path, WANTED)
    assert [item.todo for item in plan.items] == [Todo.NEW, Todo.NEW]


def test_what_was_interrupted_beside_a_whole_session_is_tidied_away(tmp_path: Path) -> None:
    path = film(tmp_path / "in", "talk.mp4")
    whole = session(tmp_path / "out", path)
    half = whole.rename(tmp_path / "out" / "talk-half")
    about = json.loads((half / "session.json").read_text())
    (half / "session.json").write_text(json.dumps({**about, "complete": False}))
    session(tmp_path / "out", path)
    plan = plan_of(path, tmp_path / "out")
    assert (plan.items[0].todo, plan.items[0].stale) == (Todo.DONE, (half,))
    Settlement(plan, WANTED).tidy()
    assert [folder.name for folder in (tmp_path / "out").iterdir()] == ["talk"]
