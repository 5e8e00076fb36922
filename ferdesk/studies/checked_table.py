"""Checked table: the values of a table of ``study.toml``, or one sentence for what is wrong."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ferdesk.errors import StudyError
from ferdesk.messages import Message, translatable

LONGEST_NAME = 80
_MOST_ENTRIES = 500
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"GIF8")
"""How PNG, JPEG, BMP and GIF files begin; WebP is looked at by itself."""


class CheckedTable:
    """Checked table: its keys are taken one by one, and what is left over is a mistake.

    Each method takes one key, with the default where it is not there, and raises ``StudyError``
    for a value that is none of those it describes.
    """

    def __init__(self, path: Path, name: str, values: dict[str, Any]) -> None:
        self._path, self._name, self._values = path, name, dict(values)
        self._known: list[str] = []

    def mistake(self, what: Message) -> StudyError:
        if not self._name:
            return StudyError(translatable("{path}: {what}", path=self._path, what=what))
        return StudyError(
            translatable("{path}, {table}: {what}", path=self._path, table=self._name, what=what)
        )

    def finish(self) -> None:
        """Every key was known."""
        for key in self._values:
            known = ", ".join(sorted(self._known))
            raise self.mistake(
                translatable("there is no key {key!r}; known are {known}.", key=key, known=known)
            )

    def table(self, key: str) -> "CheckedTable | None":
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wanted(key, translatable("a table, as in [{key}]", key=key), value)
        return CheckedTable(self._path, self._inner(f"[{key}]"), value)

    def tables(self, key: str) -> list["CheckedTable"]:
        """Those of an array; each is called by its id, or else its number from 1."""
        value = self._take(key)
        if value is None:
            return []
        is_array = isinstance(value, list) and all(isinstance(one, dict) for one in value)
        if not is_array or len(value) > _MOST_ENTRIES:
            wanted = translatable("an array of tables, as in [[{key}]]", key=key)
            if is_array:
                wanted = translatable("at most {most} tables", most=_MOST_ENTRIES)
                value = len(value)
            raise self._wanted(key, wanted, value)
        named = enumerate(value, start=1)
        return [
            CheckedTable(self._path, self._inner(f"[[{key}]] {one.get('id', number)}"), one)
            for number, one in named
        ]

    def id(self) -> str:
        value = self._needed("id")
        if not isinstance(value, str) or _ID.fullmatch(value) is None:
            wanted = translatable("letters without accents, digits, - _ and .")
            raise self._wanted("id", wanted, value)
        return value

    def text(self, key: str, longest: int, *, default: str | None = None) -> str:
        value = self._needed(key) if default is None else self._take(key, default)
        text = value.strip() if isinstance(value, str) else None
        if text is None or not (0 if default is not None else 1) <= len(text) <= longest:
            wanted = translatable("a text of 1 to {longest} characters", longest=longest)
            raise self._wanted(key, wanted, value)
        return text

    def texts(self, key: str, *, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self._needed(key) if default is None else self._take(key, list(default))
        is_list = isinstance(value, list) and all(
            isinstance(one, str) and 0 < len(one.strip()) <= LONGEST_NAME for one in value
        )
        is_empty = default is None and value == []
        if not is_list or is_empty or len({one.strip() for one in value}) != len(value):
            wanted = translatable('a list of texts that differ, as in ["a", "b"]')
            raise self._wanted(key, wanted, value)
        return tuple(one.strip() for one in value)

    def one_of(self, key: str, names: Iterable[str], *, default: str | None = None) -> str:
        value = self._needed(key) if default is None else self._take(key, default)
        if value not in tuple(names):
            wanted = translatable("one of {names}", names=", ".join(names))
            raise self._wanted(key, wanted, value)
        return str(value)

    def number(self, key: str, least: float, most: float, *, default: float | None = None) -> float:
        value = self._needed(key) if default is None else self._take(key, default)
        if not _is_number(value) or not least <= value <= most:
            wanted = translatable("a number from {least:g} to {most:g}", least=least, most=most)
            raise self._wanted(key, wanted, value)
        return float(value)

    def optional_number(self, key: str, least: float, most: float, *, needed: bool) -> float | None:
        """A number, or None where it may be left out and is."""
        if not needed and key not in self._values:
            self._known.append(key)
            return None
        return self.number(key, least, most)

    def whole(self, key: str, *, default: int) -> int:
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 1000:
            wanted = translatable("a whole number from -1000 to 1000")
            raise self._wanted(key, wanted, value)
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self._wanted(key, translatable("true or false"), value)
        return value

    def file(self, key: str, folder: Path, *, is_picture: bool) -> Path:
        """The path of a file in the study's folder, which is there and not empty."""
        name = self.text(key, 1000)
        try:
            path = (folder / name).resolve()
            inside = path.is_relative_to(folder.resolve())
            there = inside and path.is_file()
            begins = b""
            if there:
                with path.open("rb") as file:
                    begins = file.read(16)
        except (OSError, ValueError, RuntimeError) as error:
            # a circle of links is a RuntimeError before Python 3.13
            why = getattr(error, "strerror", None) or str(error)
            raise self.mistake(
                translatable("the file {name!r} cannot be read: {why}.", name=name, why=why)
            ) from error
        if not inside:
            raise self.mistake(
                translatable(
                    "the file {name!r} lies outside of the study's folder; copy it there.",
                    name=name,
                )
            )
        if not there:
            raise self.mistake(
                translatable("there is no file {name!r} in the study's folder.", name=name)
            )
        if not begins or (is_picture and not _is_picture(begins)):
            raise self.mistake(
                translatable(
                    "the file {name!r} is empty or no picture; PNG, JPEG, BMP, GIF and WebP are.",
                    name=name,
                )
                if is_picture
                else translatable("the file {name!r} is empty.", name=name)
            )
        return path

    def _needed(self, key: str) -> Any:  # noqa: ANN401 - TOML's values
        value = self._take(key)
        if value is None:
            raise self.mistake(translatable("the key {key!r} is missing.", key=key))
        return value

    def _take(self, key: str, default: object = None) -> Any:  # noqa: ANN401 - TOML's values
        self._known.append(key)
        return self._values.pop(key, default)

    def _wanted(self, key: str, wanted: Message, value: object) -> StudyError:
        said = repr(value)
        return self.mistake(
            translatable(
                "{key} must be {wanted}, not {value}.",
                key=key,
                wanted=wanted,
                value=said if len(said) <= 60 else f"{said[:57]}...",
            )
        )

    def _inner(self, name: str) -> str:
        return f"{self._name} {name}".strip()


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    # a whole number may be larger than any float
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def _is_picture(begins: bytes) -> bool:
    is_webp = begins[:4] == b"RIFF" and begins[8:12] == b"WEBP"
    return is_webp or begins.startswith(_PICTURES)
