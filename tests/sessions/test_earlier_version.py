"""What commit bd42429 wrote, before the rooms were rebuilt: recordings, review edits, settings.

``tests/data/bd42429`` was written by that commit's own code: ``demo`` by ``analyze demo --duration
14 --every 6`` and its review, ``live`` by its recorder, ``summary.csv`` by its export. The figures
here are those that it printed.
"""

import csv
import io
import json
import math
import shutil
from pathlib import Path

import pytest

from ferdesk.core.labels import LABELS
from ferdesk.sessions.catalogue import entry_of, repair
from ferdesk.sessions.export import summary_csv
from ferdesk.sessions.reader import Marker, problems_of, read_session
from ferdesk.sessions.review import Comment, Segment, Track, load_review, save_review
from ferdesk.sessions.summaries import summarize
from ferdesk.settings import Settings, load_settings, save_settings

DATA = Path(__file__).parents[1] / "data" / "bd42429"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "old"))


def test_its_recordings_keep_the_contract(old: Path) -> None:
    for name in ("demo", "live"):
        assert problems_of(read_session(old / name)) == []


def test_its_list_entry_is_the_same(old: Path) -> None:
    entry = entry_of(old / "demo")
    assert (entry.state, entry.source, entry.source_kind) == ("complete", "demo", "demo")
    assert (entry.length_s, entry.num_faces, entry.num_rows, entry.model) == (13.8, 2, 97, "fast 2")
    assert entry.markers == ("film A", "film B")
    assert (entry.has_review, entry.has_video) == (True, False)
    before = (old / "demo" / "session.json").read_bytes()
    assert repair(old / "demo").complete
    assert (old / "demo" / "session.json").read_bytes() == before


def test_its_rows_are_the_same_values_under_the_same_names(old: Path) -> None:
    table = read_session(old / "live").table
    assert table.frame.tolist() == [0, 2, 2, 4, 6]
    assert table.t_s.tolist() == [0.0, 0.125, 0.125, 0.5, 0.625]
    assert table.face_id.tolist() == [3, 3, 5, 0, 5]
    assert [LABELS[i] for i in table.label[[0, 1, 2, 4]]] == ["angry", "disgust", "happy", "happy"]
    assert table.uncertain.tolist() == [False, True, False, False, False]
    assert table.raw[2].tolist() == [i / 64 for i in (9, 11, 24, 2, 4, 6, 8)]
    assert table.smoothed[2].tolist() == [i / 64 for i in (7, 3, 1, 17, 14, 12, 10)]
    assert table.box[1].tolist() == [14.5, 7.25, 20.75, 31.5]
    assert table.markers == ((3, "film, A"),)
    assert math.isnan(table.added_numbers("yaw_deg")[0])


def test_its_markers_events_and_baselines_are_found(old: Path) -> None:
    session = read_session(old / "live")
    assert session.markers == (Marker(0.375, "film, A", "recorded"),)
    assert [event["event"] for event in session.about["events"]] == ["camera_lost"]
    assert session.about["baselines"][0]["offsets"]["sad"] == -3.0
    assert (session.about["frames_seen"], session.about["frames_dropped"]) == (7, 3)


def test_its_review_edits_are_the_same_and_saved_under_the_same_keys(old: Path) -> None:
    folder = old / "demo"
    review = load_review(read_session(folder))
    assert review.warnings == ()
    assert review.tracks == (
        Track(1, (Segment(1, to_s=5.1),), "Ana"),
        Track(2, (Segment(2, to_s=11.9),), 'Bo, "B"'),
        Track(3, (Segment(1, from_s=5.1), Segment(2, from_s=11.9))),
    )
    assert review.comments == (Comment(3.25, "lächelt", 1), Comment(12.75, "looks away"))
    assert review.markers == (
        Marker(2.5, "film A", "stimuli.csv"),
        Marker(9.125, "film B", "review"),
    )
    assert review.notes == "Second take; <no> sound."
    save_review(review, folder)
    assert json.loads((folder / "review.json").read_text("utf-8")) == json.loads(
        (DATA / "demo" / "review.json").read_text("utf-8")
    )


def test_its_figures_are_the_same(old: Path) -> None:
    ana, bo, rest = summarize(read_session(old / "demo"))
    assert [one.title for one in (ana, bo, rest)] == ["Ana", 'Bo, "B"', "#3"]
    assert [one.seen_s for one in (ana, bo, rest)] == pytest.approx([4.2, 5.0, 8.8])
    assert bo.low_confidence_s == pytest.approx(0.2)
    assert bo.label_s.tolist() == pytest.approx([0.8, 0, 0, 0, 0, 0, 4.0])
    assert rest.label_s.tolist() == pytest.approx([0.2, 0, 0, 6.8, 0, 0, 1.8])
    wanted = [0.228797, 0.004878, 0.038393, 0.03741, 0.089504, 0.008403, 0.592615]
    assert bo.mean.tolist() == pytest.approx(wanted, abs=1e-6)
    assert [int(one.changes.sum()) for one in (ana, bo, rest)] == [0, 1, 1]


def test_its_summary_is_the_same_column_by_column(old: Path) -> None:
    session = read_session(old / "demo")
    now = list(csv.DictReader(io.StringIO(summary_csv([session], [load_review(session)]))))
    before = list(csv.DictReader(io.StringIO((old / "summary.csv").read_text("utf-8"))))
    assert len(now) == len(before) == 12
    for new, known in zip(now, before, strict=True):
        assert {name: new[name] for name in known} == known


def test_its_settings_are_the_same_and_saved_under_the_same_keys(old: Path) -> None:
    path = old / "settings.json"
    loaded = load_settings(path)
    assert loaded.warnings == ()
    assert loaded.settings == Settings(
        mirror=True, heatmap=True, show_boxes=False, show_labels=False, map_name="cam",
        cam_label="fear", heat_opacity=0.25, last_source="camera:1", record_video="anonymous",
        marker_names="a;b;c;4;5;6;7;8;9", camera_size="1280x720", camera_rate=25.0, timeline_s=60,
        side_panel=False, model="full", provider="cpu", smoothing_tau_s=0.75, uncertain_below=0.55,
        smallest_face_px=60.0, reduced_motion=True, theme="dark", language="zh_CN", font_scale=1.25,
        consent=1, window_geometry="AAA=", dock_state="BBB=",
    )  # fmt: skip
    save_settings(loaded.settings, path)
    kept = json.loads((DATA / "settings.json").read_text())
    del kept["map_name"]  # the default by now, which no file keeps
    assert json.loads(path.read_text()) == kept
