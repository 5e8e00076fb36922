"""Table of labels: participant and condition of files, from a CSV that people write."""

import codecs
import csv
import io
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ferdesk.errors import DataError

_LABELS = ("participant", "condition")
_MOST_NAMED = 5
"""Names that one sentence holds."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """Row of the table: the parts of the path that it names, and what it says of it."""

    line: int
    parts: tuple[str, ...]
    labels: dict[str, str]

    @property
    def file(self) -> str:
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class LabelTable:
    """Table of labels, by the ends of paths: ``p1/talk.mp4`` is a file of that name in ``p1``."""

    path: Path
    rows: tuple[LabelRow, ...]

    def match(
        self, names: Sequence[str], tell: Callable[[str], object]
    ) -> dict[str, dict[str, str]]:
        """The labels of each of these paths that a row names; the row with the most parts counts.

        ``tell`` gets a sentence on rows that name none of them.

        Raises:
            DataError: a row stands for several paths.
        """
        by_last: dict[str, list[LabelRow]] = {}
        for row in self.rows:
            by_last.setdefault(row.parts[-1], []).append(row)
        named: dict[int, list[str]] = {}
        found: dict[str, dict[str, str]] = {}
        seen: set[int] = set()
        for name in names:
            parts = _parts(str(Path(name).absolute()))
            rows = [row for row in by_last.get(parts[-1], ()) if _ends(parts, row.parts)]
            if rows:
                best = max(rows, key=lambda row: len(row.parts))
                found[name] = best.labels
                named.setdefault(best.line, []).append(name)
                seen.update(row.line for row in rows)
        self._refuse_doubtful(named)
        if others := [row.file for row in self.rows if row.line not in seen]:
            tell(f"{self.path}: {_listed(others)} none of the files that are analysed.")
        return found

    def _refuse_doubtful(self, named: dict[int, list[str]]) -> None:
        for line, names in named.items():
            if len(names) > 1:
                (file,) = (row.file for row in self.rows if row.line == line)
                raise DataError(
                    f"{self.path}, line {line}: {file} stands for {len(names)} files "
                    f"({names[0]}, {names[1]}); write the folder before it, as in "
                    f"{'/'.join(_parts(names[0])[-2:])}."
                )


def read_labels(path: Path) -> LabelTable:
    """The table in a CSV with the columns file, and participant or condition.

    Raises:
        DataError: it cannot be read, lacks the columns, or says two things of a file.
    """
    text = _text(path)
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep="):  # as spreadsheets mark their delimiter
        text = rest
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        columns = {name: head.index(name) for name in ("file", *_LABELS) if name in head}
        if "file" not in columns or len(columns) == 1:
            raise DataError(
                f"{path} is no table of labels; its first line must name the columns file, and "
                f"participant or condition."
            )
        rows = list(_rows(path, reader, columns))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}.") from error
    return LabelTable(path, tuple(rows))


def _rows(
    path: Path, reader: "Iterable[list[str]]", columns: dict[str, int]
) -> "Iterable[LabelRow]":
    before: dict[tuple[str, ...], LabelRow] = {}
    # a row's number, not its line: a cell may hold line ends
    for line, cells in enumerate(reader, start=2):
        said = {
            name: cells[column].strip() if column < len(cells) else ""
            for name, column in columns.items()
        }
        parts = _parts(said.pop("file"))
        if not parts:
            if any(said.values()):
                raise DataError(f"{path}, line {line}: there is no file for {_shown(said)}.")
            continue
        row = LabelRow(line, parts, said)
        if (same := before.get(parts)) is None:
            before[parts] = row
            yield row
        elif same.labels != said:
            raise DataError(
                f"{path} says two things of {row.file}: {_shown(same.labels)} in line "
                f"{same.line}, and {_shown(said)} in line {line}."
            )


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return data.decode("utf-16" if wide else "utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} cannot be read: it is not UTF-8. Save it as CSV in UTF-8."
        ) from error


def _parts(text: str) -> tuple[str, ...]:
    """The parts of a path as all systems write it; accents in the one form that they have."""
    parts = unicodedata.normalize("NFC", text.strip()).replace("\\", "/").split("/")
    return tuple(part for part in parts if part not in ("", "."))


def _ends(parts: tuple[str, ...], with_parts: tuple[str, ...]) -> bool:
    return parts[-len(with_parts) :] == with_parts


def _shown(labels: dict[str, str]) -> str:
    return ", ".join(f"{name} {text!r}" for name, text in labels.items() if text) or "nothing"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    text = ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{text} {'is' if len(names) == 1 else 'are'}"
