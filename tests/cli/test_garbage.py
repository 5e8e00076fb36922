"""Garbage: importing for a window leaves it alone, and every other command collects it."""

import gc
import sys
from collections.abc import Iterator

import pytest

import ferdesk.cli.main as command


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = gc.isenabled()
    gc.disable()  # as ``ferdesk.__main__`` leaves it
    yield
    (gc.enable if before else gc.disable)()


@pytest.mark.parametrize(
    ("arguments", "collects"),
    [(["sessions", "list"], True), (["analyze", "a.mp4"], True), (["--source", "demo"], False)],
)
def test_every_command_but_the_window_collects(
    arguments: list[str], collects: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(sys, "argv", ["ferdesk", *arguments])
    monkeypatch.setattr(command, "_app", lambda: seen.append(gc.isenabled()))
    monkeypatch.setattr(command, "_with_commands", lambda: command._app)
    command._run()
    assert seen == [collects]
