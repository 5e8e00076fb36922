"""Tables of a study's report: means, participants, what is missing, answers."""

import math
from collections.abc import Sequence
from html import escape

from ferdesk.core.labels import LABELS
from ferdesk.sessions.report.formats import percent
from ferdesk.studies.answers import AnswerSummary
from ferdesk.studies.figures import Cell, id_of
from ferdesk.studies.results import FIGURES, LEAST_SEEN, StudySession, TrialResult

_VALENCE = FIGURES.index("valence")
_LOW = FIGURES.index("low confidence")
_BLINKS = FIGURES.index("blinks a minute")
_HEAD = FIGURES.index("head degrees a second")
NO_CONDITION = "no condition"


def means_table(
    cells: Sequence[Cell], caption: str, *, change: bool = False, first: str = "stimulus"
) -> str:
    """A row for each cell that has a participant: mean, and below it the interval."""
    shown = [cell for cell in cells if cell.participants]
    if change:
        shown = [cell for cell in shown if math.isfinite(cell.mean(_VALENCE, change=True)[0])]
    if not shown:
        return ""
    figures = [*range(len(LABELS)), _VALENCE]
    extra = [i for i in (_BLINKS, _HEAD) if any(_known(cell, i, change) for cell in shown)]
    figures += [*([] if change else [_LOW]), *extra]
    with_group = len({cell.group for cell in cells}) > 1
    head = f"<th>{first}</th>" + ("<th class=text>condition</th>" if with_group else "")
    head += "<th>n</th>" + "".join(f"<th>{_heading(i)}</th>" for i in figures)
    body = []
    for cell in shown:
        start = f"<td>{escape(cell.stimulus or NO_CONDITION)}</td>"
        if with_group:
            start += f"<td class=text>{escape(cell.group or NO_CONDITION)}</td>"
        values = (cell.mean(i, change=change) for i in figures)
        cells_of = "".join(
            _interval_cell(i, *value, signed=change)
            for i, value in zip(figures, values, strict=True)
        )
        body.append(f"<tr>{start}<td>{len(cell.participants)}</td>{cells_of}</tr>")
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption><tr>{head}</tr>'
        f"{''.join(body)}</table></div>"
    )


def _known(cell: Cell, figure: int, change: bool) -> bool:
    return math.isfinite(cell.mean(figure, change=change)[0])


def _heading(figure: int) -> str:
    if figure == _BLINKS:
        return "blinks<br><span class=muted>a minute</span>"
    if figure == _HEAD:
        return "head<br><span class=muted>degrees a second</span>"
    return FIGURES[figure]


def _interval_cell(
    figure: int, mean: float, low: float, high: float, *, signed: bool = False
) -> str:
    text = figure_text(figure, mean, signed=signed)
    if math.isfinite(low) and math.isfinite(high):
        ends = (figure_text(figure, end, signed=signed).removesuffix(" %") for end in (low, high))
        text += f"<br><small class=muted>{' to '.join(ends)}</small>"
    return f"<td>{text}</td>"


def figure_text(figure: int, value: float, *, signed: bool = False) -> str:
    """A figure as the report writes it: probabilities in per cent, others as numbers."""
    if not math.isfinite(value):
        return "-"
    if figure < len(LABELS) or figure == _LOW:
        points = round(100 * value)
        return (f"{points:+d}" if points else "0") if signed else percent(value)
    places = 2 if figure == _VALENCE or figure > _HEAD else 1
    shown = round(value, places) + 0.0
    sign = "+" if shown and (signed or figure == _VALENCE) else ""
    return f"{shown:{sign}.{places}f}"


def participants_table(
    results: Sequence[TrialResult], movements: Sequence[int], caption: str
) -> str:
    """A row for each participant's trial of one stimulus; those that count for nothing are grey."""
    if not results:
        return ""
    figures = [*range(len(LABELS)), _VALENCE, _LOW]
    figures += [
        i for i in (_BLINKS, _HEAD, *movements)
        if any(math.isfinite(one.figures[i]) for one in results)
    ]  # fmt: skip
    with_group = any(one.group for one in results)
    head = "<th>participant</th>" + ("<th class=text>condition</th>" if with_group else "")
    head += "<th>seen</th>" + "".join(
        f"<th>{escape(_heading(i).removeprefix('m_')) if i > _HEAD else _heading(i)}</th>"
        for i in figures
    )
    body = []
    for one in sorted(results, key=lambda one: (one.participant, one.trial.trial)):
        muted = "" if one.counts else " class=muted"
        start = f"<td>{escape(one.participant)}</td>"
        if with_group:
            start += f"<td class=text>{escape(one.group)}</td>"
        status = "" if one.trial.status == "shown" else f" {one.trial.status}"
        start += f"<td>{percent(one.seen)}{status}</td>"
        cells = "".join(f"<td>{figure_text(i, float(one.figures[i]))}</td>" for i in figures)
        body.append(f"<tr{muted}>{start}{cells}</tr>")
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption><tr>{head}</tr>'
        f"{''.join(body)}</table></div>"
    )


def completeness_table(
    runs: Sequence[StudySession], results: Sequence[TrialResult], stimuli: Sequence[str]
) -> str:
    """A row for each participant, a column for each stimulus: how much of it there is."""
    states: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        for trial in run.trials:
            if trial.onset_t_s is None or trial.end_t_s is None:
                states.setdefault((run.participant, id_of(trial)), []).append(trial.status)
    for one in results:
        text = percent(one.seen)
        if one.trial.status != "shown":
            text = f"{one.trial.status}, {text}"
        elif not one.counts:
            text = f"<strong>{text}</strong>"
        states.setdefault((one.participant, id_of(one.trial)), []).append(text)
    head = "<th>participant</th>" + "".join(f"<th>{escape(one)}</th>" for one in stimuli)
    body = []
    for who in dict.fromkeys(run.participant for run in runs):
        cells = "".join(
            f"<td>{'<br>'.join(states.get((who, one), ['<span class=muted>missing</span>']))}</td>"
            for one in stimuli
        )
        body.append(f"<tr><td>{escape(who)}</td>{cells}</tr>")
    caption = (
        "Share of the analysed frames that show the participant's face. Bold ones are below "
        f"{percent(LEAST_SEEN)}: these trials count for nothing, nor do those that were stopped, "
        "skipped or failed."
    )
    return (
        f'<div class="wide"><table><caption>{caption}</caption><tr>{head}</tr>{"".join(body)}'
        "</table></div>"
    )


def answers_tables(summaries: Sequence[AnswerSummary]) -> str:
    """A table for each question."""
    parts = []
    for question in dict.fromkeys(one.question for one in summaries):
        own = [one for one in summaries if one.question == question]
        with_group = any(one.group for one in own)
        scale = any(one.kind == "scale" for one in own)
        head = "<th>stimulus</th>" + ("<th class=text>condition</th>" if with_group else "")
        head += f"<th>n</th>{'<th>mean</th>' if scale else ''}<th class=text>answers</th>"
        head += "<th>median time</th>"
        body = []
        for one in own:
            cells = f"<td>{escape(one.stimulus)}</td>"
            cells += f"<td class=text>{escape(one.group)}</td>" if with_group else ""
            cells += f"<td>{one.num_answers}</td>"
            if scale:
                interval = ""
                if math.isfinite(one.low):
                    interval = f"<br><small class=muted>{one.low:.2f} to {one.high:.2f}</small>"
                # one stimulus' question may have buttons where another's of the same id has none
                mean = f"{one.mean:.2f}" if math.isfinite(one.mean) else "-"
                cells += f"<td>{mean}{interval}</td>"
            counts = ", ".join(f"{answer}: {number}" for answer, number in one.counts)
            cells += f"<td class=text>{escape(counts)}</td><td>{one.median_reaction_s:.1f} s</td>"
            body.append(f"<tr>{cells}</tr>")
        parts.append(
            f'<div class="wide"><table><caption>{escape(own[0].text)}</caption><tr>{head}</tr>'
            f"{''.join(body)}</table></div>"
        )
    return "".join(parts)
