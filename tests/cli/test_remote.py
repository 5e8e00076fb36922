"""``ferdesk remote`` against a real server: what it prints, and its exit codes."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ferdesk.cli.main import app

pytest.importorskip("websockets")

from ferdesk.errors import RemoteError
from ferdesk.remote import connect, places, wire
from tests.helpers.commanded import Window

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "remote"
    monkeypatch.setattr(places, "places_folder", lambda: folder)
    monkeypatch.delenv(places.ADDRESS_VARIABLE, raising=False)
    return folder


@pytest.fixture
def window(own_places: Path) -> Iterator[Window]:
    window = Window()
    yield window
    window.close()


def ferdesk(*words: str) -> Result:
    return CliRunner().invoke(app, ["remote", *words])


def test_each_command_is_sent_and_its_answer_printed(window: Window) -> None:
    before = datetime.now(UTC)
    for words in (
        ("start", "--participant", "P07", "--condition", "control", "--name", "pilot"),
        ("marker", "film A", "--ago", "2"),
        ("marker", "film B", "--at", f"{before:%Y-%m-%dT%H:%M:%S.%f}Z"),
        ("participant", "P08"),
        ("condition", "warm"),
        ("stop",),
    ):
        told = ferdesk(*words)
        assert told.exit_code == 0, told.output
        assert told.output.splitlines() == ["session: s1", "recording: true", "t_s: 8.25"]
    told = ferdesk("status", "--json")
    assert json.loads(told.output) == {
        "session": "s1", "recording": True, "study": None, "t_s": 8.25,
    }  # fmt: skip
    assert [(one.name, dict(one.texts)) for one in window.done] == [
        ("start_recording", {"name": "pilot", "participant": "P07", "condition": "control"}),
        ("marker", {"text": "film A"}),
        ("marker", {"text": "film B"}),
        ("participant", {"text": "P08"}),
        ("condition", {"text": "warm"}),
        ("stop_recording", {}),
        ("status", {}),
    ]
    took_s = (datetime.now(UTC) - before).total_seconds()
    assert window.done[0].at_s > window.done[2].at_s  # it was said before the first was sent
    between_s = window.done[3].at_s - window.done[1].at_s
    assert 2 <= between_s <= 2 + took_s


def test_a_refusal_is_one_sentence_and_exit_code_1(window: Window) -> None:
    told = ferdesk("snapshot")
    assert told.exit_code == 1


def test_no_ferdesk_and_a_wrong_token_are_one_sentence(window: Window, own_places: Path) -> None:
    for words in (("--address", "ws://127.0.0.1:9/?token=x"), ("--port", "9"),
                  ("--address", "nonsense"), ("--address", "ws://127.0.0.1:99999/"),
                  ("--address", f"http://127.0.0.1:{window.stream.port}/?token=x"),
                  ("--address", f"ws://{'a' * 70}.b:{window.stream.port}/"),
                  ("--address", f"ws://127.0.0.1:{window.stream.port}/?token=wrong")):  # fmt: skip
        told = ferdesk("status", *words)
        assert isinstance(told.exception, RemoteError)
        assert str(told.exception).endswith(".")
        assert told.exception.code == ""
    assert ferdesk("marker").exit_code == 2
    for ago in ("-1", "1e20", "1e300", "inf", "nan"):
        assert ferdesk("marker", "a", "--ago", ago).exit_code == 2, ago
    assert ferdesk("marker", "a", "--at", "2026-05-06T07:08:09").exit_code == 2


def test_of_two_ferdesks_one_must_be_named(window: Window) -> None:
    other = Window()
    try:
        told = ferdesk("status")
        assert f"{window.stream.port}" in str(told.exception)
        assert f"{other.stream.port}" in str(told.exception)
        assert ferdesk("status", "--port", str(other.stream.port)).exit_code == 0
        assert ([one.name for one in other.done], window.done) == (["status"], [])
    finally:
        other.close()
    assert ferdesk("status").exit_code == 0


def test_the_environment_names_one(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    window.desk.leave(window.stream.url)  # as from another user's folder
    assert ferdesk("status").exit_code != 0
    monkeypatch.setenv(places.ADDRESS_VARIABLE, window.stream.url)
    assert ferdesk("status").exit_code == 0


def test_a_file_that_a_killed_ferdesk_left_is_not_taken_for_one(own_places: Path) -> None:
    own_places.mkdir()
    (own_places / "9.json").write_text('{"address": "ws://127.0.0.1:9/?token=x", "host": "?"}')
    (own_places / "10.json").write_text("{")
    (own_places / "11.json").write_text("[" * 5000)
    places.Announcement("ws://127.0.0.1:12/?token=x", own_places)
    with pytest.raises(RemoteError, match="No ferdesk takes commands"):
        connect()


def test_two_computers_with_one_home_folder_keep_an_address_each(
    own_places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for host in ("lab-1", "lab-2"):
        monkeypatch.setattr(platform, "node", lambda host=host: host)
        made.append(places.Announcement(f"ws://127.0.0.1:8765/?token={host}", own_places))
    assert len(list(own_places.iterdir())) == 2
    made[1].withdraw()
    (left,) = own_places.iterdir()
    assert "lab-1" in left.read_text()


@pytest.mark.parametrize("text", ["garbage", "[1]", "[" * 5000, b"\xff"])
def test_who_is_no_ferdesk_is_told_in_one_sentence(text: str | bytes) -> None:
    with pytest.raises(RemoteError, match=r"no ferdesk.*\.$"):
        wire.answer_to(1, text)


@pytest.mark.parametrize(
    "option", [("--stream-port", "9000"), ("--stream-origin", "http://localhost:8000")]
)
def test_options_of_the_window_are_not_lost_before_a_command(option: tuple[str, str]) -> None:
    told = CliRunner().invoke(app, [*option, "remote", "status"])
    assert told.exit_code == 2
    assert "belong behind the command" in told.output


def test_the_command_itself_exits_as_it_says_and_a_client_loads_nothing_heavy(
    tmp_path: Path,
) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "ferdesk", "remote", "status"],
        env=environment, capture_output=True, text=True, timeout=28, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.startswith("Error: No ferdesk takes commands")
    assert done.stderr.count("\n") == 1
    code = (
        "import sys, ferdesk.remote\n"
        "heavy = {'numpy', 'PySide6', 'cv2', 'onnxruntime', 'av', 'websockets'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment, capture_output=True, text=True, timeout=28, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr


def test_without_websockets_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.sync.client", None)
    with pytest.raises(RemoteError, match="pip install websockets"):
        connect("ws://127.0.0.1:9/")
