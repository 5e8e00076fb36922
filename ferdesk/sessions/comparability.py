"""Comparability of sessions: whether one instrument measured them, with one setting."""

from collections.abc import Callable, Sequence
from typing import Any

from ferdesk.sessions.reader import Session

_SETTINGS = {
    "smoothing_tau_s": "smoothing",
    "uncertain_below": "confidence threshold",
    "uncertain_margin": "margin of confidence",
    "smallest_face_px": "minimum face size",
    "every": "frames analysed (every Nth)",
    "rate_fps": "frames analysed a second",
    "detector": "face detector",
}
"""The settings that change labels or which rows there are, in the words of the window."""
_DEFAULTS = {"detector": "ferdesk"}
"""What a session means that does not name the setting."""
LABELS_FROM_WORDS = {"votes": "people's votes", "fer2013": "FER2013's label"}


def model_text(about: dict[str, Any]) -> str:
    """The model's name and version in a ``session.json``; empty where it names none."""
    model = about.get("model")
    if not isinstance(model, dict):
        return ""
    parts = (model.get("name"), model.get("version"))
    return " ".join(str(part) for part in parts if isinstance(part, str | int) and str(part))


def differences(sessions: Sequence[Session]) -> list[str]:
    """Sentences on what differs between sessions that are compared; empty where nothing does."""
    found = []
    if len({_model_key(session) for session in sessions}) > 1:
        found.append(
            "Different models analysed these sessions: "
            f"{_by_value(sessions, lambda session: model_text(session.about) or 'unknown')}. "
            "A difference between them may be the models'."
        )
    if len({session.labels_from for session in sessions}) > 1:
        found.append(
            "Labels come from different answers of the model: "
            f"{_by_value(sessions, lambda session: LABELS_FROM_WORDS[session.labels_from])}. "
            "A difference between them may be the answers'; analyse again with the same."
        )
    for key, name in _SETTINGS.items():
        known = [session for session in sessions if _setting(session, key) is not None]
        if len({str(_setting(session, key)) for session in known}) > 1:
            by_value = _by_value(known, lambda session, key=key: str(_setting(session, key)))  # type: ignore[misc]
            found.append(f"The setting “{name}” differs: {by_value}.")
    with_baseline = [bool(session.about.get("baselines")) for session in sessions]
    if len(set(with_baseline)) > 1:
        found.append(
            "A neutral baseline was used in "
            f"{_names([s for s, used in zip(sessions, with_baseline, strict=True) if used])} only."
        )
    return found


def _model_key(session: Session) -> str:
    model = session.about.get("model")
    sha256 = model.get("sha256") if isinstance(model, dict) else None
    return str(sha256 or model_text(session.about))


def _setting(session: Session, key: str) -> object:
    settings = session.about.get("settings")
    return settings.get(key, _DEFAULTS.get(key)) if isinstance(settings, dict) else None


def _by_value(sessions: Sequence[Session], value_of: Callable[[Session], str]) -> str:
    groups: dict[str, list[Session]] = {}
    for session in sessions:
        groups.setdefault(value_of(session), []).append(session)
    return "; ".join(f"{value} ({_names(group)})" for value, group in groups.items())


def _names(sessions: Sequence[Session]) -> str:
    shown = ", ".join(session.title for session in sessions[:4])
    return shown + (f" and {len(sessions) - 4} more" if len(sessions) > 4 else "")
