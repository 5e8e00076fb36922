"""The command desk: what is taken, what is refused in one sentence, and what a flood costs."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ferdesk.remote.places import Announcement
from ferdesk.runtime import commands
from ferdesk.runtime.commands import BURST, MAX_MESSAGE_BYTES, NAMES, RATE_HZ, CommandDesk, refusal

DOCS = Path(__file__).parents[2] / "docs" / "streams.md"


class HeldClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Desk(CommandDesk):
    """A desk with one client, whose answers are kept."""

    def __init__(self, clock: HeldClock, folder: Path) -> None:
        self.answers: list[dict[str, Any]] = []
        super().__init__(clock=clock, announce=lambda url: Announcement(url, folder))
        self.one = self.client(lambda text: self.answers.append(json.loads(text)))
        self.allow(True)

    def send(self, **message: object) -> None:
        self.one.receive(json.dumps({"type": "command", **message}))


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def desk(clock: HeldClock, tmp_path: Path) -> Desk:
    return Desk(clock, tmp_path / "remote")


def test_a_command_is_taken_with_its_texts_and_answered_with_its_id(desk: Desk) -> None:
    desk.send(id=7, command="start_recording", participant=" P  07 ", condition="control")
    desk.send(id="b", command="status")
    first, second = desk.take(), desk.take()
    assert first is not None
    assert second is not None
    assert desk.take() is None
    assert (first.command.name, second.command.name) == ("start_recording", "status")
    assert dict(first.command.texts) == {"participant": "P 07", "condition": "control"}
    second.answer({"state": "running"})
    first.answer({"session": "s1"})
    assert desk.answers == [
        {"type": "answer", "id": "b", "ok": True, "state": "running"},
        {"type": "answer", "id": 7, "ok": True, "session": "s1"},
    ]


def test_a_markers_moment_is_that_of_its_coming_or_the_one_that_is_named(
    desk: Desk, clock: HeldClock
) -> None:
    desk.send(id=1, command="marker", text="a")
    desk.send(id=2, command="marker", text="b", ago_s=1.25)
    moment = datetime.now(UTC) - timedelta(seconds=3)
    desk.send(id=3, command="marker", text="c", time_utc=moment.isoformat())
    zoned = (moment + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "+02:00"
    desk.send(id=4, command="marker", text="d", time_utc=zoned)
    took_s = (datetime.now(UTC) - moment).total_seconds() - 3
    clock.now_s += 60  # when the window gets to it does not matter
    taken = [desk.take() for _ in range(4)]
    times = [one.command.at_s for one in taken if one is not None]
    assert times[:2] == [1000.0, 998.75]
    # the held clock stands still while the sending takes its time
    assert all(997.0 - took_s - 1e-6 <= at_s <= 997.0 for at_s in times[2:])
    assert [one.command.has_moment for one in taken if one] == [False, True, True, True]


def test_a_named_moment_is_not_earlier_where_the_message_was_read_slowly(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = commands._object_of
    begun: list[datetime] = []

    def slowly(text: str | bytes) -> Mapping[str, object]:
        begun.append(datetime.now(UTC))
        time.sleep(0.4)
        return read(text)

    monkeypatch.setattr(commands, "_object_of", slowly)
    moment = datetime.now(UTC)
    desk.send(command="marker", text="a", time_utc=moment.isoformat())
    taken = desk.take()
    assert taken is not None
    before_s = (begun[0] - moment).total_seconds()
    assert 1000.0 - before_s - 1e-6 <= taken.command.at_s <= 1000.0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_json"),
        ("[1]", "not_json"),
        ("[" * 4000, "not_json"),
        ('"marker"', "not_json"),
        (b"\x00\xff", "not_json"),
        ('{"command": "status"}', "bad_command"),
        ('{"type": "command"}', "bad_command"),
        ('{"type": "command", "command": "format_disk"}', "bad_command"),
        ('{"type": "command", "command": ["status"]}', "bad_command"),
        ('{"type": "command", "command": "status", "id": {}}', "bad_id"),
        ('{"type": "command", "command": "status", "id": 1.5}', "bad_id"),
        ('{"type": "command", "command": "status", "id": true}', "bad_id"),
        ('{"type": "command", "command": "status", "text": "a"}', "bad_value"),
        ('{"type": "command", "command": "marker"}', "bad_value"),
        ('{"type": "command", "command": "marker", "text": " \\n "}', "bad_value"),
        ('{"type": "command", "command": "marker", "text": 7}', "bad_value"),
        ('{"type": "command", "command": "marker", "text": "\\ud800"}', "bad_value"),
        ('{"type": "command", "command": "marker", "text": "a\\u0007"}', "bad_value"),
        ('{"type": "command", "command": "marker", "text": "%s"}' % ("a" * 201), "bad_value"),
        ('{"type": "command", "command": "marker", "text": "a", "ago_s": NaN}', "bad_time"),
        ('{"type": "command", "command": "marker", "text": "a", "ago_s": -5}', "bad_time"),
        ('{"type": "command", "command": "marker", "text": "a", "ago_s": "1"}', "bad_time"),
        ('{"type": "command", "command": "marker", "text": "a", "ago_s": 1e99}', "bad_time"),
        ('{"type": "command", "command": "marker", "text": "a", "ago_s": 1%s}' % ("0" * 400),
         "bad_time"),
        ('{"type": "command", "command": "marker", "text": "a", "time_utc": "12:03"}', "bad_time"),
        ('{"type": "command", "command": "marker", "text": "a", '
         '"time_utc": "2026-05-06T07:08:09"}', "bad_time"),
        ('{"type": "command", "command": "marker", "text": "a", "ago_s": 1, '
         '"time_utc": "2026-05-06T07:08:09Z"}', "bad_time"),
    ],
)  # fmt: skip
def test_what_is_no_command_is_one_sentence_and_nothing_is_done(
    desk: Desk, text: str | bytes, code: str
) -> None:
    desk.one.receive(text)
    (answer,) = desk.answers
    assert (answer["ok"], answer["error"]) == (False, code)
    assert answer["message"].endswith(".")
    assert answer["message"].count("\n") == 0
    assert desk.take() is None


def test_words_of_any_script_are_taken_as_they_are(desk: Desk) -> None:
    texts = ["می‌خواهم", "👩‍🔬", "Zoë", "视频 A"]
    for text in texts:
        desk.send(command="marker", text=text)
    assert [one.command.texts["text"] for one in iter(desk.take, None)] == texts


def test_commands_are_refused_until_they_are_allowed(desk: Desk) -> None:
    desk.allow(False)
    desk.send(id=1, command="start_recording")
    assert desk.take() is None
    assert (desk.answers[0]["id"], desk.answers[0]["error"]) == (1, "not_allowed")
    desk.allow(True)
    desk.send(id=2, command="start_recording")
    assert desk.take() is not None


def test_a_flood_is_refused_slowed_down_and_in_the_end_closed(desk: Desk, clock: HeldClock) -> None:
    text = json.dumps({"type": "command", "command": "status"})
    for _ in range(BURST):
        reading = desk.one.receive(text)
        assert (reading.pause_s, reading.close_because) == (0, "")
        assert desk.take() is not None
    assert desk.answers == []
    refused = [desk.one.receive(text) for _ in range(201)]
    assert {one.pause_s for one in refused[:-1]} == {0.02}
    assert [one.close_because for one in refused[-2:]] == ["", "too many commands"]
    assert {one["error"] for one in desk.answers} == {"too_fast"}
    assert desk.take() is None
    # whoever waits a little is served again, and another client was never meant
    clock.now_s += 1.01 / RATE_HZ
    assert desk.one.receive(text).pause_s == 0
    assert desk.take() is not None
    assert desk.client(lambda _: None).receive(text).pause_s == 0
    # and it is closed at once if it goes on, until it has paused
    assert desk.one.receive(text).close_because
    clock.now_s += BURST / RATE_HZ
    desk.one.receive(text)
    assert not [1 for _ in range(BURST) if desk.one.receive(text).close_because]


def test_a_window_that_does_not_take_them_holds_a_bounded_number(
    desk: Desk, clock: HeldClock
) -> None:
    for number in range(100):
        clock.now_s += 1
        desk.send(id=number, command="status")
    assert [one["error"] for one in desk.answers] == ["busy"] * 36
    assert len(list(iter(desk.take, None))) == 64


def test_the_address_is_kept_for_its_user_while_commands_are_allowed(
    desk: Desk, tmp_path: Path
) -> None:
    desk.listen_at("ws://127.0.0.1:8799/?token=abc")
    (file,) = (tmp_path / "remote").iterdir()
    assert file.name.startswith("8799-")
    assert "abc" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0 or file.stat().st_mode & 0o777 == 0o666  # Windows
    desk.allow(False)
    assert not file.exists()
    desk.allow(True)
    assert file.exists()
    desk.leave("ws://127.0.0.1:8700/?token=another")
    assert file.exists()
    desk.leave("ws://127.0.0.1:8799/?token=abc")
    assert not file.exists()


def test_a_stream_without_a_window_refuses_every_command() -> None:
    answer = json.loads(refusal('{"type": "command", "id": 3, "command": "status"}'))
    assert (answer["id"], answer["ok"], answer["error"]) == (3, False, "not_allowed")
    assert json.loads(refusal(b"x"))["error"] == "not_json"


def test_the_docs_name_each_command_and_the_limits() -> None:
    text = DOCS.read_text("utf-8")
    assert all(f"`{name}`" in text for name in NAMES)
    assert f"{RATE_HZ:g} commands a second" in text
    assert f"{MAX_MESSAGE_BYTES} bytes" in text
