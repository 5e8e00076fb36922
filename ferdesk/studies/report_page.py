"""Page of a study's report: by stimulus and condition, each participant a line.

One HTML file like the other reports: its charts are SVG in it, and the network is never asked.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from ferdesk.core.labels import LABELS
from ferdesk.messages import counted
from ferdesk.sessions.comparability import LABELS_FROM_WORDS, differences, model_text
from ferdesk.sessions.report.formats import moment, span
from ferdesk.sessions.report.page import whole_page
from ferdesk.sessions.summaries import MIN_GROUP, calibration_error, label_accuracy
from ferdesk.studies.answers import answer_summaries
from ferdesk.studies.curves import CLOCK_STEP_S
from ferdesk.studies.figures import (
    cell,
    condition_cell,
    curves,
    drawn_movements,
    groups_of,
    id_of,
    is_baseline,
    stimuli_of,
)
from ferdesk.studies.report_charts import curves_chart
from ferdesk.studies.report_tables import (
    answers_tables,
    completeness_table,
    means_table,
    participants_table,
)
from ferdesk.studies.results import (
    FIGURES,
    LEAST_SEEN,
    SIGNALS,
    StudySession,
    TrialResult,
    trial_results,
)
from ferdesk.studies.study_file import BASELINE_ID

_NUM_MOVEMENTS = 4
_EXPRESSIONS = (*range(len(LABELS)), SIGNALS.index("valence"))


def study_report(runs: Sequence[StudySession], *, made: datetime, version: str) -> str:
    """The whole page.

    Args:
        runs: sessions of one study.
        made: the date that the page carries.
        version: of the program.
    """
    results = trial_results(runs)
    groups, stimuli = groups_of(runs), stimuli_of(runs)
    name = runs[0].study.name
    parts = [
        f"<h1>{escape(name)}</h1>",
        _facts(runs, results, groups, stimuli),
        _trust(runs),
        _warnings(runs, results),
        "<h2>What there is of each participant</h2>",
        completeness_table(runs, results, stimuli),
        "<h2>Means</h2>",
        _means(results, groups, stimuli),
        *(_stimulus(results, groups, stimulus) for stimulus in stimuli),
    ]
    if summaries := answer_summaries(runs):
        parts += ["<h2>Answers</h2>", answers_tables(summaries)]
    parts.append(_terms())
    return whole_page(name, "".join(parts), made=made, version=version)


def _facts(
    runs: Sequence[StudySession],
    results: Sequence[TrialResult],
    groups: Sequence[str],
    stimuli: Sequence[str],
) -> str:
    abouts = [run.session.about for run in runs]
    dates = sorted(moment(date)[:10] for run in runs if (date := run.session.started_utc))
    rules = sorted({run.study.order_rule for run in runs})
    versions = sorted({run.study.version for run in runs if run.study.version})
    labels_from = sorted({LABELS_FROM_WORDS[run.session.labels_from] for run in runs})
    models = sorted({model_text(about) or "unknown" for about in abouts})
    shown = [one for one in stimuli if one != BASELINE_ID]
    facts = [
        ("Participants", str(len({run.participant for run in runs}))),
        ("Sessions", str(len(runs))),
        ("Stimuli", str(len(shown)) + (" and a baseline" if len(shown) < len(stimuli) else "")),
        *([("Conditions", ", ".join(one or "none" for one in groups))] if any(groups) else []),
        ("Order", ", ".join(rules)),
        *([("Version", ", ".join(versions))] if versions else []),
        *([("Recorded", dates[0] + (f" to {dates[-1]}" if dates[-1] > dates[0] else ""))]
          if dates else []),
        ("Onsets", _onsets(results)),
        ("Model", ", ".join(models)),
        ("Labels from", ", ".join(labels_from)),
    ]  # fmt: skip
    inner = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts)
    return f'<dl class="facts">{inner}</dl>'


def _onsets(results: Sequence[TrialResult]) -> str:
    """How onsets were stamped, and by how much they may be off at most."""
    methods = sorted({one.trial.method for one in results if one.trial.method})
    errors = [one.trial.error_ms for one in results]
    known = [error for error in errors if error is not None]
    if not known:
        return ", ".join(methods) or "unknown"
    unknown = "" if len(known) == len(errors) else ", some unknown"
    return f"{', '.join(methods)}, within {max(known):.0f} ms{unknown}"


def _trust(runs: Sequence[StudySession]) -> str:
    session = runs[0].session
    sentences = [
        "A label describes a face's expression, not what a person feels. Means are over "
        "participants, each counting once; intervals (95 %, bootstrap over participants) need "
        f"{MIN_GROUP} of them, and say nothing of the model's own error."
    ]
    accuracy, error = label_accuracy(session), calibration_error(session)
    if accuracy is not None and error is not None:
        sentences.append(
            f"On unseen images of FER2013 the model's label was right in {accuracy * 100:.0f} of "
            f"100, and its probabilities were off by {max(1, round(error * 100))} points on "
            "average; on your recordings it may be worse. Smaller differences mean nothing."
        )
    else:
        sentences.append("These sessions do not record how well their model is calibrated.")
    return f'<div class="note"><p>{"</p><p>".join(sentences)}</p></div>'


def _warnings(runs: Sequence[StudySession], results: Sequence[TrialResult]) -> str:
    lines = differences([run.session for run in runs])
    if len({run.study.sha256 for run in runs}) > 1:
        lines.append("The study.toml changed between these sessions; stimuli may differ.")
    several = sorted({run.participant for run in runs if _has_another(run, runs)})
    if several:
        lines.append(
            f"More than one session that begins with the first stimulus: {_names(several)}. Their "
            "trials are averaged; leave one out if the code was given twice."
        )
    unnamed = [run.session.name for run in runs if not run.study.participant]
    if unnamed:
        lines.append(
            f"Without a participant's code, each a participant of its own: {_names(unnamed)}."
        )
    cut = [run.session.title for run in runs if not run.session.complete]
    if cut:
        lines.append(f"Interrupted, shown as far as recorded: {_names(cut)}.")
    crowd = [run.session.title for run in runs if run.num_faces > 1]
    if crowd:
        lines.append(
            f"More than one face was seen in {_names(crowd)}. Where a frame shows several, the one "
            "seen in most frames is taken for the participant; others can be excluded in review."
        )
    unseen = sum(not one.counts and one.trial.status == "shown" for one in results)
    if unseen:
        lines.append(
            f"{counted(unseen, 'trial')} with the face in too few frames, which count for nothing."
        )
    if not lines:
        return ""
    return f'<div class="note warn">{"".join(f"<p>{escape(line)}</p>" for line in lines)}</div>'


def _has_another(run: StudySession, runs: Sequence[StudySession]) -> bool:
    """Whether two sessions of the same participant both begin at the beginning."""
    whole = [
        one for one in runs
        if one.participant == run.participant and (one.study.resumed_from or 1) == 1
    ]  # fmt: skip
    return len(whole) > 1


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _means(results: Sequence[TrialResult], groups: Sequence[str], stimuli: Sequence[str]) -> str:
    cells = [cell(results, stimulus, group) for stimulus in stimuli for group in groups]
    table = means_table(
        cells, "Mean of each participant's mean over the stimulus, and below it its 95 % interval"
    )
    if not table:
        return "<p>No trial was shown to its end with the face in view.</p>"
    parts = [table]
    shown = [one for one in cells if one.stimulus != BASELINE_ID]
    parts.append(
        means_table(
            shown,
            "Change from the participant's own baseline phase; probabilities in percentage points",
            change=True,
        )
    )
    kinds = sorted({one.trial.condition for one in results if not is_baseline(one.trial)})
    if len(kinds) > 1:
        by_kind = [condition_cell(results, kind, group) for kind in kinds for group in groups]
        parts.append(
            means_table(
                by_kind, "The same by the stimuli's conditions", first="condition of the stimulus"
            )
        )
    return "".join(parts)


def _stimulus(results: Sequence[TrialResult], groups: Sequence[str], stimulus: str) -> str:
    own = [one for one in results if id_of(one.trial) == stimulus]
    if not own:
        return ""
    movements = drawn_movements(results, _NUM_MOVEMENTS)
    signals = [*_EXPRESSIONS, *movements]
    drawn = {group: curves(results, stimulus, group, signals) for group in groups}
    drawn = {
        group: one for group, one in drawn.items() if any(c.participants for c in one.values())
    }
    kinds = sorted({one.trial.condition for one in own if one.trial.condition})
    lengths = sorted(one.length_s for one in own if one.counts)
    about: str = own[0].trial.kind if stimulus != BASELINE_ID else "baseline phase"
    if kinds:
        about += f", condition {', '.join(kinds)}"
    if lengths:
        about += f"; shown for {span(lengths[0])}"
        about += f" to {span(lengths[-1])}" if lengths[-1] - lengths[0] >= 0.1 else ""
    chart = (
        curves_chart(drawn, groups) if drawn else "<p class=muted>Nobody's trial counts here.</p>"
    )
    figures = [FIGURES.index(SIGNALS[signal]) for signal in movements]
    table = participants_table(own, figures, "Each participant's means; grey ones do not count")
    return f"<h2>{escape(stimulus)}</h2><p class=muted>{escape(about)}.</p>{chart}{table}"


_TERMS = (
    ("Participant", "One code, over all of its sessions; where a study was resumed, they are one."),
    (
        "Counts",
        f"A trial shown to its end, with the face in at least {LEAST_SEEN:.0%} of its analysed "
        "frames.",
    ),
    ("Mean", "The model's raw probabilities over the time in which the face was seen, from onset "
     "to end; of several trials of one stimulus their mean."),
    ("Low confidence", "Share of the time seen in rows marked by the program's rule."),
    ("Valence", "Probability of happy less the largest of angry, disgust, fear and sad."),
    (
        "Curve",
        f"The same values in steps of {CLOCK_STEP_S} s since onset; a step needs rows for half of "
        "it. The mean is drawn where half of the participants have a value.",
    ),
    (
        "Interval",
        "2.5 to 97.5 per cent of the means of 2000 samples of participants, drawn with "
        f"replacement; none with fewer than {MIN_GROUP}.",
    ),
    ("Change", "A participant's mean less that of the participant's own baseline phase."),
    ("Movements", "From 0 (at rest) to 1; they are no action units. Those are drawn that differ "
     "most between trials."),
    ("Answers", "Each participant's last one; times are from the question's appearance."),
)  # fmt: skip


def _terms() -> str:
    inner = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in _TERMS)
    return f'<h2>What the figures mean</h2><dl class="terms">{inner}</dl>'
