"""Study words: what the start dialog finds and says of a study, and a number typed into it."""

import math
from pathlib import Path

from PySide6.QtGui import QScreen

from ferdesk.runtime.ports import Services, StudyCheck
from ferdesk.studies.recorded import RecordedRun, recorded_runs
from ferdesk.studies.study_file import Study
from ferdesk.ui.kit.language import tr


def summary_of(study: Study, checked: StudyCheck | None) -> str:
    """Summary in a line: how much it is, in which order, and how long it takes."""
    orders = {
        "fixed": tr("the same order for everybody"),
        "random": tr("a random order by the code"),
        "latin square": tr("a Latin square over participants"),
    }
    count = tr("%n stimuli", "", len(study.stimuli))
    text = tr("{name}: {count}, {order}").format(
        name=study.name, count=count, order=orders[study.order]
    )
    if checked is None:
        return text
    lengths = [one.duration_s or checked.lengths_s.get(one.id, 0.0) for one in study.stimuli]
    total_s = sum(lengths) + sum(one.fixation_s for one in study.stimuli)
    total_s += 0.0 if study.baseline is None else study.baseline.duration_s
    minutes = tr("at least {time} min").format(time=f"{total_s / 60:.1f}")
    return f"{text}, {minutes}"


def screen_text(number: int, screen: QScreen, *, mine: bool) -> str:
    """Title of a screen; ``mine``: the window is on it."""
    size = screen.size()
    text = tr("Screen {number}: {width}x{height}, {rate:.0f} Hz").format(
        number=number, width=size.width(), height=size.height(), rate=screen.refreshRate()
    )
    return tr("{screen} (this one)").format(screen=text) if mine else text


def earlier_text(earlier: RecordedRun, code: str) -> str:
    """How far the participant of this code came before."""
    num_all, following = len(earlier.order.ids), earlier.next_trial
    if following is None:
        text = tr("{code} took part before and has seen all {count} stimuli.")
    else:
        text = tr("{code} took part before, up to stimulus {number} of {count}.")
    return text.format(code=code, count=num_all, number=(following or 1) - 1)


def number_of_text(text: str) -> float | None:
    """Number that was typed, with a point or a comma; None where it is none."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def look_at(services: Services, study: Study, root: Path) -> tuple[StudyCheck, list[RecordedRun]]:
    """Check of a study's files, and its runs below ``root``; for a worker thread."""
    return services.check_study(study), recorded_runs(root, study.name)
