"""BIDS data set of a study: trials and answers (``beh``) and the participant's face (``physio``).

The layout is that of BIDS 1.10 for behavioural data with continuous recordings. ``physio`` files
need one sampling frequency: the rows, which come as frames are analysed, are put on a regular
clock, as their sidecars say.
"""

import gzip
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.labels import LABELS
from ferdesk.errors import RecordingError
from ferdesk.messages import translatable
from ferdesk.sessions.comparability import LABELS_FROM_WORDS, model_text
from ferdesk.sessions.field_columns import column_of
from ferdesk.sessions.fields import FACE_FIELDS, FaceField
from ferdesk.sessions.outputs import write_text
from ferdesk.sessions.schema import utc_text
from ferdesk.studies.curves import num_steps, on_clock
from ferdesk.studies.results import StudySession

BIDS_VERSION = "1.10.0"
SAMPLING_HZ = 25.0
"""Of the regular clock; no camera of a study analyses its faces much faster."""
_SAFE = re.compile(r"[^0-9A-Za-z]")
_NONE = "n/a"
_SIGNALS = tuple(
    one
    for one in FACE_FIELDS
    if one.kind == "number"
    and one.name not in ("detection", "x", "y", "width", "height", "sharpness", "brightness")
    # lengths of blinks stand in one frame each and are no signal
    and not one.name.startswith("blink_")
)


def write_bids(runs: Sequence[StudySession], folder: Path, *, version: str) -> None:
    """Write the data set into ``folder``, which must be new or empty.

    Raises:
        RecordingError: it holds something already, or cannot be written.
    """
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise RecordingError(
            translatable("{path} cannot be read: {why}.", path=folder, why=error.strerror or error)
        ) from error
    if taken:
        raise RecordingError(
            translatable("{path} is not empty; choose another folder with --out.", path=folder)
        )
    labels = safe_labels(run.participant for run in runs)
    task = safe_label(runs[0].study.name) or "study"
    files: dict[str, str | bytes] = {
        "dataset_description.json": _json(_description(runs, version)),
        "README": _readme(runs),
        "participants.tsv": _participants(runs, labels),
        "participants.json": _json(_participant_columns(runs)),
    }
    for who, label in labels.items():
        own = [run for run in runs if run.participant == who]
        scans = [("filename", "acq_time")]
        for number, run in enumerate(own, start=1):
            run_part = f"_run-{number}" if len(own) > 1 else ""
            stem = f"beh/sub-{label}_task-{task}{run_part}"
            made = _of_run(run, stem, task)
            files |= {f"sub-{label}/{name}": content for name, content in made.items()}
            started = run.session.started_utc
            date = _NONE if started is None else utc_text(started)[:19] + "Z"
            scans += [(name, date) for name in made if name.endswith((".tsv", ".tsv.gz"))
                      and not name.endswith("_events.tsv")]  # fmt: skip
        files[f"sub-{label}/sub-{label}_scans.tsv"] = _tsv(scans)
    for name, content in files.items():
        _write(folder / name, content)


def safe_label(text: str) -> str:
    """``text`` with letters and digits alone, as labels in file names must be."""
    return _SAFE.sub("", text)


def safe_labels(participants: Iterable[str]) -> dict[str, str]:
    """A label for each participant, in their order: the code where it is safe, else one like it.

    Codes that come to the same, also where a disk takes capitals for small letters, get a number.
    """
    labels: dict[str, str] = {}
    taken: set[str] = set()
    for who in dict.fromkeys(participants):
        stem = label = safe_label(who) or "participant"
        number = 2
        while label.casefold() in taken:
            label, number = f"{stem}x{number}", number + 1
        taken.add(label.casefold())
        labels[who] = label
    return labels


def _of_run(run: StudySession, stem: str, task: str) -> dict[str, str | bytes]:
    """The files of one session by their names."""
    made: dict[str, str | bytes] = {
        f"{stem}_events.tsv": _events(run),
        f"{stem}_events.json": _json(_event_columns(run)),
    }
    if run.answers:
        made[f"{stem}_beh.tsv"] = _answers(run)
        made[f"{stem}_beh.json"] = _json(_answer_columns(run, task))
    fields = [one for one in _SIGNALS if not one.added or one.name in run.session.table.added]
    samples = regular_samples(run, fields)
    if len(samples):
        made[f"{stem}_physio.tsv.gz"] = _gzipped(_samples_text(samples))
        made[f"{stem}_physio.json"] = _json(_physio_sidecar(run, fields, task))
    return made


def regular_samples(
    run: StudySession, fields: Sequence[FaceField], frequency_hz: float = SAMPLING_HZ
) -> NDArray[np.float64]:
    """The participant's signals on a regular clock from the session's ``t_s`` 0 on.

    Returns:
        [samples, len(fields)] float64; NaN where the face was not seen. Sample k is the mean of
        what rows hold from k to k + 1 steps, as in the report's curves.
    """
    table, rows = run.session.table, run.face_rows
    columns = []
    for field in fields:
        values, empty = column_of(table, field)
        columns.append(np.where(empty, np.nan, values)[rows])
    step_s = 1 / frequency_hz
    starts_at_s = run.session.starts_at_s
    return on_clock(
        table.t_s[rows],
        run.durations[rows],
        np.stack(columns, axis=1).astype(np.float64),
        onset_s=starts_at_s,
        end_s=np.inf,
        steps=num_steps(run.session.length_s, step_s),
        step_s=step_s,
    )


def _physio_sidecar(run: StudySession, fields: Sequence[FaceField], task: str) -> dict[str, object]:
    about = run.session.about
    return {
        "TaskName": task,
        "SamplingFrequency": SAMPLING_HZ,
        "StartTime": round(run.session.starts_at_s, 6),
        "Columns": [field.name for field in fields],
        "Description": (
            "Facial expression of the participant, estimated from video by a neural network. "
            "Frames come at uneven times: each is held until the next, for at most 0.5 s, and a "
            "sample is the mean of what is held from its time to the next sample's. Faces may be "
            "measured in turns: a measured value holds to the next one within 0.5 s. n/a: the face "
            "was not seen, or not measured, for half of that. Times count from the session's "
            "start, as onsets do."
        ),
        "SoftwareName": "ferdesk",
        "SoftwareVersions": _program_version(run),
        "Model": model_text(about) or "unknown",
        "LabelsFrom": LABELS_FROM_WORDS[run.session.labels_from],
        **{field.name: {"Description": field.about, "Units": _unit(field)} for field in fields},
    }


def _unit(field: FaceField) -> str:
    return {"probability": "1", "unitless": "1", "degrees": "deg", "centimeters": "cm"}.get(
        field.unit, field.unit
    )


def _events(run: StudySession) -> str:
    rows: list[Sequence[object]] = [
        (
            "onset", "duration", "trial_type", "trial", "stimulus", "kind", "condition",
            "planned_duration", "status", "onset_method", "onset_error", "note",
        )
    ]  # fmt: skip
    for one in run.shown_trials:
        onset_s, end_s = one.onset_t_s or 0.0, one.end_t_s or 0.0
        error_s = None if one.error_ms is None else one.error_ms / 1000
        rows.append(
            (
                onset_s, end_s - onset_s, one.phase, one.trial, one.stimulus, one.kind,
                one.condition, one.planned_s, one.status, one.method, error_s, one.note,
            )
        )  # fmt: skip
    return _tsv(rows)


def _event_columns(run: StudySession) -> dict[str, object]:
    not_begun = [one for one in run.trials if one.onset_t_s is None or one.end_t_s is None]
    return {
        "onset": {"Description": "When the stimulus was on the screen, since the session's start",
                  "Units": "s"},
        "duration": {"Description": "From the onset to the stimulus's end", "Units": "s"},
        "trial_type": {
            "Description": "Phase of the study",
            "Levels": {
                "baseline": "A cross before the first stimulus",
                "stimulus": "A stimulus of the study",
            },
        },
        "trial": {"Description": "Place in the participant's order, from 1; 0 is the baseline"},
        "stimulus": {"Description": "The stimulus's id in the study file"},
        "kind": {
            "Description": "What was shown",
            "Levels": {"video": "A video", "image": "An image", "text": "A text",
                       "pause": "Nothing"},
        },
        "condition": {"Description": "The stimulus's condition in the study file"},
        "planned_duration": {"Description": "As in the study file; n/a to the video's end or a key",
                             "Units": "s"},
        "status": {
            "Description": "How the stimulus ended",
            "Levels": {
                "shown": "Shown to its end",
                "stopped": "Stopped in the middle",
                "skipped": "Left out",
                "failed": "It could not be shown, or broke off",
            },
        },
        "onset_method": {"Description": "How the onset was stamped"},
        "onset_error": {"Description": "By how much the onset may be wrong at most", "Units": "s"},
        "note": {"Description": "What was noted of the trial"},
        "StimulusPresentation": {
            "SoftwareName": "ferdesk",
            "SoftwareVersion": _program_version(run),
            # events have an onset; these had none
            "NotShown": [f"{one.trial} {one.stimulus}: {one.status}" for one in not_begun],
        },
    }  # fmt: skip


def _program_version(run: StudySession) -> str:
    return str(_table(run.session.about.get("program")).get("version") or "unknown")


def _answers(run: StudySession) -> str:
    rows: list[Sequence[object]] = [
        ("trial", "stim_id", "question", "response", "response_value", "response_time", "time")
    ]
    rows += [
        (one.trial, one.stimulus, one.question, one.answer, one.value, one.reaction_s, one.t_s)
        for one in run.answers
    ]
    return _tsv(rows)


def _answer_columns(run: StudySession, task: str) -> dict[str, object]:
    return {
        "TaskName": task,
        "trial": {"Description": "The trial after which was asked"},
        "stim_id": {"Description": "The stimulus's id in the study file"},
        "question": {
            "Description": "The question's id",
            "Levels": {one.question: one.text for one in run.answers},
        },
        "response": {"Description": "The button's text, or the number on the scale"},
        "response_value": {"Description": "That number; n/a for buttons"},
        "response_time": {"Description": "From the question's appearance to the answer",
                          "Units": "s"},
        "time": {"Description": "When it was given, since the session's start", "Units": "s"},
    }  # fmt: skip


def _description(runs: Sequence[StudySession], version: str) -> dict[str, object]:
    return {
        "Name": runs[0].study.name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "ferdesk", "Version": version}],
    }


def _participants(runs: Sequence[StudySession], labels: Mapping[str, str]) -> str:
    keys = _field_keys(runs)
    rows: list[Sequence[object]] = [("participant_id", "code", "group", *keys)]
    for who, label in labels.items():
        own = [run.study for run in runs if run.participant == who]
        values = {key: value for study in own for key, value in study.fields.items()}
        group = next((study.condition for study in own if study.condition), "")
        rows.append((f"sub-{label}", who, group, *(values.get(key, "") for key in keys.values())))
    return _tsv(rows)


def _field_keys(runs: Sequence[StudySession]) -> dict[str, str]:
    """Column names of the free fields, and their keys; none may be one of the first three."""
    keys = dict.fromkeys(key for run in runs for key in run.study.fields)
    taken = ("participant_id", "code", "group")
    return {f"field_{key}" if key.casefold() in taken else key: key for key in keys}


def _participant_columns(runs: Sequence[StudySession]) -> dict[str, object]:
    return {
        "code": {"Description": "The participant's code as given; participant_id is that without "
                 "characters that BIDS does not allow, with a number where two are the same then"},
        "group": {"Description": "The participant's condition"},
        **{key: {"Description": "A field of the study file"} for key in _field_keys(runs)},
    }  # fmt: skip


def _readme(runs: Sequence[StudySession]) -> str:
    name = runs[0].study.name
    return (
        f"{name}\n\nSessions of a study, recorded with ferdesk. For each participant:\n\n"
        "- events.tsv: the trials, with the onsets as they were stamped;\n"
        "- beh.tsv: the answers;\n"
        f"- physio.tsv.gz: the face's expression, {SAMPLING_HZ:g} samples a second. The rows of "
        "the sessions come at uneven times; they were resampled, as the sidecars say.\n\n"
        "A label describes a face's expression, not what a person feels. The probabilities of "
        f"{', '.join(LABELS)} are a neural network's: p_* by each frame alone, s_* smoothed over "
        "time. No picture and no video is in this data set.\n"
    )


def _samples_text(samples: NDArray[np.float64]) -> str:
    out = io.StringIO()
    for row in samples.tolist():
        out.write("\t".join(_NONE if value != value else f"{value:.6g}" for value in row) + "\n")
    return out.getvalue()


def _gzipped(text: str) -> bytes:
    """Without a date, so that the same data give the same file."""
    return gzip.compress(text.encode(), mtime=0)


def _tsv(rows: Iterable[Sequence[object]]) -> str:
    return "".join("\t".join(map(_cell, row)) + "\n" for row in rows)


def _cell(value: object) -> str:
    if value is None or value == "":
        return _NONE
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".") if np.isfinite(value) else _NONE
    return " ".join(str(value).split()) or _NONE


def _json(table: Mapping[str, object]) -> str:
    return json.dumps(table, indent=2, ensure_ascii=False) + "\n"


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _write(path: Path, content: str | bytes) -> None:
    if isinstance(content, str):
        write_text(path, content)
        return
    from ferdesk.replace_file import replace_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise RecordingError(
            translatable("{path} cannot be written: {why}.", path=path, why=error.strerror or error)
        ) from error
