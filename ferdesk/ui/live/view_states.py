"""View states: what the picture says about the engine's state, in words for people."""

from ferdesk.runtime.status import State, Status
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.video_view import ViewState

SLOW_OPENING_S = 3.0
"""A source without a picture for this long is said to be waited for."""


def view_state(status: Status, title: str, num_faces: int) -> ViewState:
    """The words over the picture of the source called ``title``."""
    match status.state:
        case State.IDLE:
            return ViewState(tr("Stopped"), tr("Press Start (F5), or choose another source."))
        case State.OPENING:
            waited = (
                tr("No frame for {time:.0f} s. Waiting…").format(time=status.silent_s)
                if status.silent_s >= SLOW_OPENING_S
                else tr("Loading source and model…")
            )
            return ViewState(tr("Opening {source}").format(source=title), waited)
        case State.LOST:
            return ViewState(
                tr("No frame for {time:.0f} s").format(time=status.silent_s),
                tr("No signal from {source}. {what}").format(source=title, what=_lost_text(status)),
                dimmed=True,
            )
        case State.ENDED:
            # the last picture with its faces stays; the status line says that it is the last
            return ViewState(note="" if num_faces else tr("No face detected"))
        case State.FAILED:
            return ViewState(
                tr("Can't open {source}").format(source=title),
                translated(status.message),
                dimmed=True,
            )
        case State.RUNNING:
            return ViewState(note="" if num_faces else tr("No face detected"))


def _lost_text(status: Status) -> str:
    if status.num_attempts > 1 and status.trouble:
        return tr("Trying again. {why}").format(why=translated(status.trouble))
    if status.source is not None and status.source.kind == "camera":
        return tr("Waiting… Check the cable, and whether another program uses the camera.")
    return tr("Waiting… Check the network connection.")
