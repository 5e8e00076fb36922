"""``ferdesk study``: the plan of a study, its mistakes, and the example."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ferdesk.cli.main import app
from ferdesk.errors import FerdeskError
from tests.helpers.studies import TOML, write_study


def ferdesk(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_check_prints_the_plan_for_each_participant(tmp_path: Path) -> None:
    toml = TOML.replace('order = "fixed"', 'order = "latin square"')
    folder = write_study(tmp_path / "study", toml)
    result = ferdesk("study", "check", folder, "--participants", "3")
    assert result.exit_code == 0, result.output
    assert "Colours, version 2: 4 stimuli, order latin square" in result.output
    assert "Baseline phase: 1 s before the first stimulus." in result.output
    assert "Balanced with every 6 participants." in result.output
    assert "film rest words red" in result.output  # the second row of Williams' square of three
    table = json.loads(ferdesk("study", "check", folder, "--participants", "2", "--json").output)
    assert [len(one) for one in table["orders"]] == [4, 4]
    assert all(one[1] == "rest" for one in table["orders"])
    assert table["problems"] == table["without_sound"] == []


def test_a_film_that_cannot_be_decoded_is_one_sentence(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "study")
    (folder / "film.mp4").write_bytes(b"no film at all")
    result = ferdesk("study", "check", folder, "--json")
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)["problems"]
    assert "film.mp4" in problem


def test_a_mistake_in_the_file_ends_the_check(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "study", TOML.replace('"red.jpg"', '"blue.jpg"'))
    with pytest.raises(FerdeskError, match=r"red: there is no file 'blue\.jpg'"):
        CliRunner().invoke(app, ["study", "check", str(folder)], catch_exceptions=False)


def test_the_example_is_a_study_without_a_mistake(tmp_path: Path) -> None:
    folder = tmp_path / "landscapes"
    assert ferdesk("study", "example", folder).exit_code == 0
    table = json.loads(ferdesk("study", "check", folder, "--json").output)
    assert table["name"] == "Landscapes"
    assert table["problems"] == []
    assert [one[2] for one in table["orders"]] == ["pause"] * 8
    with pytest.raises(FerdeskError, match="is not empty"):
        CliRunner().invoke(app, ["study", "example", str(folder)], catch_exceptions=False)


def test_a_window_for_a_study_needs_a_display(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(FerdeskError, match="A study needs a display"):
        CliRunner().invoke(app, ["--study", str(tmp_path)], catch_exceptions=False)


def test_the_window_begins_with_the_study_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    opened: list[Path | None] = []

    def run_app(_services: object, *, study: Path | None, **_: object) -> int:
        opened.append(study)
        return 0

    monkeypatch.setattr("ferdesk.app.run_app", run_app)
    assert ferdesk("--study", tmp_path, "--source", "demo").exit_code == 0
    assert opened == [tmp_path]
