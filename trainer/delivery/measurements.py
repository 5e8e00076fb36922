"""Measurements of one model file, kept as JSON for its card.

Every section tells its command, date, commit and machine, so that each figure can be made again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ferdesk.errors import DataError
from ferdesk.replace_file import replace_file
from trainer.evaluation.predictions import machine, utc_now
from trainer.scoring.evaluate import file_sha256
from trainer.training.checkpoint import current_commit

_SCHEMA = 1


def read_figures(path: Path, model: Path) -> dict[str, dict[str, Any]]:
    """Sections of ``path`` about ``model``, by name; none where the file is absent.

    Raises:
        DataError: the file is no such file, or its figures are of another model file.
    """
    table = _table(path)
    if table is None:
        return {}
    if table["sha256"] != file_sha256(model):
        raise DataError(
            f"The figures in {path} were measured on another file than {model}; measure again."
        )
    sections: dict[str, dict[str, Any]] = table["sections"]
    return sections


def add_figures(path: Path, model: Path, name: str, command: str, found: Mapping[str, Any]) -> None:
    """Add section ``name`` to ``path``, replacing an older one.

    Sections of another model file are thrown away: they say nothing of this one.

    Raises:
        DataError: ``path`` is there and is no such file.
        OSError: it cannot be written; the old file is still there.
    """
    table = _table(path)
    sha256 = file_sha256(model)
    if table is None or table["sha256"] != sha256:
        table = {"schema": _SCHEMA, "file": model.name, "sha256": sha256, "sections": {}}
    about = {
        "command": command, "date": utc_now(), "commit": current_commit(), "machine": machine(),
    }  # fmt: skip
    table["sections"][name] = {**about, **found}
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, json.dumps(table, indent=1) + "\n")


def add_row(
    path: Path, model: Path, name: str, command: str, row: Mapping[str, Any], key: str
) -> None:
    """Add ``row`` to section ``name``, replacing the one with the same ``key``."""
    table = _table(path)
    kept: list[Any] = []
    if table is not None and table["sha256"] == file_sha256(model):
        rows = table["sections"].get(name, {}).get("rows", [])
        kept = [old for old in rows if old.get(key) != row[key]]
    add_figures(path, model, name, command, {"rows": [*kept, dict(row)]})


def _table(path: Path) -> dict[str, Any] | None:
    try:
        table = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} does not hold figures of a model: {error}.") from error
    if not isinstance(table, dict) or table.get("schema") != _SCHEMA or "sections" not in table:
        raise DataError(f"{path} does not hold figures of a model; give another file.")
    return table
