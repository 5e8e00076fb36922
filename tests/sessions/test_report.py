"""Reports, parsed as a browser would, against figures written out by hand."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ferdesk.core.geometry import Box
from ferdesk.core.palette import LABEL_COLOURS
from ferdesk.errors import RecordingError
from ferdesk.paths import assets_folder
from ferdesk.sessions.outputs import free_path, write_report, write_text
from ferdesk.sessions.reader import Marker, Session, read_session
from ferdesk.sessions.report import Group, charts, group_names, html_report
from ferdesk.sessions.report.formats import clock, percent, span
from ferdesk.sessions.report.pictures import SessionPictures, no_pictures
from ferdesk.sessions.review import Annotation, Comment, load_review, save_review

Maker = Callable[..., Path]
MADE = datetime(2026, 3, 5, tzinfo=UTC)
ACCURACY = {"private_test": {"one_crop": {"accuracy": 0.68, "ece": 0.04}}}
LEFT, PLOT = 8.0, 904.0
"""The charts' margin and the width of their plots."""

TIMES = [0.0, 0.2, 0.5, 0.6, 1.0, 1.6, 2.4, 2.5]
"""Each row counts until the next frame, at most 0.5 s: 0.2 0.3 0.1 0.4 0.5 0.5 0.1 0.1."""
FRAMES = [
    [(1, "happy")],
    [(1, "happy"), (2, "fear")],
    [(1, "happy"), (2, "surprise")],
    [(1, "sad")],
    [(1, "sad?")],
    [(2, "neutral")],
    [(2, "neutral?")],
    [(2, "neutral")],
]


def study(make_session: Maker, **about: Any) -> Path:
    """#1: happy 0.6 s, sad 0.4, low 0.5; #2: fear 0.3, surprise 0.1, neutral 0.6, low 0.1."""
    markers = [(0.45, "film A"), (1.7, "film B")]
    return make_session(FRAMES, times=TIMES, markers=markers, **about)


class Page(HTMLParser):
    """A page's tables, drawings and texts; fails where a tag is closed that is not open."""

    void = frozenset({"meta", "br", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.pictures: list[str] = []
        self.texts: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.drawings: list[list[tuple[str, dict[str, str]]]] = []
        self.titles: list[str] = []
        self.sizes: list[str] = []
        self.headings: list[str] = []
        self.policy = ""
        self.feed(html)
        assert self.open == []
        self.words = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        links = [given[name] for name in ("src", "href", "data") if name in given]
        self.pictures += [link for link in links if link.startswith("data:image/jpeg;base64,")]
        self.fetched += [link for link in links if not link.startswith("data:image/jpeg;base64,")]
        assert tag not in ("script", "link", "iframe")
        assert not [name for name in given if name.startswith("on")]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        if tag not in self.void:
            self.open.append(tag)
        match tag:
            case "table":
                self.tables.append([])
            case "tr":
                self.tables[-1].append([])
            case "td" | "th":
                self.tables[-1][-1].append("")
            case "svg":
                self.drawings.append([])
                self.titles.append(given["aria-label"])
                self.sizes.append(given["viewbox"])
            case "rect" | "line" | "path" | "circle" | "text":
                self.drawings[-1].append((tag, given))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.texts.append(data)
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append(data)
        if {"td", "th"} & set(self.open):
            cell = self.tables[-1][-1]
            cell[-1] = f"{cell[-1]} {data}".strip()

    def drawing(self, title: str, number: int = 0) -> list[tuple[str, dict[str, str]]]:
        found = [d for t, d in zip(self.titles, self.drawings, strict=True) if t == title]
        return found[number]

    def facts(self) -> dict[str, str]:
        texts = self.texts
        names = ("Started", "Filmed", "Analysed", "Length", "In the video", "Source",
                 "Resolution", "Faces", "Markers", "Frames analysed", "Model",
                 "Pictures")  # fmt: skip
        return {name: texts[texts.index(name) + 1] for name in names if name in texts}


class Album:
    """A session's pictures: each says which row and which part of it was asked for."""

    def __init__(self, missing: frozenset[int] = frozenset()) -> None:
        self.asked: list[tuple[int, Box | None, int]] = []
        self._missing = missing

    def jpeg(self, row: int, region: Box | None, longest_px: int) -> bytes | None:
        self.asked.append((row, region, longest_px))
        return None if row in self._missing else f"{row} {region is None}".encode()

    def open(self, session: Session) -> AbstractContextManager[SessionPictures | None]:
        return nullcontext(self)


def page_of(
    *folders: Path, groups: tuple[Group, Group] | None = None, album: Album | None = None
) -> Page:
    sessions = [read_session(folder) for folder in folders]
    pictures_of = no_pictures if album is None else album.open
    html = html_report(
        sessions, groups=groups, pictures_of=pictures_of, made=MADE, version="1.2"
    )  # fmt: skip
    return Page(html)


def test_times_and_shares_of_each_face_are_those_of_its_rows(make_session: Maker) -> None:
    times, *_ = page_of(study(make_session)).tables
    head, one, two = times
    assert head == [
        "face", "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
        "low confidence", "seen",
    ]  # fmt: skip
    assert one == [
        "#1", "0", "0", "0", "0.6 s 60 %", "0.4 s 40 %", "0", "0", "0.5 s 33 % of seen", "1.5 s",
    ]  # fmt: skip
    assert two == [
        "#2", "0", "0", "0.3 s 30 %", "0", "0", "0.1 s 10 %", "0.6 s 60 %", "0.1 s 9 % of seen",
        "1.1 s",
    ]  # fmt: skip


def test_the_head_pose_stands_under_the_names_and_units_of_the_field_table(
    make_session: Maker,
) -> None:
    folder = study(make_session)
    path = folder / "results.csv"
    header, *rows = path.read_text("utf-8").splitlines()
    yaw = header.split(",").index("yaw_deg")
    cells = [row.split(",") for row in rows]
    own = [row for row in cells if row[3] == "1"]
    for number, row in enumerate(own):  # #1 turns from -10 by 2 degrees a row
        row[yaw] = str(2.0 * number - 10)
    path.write_text("\n".join([header, *map(",".join, cells)]) + "\n", "utf-8")
    head, one, two = page_of(folder).tables[1]
    assert head == ["face", "roll_deg degrees", "yaw_deg degrees", "pitch_deg degrees"]
    last = 2.0 * (len(own) - 1)
    yaws = f"{last / 2 - 10:.1f} {0.05 * last - 10:.1f} to {0.95 * last - 10:.1f}"
    assert one == ["#1", "-1.5 -1.5 to -1.5", yaws, "-7.8 -7.8 to -7.8"]
    assert two == ["#2", "-1.5 -1.5 to -1.5", "12.2 12.2 to 12.2", "-7.8 -7.8 to -7.8"]


def test_shares_between_the_markers_are_of_the_rows_between_them(make_session: Maker) -> None:
    table = page_of(study(make_session)).tables[-1]
    assert table[0] == [
        "from", "face", "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
        "low confidence", "seen",
    ]  # fmt: skip
    rows = {tuple(row[:2]): row[2:] for row in table[1:]}
    none = ["0"] * 7
    assert rows == {
        ("before the first marker 0:00", "#1"): [*none[:3], "100 %", *none[4:], "0 %", "0.5 s"],
        ("film A 0:00", "#1"): ["0", "0", "0", "20 %", "80 %", "0", "0", "50 %", "1.0 s"],
        ("before the first marker 0:00", "#2"): ["0", "0", "100 %", *none[3:], "0 %", "0.3 s"],
        ("film A 0:00", "#2"): ["0", "0", "0", "0", "0", "17 %", "83 %", "0 %", "0.6 s"],
        ("film B 0:02", "#2"): [*none[:6], "100 %", "50 %", "0.2 s"],
    }


def test_the_bar_and_the_tables_give_the_same_share_and_name_it(make_session: Maker) -> None:
    page = page_of(study(make_session))
    name = "Share of the confident time"
    assert page.words.count(name) >= 4  # two bars, the times, the intervals
    widths = {}
    for number, face in enumerate(("#1", "#2")):
        rects = [given for tag, given in page.drawing(name, number) if tag == "rect"]
        widths[face] = [
            (given["fill"], round((float(given["width"]) + 1) / PLOT, 2)) for given in rects
        ]
        assert float(rects[0]["x"]) == LEFT
    colour = LABEL_COLOURS
    assert widths["#1"] == [(colour["happy"], 0.6), (colour["sad"], 0.4)]
    assert widths["#2"] == [
        (colour["fear"], 0.3), (colour["surprise"], 0.1), (colour["neutral"], 0.6),
    ]  # fmt: skip
    assert f"{name}: 1.0 s of 1.5 s seen; low confidence 33 % of the time seen" in page.words
    assert f"{name}: 1.0 s of 1.1 s seen; low confidence 9 % of the time seen" in page.words


def test_the_changes_are_counted_from_row_to_column(make_session: Maker) -> None:
    frames = [[(1, "happy")]] * 5 + [[(1, "sad")]] * 5 + [[(1, "happy")]] * 5 + [[(1, "fear")]] * 5
    page = page_of(make_session(frames))
    assert "3 in total: from row to column" in page.words
    assert page.tables[2] == [
        ["from", "fear", "happy", "sad"],
        ["fear", "-", "", ""],
        ["happy", "1", "-", "1"],
        ["sad", "", "1", "-"],
    ]


def test_a_change_that_is_more_frequent_is_darker(make_session: Maker) -> None:
    runs = ["happy", "sad", "happy", "sad", "happy", "fear"]
    folder = make_session([[(1, label)] for label in runs for _ in range(5)])
    html = html_report([read_session(folder)], made=MADE, version="1.2")
    # happy to sad and sad to happy twice, happy to fear once: 0.08 and 0.42 of the most
    assert re.findall(r"rgba\(0,114,178,([\d.]+)\)", html) == ["0.29", "0.50", "0.50"]
    assert "5 in total: from row to column" in Page(html).words


def test_only_what_happened_is_warned_of(make_session: Maker) -> None:
    for number, lost, dropped in [(0, False, False), (1, True, True), (1234, True, True)]:
        folder = make_session(
            [[(1, "happy")]], name=f"n{number}", frames_lost=number, frames_dropped=number
        )
        words = page_of(folder).words
        assert (f"{number:,} analysed frames were lost" in words) is lost
        assert (f"{number:,} frames were skipped" in words) is dropped
    events = [{"t_s": 61.2, "event": "x", "text": f"event {i}"} for i in range(25)]
    words = page_of(make_session([[(1, "happy")]], name="many", events=events)).words
    assert "1:01: event 19" in words
    assert "event 20" not in words


def test_the_strips_show_labels_low_confidence_and_absence_at_their_times(
    make_session: Maker,
) -> None:
    drawing = page_of(study(make_session)).drawing(
        "Labels over time; blank where the face was not seen"
    )
    rects = [given for tag, given in drawing if tag == "rect"]
    rows = sorted({float(given["y"]) for given in rects})
    assert len(rows) == 2
    known = {colour: label for label, colour in LABEL_COLOURS.items()} | {"#d5d9de": "low"}
    found = [
        (rows.index(float(g["y"])), known[g["fill"]], (float(g["x"]) - LEFT) / PLOT * 2.5)
        for g in rects
        if g["fill"] in known
    ]
    wanted = [
        (0, "happy", 0.0), (0, "happy", 0.2), (0, "happy", 0.5), (0, "sad", 0.6), (0, "low", 1.0),
        (1, "fear", 0.2), (1, "surprise", 0.5), (1, "neutral", 1.6), (1, "low", 2.4),
        (1, "neutral", 2.5),
    ]  # fmt: skip
    starts = [one for i, one in enumerate(found) if i == 0 or one[:2] != found[i - 1][:2]]
    assert [one[:2] for one in starts] == [
        one[:2] for i, one in enumerate(wanted) if i == 0 or one[:2] != wanted[i - 1][:2]
    ]
    for row, label, t_s in starts:
        assert min(abs(t_s - at) for r, lab, at in wanted if (r, lab) == (row, label)) < 0.011


def test_the_curves_are_the_smoothed_probabilities(make_session: Maker) -> None:
    drawing = page_of(study(make_session)).drawing("Smoothed probabilities over time")
    paths = {given["stroke"]: given["d"] for tag, given in drawing if tag == "path"}
    assert len(paths) == 7
    lines = [given for tag, given in drawing if tag == "line" and given["stroke"] == "#e6e9ed"]
    zero, _, one = (float(given["y1"]) for given in lines)

    def values(label: str) -> list[float]:
        points = re.findall(r"[ML]([\d.]+) ([\d.]+)", paths[LABEL_COLOURS[label]])
        return [round((zero - float(y)) / (zero - one), 2) for _, y in points]

    assert values("happy") == [0.76, 0.76, 0.76, 0.05, 0.05]
    assert values("sad") == [0.05, 0.05, 0.05, 0.76, 0.76]
    assert values("angry") == [0.01] * 5
    points = re.findall(r"([ML])([\d.]+)", paths[LABEL_COLOURS["happy"]])
    times = [(float(x) - LEFT) / PLOT * 2.5 for _, x in points]
    assert times == pytest.approx([0.0, 0.2, 0.5, 0.6, 1.0], abs=0.006)


def test_markers_stand_at_their_own_times_not_at_rows(make_session: Maker) -> None:
    page = page_of(study(make_session))
    for title in page.titles:
        flags = [
            float(given["x1"])
            for tag, given in page.drawing(title)
            if tag == "line" and "stroke-dasharray" in given
        ]
        if "over time" in title:
            wanted = [LEFT + t_s / 2.5 * PLOT for t_s in (0.45, 1.7)]
            assert flags == pytest.approx(wanted, abs=0.06)


def numbers(drawing: list[tuple[str, dict[str, str]]], kind: str, *names: str) -> list[list[float]]:
    """Some attributes of all shapes of a kind, in their order."""
    return [[float(given[name]) for name in names] for tag, given in drawing if tag == kind]


def test_every_part_of_the_overview_has_its_place(make_session: Maker) -> None:
    page = page_of(study(make_session))
    overview = page.drawing("Labels over time; blank where the face was not seen")
    # two strips of 18, 22 apart, below the 26 of the markers and above the 22 of the times
    assert page.sizes[0] == "0 0 960 128"
    names_y, axis_y = (38, 78), 124
    texts = numbers(overview, "text", "x", "y")
    assert [texts[0], texts[1]] == [[8, y] for y in names_y]
    assert texts[2:4] == [[174.7, 14], [626.7, 14]]
    assert texts[4:] == [[8 + x, axis_y] for x in (0, 180.8, 361.6, 542.4, 723.2, 904)]
    # bins of 2.5 / 480 s; a gap of up to 120 bins, two frames' mean distance, is filled
    assert numbers(overview, "rect", "x", "y", "width", "height") == [
        [8, 42, 904, 18],
        [8, 42, 216.6, 18], [224.6, 42, 145.0, 18], [369.6, 42, 227.9, 18],
        [8, 82, 904, 18],
        [79.6, 82, 109.2, 18], [188.8, 82, 227.9, 18], [586.2, 82, 227.9, 18],
        [874.3, 82, 35.8, 18], [910.1, 82, 1.9, 18],
    ]  # fmt: skip
    assert numbers(overview, "line", "x1", "x2", "y1", "y2") == [
        [170.7, 170.7, 14, 110], [622.7, 622.7, 14, 110],
    ]  # fmt: skip
    bare = page_of(make_session(FRAMES, times=TIMES, name="bare"))
    assert bare.sizes[0] == "0 0 960 108"
    assert numbers(bare.drawings[0], "text", "x", "y")[:2] == [[8, 18], [8, 58]]


def test_every_part_of_the_curves_and_bars_has_its_place(make_session: Maker) -> None:
    page = page_of(study(make_session))
    curves = page.drawing("Smoothed probabilities over time", 1)
    bar = page.drawing("Share of the confident time", 1)
    assert page.sizes[1:] == ["0 0 960 26", "0 0 960 194"] * 2
    assert numbers(curves, "line", "x1", "x2", "y1", "y2") == [
        [8, 912, 176, 176], [8, 912, 101, 101], [8, 912, 26, 26],
        [170.7, 170.7, 14, 176], [622.7, 622.7, 14, 176],
    ]  # fmt: skip
    assert numbers(curves, "text", "x", "y")[:3] == [[918, 105], [918, 30], [174.7, 14]]
    assert numbers(curves, "text", "x", "y")[-1] == [912, 190]
    paths = [given["d"] for tag, given in curves if tag == "path"]
    # fear is 0.76 at first, then two or three parts in 21 of what is left; it was away twice
    assert paths[2] == "M80.5 62.0L189.7 170.9M587.1 170.9M875.3 170.9L911.1 170.9"
    # three tenths, one, six of 904, a pixel between them; no text where it does not fit
    assert numbers(bar, "rect", "x", "y", "width", "height") == [
        [8, 0, 270.2, 26], [279.2, 0, 89.4, 26], [369.6, 0, 541.4, 26],
    ]  # fmt: skip
    assert numbers(bar, "text", "x", "y") == [[14, 17], [375.6, 17]]
    bare = page_of(make_session(FRAMES, times=TIMES, name="bare"))
    assert bare.sizes[1:3] == ["0 0 960 26", "0 0 960 176"]


def test_every_part_of_a_comparison_has_its_place(make_session: Maker) -> None:
    one = make_session([[(1, "happy")]] * 9, name="calm")
    two = make_session([[(1, "sad")]] * 9, name="film")
    page = page_of(one, two)
    drawing, rows = page.drawing("Comparison"), [24 + 40 * i for i in range(7)]
    assert page.sizes[0] == "0 0 960 310"
    assert numbers(drawing, "text", "x", "y") == [
        *([8, y + 4] for y in rows),
        *([x, 306] for x in (92, 297, 502, 707, 912)),
    ]
    assert [y for (y,) in numbers(drawing, "circle", "cy")] == [
        y + side for y in rows for side in (-7, 7)
    ]
    lines = numbers(drawing, "line", "y1", "y2")
    assert lines == [[y + a, y + b] for y in rows for a, b in ((0, 0), (-14, 0), (0, 14))]
    ends = numbers(drawing, "line", "x1", "x2")
    assert ends[0] == [92, 912]
    # raw: happy 0.635, or the third part in 21 of the 0.365 that sad left
    assert ends[10:12] == [[612.7, 612.7], [134.8, 134.8]]


def test_flags_have_their_labels_where_there_is_room(make_session: Maker) -> None:
    # 0.1 s are 36.16 pixels: "ab" takes 4 + 13.2 and 8 until the next may stand
    markers = [(0.0, "ab"), (0.06, "cd"), (0.08, "ef"), (2.4, "g" * 25), (2.5, "h")]
    page = page_of(make_session(FRAMES, times=TIMES, markers=markers))
    curves = page.drawing("Smoothed probabilities over time")
    flags = [x for x, y in numbers(curves, "text", "x", "y") if y == 14]
    assert flags == [12.0, 33.7, 801.6]
    lines = numbers(curves, "line", "x1", "y1")[3:]
    assert [x for x, _ in lines] == [8.0, 29.7, 36.9, 875.8, 912.0]
    assert "g" * 23 + "…" in page.texts


def test_the_facts_are_the_sessions(make_session: Maker) -> None:
    folder = study(make_session, picture={"width": 640, "height": 360}, model={"name": "full"})
    facts = page_of(folder).facts()
    started = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC).astimezone()
    assert facts == {
        "Started": started.strftime("%Y-%m-%d %H:%M:%S"), "Length": "0:02", "Source": "camera:0",
        "Resolution": "640 x 360", "Faces": "2", "Markers": "2", "Frames analysed": "8",
        "Model": "full",
    }  # fmt: skip


def test_a_film_says_when_it_was_filmed_and_when_it_was_analysed(make_session: Maker) -> None:
    source = {"kind": "video", "name": "talk.mp4"}
    folder = study(make_session, source=source, film_started_utc="2019-10-11T09:08:07Z")
    facts = page_of(folder).facts()
    filmed = datetime(2019, 10, 11, 9, 8, 7, tzinfo=UTC).astimezone()
    assert facts["Filmed"] == filmed.strftime("%Y-%m-%d %H:%M:%S")
    assert facts["Analysed"].startswith("2026-03-04")
    assert facts["Source"] == "talk.mp4"
    assert "Started" not in facts
    undated = page_of(make_session(FRAMES, name="undated", source=source)).facts()
    assert undated["Filmed"] == "unknown"


def test_a_films_report_counts_from_the_recordings_start(make_session: Maker) -> None:
    source = {"kind": "video", "name": "talk.mp4"}
    events = [{"t_s": 71.0, "event": "x", "text": "It slept."}]
    folder = make_session(
        FRAMES, times=[t + 65 for t in TIMES], markers=[(65.45, "film A"), (66.7, "film B")],
        source=source, events=events,
    )  # fmt: skip
    review = load_review(read_session(folder)).with_comment(Comment(67.2, "laughs", 1))
    save_review(review, folder)
    page = page_of(folder)
    assert (page.facts()["Length"], page.facts()["In the video"]) == ("0:02", "1:05 to 1:08")
    assert "0:06: It slept." in page.words
    assert page.tables[-1] == [["0:02", "#1", "laughs"]]
    assert {row[0] for row in page.tables[-2][1:]} == {
        "before the first marker 0:00", "film A 0:00", "film B 0:02",
    }  # fmt: skip
    live = page_of(study(make_session, name="live"))
    assert page.drawings[0] == live.drawings[0]
    assert page.drawings[1:] == live.drawings[1:]
    assert "In the video" not in live.facts()


STILL = {"kind": "still", "name": "solvay", "location": "solvay.jpg"}
TWO_FACES = [(1, "happy", 0.76), (2, "sad?", 0.5)]


def test_a_photo_has_its_faces_and_their_probabilities(make_session: Maker) -> None:
    page = page_of(make_session([TWO_FACES], source=STILL))
    assert "No face was seen" not in page.words
    facts = page.facts()
    assert (facts["Faces"], facts["Pictures"], facts["Source"]) == ("2", "1", "solvay.jpg")
    assert facts["Analysed"].startswith("2026-03-04")
    assert not {"Length", "Filmed", "Started", "Markers", "Frames analysed"} & set(facts)
    head, one, two = page.tables[0]
    assert head[:2] == ["face", "label"]
    assert one == [
        "#1", "happy", "1 %", "2 %", "3 %", "76 %", "5 %", "6 %", "7 %", "",
    ]  # fmt: skip
    assert two == [
        "#2", "sad", "2 %", "5 %", "7 %", "10 %", "50 %", "12 %", "14 %", "low confidence",
    ]  # fmt: skip
    assert "50 % of the faces had low confidence" in page.words
    assert "Changes of the label" not in page.words
    assert page.headings[-1] == "What the figures mean"


def test_a_photo_is_shown_with_its_boxes_and_without_it_the_boxes_alone(
    make_session: Maker,
) -> None:
    about = {"source": STILL, "picture": {"width": 200, "height": 100}}
    folder = make_session([TWO_FACES], **about)
    album = Album()
    for page, has_picture in ((page_of(folder, album=album), True), (page_of(folder), False)):
        assert page.sizes == ["0 0 200 100"]
        rects = [given for tag, given in page.drawings[0] if tag == "rect"]
        boxes = [
            tuple(given[name] for name in ("x", "y", "width", "height", "stroke"))
            for given in rects
            if "stroke" in given
        ]
        assert boxes == [
            ("10.5", "20.0", "60.0", "61.2", LABEL_COLOURS["happy"]),
            ("21.0", "20.0", "60.0", "61.2", LABEL_COLOURS["sad"]),
        ]
        assert ["stroke-dasharray" in given for given in rects if "stroke" in given] == [
            False, True,
        ]  # fmt: skip
        assert ("not kept in this session" in page.words) is not has_picture
        assert len(page.pictures) == (3 if has_picture else 0)
    assert album.asked[0] == (0, None, 1280)
    assert album.asked[1] == (0, Box(-7.5, 1.625, 96, 98), 96)
    assert album.asked[2][0] == 1


def test_a_folder_of_pictures_has_a_contact_sheet_and_a_table_of_faces(
    make_session: Maker,
) -> None:
    files = ["ann.jpg", "<b>.jpg", "cat.png"]
    about: dict[str, Any] = {
        "source": {"kind": "pictures", "name": "stimuli", "location": "stimuli"},
        "pictures": [
            {"frame": i, "file": file, "width": 300 + i, "height": 200}
            for i, file in enumerate(files)
        ],
    }
    frames = [[(1, "happy")], [(2, "sad"), (3, "fear?")], []]
    folder = make_session(frames, step_s=1.0, **about)
    album = Album(missing=frozenset({1}))
    page = page_of(folder, album=album)
    assert page.sizes == ["0 0 300 200", "0 0 301 200", "0 0 302 200"]
    # the sheet's three pictures, then a face a row; what is missing is left grey
    assert [asked[0] for asked in album.asked] == [0, 1, 3, 0, 1, 2]
    assert len(page.pictures) == 4
    assert all(page.words.count(file) >= 1 for file in files)
    assert [row[:3] for row in page.tables[0]] == [
        ["face", "picture", "label"], ["#1", "ann.jpg", "happy"], ["#2", "<b>.jpg", "sad"],
        ["#3", "<b>.jpg", "fear"],
    ]  # fmt: skip
    assert page.facts()["Pictures"] == "3"
    assert page.fetched == []
    review = load_review(read_session(folder)).merged(1, 2).named(1, "Ann")
    save_review(review, folder)
    counts = page_of(folder).tables[0]
    assert counts[1][0] == "Ann"
    assert counts[1][4:6] == ["1 50 %", "1 50 %"]
    assert counts[1][-1] == "2"


def test_annotations_of_pictures_stand_by_picture_beside_the_models_labels(
    make_session: Maker,
) -> None:
    files = ["ann.jpg", "<b>.jpg", "cat.png"]
    about: dict[str, Any] = {
        "source": {"kind": "pictures", "name": "stimuli", "location": "stimuli"},
        "pictures": [
            {"frame": i, "file": file, "width": 300, "height": 200} for i, file in enumerate(files)
        ],
    }
    frames = [[(1, "happy")], [(1, "sad"), (2, "fear?")], [(1, "sad")]]
    folder = make_session(frames, step_s=1.0, **about)
    assert "Annotations" not in page_of(folder).headings
    review = load_review(read_session(folder))
    for annotation in (
        Annotation(0.0, 1.0, "happy", 1), Annotation(1.0, 3.0, "sad", 1),
        Annotation(1.0, 2.0, "<blurred>"),
    ):  # fmt: skip
        review = review.with_annotation(annotation)
    save_review(review, folder)
    page = page_of(folder)
    assert "Annotations" in page.headings
    (table,) = [one for one in page.tables if "annotation" in one[0]]
    assert table == [
        ["picture", "face", "annotation", "faces", "same label"],
        ["ann.jpg", "#1", "happy", "1", "100 %"],
        ["<b>.jpg", "#1", "<blurred>", "1", "-"],
        ["<b>.jpg", "#2", "<blurred>", "1", "-"],
        ["<b>.jpg to cat.png", "#1", "sad", "2", "100 %"],
    ]


def test_a_person_is_shown_at_their_clearest_where_there_is_a_picture(
    make_session: Maker,
) -> None:
    frames = [[(1, "happy", 0.76, 0.5)], [(1, "happy?", 0.76, 0.95)], [(1, "happy", 0.76, 0.8)]]
    folder = make_session(frames)
    album = Album()
    page = page_of(folder, album=album)
    assert [asked[0] for asked in album.asked] == [2]
    assert len(page.pictures) == 1
    assert page_of(folder).pictures == []


def test_a_comparison_warns_where_the_instrument_differs(make_session: Maker) -> None:
    fast = {"model": {"name": "fast", "version": "3", "sha256": "a"}}
    int8 = {"model": {"name": "fast-int8", "version": "3", "sha256": "b"}}
    rows = [[(1, "happy")]] * 3
    one = make_session(rows, name="one", settings={"smoothing_tau_s": 0.3}, **fast)
    same = make_session(rows, name="same", settings={"smoothing_tau_s": 0.3}, **fast)
    other = make_session(rows, name="other", settings={"smoothing_tau_s": 0.9}, **int8)
    based = make_session(rows, name="based", baselines=[{"face_id": 1}], **fast)
    told = {"smoothing_tau_s": 0.3, "labels_from": "votes"}
    voted = make_session(rows, name="voted", settings=told, **fast)
    assert "different answers of the model: FER2013's label (one); people's votes (voted)." in (
        page_of(one, voted).words
    )
    assert "different answers" not in page_of(one, same).words
    words = page_of(one, other).words
    assert "Different models analysed these sessions: fast 3 (one); fast-int8 3 (other)." in words
    assert "The setting “smoothing” differs: 0.3 (one); 0.9 (other)." in words
    assert "Different models" not in page_of(one, same).words
    assert "differs" not in page_of(one, same).words
    assert "A neutral baseline was used in based only." in page_of(one, based).words


def test_groups_have_their_own_names(make_session: Maker) -> None:
    def session(name: str, **about: object) -> Session:
        return read_session(make_session([[(1, "sad")]] * 2, name=name, **about))

    calm = [session("a1", condition="calm"), session("a2", condition="calm")]
    film = [session("b1", condition="film"), session("b2", condition="film")]
    plain = [session("c1"), session("c2")]
    assert group_names(calm, film) == ("calm", "film")
    assert group_names(calm[:1], film) == ("a1", "film")
    assert group_names(plain, plain) == ("A", "B")


def test_how_far_figures_can_be_trusted_stands_above_them(make_session: Maker) -> None:
    words = page_of(study(make_session, model={"name": "fast", "accuracy": ACCURACY})).words
    assert "right in 68 of 100 (seven labels)" in words
    assert "off by 4 points on average" in words
    assert "23 % of the time seen had low confidence" in words  # 0.6 of 2.6 s
    assert words.index("23 % of") < words.index("Overview")
    assert (
        "does not record how well its model is calibrated"
        in page_of(study(make_session, name="old")).words
    )


def test_labels_from_votes_are_judged_by_votes(make_session: Maker) -> None:
    voted = {"private_test": {"crowd": {"plurality": 0.826, "ece": 0.022}}}
    model = {"name": "fast", "accuracy": ACCURACY, "votes_accuracy": voted}
    about = {"model": model, "settings": {"labels_from": "votes"}}
    words = page_of(study(make_session, **about)).words
    assert "the one that most of ten people chose in about 83 of 100 (seven labels)" in words
    assert "off by 2 points on average" in words
    assert "Labels from people's votes" in words
    about["settings"] = {"labels_from": "fer2013"}
    words = page_of(study(make_session, name="other", **about)).words
    assert "was right in 68 of 100 (seven labels)" in words
    assert "Labels from FER2013's label" in words


def test_what_happened_is_told(make_session: Maker) -> None:
    events = [{"t_s": 61.2, "event": "camera_lost", "text": "The camera <is> gone."}, 7]
    about = {"events": events, "frames_lost": 1234, "frames_dropped": 5, "complete": False}
    words = page_of(study(make_session, **about)).words
    assert "1:01: The camera <is> gone." in words
    assert "1,234 analysed frames were lost" in words
    assert "5 frames were skipped because analysis was busy" in words
    assert "“ferdesk sessions repair s”" in words


def test_a_report_is_one_file_that_fetches_nothing_and_escapes_every_text(
    make_session: Maker,
) -> None:
    hostile = "<script>x</script>&amp;"
    folder = study(
        make_session,
        source={"kind": "camera", "name": hostile},
        model={"name": hostile},
        picture={"width": hostile, "height": hostile},
    )
    review = (
        load_review(read_session(folder)).named(1, hostile).with_comment(Comment(0.3, hostile, 1))
    )
    review = review.with_markers(Marker(0.8, hostile, "m.csv"))
    html = html_report([read_session(folder)], reviews=[review], made=MADE, version=hostile)
    page = Page(html)
    assert page.fetched == []
    assert "http" not in html.replace("http-equiv", "")
    assert page.policy.startswith("default-src 'none'")
    assert page.words.count(hostile) >= 9
    assert "<script" not in html


def test_the_style_lies_in_the_file_and_ships_as_an_asset(
    make_session: Maker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    style = (assets_folder() / "report" / "report.css").read_text("utf-8")
    session = read_session(study(make_session))
    assert style in html_report([session], made=MADE, version="1")
    monkeypatch.setattr("ferdesk.sessions.report.page.assets_folder", lambda: tmp_path)
    with pytest.raises(RecordingError, match="install ferdesk again"):
        html_report([session], made=MADE, version="1")


def test_comments_and_notes_stand_with_their_time_and_face(make_session: Maker) -> None:
    folder = study(make_session)
    review = load_review(read_session(folder)).named(2, "Bo")
    review = review.with_comment(Comment(75.4, "laughs", 2)).with_comment(Comment(3.0, "noise"))
    save_review(review, folder)
    page = page_of(folder)
    assert page.tables[-1] == [["0:03", "", "noise"], ["1:15", "Bo", "laughs"]]
    assert page.headings[-2] == "Comments"


def test_excluded_faces_are_in_no_figure_and_merged_ones_are_one(make_session: Maker) -> None:
    folder = study(make_session)
    review = load_review(read_session(folder))
    save_review(review.excluding(1), folder)
    page = page_of(folder)
    assert page.facts()["Faces"] == "1 (1 excluded)"
    assert [row[0] for row in page.tables[0]] == ["face", "#2"]
    save_review(review.merged(1, 2).named(1, "Ana"), folder)
    page = page_of(folder)
    assert [row[0] for row in page.tables[0]] == ["face", "Ana"]
    assert "Merged from 2 recorded faces" in page.words


def test_more_faces_than_can_be_drawn_are_in_the_table(make_session: Maker) -> None:
    frames = [[(face, "happy") for face in range(1, 15)]] * 5 + [[(14, "sad")]] * 5
    page = page_of(make_session(frames))
    assert len(page.tables[0]) == 1 + 14
    assert "The charts show the 12 faces seen longest, of 14" in page.words
    drawn = [text for text in page.headings if text.startswith("#")]
    assert drawn == [*(f"#{face}" for face in range(1, 12)), "#14"]


@pytest.mark.parametrize("complete", [True, False])
def test_a_session_without_a_face_or_interrupted_gives_a_report_too(
    make_session: Maker, complete: bool
) -> None:
    words = page_of(make_session([[]] * 3, complete=complete)).words
    assert "No face was seen" in words
    assert ("was interrupted" in words) is not complete
    page_of(make_session([], name="empty"))


def test_a_face_of_low_confidence_alone_has_no_shares(make_session: Maker) -> None:
    page = page_of(make_session([[(1, "happy?")]] * 20, markers=[(0.5, "go")]))
    assert "All of its time had low confidence." in page.words
    assert page.tables[0][1][4] == "0"
    assert page.tables[-1][1][2:9] == ["-"] * 7


def test_two_sessions_are_compared_by_their_mean_raw_probabilities(make_session: Maker) -> None:
    model = {"name": "fast", "accuracy": ACCURACY}
    one = make_session([[(1, "happy", 0.785)]] * 9, name="calm", model=model)
    two = make_session([[(1, "happy", 0.515)]] * 9, name="film", model=model)
    page = page_of(one, two)
    table = {row[0]: row[1:] for row in page.tables[0]}
    assert table[""] == ["calm", "film", "difference"]
    # raw: happy an eighth less than smoothed, the rest of it by sixths to ones
    assert table["happy"] == ["66 %", "39 %", "-27 points"]
    assert table["angry"] == ["10 %", "17 %", "+8 points"]
    assert table["neutral"] == ["2 %", "3 %", "+1 points, within the error"]
    assert "1 and 1 sessions, each counted once. Intervals need at least 5 sessions" in page.words
    assert "(4 points)" in page.words
    circles = [given for tag, given in page.drawing("Comparison") if tag == "circle"]
    happy = [given for given in circles if given["stroke"] == LABEL_COLOURS["happy"]]
    width = 960 - 92 - 48
    assert [given["fill"] for given in happy] == [LABEL_COLOURS["happy"], "#fff"]
    shares = [(float(given["cx"]) - 92) / width for given in happy]
    assert shares == pytest.approx([0.66, 0.39], abs=1e-3)
    drawing = page.drawing("Comparison")
    means = [given for tag, given in drawing if tag == "line" and given.get("stroke-width") == "2"]
    shares = [(float(given["x1"]) - 92) / width for given in means[6:8]]  # of happy, the fourth
    assert shares == pytest.approx([0.66, 0.39], abs=1e-3)


def test_groups_keep_their_names_and_sides(make_session: Maker) -> None:
    folders = [make_session([[(1, "happy", 0.735)]] * 5, name=f"a{i}") for i in range(5)]
    folders += [make_session([[(1, "happy", 0.435)]] * 5, name=f"b{i}") for i in range(5)]
    sessions = tuple(read_session(folder) for folder in folders)
    groups = (Group("calm", sessions[:5]), Group("film", sessions[5:]))
    page = page_of(*folders, groups=groups)
    assert page.tables[0][0] == ["", "calm", "film", "difference", "95 %"]
    assert page.tables[0][4] == ["happy", "61 %", "31 %", "-30 points", "-30 to -30"]
    assert "filled calm, open film" in page.words
    assert "5 and 5 sessions, each counted once." in page.words
    assert "calibration error is not recorded" in page.words
    empty = make_session([[]], name="none")
    nobody = (Group("none", (read_session(empty),)), groups[1])
    assert "One of the groups has no face" in page_of(empty, *folders[5:], groups=nobody).words


@pytest.mark.parametrize(
    ("step_s", "after_s"),
    [
        (0.1, 0.2), (0.2, 0.5), (0.5, 1), (1, 2), (2, 5), (5, 10), (10, 15), (15, 30), (30, 60),
        (60, 120), (120, 300), (300, 600), (600, 900), (900, 1800), (1800, 3600), (3600, 7200),
        (7200, 14400),
    ],
)  # fmt: skip
def test_at_most_ten_steps_that_people_count_in_fill_the_axis(
    step_s: float, after_s: float
) -> None:
    def times(length_s: float) -> list[str]:
        return re.findall(r">([^<]+)</text>", charts._time_axis(length_s, 100))

    def text(t_s: float, step: float) -> str:
        return clock(t_s) if step >= 1 else f"{t_s:.1f} s"

    assert times(10 * step_s) == [text(i * step_s, step_s) for i in range(11)]
    longer = times(10.2 * step_s)
    assert longer[1] == text(after_s, after_s)
    assert len(longer) == int(10.2 * step_s / after_s) + 1


def test_the_first_time_begins_at_its_tick_and_one_at_the_edge_ends_there() -> None:
    svg = charts._time_axis(10.0, 100)
    places = re.findall(r'x="([\d.]+)" y="(\d+)" text-anchor="(\w+)"', svg)
    assert places[0] == ("8.0", "114", "start")
    assert {anchor for _, _, anchor in places[1:]} == {"middle"}
    assert places[-1][0] == "912.0"


def test_a_damaged_time_makes_no_endless_axis(make_session: Maker) -> None:
    page = page_of(make_session([[(1, "happy")]] * 3, times=[0.0, 0.1, 1e12]))
    assert len(page.drawings[0]) < 50


def test_a_report_is_replaced_whole_and_never_written_through_a_link(
    make_session: Maker, tmp_path: Path
) -> None:
    folder = study(make_session)
    path = folder / "report.html"
    for _ in range(2):
        write_report([read_session(folder)], path)
    assert Page(path.read_text("utf-8")).headings[0] == "s"
    other = tmp_path / "precious"
    other.write_text("precious")
    path.unlink()
    path.symlink_to(other)
    with pytest.raises(RecordingError, match=r"report\.html cannot be written: it is a symbolic"):
        write_report([read_session(folder)], path)
    assert other.read_text() == "precious"


def test_files_made_of_sessions_get_free_names_and_missing_folders(tmp_path: Path) -> None:
    (tmp_path / "report.html").touch()
    (tmp_path / "report-2.html").touch()
    assert free_path(tmp_path, "report", ".html").name == "report-3.html"
    assert free_path(tmp_path, "other", ".csv").name == "other.csv"
    path = tmp_path / "new" / "a.csv"
    write_text(path, "a\r\nö \udcff\n")
    assert path.read_bytes() == "a\r\nö \\udcff\n".encode()
    with pytest.raises(RecordingError, match="cannot be written"):
        write_text(path / "b.csv", "x")


def test_figures_are_written_for_people() -> None:
    assert [percent(x) for x in (0, 0.004, 0.006, 0.444, 1, float("nan"))] == [
        "0 %", "< 1 %", "1 %", "44 %", "100 %", "-",
    ]  # fmt: skip
    assert [span(x) for x in (0.04, 59.94, 59.96, 3725)] == ["0.0 s", "59.9 s", "1:00", "1:02:05"]
    assert [clock(x) for x in (-3, 0.4, 59.6, 3599.6)] == ["0:00", "0:00", "1:00", "1:00:00"]
