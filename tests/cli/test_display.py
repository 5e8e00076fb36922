"""A window that cannot open says so in one sentence, before Qt would abort without a word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ferdesk import display
from ferdesk.cli import analyze, main, selftest
from ferdesk.cli.selftest import NotWorking
from ferdesk.errors import FerdeskError
from ferdesk.factory.analysis_options import AnalysisOptions

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="X11 and Wayland are Linux's")


def start(tmp_path: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    return subprocess.run(
        [sys.executable, *command],
        env={**kept, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), **environ},
        cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", [(), ("review", ".")])
def test_a_display_that_does_not_answer_is_one_sentence_and_exit_3(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = start(tmp_path, "-m", "ferdesk", *command, DISPLAY=":4711")
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "X11 does not answer at DISPLAY=:4711" in done.stderr
    assert done.stdout == ""


def test_a_plugin_that_cannot_be_loaded_is_one_sentence_and_exit_3(tmp_path: Path) -> None:
    plugins = tmp_path / "platforms"
    plugins.mkdir()
    (plugins / "libqxcb.so").write_bytes(b"this is no library")
    done = start(
        tmp_path, "-m", "ferdesk", DISPLAY=":4711", QT_QPA_PLATFORM_PLUGIN_PATH=str(plugins)
    )
    assert done.returncode == 3
    assert done.stderr.startswith("Error: No window can open: Qt's part for X11 cannot be loaded")
    assert done.stderr.count("\n") == 1


def test_missing_libraries_are_named_with_the_line_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads = display._load_error

    def lacks(library: Path) -> str:
        if library.name in ("libqxcb.so", "libxcb-icccm.so.4"):
            return "libxcb-icccm.so.4: cannot open shared object file: No such file or directory"
        if library.name == "libxcb-keysyms.so.1":
            return "libxcb-keysyms.so.1: cannot open shared object file: No such file or directory"
        return loads(library)

    monkeypatch.setattr(display, "_load_error", lacks)
    problem = display.display_problem({"DISPLAY": ":0"})
    assert "libxcb-icccm.so.4, libxcb-keysyms.so.1" in problem
    assert problem.endswith("sudo apt-get install libxcb-icccm4 libxcb-keysyms1")
    monkeypatch.setattr(selftest, "display_problem", lambda: problem)
    with pytest.raises(NotWorking, match="libxcb-icccm4 libxcb-keysyms1"):
        selftest.check_display()


def test_wayland_is_tried_first_and_x11_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "_load_error", lambda _library: "")
    monkeypatch.setattr(display, "_wayland_answers", lambda environ: "good" in str(environ))
    monkeypatch.setattr(display, "_x11_answers", lambda _environ: True)
    both = {"WAYLAND_DISPLAY": "bad-0", "DISPLAY": ":5"}
    assert display.display_problem(both) == ""
    assert display.display_name(both) == "X11 (:5)"
    assert display.display_name({**both, "WAYLAND_DISPLAY": "good-1"}) == "Wayland (good-1)"
    assert "WAYLAND_DISPLAY=bad-0" in display.display_problem({"WAYLAND_DISPLAY": "bad-0"})


def test_no_display_at_all_is_no_problem_and_no_display() -> None:
    assert not display.has_display({})
    assert display.display_problem({}) == ""
    assert display.has_display({"QT_QPA_PLATFORM": "offscreen"})
    assert display.display_problem({"QT_QPA_PLATFORM": "offscreen"}) == ""


@pytest.mark.parametrize("option", ["--commands", "--lsl-markers=name=x"])
def test_what_only_a_window_does_is_refused_without_a_display(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "has_display", lambda: False)
    monkeypatch.setattr(analyze, "analyze_sources", pytest.fail)
    result = CliRunner().invoke(main.app, ["--stream", "websocket", option])
    assert isinstance(result.exception, FerdeskError)
    assert str(result.exception).startswith(f"{option.partition('=')[0]} works in the window")


def test_streams_are_sent_without_a_display_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main, "has_display", lambda: False)
    addresses: list[str] = []

    def analysed(_sources: object, options: AnalysisOptions, *_: object) -> int:
        addresses.extend(one.address for one in options.streams)
        return 0

    monkeypatch.setattr(analyze, "analyze_sources", analysed)
    result = CliRunner().invoke(main.app, ["--stream", "websocket", "--stream-port", "0"])
    assert result.exit_code == 0, result.output
    (address,) = addresses
    assert "ws://127.0.0.1:" in address


def test_doctor_tells_of_a_display_that_does_not_answer(
    tmp_path: Path,
) -> None:
    done = start(tmp_path, "-m", "ferdesk", "doctor", DISPLAY=":4711")
    assert done.returncode == 3
    (line,) = [line for line in done.stdout.splitlines() if "  display:" in line]
    assert line.startswith("no  display: No window can open")
    done = start(tmp_path, "-m", "ferdesk", "doctor")
    assert "display: none (neither DISPLAY nor WAYLAND_DISPLAY is set)" in done.stdout


def test_the_script_of_make_run_asks_for_what_the_display_needs(tmp_path: Path) -> None:
    script = str(ROOT / "scripts" / "system_libraries.py")
    code = f"import runpy; print(len(runpy.run_path({script!r})['missing']({{'DISPLAY': ':0'}})))"
    done = start(tmp_path, "-S", "-c", code)
    assert done.returncode == 0, done.stderr
