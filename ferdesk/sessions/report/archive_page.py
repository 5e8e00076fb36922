"""Page of an archive's report: conditions, files and what is not whole, without a curve."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from ferdesk.core.labels import LABELS
from ferdesk.messages import counted
from ferdesk.sessions.archive_figures import ConditionFigures, FileFigures, by_condition
from ferdesk.sessions.report.formats import percent, span
from ferdesk.sessions.report.page import whole_page
from ferdesk.sessions.summaries import MIN_GROUP


def archive_report(name: str, files: Sequence[FileFigures], *, made: datetime, version: str) -> str:
    """The whole page.

    Args:
        name: of the archive.
        files: its sessions' figures.
        made: the date that the page carries.
        version: of the program.
    """
    parts = [
        f"<h1>{escape(name)}</h1>",
        _facts(files),
        "<h2>Conditions</h2>",
        _conditions(by_condition(files)),
        "<h2>Files</h2>",
        _files(files),
    ]
    return whole_page(name, "".join(parts), made=made, version=version)


def _facts(files: Sequence[FileFigures]) -> str:
    num_faces = sum(len(one.faces) for one in files)
    seen_s = sum(one.profile.seen_s for one in files)
    text = (
        f"{counted(len(files), 'session')}, {counted(num_faces, 'face')}, seen for {span(seen_s)}."
    )
    models = sorted({one.model for one in files})
    warnings = []
    if len(models) > 1:
        warnings.append(
            f"The sessions were analysed with {len(models)} models ({', '.join(models)}); their "
            "figures differ for that reason alone. Analyse all of them with one."
        )
    cut = [one.session for one in files if not one.complete]
    if cut:
        warnings.append(
            f"{counted(len(cut), 'session')} {'is' if len(cut) == 1 else 'are'} not complete "
            f"({', '.join(cut[:5])}"
            f"{', ...' if len(cut) > 5 else ''}); ferdesk analyze does "
            f"{'it' if len(cut) == 1 else 'them'} again."
        )
    return f"<p>{text}</p>" + "".join(
        f'<div class="note warn"><p>{escape(warning)}</p></div>' for warning in warnings
    )


def _conditions(conditions: Sequence[ConditionFigures]) -> str:
    head = "<th>condition</th><th>sessions</th><th>participants</th><th>seen</th>"
    head += "<th>low confidence</th>" + "".join(f"<th>{label}</th>" for label in LABELS)
    rows = []
    for one in conditions:
        sessions = str(one.num_sessions)
        if one.num_without_face:
            sessions += f" ({one.num_without_face} without a face)"
        cells = [escape(one.name), sessions, str(one.num_participants or ""), span(one.seen_s)]
        cells.append(percent(one.low_confidence_share))
        for i in range(len(LABELS)):
            text = percent(one.mean[i])
            if one.low is not None and one.high is not None:
                text += f"<br><small>{100 * one.low[i]:.0f} to {100 * one.high[i]:.0f}</small>"
            cells.append(text)
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    note = (
        "Mean probability of each label over the time in which faces were seen, then over the "
        "sessions, each counting once. Below it the 95 % interval (bootstrap over sessions), where "
        f"a condition has {MIN_GROUP} sessions with a face or more."
    )
    table = f"<div class=wide><table><tr>{head}</tr>{''.join(rows)}</table></div>"
    return f"{table}<p class=muted>{escape(note)}</p>"


def _files(files: Sequence[FileFigures]) -> str:
    head = "".join(
        f"<th>{text}</th>"
        for text in ("session", "participant", "condition", "faces", "seen", "low confidence")
    ) + "".join(f"<th>{label}</th>" for label in LABELS)
    rows = []
    for one in files:
        name = escape(one.session) + ("" if one.complete else " <em>not complete</em>")
        cells = [name, escape(one.participant), escape(one.condition), str(len(one.faces))]
        if one.profile.seen_s > 0:
            cells += [span(one.profile.seen_s), percent(one.profile.low_confidence_share)]
            cells += [percent(value) for value in one.profile.mean]
        else:
            cells += ["no face"] + [""] * (1 + len(LABELS))
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f"<div class=wide><table><tr>{head}</tr>{''.join(rows)}</table></div>"
