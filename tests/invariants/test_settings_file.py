"""Invariants of the settings: what is saved is loaded, and nothing else is ever in force."""

import json
import math
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from hypothesis import given
from hypothesis import strategies as st

from ferdesk.errors import FerdeskError
from ferdesk.settings import Settings, import_settings, load_settings, save_settings
from tests.helpers.strategies import (
    JSON_VALUES,
    ODD,
    ODD_TEXTS,
    check_sentence,
    fresh_folder,
)

KINDS = get_type_hints(Settings)
RANGES = {one.name: one.metadata.get("range") for one in fields(Settings)}


def values_of(name: str) -> st.SearchStrategy[Any]:
    """What a setting may be."""
    kind, (low, high) = KINDS[name], RANGES[name] or (0, 10**6)
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(math.ceil(low), math.floor(high))
    if kind == float | None:
        return st.one_of(st.none(), st.floats(low, high))
    if kind is float:
        return st.floats(low, high)
    if get_origin(kind) is tuple:
        return st.lists(ODD_TEXTS, max_size=3).map(tuple)
    return ODD_TEXTS


def is_valid(name: str, value: object) -> bool:
    kind, bounds = KINDS[name], RANGES[name]
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if get_origin(kind) is tuple:
        return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    if kind == float | None and value is None:
        return True
    wanted = (float, int) if kind in (float, float | None) else (kind,)
    if type(value) not in wanted or value != value:
        return False
    return bounds is None or bounds[0] <= value <= bounds[1]


ALL = st.fixed_dictionaries({name: values_of(name) for name in KINDS})
NAMES = st.one_of(st.sampled_from(sorted(KINDS)), ODD_TEXTS)
ANYTHING = st.one_of(
    st.dictionaries(NAMES, st.one_of(ODD, JSON_VALUES), max_size=8),
    # what nearly fits: the right kind, beyond its range
    st.fixed_dictionaries(
        {},
        optional={
            name: st.integers(-2, 10**4) if KINDS[name] is int else st.floats(-2, 10**4)
            for name in KINDS
            if KINDS[name] in (int, float, float | None)
        },
    ),
)


@given(ALL)
def test_what_is_saved_is_loaded(entries: dict[str, Any]) -> None:
    with fresh_folder() as folder:
        save_settings(Settings(**entries), folder / "settings.json")
        loaded = load_settings(folder / "settings.json")
        assert loaded.settings == Settings(**entries)
        assert loaded.warnings == ()


@given(ANYTHING)
def test_no_entry_puts_a_value_out_of_its_range_in_force(entries: dict[str, Any]) -> None:
    with fresh_folder() as folder:
        path = folder / "settings.json"
        path.write_text(json.dumps(entries), "utf-8")
        loaded = load_settings(path)
        values = {name: getattr(loaded.settings, name) for name in KINDS}
        assert [name for name, value in values.items() if not is_valid(name, value)] == []
        refused = sum(not is_valid(name, entries[name]) for name in set(entries) & set(KINDS))
        unknown = len(set(entries) - set(KINDS))
        assert len(loaded.warnings) <= refused + unknown
        imported = import_settings(path, Settings())
        assert {name: getattr(imported.settings, name) for name in KINDS} | {
            name: values[name] for name in ("consent", "window_geometry", "last_source")
        } == values
        save_settings(loaded.settings, path)
        assert load_settings(path).settings == loaded.settings


@given(st.binary(max_size=80))
def test_any_other_file_costs_the_settings_and_never_the_start(content: bytes) -> None:
    with fresh_folder() as folder:
        path = folder / "settings.json"
        path.write_bytes(content)
        loaded = load_settings(path)
        if loaded.settings == Settings() and loaded.warnings and not path.exists():
            assert path.with_name("settings.json.bad").read_bytes() == content
        path.write_bytes(content)
        try:
            import_settings(path, Settings())
        except FerdeskError as error:
            check_sentence(error, str(path))
        assert path.read_bytes() == content
