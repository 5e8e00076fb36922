"""The examples of docs/remote.md run as they stand there, against a real server."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("websockets")

from ferdesk.remote import places
from tests.helpers.commanded import Window

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs" / "remote.md"
DONE = [
    ("start_recording", "P07"),
    ("marker", "fixation"),
    ("marker", "film A"),
    ("marker", "film B"),
    ("stop_recording", ""),
]


def example(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    return str(found)


@pytest.fixture
def window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    monkeypatch.setattr(places, "places_folder", lambda: tmp_path / "remote")
    window = Window()
    yield window
    window.close()


def run(window: Window, folder: Path, *command: str) -> str:
    """Run it with ``ferdesk`` on the path, and the window's address in the environment."""
    shim = folder / "bin" / "ferdesk"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ferdesk "$@"\n')
    shim.chmod(0o755)
    environment = {
        **os.environ, "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT), places.ADDRESS_VARIABLE: window.stream.url,
        "HOME": str(folder),
    }  # fmt: skip
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False,
        timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(window: Window) -> None:
    told = [
        (one.name, one.texts.get("participant", one.texts.get("text", ""))) for one in window.done
    ]
    assert told == DONE
    marked = [one for one in window.done if one.name == "marker"]
    assert all(one.has_moment for one in marked)
    times = [one.at_s for one in window.done]
    # a marker's moment lies between the commands around it, or before its own
    assert times[1] < times[2] < times[3] < times[4]


def test_the_example_in_python(window: Window, tmp_path: Path) -> None:
    file = tmp_path / "study.py"
    file.write_text(example("python"), "utf-8")
    said = run(window, tmp_path, sys.executable, str(file))
    assert "film B at 8.25 s of s1" in said
    check(window)


def test_the_script_of_the_web_page(window: Window, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    (script,) = re.findall(r"<script>\n(.*?)</script>", example("html"), re.S)
    around = (
        "const screen_ = { set textContent(text) { console.log(text); } };\n"
        "globalThis.document = { getElementById: () => screen_ };\n"
        f"globalThis.location = {{ hash: '#{window.stream.url}' }};\n"
        "if (typeof WebSocket === 'undefined') { console.log('no WebSocket'); process.exit(); }\n"
    )
    (tmp_path / "page.cjs").write_text(around + script, "utf-8")
    options = ["--experimental-websocket"] if " 20." in f" {_version(node)}" else []
    said = run(window, tmp_path, node, *options, "page.cjs")
    if "no WebSocket" in said:
        pytest.skip("this node has no WebSocket")
    assert "Thank you (s1)." in said
    check(window)


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("language", "command"),
    [("r", ("Rscript", "--vanilla")), ("octave", ("octave-cli", "--no-init-file"))],
)
def test_the_examples_by_the_command_line(
    window: Window, tmp_path: Path, language: str, command: tuple[str, ...]
) -> None:
    if shutil.which(command[0]) is None or os.name == "nt":
        pytest.skip(f"{command[0]} is not installed")
    # a script of Octave begins with anything but a function
    text = "1;\n" + example(language) if language == "octave" else example(language)
    file = tmp_path / f"study_example.{language[0] if language == 'r' else 'm'}"
    file.write_text(text, "utf-8")
    said = run(window, tmp_path, *command, file.name)
    assert "session: s1" in said
    check(window)


def _version(node: str) -> str:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().removeprefix("v")
