"""The report of a study: who counts, figures by stimulus and condition, and what is missing."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ferdesk.errors import StudyError
from ferdesk.studies.answers import answer_summaries
from ferdesk.studies.figures import cell, condition_cell, curves, stimuli_of
from ferdesk.studies.report_charts import _stroke, group_colour
from ferdesk.studies.report_page import study_report
from ferdesk.studies.results import (
    BLINKS,
    FIGURES,
    StudySession,
    read_study_sessions,
    trial_results,
)
from tests.helpers.study_sessions import TRIALS, button, scale, trial, write_run

HAPPY = FIGURES.index("happy")
MADE = datetime(2026, 3, 5, 7, tzinfo=UTC)


def in_lake(before: float, during: float) -> Callable[[float], float]:
    """Happy as it is at first, and from the lake's onset at 3.1 s on."""
    return lambda t_s: during if t_s >= 3.1 else before


def page_of(runs: list[StudySession]) -> str:
    return study_report(runs, made=MADE, version="9.9")


def rows_of(page: str) -> list[list[str]]:
    """The cells of all tables' rows as texts, a space where a line breaks."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL)
    return [
        [
            re.sub(r"<[^>]+>", "", re.sub(r"<br>", " ", one))
            for one in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
        ]
        for row in rows
    ]


def test_a_trial_has_the_rows_from_its_onset_to_its_end(tmp_path: Path) -> None:
    runs = read_study_sessions([write_run(tmp_path, "P1", happy=in_lake(0.2, 0.7))])
    results = trial_results(runs)
    assert [one.trial.stimulus for one in results] == ["baseline", "lake", "oak"]
    assert [float(one.figures[HAPPY]) for one in results] == [
        pytest.approx(0.2), pytest.approx(0.7), pytest.approx(0.7),
    ]  # fmt: skip
    # 3.12 to 5.04 in steps of 0.08
    assert (results[1].num_frames, results[1].seen) == (25, 1.0)


def test_only_trials_shown_to_their_end_with_the_face_in_half_of_the_frames_count(
    tmp_path: Path,
) -> None:
    stopped = (*TRIALS[:2], trial(2, "oak", 6.3, 7.0, condition="wood", status="stopped"))
    skipped = (*TRIALS[:2], trial(2, "oak", None, None, condition="wood", status="skipped"))
    runs = read_study_sessions(
        [
            write_run(tmp_path, "P1", happy=lambda _: 0.15),
            write_run(tmp_path, "P2", happy=lambda _: 0.35, trials=stopped),
            write_run(tmp_path, "P3", happy=lambda _: 0.5, trials=skipped),
            # without a face in 18 of the lake's 25 frames
            write_run(tmp_path, "P4", sees=lambda t_s: not 3.6 < t_s < 5.05),
        ]
    )
    results = trial_results(runs)
    assert cell(results, "lake", None).participants == ("P1", "P2", "P3")
    assert cell(results, "oak", None).participants == ("P1", "P4")
    assert cell(results, "lake", None).mean(HAPPY)[0] == pytest.approx((0.15 + 0.35 + 0.5) / 3)
    rows = rows_of(page_of(runs))
    assert ["participant", "baseline", "lake", "oak"] in rows
    assert ["P2", "100 %", "100 %", "stopped, 100 %"] in rows
    assert ["P3", "100 %", "100 %", "skipped"] in rows
    assert ["P4", "100 %", "28 %", "100 %"] in rows


def test_figures_are_by_stimulus_and_condition_with_the_own_baseline_taken_off(
    tmp_path: Path,
) -> None:
    folders = [
        write_run(tmp_path, "P1", group="late", happy=in_lake(0.2, 0.5)),
        write_run(tmp_path, "P2", group="late", happy=in_lake(0.1, 0.6)),
        write_run(tmp_path, "P3", group="early", happy=in_lake(0.3, 0.35)),
    ]
    results = trial_results(read_study_sessions(folders))
    late, early = cell(results, "lake", "late"), cell(results, "lake", "early")
    assert late.participants == ("P1", "P2")
    assert late.mean(HAPPY)[0] == pytest.approx(0.55)
    assert late.mean(HAPPY, change=True)[0] == pytest.approx(0.4)
    assert early.mean(HAPPY, change=True)[0] == pytest.approx(0.05)
    assert condition_cell(results, "wood", "early").mean(HAPPY)[0] == pytest.approx(0.35)


def test_a_participant_counts_once_however_many_sessions_there_are(tmp_path: Path) -> None:
    first = write_run(tmp_path, "P1", happy=lambda _: 0.2, trials=TRIALS[:2], name="a")
    second = write_run(
        tmp_path, "P1", happy=lambda _: 0.6, trials=TRIALS[2:], name="b", study={"resumed_from": 2}
    )
    other = write_run(tmp_path, "P2", happy=lambda _: 0.4, name="c")
    runs = read_study_sessions([first, second, other])
    results = trial_results(runs)
    assert cell(results, "oak", None).participants == ("P1", "P2")
    # the baseline of the session that was resumed counts
    assert cell(results, "oak", None).mean(HAPPY, change=True)[0] == pytest.approx(0.2)
    assert "begins with the first stimulus" not in page_of(runs)
    again = read_study_sessions([first, write_run(tmp_path, "P1", name="d"), other])
    assert "More than one session that begins with the first stimulus: P1." in page_of(again)


def test_curves_are_on_one_clock_whatever_the_frame_rate(tmp_path: Path) -> None:
    happy = in_lake(0.2, 0.2)

    def step(t_s: float) -> float:
        return 0.3 if t_s < 4.1 else 0.8

    folders = [
        write_run(tmp_path, "P1", happy=step, step_s=0.05),
        write_run(tmp_path, "P2", happy=step, step_s=0.1),
        write_run(tmp_path, "P3", happy=happy),
    ]
    found = curves(trial_results(read_study_sessions(folders)), "lake", None, [HAPPY])[HAPPY]
    assert found.single.shape == (3, 10)
    assert found.t_s.tolist() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.7, 1.9])
    for single in found.single[:2]:
        assert single.tolist() == pytest.approx([0.3] * 5 + [0.8] * 5, abs=1e-6)
    assert found.band.mean[0] == pytest.approx((0.3 + 0.3 + 0.2) / 3, abs=1e-6)


def test_blinks_have_a_curve_where_eyes_were_measured(tmp_path: Path) -> None:
    trials = [trial(1, "lake", 0.5, 8.5)]
    seen = write_run(tmp_path, "P1", choice="all", trials=trials, sees=lambda t_s: t_s < 6.5)
    found = curves(trial_results(read_study_sessions([seen])), "lake", None, [HAPPY])
    assert found[BLINKS].t_s.tolist() == [1.0, 3.0, 5.0, 7.0]
    # each frame ends a blink of both eyes; those within a quarter second are one
    assert np.isfinite(found[BLINKS].single[0]).tolist() == [True, True, True, False]
    # so one begins every 0.32 s: seven from 2.5 to 4.5 s
    assert found[BLINKS].single[0, 1] == pytest.approx(7 * 60 / 2)
    page = page_of(read_study_sessions([seen]))
    assert ">blinks a minute</text>" in page
    unmeasured = write_run(tmp_path, "P2", trials=trials)
    results = trial_results(read_study_sessions([unmeasured]))
    assert BLINKS not in curves(results, "lake", None, [HAPPY])


def test_where_a_frame_shows_two_faces_the_one_seen_most_is_the_participant(
    tmp_path: Path,
) -> None:
    folder = write_run(tmp_path, "P1", happy=lambda _: 0.3)
    lines = (folder / "results.csv").read_text("utf-8").splitlines(keepends=True)
    # a passer-by with another id, in the frames of the lake, and alone in one of them
    header = lines[0].strip().split(",")
    face, happy = header.index("face_id"), header.index("p_happy")
    made = []
    for line in lines:
        parts = line.rstrip("\n").split(",")
        if parts[0] != "frame" and 3.1 <= float(parts[1]) < 3.6:
            other = list(parts)
            other[face], other[happy] = "7", "0.99"
            made += [",".join(other) + "\n"] + ([] if parts[1] == "3.200000" else [line])
        else:
            made.append(line)
    (folder / "results.csv").write_text("".join(made), "utf-8")
    runs = read_study_sessions([folder])
    table = runs[0].session.table
    ids = table.face_id[runs[0].face_rows]
    assert (ids == 7).sum() == 1
    assert runs[0].num_faces == 2
    assert "More than one face was seen in" in page_of(runs)


def test_answers_are_summarised_by_stimulus_and_condition(tmp_path: Path) -> None:
    given = [(2, "Yes"), (5, "No"), (6, "Yes")]
    folders = [
        write_run(
            tmp_path, f"P{number}", group="late", answers=[scale(value), button(text, 0.5 + number)]
        )
        for number, (value, text) in enumerate(given)
    ]
    calm, known = answer_summaries(read_study_sessions(folders))
    assert (calm.question, calm.stimulus, calm.group, calm.num_answers) == (
        "calm", "lake", "late", 3,
    )  # fmt: skip
    assert calm.mean == pytest.approx(13 / 3)
    assert calm.counts == (("2", 1), ("5", 1), ("6", 1))
    assert known.counts == (("Yes", 2), ("No", 1))
    assert known.median_reaction_s == 1.5
    rows = rows_of(page_of(read_study_sessions(folders)))
    assert ["lake", "late", "3", "4.33", "2: 1, 5: 1, 6: 1", "0.8 s"] in rows


def test_the_page_says_what_may_be_no_effect_of_the_stimuli(tmp_path: Path) -> None:
    first = write_run(tmp_path, "P1")
    second = write_run(
        tmp_path, "P2", study={"sha256": "cd" * 32}, about={"model": {"name": "fast"}}
    )
    page = page_of(read_study_sessions([first, second]))
    assert "Different models analysed these sessions: full 3" in page
    assert "The study.toml changed between these sessions" in page
    assert "frameSwapped, within 17 ms" in page


def test_stimuli_stand_in_the_order_of_a_fixed_study(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "P1", study={"order": ["oak", "lake"]})
    assert stimuli_of(read_study_sessions([folder])) == ["baseline", "oak", "lake"]
    other = write_run(tmp_path, "P2", study={"order": ["oak", "lake"], "order_rule": "random"})
    assert stimuli_of(read_study_sessions([folder, other])) == ["baseline", "lake", "oak"]


def test_a_condition_has_the_same_line_in_every_figure(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path, "P1", group="early", trials=TRIALS[:2]),
        write_run(tmp_path, "P2", group="late"),
    ]
    page = page_of(read_study_sessions(folders))
    charts = dict(re.findall(r"<h2>(\w+)</h2>(.*?)(?=<h2>)", page, re.DOTALL))
    late = 'stroke="#d55e00" stroke-width="2" fill="none" stroke-dasharray="6 3"'
    early = 'stroke="#0072b2" stroke-width="2" fill="none"'
    for name, lines in (("lake", (early, late)), ("oak", (late,))):
        chart, key = charts[name].split('<div class="key lines">')
        key = key.partition("</div>")[0]
        for line in (early, late):
            assert (line in chart, line in key) == (line in lines, line in lines), (name, line)
    assert "early" not in charts["oak"].split('<div class="key lines">')[1].partition("</div>")[0]


def test_no_two_conditions_are_drawn_alike() -> None:
    lines = {_stroke(group_colour(number), number) for number in range(30)}
    assert len(lines) == 30


def test_texts_of_a_study_are_never_markup_and_nothing_is_fetched(tmp_path: Path) -> None:
    bad = "<script>x</script>"
    folder = write_run(
        tmp_path, bad, group=bad, name="bad", study={"name": bad},
        trials=[trial(1, "lake", 3.1, 5.1, condition=bad)],
        answers=[button(bad, 0.5)],
    )  # fmt: skip
    page = page_of(read_study_sessions([folder]))
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")

    class Tags(HTMLParser):
        open: list[str]

        def __init__(self) -> None:
            super().__init__()
            self.open = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "br", "line", "rect", "path", "polygon"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in ("line", "rect", "path", "polygon"):
                assert self.open.pop() == tag

    parser = Tags()
    parser.feed(page)
    assert parser.open == []


def test_sessions_of_two_studies_are_one_sentence(tmp_path: Path) -> None:
    one = write_run(tmp_path, "P1")
    two = write_run(tmp_path, "P2", study={"name": "Fire"})
    with pytest.raises(StudyError, match=r"are of 2 studies \(Fire, Water and wood\)"):
        read_study_sessions([one, two])
    table = json.loads((one / "session.json").read_text("utf-8"))
    del table["study"]
    (one / "session.json").write_text(json.dumps(table), "utf-8")
    with pytest.raises(StudyError, match="is no session of a study"):
        read_study_sessions([one])
