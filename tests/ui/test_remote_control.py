"""Commands from outside: each does what the window's button does, by real clients of its server."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ferdesk.errors import RemoteError
from ferdesk.runtime import commands
from ferdesk.runtime.ports import StreamOptions
from ferdesk.settings import Settings
from ferdesk.ui.preferences.consent import CONSENT_VERSION
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.conftest import HeldClock
from tests.ui.fakes import FakeServices

pytest.importorskip("websockets")

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ferdesk import remote
from ferdesk.adapters.outputs.websocket_stream import WebSocketStream
from ferdesk.remote import places

AGREED = Settings(consent=CONSENT_VERSION, remote_commands=True)


@dataclass
class RealStreams(FakeServices):
    """The fakes, with the real server."""

    def open_stream(self, kind: str, options: StreamOptions) -> WebSocketStream:  # type: ignore[override]
        self.stream_options.append(options)
        return WebSocketStream(port=0, origins=options.origins, commands=options.commands)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    services = RealStreams(tmp_path)
    yield services
    services.release()


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "places_folder", lambda: tmp_path / "remote")
    monkeypatch.delenv(places.ADDRESS_VARIABLE, raising=False)


class Client:
    """A client on a thread of its own, while the window's loop runs."""

    def __init__(self, qtbot: QtBot) -> None:
        self._qtbot = qtbot
        self._pool = ThreadPoolExecutor(1)

    def start(self, work: Callable[..., Any], *values: Any, **more: Any) -> "Future[Any]":
        return self._pool.submit(work, *values, **more)

    def do(self, work: Callable[..., Any], *values: Any, **more: Any) -> Any:
        waiting = self.start(work, *values, **more)
        self._qtbot.waitUntil(waiting.done)
        return waiting.result()

    def refused(self, work: Callable[..., Any], *values: Any, **more: Any) -> str:
        """The code of the refusal, whose text is one sentence."""
        with pytest.raises(RemoteError) as refused:
            self.do(work, *values, **more)
        assert str(refused.value).endswith(".")
        return refused.value.code

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture
def client(qtbot: QtBot) -> Iterator[Client]:
    client = Client(qtbot)
    yield client
    client.close()


@pytest.fixture
def commanded(
    make_window: Callable[..., MainWindow], qtbot: QtBot, clock: HeldClock
) -> Callable[..., MainWindow]:
    """A window whose WebSocket is open, with a source that runs."""

    def make(settings: Settings = AGREED, *, running: bool = True) -> MainWindow:
        window = make_window(settings)
        if running:
            window.live_page.sources.start("camera:0")
            qtbot.waitUntil(lambda: window.actions_by_name["record"].isEnabled())
            qtbot.waitUntil(lambda: window.live_page.view.result is not None)
        # Markers name their moment by a clock that runs, which this one does not. It goes on before
        # a start is answered: whoever is answered may send a marker at once.
        recordings = window.live.recordings
        begin = recordings._begin

        def begin_and_go_on() -> None:
            begin()
            clock.now_s += 10

        recordings._begin = begin_and_go_on  # type: ignore[method-assign]
        window.live_page.recording_menu.streams["websocket"].trigger()
        qtbot.waitUntil(lambda: any("ws://" in text for text in window.notices.texts))
        return window

    return make


def url_of(window: MainWindow) -> str:
    (text,) = [text for text in window.notices.texts if "ws://" in text]
    return text.split()[1]


def test_a_whole_session_is_recorded_by_another_program(
    commanded: Callable[..., MainWindow], services: FakeServices, client: Client, clock: HeldClock
) -> None:
    window = commanded()
    with client.do(remote.connect) as ferdesk:  # it finds the address by itself
        assert client.do(ferdesk.participant, "P07") == {"participant": "P07"}
        assert client.do(ferdesk.condition, "control") == {"condition": "control"}
        before = client.do(ferdesk.status)
        assert (before["state"], before["recording"], before["faces"]) == ("running", False, 2)
        assert (before["participant"], before["study"]) == ("P07", None)
        began = client.do(ferdesk.start_recording, name="pilot")
        assert (began["session"], began["participant"]) == ("session-0", "P07")
        (options,) = services.options
        assert (options.name, options.participant) == ("pilot", "P07")
        assert (options.condition, options.video) == ("control", "off")
        assert window.actions_by_name["record"].isChecked()
        clock.now_s += 12.5
        window.live.recordings._options = replace(options, study={"name": "two films"})
        asked_s = time.monotonic()
        marked = client.do(ferdesk.marker, "film A; part 1")
        took_s = time.monotonic() - asked_s
        assert marked == {"t_s": 83.25, "label": "film A, part 1", "session": "session-0"}
        status = client.do(ferdesk.status)
        assert (status["recording"], status["session"], status["study"]) == (
            True,
            "session-0",
            "two films",
        )
        assert status["elapsed_s"] == 22.5
        ended = client.do(ferdesk.stop_recording)
        recording = services.recordings[0]
        assert ended == {"session": "session-0", "rows": recording.num_rows}
    assert len(recording.closed_with) == 1
    ((label, at_s),) = recording.markers
    assert label == "film A, part 1"
    # the client names its own moment; the held clock stands still meanwhile
    assert at_s is not None
    assert clock.now_s - took_s <= at_s <= clock.now_s
    assert [event for event in recording.events if event == "commanded"] == ["commanded"] * 2
    assert "Another program started the recording." in window.notices.texts or (
        "Another program stopped the recording." in window.notices.texts
    )


def test_a_snapshot_is_saved_as_the_button_does(
    commanded: Callable[..., MainWindow], client: Client, tmp_path: Path
) -> None:
    commanded()
    with client.do(remote.connect) as ferdesk:
        told = client.do(ferdesk.snapshot)
    assert (tmp_path / "pictures" / told["file"]).is_file()
    assert told["path"] == str(tmp_path / "pictures" / told["file"])


def test_the_same_commands_from_asyncio(
    commanded: Callable[..., MainWindow], services: FakeServices, client: Client
) -> None:
    commanded()

    async def study() -> list[object]:
        async with await remote.connect_async() as ferdesk:
            began = await ferdesk.start_recording(participant="P08")
            marked = await ferdesk.marker("b", datetime.now(UTC))
            ended = await ferdesk.stop_recording()
            code = ""
            try:
                await ferdesk.marker("late")
            except RemoteError as error:
                code = error.code
            status = await ferdesk.status()
            return [began["session"], marked["t_s"], ended["session"], code, status["recording"]]

    told = client.do(lambda: asyncio.run(study()))
    assert told == ["session-0", 83.25, "session-0", "not_recording", False]
    assert services.options[0].participant == "P08"


def test_nothing_is_recorded_or_saved_where_nobody_has_agreed(
    commanded: Callable[..., MainWindow], services: FakeServices, client: Client
) -> None:
    window = commanded(Settings(remote_commands=True))
    assert client.refused(remote.connect) == ""  # no address is announced
    url = url_of(window)
    with client.do(remote.connect, url) as ferdesk:
        assert client.refused(ferdesk.start_recording) == "not_allowed"
        assert client.refused(ferdesk.snapshot) == "not_allowed"
        window.remote_control.desk.allow(True)  # even then
        assert client.refused(ferdesk.start_recording) == "no_consent"
        assert client.refused(ferdesk.snapshot) == "no_consent"
    assert services.recordings == []


def test_commands_are_off_until_they_are_allowed_and_a_sign_says_so_and_ends_it(
    commanded: Callable[..., MainWindow], services: FakeServices, client: Client, qtbot: QtBot
) -> None:
    assert not Settings().remote_commands
    window = commanded(Settings(consent=CONSENT_VERSION))
    line = window.live_page.status_line
    assert not line.signs["commands"].isVisible()
    with client.do(remote.connect, url_of(window)) as ferdesk:
        assert client.refused(ferdesk.start_recording) == "not_allowed"
        window.store.remember(remote_commands=True)
        qtbot.waitUntil(line.signs["commands"].isVisible)
        client.do(ferdesk.participant, "P09")
        assert "participant P09" in line.signs["commands"].toolTip()
        QTest.mouseClick(line.signs["commands"], Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not line.signs["commands"].isVisible())
        assert client.refused(ferdesk.status) == "not_allowed"
    assert not window.store.settings.remote_commands
    assert services.recordings == []


def test_what_waits_when_commands_are_refused_is_not_executed(
    commanded: Callable[..., MainWindow], services: FakeServices
) -> None:
    window = commanded()
    desk = window.remote_control.desk
    answers: list[str] = []
    client = desk.client(answers.append)
    client.receive('{"type": "command", "id": 1, "command": "start_recording"}')
    window.store.remember(remote_commands=False)
    window.remote_control._execute()
    (answer,) = map(json.loads, answers)
    assert (answer["id"], answer["error"]) == (1, "not_allowed")
    assert not window.live.recording_active
    assert services.recordings == []


def test_a_stop_while_a_session_is_opened_that_cannot_be_is_answered(
    commanded: Callable[..., MainWindow], services: FakeServices, qtbot: QtBot
) -> None:
    window = commanded()
    services.refuses_recording = "The disk is full."
    answers: list[str] = []
    client = window.remote_control.desk.client(answers.append)
    for number, name in enumerate(("start_recording", "stop_recording")):
        client.receive(json.dumps({"type": "command", "id": number, "command": name}))
    window.remote_control._execute()
    qtbot.waitUntil(lambda: len(answers) == 2)
    told = {one["id"]: one["message"] for one in map(json.loads, answers)}
    assert told == {0: "The disk is full.", 1: "The disk is full."}


def test_what_cannot_be_done_is_one_sentence(
    commanded: Callable[..., MainWindow], services: FakeServices, client: Client, clock: HeldClock
) -> None:
    window = commanded(running=False)
    with client.do(remote.connect) as ferdesk:
        assert client.refused(ferdesk.start_recording) == "no_source"
        assert client.refused(ferdesk.snapshot) == "no_source"
        assert client.refused(ferdesk.stop_recording) == "not_recording"
        assert client.refused(ferdesk.marker, "a") == "not_recording"
        assert client.refused(ferdesk.command, "eject") == "bad_command"
        window.live_page.sources.start("camera:0")
        client._qtbot.waitUntil(lambda: window.live.can_record)
        services.refuses_recording = "The disk is full."
        assert client.refused(ferdesk.start_recording) == "failed"
        assert "Another program started the recording." not in window.notices.texts
        services.refuses_recording = ""
        client.do(ferdesk.start_recording)
        assert client.refused(ferdesk.start_recording) == "recording_runs"
        assert client.refused(ferdesk.participant, "P2") == "recording_runs"
        long_ago = datetime.now(UTC) - timedelta(minutes=5)
        assert client.refused(ferdesk.marker, "a", long_ago) == "bad_time"
        services.recordings[0].problem = "The disk is full."
        assert client.refused(ferdesk.stop_recording) in ("failed", "not_recording")


def test_a_start_waits_for_the_countdown_and_a_stop_ends_it(
    commanded: Callable[..., MainWindow], services: FakeServices, client: Client, clock: HeldClock,
    qtbot: QtBot,
) -> None:  # fmt: skip
    window = commanded(
        Settings(consent=CONSENT_VERSION, remote_commands=True, recording_countdown_s=5)
    )
    with client.do(remote.connect) as ferdesk:
        starting = client.start(ferdesk.start_recording)
        qtbot.waitUntil(lambda: window.live.recording_active)
        assert not starting.done()
        clock.now_s += 5
        qtbot.waitUntil(starting.done)
        assert starting.result()["session"] == "session-0"
        client.do(ferdesk.stop_recording)
        assert services.recordings[0].events == ["commanded", "commanded"]
        starting = client.start(ferdesk.start_recording)
        qtbot.waitUntil(lambda: window.live.recording_active)
        window.actions_by_name["record"].trigger()  # the person at the window decides otherwise
        qtbot.waitUntil(starting.done)
        assert isinstance(starting.exception(), RemoteError)
    assert len(services.recordings) == 1


def test_a_client_that_floods_is_slowed_down_and_closed_and_costs_nobody_anything(
    commanded: Callable[..., MainWindow], services: FakeServices, client: Client, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(commands, "_MAX_REFUSED", 30)
    window = commanded()
    url = url_of(window)
    with client.do(remote.connect) as good:
        client.do(good.start_recording)

        def flood() -> tuple[int, list[str]]:
            codes, sent = [], 0
            with connect(f"{url}&results=no", max_queue=None) as bad:
                try:
                    for sent in range(100_000):
                        message = {"type": "command", "command": "marker", "text": f"x{sent}"}
                        bad.send(json.dumps({**message, "id": sent}))
                        if sent == 3:
                            bad.send("garbage")
                except ConnectionClosed:
                    pass
                try:
                    while True:
                        codes.append(json.loads(bad.recv(timeout=5)).get("error", "ok"))
                except (ConnectionClosed, TimeoutError):
                    return sent, codes

        with ThreadPoolExecutor(1) as other:
            flooding = other.submit(flood)
            for number in range(5):
                marked = client.do(good.marker, f"good {number}")
                assert marked["label"] == f"good {number}"
            qtbot.waitUntil(flooding.done)
            sent, codes = flooding.result()
        assert sent < 99_999, "the server reads no faster than it wants, and hangs up"
        assert "too_fast" in codes
        labels = [label for label, _ in services.recordings[0].markers]
        # what was answered with ok is there, and nothing else
        assert len([one for one in labels if one.startswith("x")]) <= 60 + codes.count("ok")
        assert [one for one in labels if one.startswith("good")] == [f"good {n}" for n in range(5)]
        assert client.do(good.stop_recording)["session"] == "session-0"


def test_garbage_huge_messages_and_clients_that_vanish_lose_nothing(
    commanded: Callable[..., MainWindow], services: FakeServices, client: Client
) -> None:
    window = commanded()

    def talk(last: str) -> None:
        with connect(url_of(window)) as bad:
            command = {"type": "command", "command": "start_recording", "id": 1}
            bad.send(json.dumps(command))
            if last == "gone":
                bad.socket.close()  # in the middle of its own command
                return
            try:
                bad.send(last)
                for _ in range(5):  # frames come as long as one listens
                    bad.recv(timeout=0.3)
            except (ConnectionClosed, TimeoutError):
                pass

    # the one who goes comes last: its own command may go with it
    for number, last in enumerate(("", "x" * 5000, "garbage", "gone")):
        client.do(talk, last)
        client._qtbot.waitUntil(lambda: bool(services.recordings))
        with client.do(remote.connect) as good:
            assert client.do(good.marker, f"still here {number}")["t_s"] == 83.25
    (recording,) = services.recordings
    assert [label for label, _ in recording.markers] == [f"still here {n}" for n in range(4)]


def test_a_client_without_results_gets_answers_only(
    commanded: Callable[..., MainWindow], client: Client, qtbot: QtBot
) -> None:
    window = commanded()

    def talk() -> list[str]:
        with connect(f"{url_of(window)}&results=no") as quiet:
            time.sleep(0.2)  # frames of the others would be here
            quiet.send('{"type": "command", "id": 5, "command": "status"}')
            return [json.loads(quiet.recv(timeout=5))["type"] for _ in range(2)]

    assert client.do(talk) == ["hello", "answer"]


def test_the_settings_reach_the_next_stream(
    make_window: Callable[..., MainWindow], services: FakeServices, qtbot: QtBot
) -> None:
    window = make_window(Settings(web_origins="http://localhost:8000 http://lab.local"))
    window.live_page.recording_menu.streams["websocket"].trigger()
    qtbot.waitUntil(lambda: bool(services.stream_options))
    (options,) = services.stream_options
    assert options.origins == ("http://localhost:8000", "http://lab.local")
    assert options.commands is window.remote_control.desk


def test_closing_the_window_ends_connections_and_removes_the_address(
    commanded: Callable[..., MainWindow], client: Client, tmp_path: Path
) -> None:
    window = commanded()
    ferdesk = client.do(remote.connect)
    assert len(remote.running(tmp_path / "remote")) == 1
    window.close()
    assert client.refused(ferdesk.status) == ""
    ferdesk.close()
    assert list((tmp_path / "remote").iterdir()) == []


def test_a_fault_of_ours_is_answered_too_and_the_next_command_is_executed(
    commanded: Callable[..., MainWindow], client: Client, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    window = commanded()

    def fails(**_: object) -> None:
        raise ZeroDivisionError

    with client.do(remote.connect) as ferdesk:
        client.do(ferdesk.start_recording)
        monkeypatch.setattr(window.live_page.recordings, "describe", fails)
        client.do(ferdesk.stop_recording)
        with qtbot.captureExceptions() as faults:
            assert client.refused(ferdesk.participant, "P07") == "failed"
        assert [kind for kind, *_ in faults] == [ZeroDivisionError]
        assert client.do(ferdesk.status)["state"] == "running"
