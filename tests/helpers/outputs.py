"""Results through each output and back: what a reader gets, face by face, by the values' names."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ferdesk.adapters.outputs.lsl_stream import channels, sample
from ferdesk.adapters.outputs.parquet_export import write_parquet
from ferdesk.adapters.outputs.websocket_stream import frame_message
from ferdesk.core.types import FrameResult
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.schema import RESULTS_FILE, SESSION_FILE, Moment, header_line, rows_of

Named = dict[str, Any]


def rows_text(result: FrameResult) -> str:
    """``results.csv`` of this one frame, with all measures."""
    moment = Moment(result.frame.index, result.frame.t_s, None)
    return header_line("all") + rows_of(result, moment, choice="all")


def through_csv(result: FrameResult, folder: Path) -> list[Named]:
    text = rows_text(result)
    return list(csv.DictReader(io.StringIO(text)))


def through_lsl(result: FrameResult, folder: Path) -> list[Named]:
    names = [one.name for one in channels("all")]
    return [dict(zip(names, sample(result, face, "all"), strict=True)) for face in result.faces]


def through_websocket(result: FrameResult, folder: Path) -> list[Named]:
    message = json.loads(json.dumps(frame_message(result)))
    rows: list[Named] = []
    for face in message["faces"]:
        row = {"frame": message["frame"], "latency_ms": message["latency_ms"]}
        for name, value in face.items():
            if isinstance(value, dict):
                row |= {f"{name}_{key}": each for key, each in value.items()}
            else:
                row[name] = value
        rows.append(row)
    return rows


def through_parquet(result: FrameResult, folder: Path) -> list[Named]:
    import pyarrow.parquet

    write_session(result, folder)
    path = folder / "rows.parquet"
    write_parquet(read_session(folder), path)
    rows: list[Named] = pyarrow.parquet.read_table(path).to_pylist()
    return rows


def write_session(result: FrameResult, folder: Path) -> None:
    """A session of this one frame."""
    text = rows_text(result)
    (folder / RESULTS_FILE).write_text(text, "utf-8")
    (folder / SESSION_FILE).write_text('{"schema": 1, "complete": true}', "utf-8")


OUTPUTS: dict[str, Callable[[FrameResult, Path], list[Named]]] = {
    "csv": through_csv,
    "lsl": through_lsl,
    "websocket": through_websocket,
    "parquet": through_parquet,
}
