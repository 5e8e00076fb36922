"""Sessions of a study on disk, written as the player does; participants' values all differ."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from ferdesk.core.geometry import Box
from ferdesk.core.measures.values import MeasuresChoice
from ferdesk.core.types import Expression, FaceResult
from ferdesk.sessions.schema import Moment, header_line, rows_of
from ferdesk.studies.trials import (
    ANSWER_COLUMNS,
    ANSWERS_FILE,
    STIMULI_FILE,
    TRIAL_COLUMNS,
    Answer,
    Phase,
    Status,
    Trial,
    answer_line,
    trial_line,
)
from tests.helpers.results import FACE, make_result
from tests.helpers.sessions import likely

STEP_S = 0.08
NAME = "Water and wood"


def trial(
    number: int,
    stimulus: str,
    onset_s: float | None,
    end_s: float | None,
    *,
    condition: str = "",
    phase: Phase = "stimulus",
    status: Status = "shown",
) -> Trial:
    """A trial; onsets are known to 16.7 ms."""
    return Trial(
        number, stimulus, "pause" if phase == "baseline" else "image", phase, condition, 2.0,
        onset_s, end_s, None, "frameSwapped", 16.7, status,
    )  # fmt: skip


TRIALS = (
    trial(0, "baseline", 0.5, 2.5, phase="baseline"),
    trial(1, "lake", 3.1, 5.1, condition="water"),
    trial(2, "oak", 6.3, 8.3, condition="wood"),
)
LAST_S = 9.0


def seen_face(happy: float, face_id: int = 1) -> FaceResult:
    """A face with this raw probability of happy; the smoothed one is half of it."""
    return replace(
        FACE,
        face_id=face_id,
        box=Box(10.5 * face_id, 20.25, 31.75, 40.5),
        expression=Expression(likely("happy", happy)),
        smoothed=likely("happy", happy / 2),
        low_confidence=False,
        reason="",
    )


def write_run(
    root: Path,
    participant: str,
    *,
    group: str = "",
    happy: Callable[[float], float] = lambda _: 0.25,
    sees: Callable[[float], bool] = lambda _: True,
    trials: Sequence[Trial] = TRIALS,
    answers: Sequence[Answer] = (),
    choice: MeasuresChoice = "off",
    name: str = "",
    step_s: float = STEP_S,
    study: Mapping[str, object] = MappingProxyType({}),
    about: Mapping[str, object] = MappingProxyType({}),
) -> Path:
    """A participant's session: frames every ``step_s`` to LAST_S, with one face where ``sees``."""
    folder = root / (name or f"run-{participant}")
    folder.mkdir(parents=True)
    lines, num_rows = [header_line(choice)], 0
    for index in range(round(LAST_S / step_s)):
        t_s = round(index * step_s, 6)
        faces = [seen_face(happy(t_s))] if sees(t_s) else []
        result = make_result(*faces, index=index)
        lines.append(rows_of(result, Moment(index, t_s, None), choice=choice))
        num_rows += 1
    (folder / "results.csv").write_text("".join(lines), "utf-8")
    trial_rows = [",".join(TRIAL_COLUMNS) + "\n", *map(trial_line, trials)]
    (folder / STIMULI_FILE).write_text("".join(trial_rows), "utf-8")
    if answers:
        answer_rows = [",".join(ANSWER_COLUMNS) + "\n", *map(answer_line, answers)]
        (folder / ANSWERS_FILE).write_text("".join(answer_rows), "utf-8")
    table: dict[str, object] = {
        "schema": 1,
        "source": {"kind": "camera", "name": "camera0", "location": "camera:0"},
        "model": {"name": "full", "version": 3},
        "picture": {"width": 96, "height": 54},
        "settings": {"measures": choice},
        "started_utc": "2026-03-04T05:06:07.000000Z",
        "rows": num_rows,
        "num_faces": 1,
        "markers": [],
        "events": [],
        "complete": True,
        "participant": participant,
        "condition": group,
        "study": {
            "name": NAME,
            "version": "2",
            "sha256": "ab" * 32,
            "participant": participant,
            "condition": group,
            "fields": {"age": "31"},
            "order": ["lake", "oak"],
            "order_rule": "fixed",
            "order_seed": None,
            "row": None,
            "resumed_from": None,
            **study,
        },
        **about,
    }
    (folder / "session.json").write_text(json.dumps(table), "utf-8")
    return folder


def scale(participant_value: int, stimulus: str = "lake") -> Answer:
    return Answer(
        1, stimulus, "calm", "How calm?", "scale", str(participant_value),
        float(participant_value), 5.5, 0.75,
    )  # fmt: skip


def button(answer: str, reaction_s: float, stimulus: str = "oak") -> Answer:
    return Answer(2, stimulus, "known", "Known?", "buttons", answer, None, 8.75, reaction_s)
