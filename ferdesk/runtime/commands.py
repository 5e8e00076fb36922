"""Command desk: takes what other programs ask for, hands it to the window, and answers.

It knows neither sockets nor Qt. A stream's thread gives it texts; whoever executes commands takes
them on its own thread, each with a way to answer. All of it is bounded: a client that floods is
answered with a refusal, slowed down and in the end closed; a command that was taken is answered.
"""

import json
import math
import threading
import time
import unicodedata
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, get_args

from ferdesk.remote.places import Announcement

CommandName = Literal[
    "start_recording",
    "stop_recording",
    "marker",
    "participant",
    "condition",
    "status",
    "snapshot",
]
NAMES: tuple[CommandName, ...] = get_args(CommandName)
MAX_MESSAGE_BYTES = 4096
"""A longer message ends its client's connection."""
LONGEST_TEXT = 200
NOT_ALLOWED = (
    "This ferdesk takes no commands: allow them in its settings, or start the window with "
    "--commands."
)
_LONGEST_ID = 64
_MAX_WAITING = 64
"""Commands that wait for the window; more are refused."""
RATE_HZ = 20.0
"""Commands a second that a client may send on average."""
BURST = 40
"""Commands that it may send at once after a pause."""
_SLOWED_S = 0.02
"""How long the next message of a client that is too fast is not read."""
_MAX_REFUSED = 200
"""A client that was too fast for so many messages, without a pause between, is closed."""
_OLDEST_S = 86_400.0
_AHEAD_S = 1.0
"""Clocks of programs of one computer agree; a marker further ahead is a mistake."""

_TEXTS: Mapping[CommandName, tuple[str, ...]] = MappingProxyType(
    {
        "start_recording": ("name", "participant", "condition"),
        "marker": ("text",),
        "participant": ("text",),
        "condition": ("text",),
    }
)
"""The texts that a command may have."""


class CommandError(Exception):
    """A command that is refused: ``code`` for programs, the text a sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Command:
    """Command of another program; ``at_s`` is its moment on the monotonic clock.

    ``texts`` has what was given of the texts that it may have.
    """

    name: CommandName
    at_s: float
    texts: Mapping[str, str] = field(default_factory=dict)
    has_moment: bool = False
    """Whether the program named the moment; else it is that of the message's coming."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Command that waits for its answer; exactly one of both must be called, on any thread."""

    command: Command
    answer: Callable[[Mapping[str, object]], None]
    """Done: with the facts that the client is told."""
    refuse: Callable[[CommandError], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a client's reader does next: go on after ``pause_s``, or close with a reason."""

    pause_s: float = 0.0
    close_because: str = ""


class CommandClient:
    """Client of the desk; its texts come on one thread, and ``reply`` is called from any."""

    def __init__(
        self, desk: "CommandDesk", reply: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._desk, self._reply, self._clock = desk, reply, clock
        self._allowance, self._counted_s = float(BURST), clock()
        self._num_refused = 0

    def receive(self, text: str | bytes) -> Reading:
        """Take one message; what is wrong with it is answered in one sentence."""
        # in this order a thread that waits in between makes a named moment late, never early
        came_utc, came_s = datetime.now(UTC), self._clock()
        if not self._has_allowance(came_s):
            self._num_refused += 1
            if self._num_refused > _MAX_REFUSED:
                return Reading(close_because="too many commands")
            # its id is not looked for: what is too fast must cost next to nothing
            sentence = f"These are more than {RATE_HZ:g} commands a second; send fewer."
            self._answer(None, CommandError("too_fast", sentence))
            return Reading(pause_s=_SLOWED_S)
        number: str | int | None = None
        try:
            message = _object_of(text)
            number = _id_of(message)
            if not self._desk.allowed:
                raise CommandError("not_allowed", NOT_ALLOWED)
            command = _command_of(message, came_s, came_utc)
            self._desk.put(self._asked(command, number))
        except CommandError as error:
            self._answer(number, error)
        return Reading()

    def _has_allowance(self, now_s: float) -> bool:
        gained = (now_s - self._counted_s) * RATE_HZ
        self._allowance, self._counted_s = min(float(BURST), self._allowance + gained), now_s
        if self._allowance < 1:
            return False
        if self._allowance == BURST:
            self._num_refused = 0
        self._allowance -= 1
        return True

    def _asked(self, command: Command, number: str | int | None) -> Asked:
        return Asked(
            command,
            lambda facts: self._reply(_answer_text(number, ok=True, facts=facts)),
            lambda error: self._answer(number, error),
        )

    def _answer(self, number: str | int | None, error: CommandError) -> None:
        facts = {"error": error.code, "message": str(error)}
        self._reply(_answer_text(number, ok=False, facts=facts))


class CommandDesk:
    """Command desk of one program: clients put commands in, one thread takes them out.

    Commands are refused until ``allow(True)``. While they are allowed and a stream listens, the
    address stands in a file for this user's programs (``ferdesk.remote.places``).
    """

    def __init__(
        self,
        notify: Callable[[], None] = lambda: None,
        *,
        clock: Callable[[], float] = time.monotonic,
        announce: Callable[[str], Announcement] = Announcement,
    ) -> None:
        """``notify`` is called on a stream's thread whenever there is something to ``take``."""
        self._notify, self._clock, self._announce = notify, clock, announce
        self._lock = threading.Lock()
        self._waiting: deque[Asked] = deque()
        self._allowed = False
        self._address = ""
        self._announced: Announcement | None = None

    @property
    def allowed(self) -> bool:
        """Whether commands are taken."""
        return self._allowed

    def allow(self, allowed: bool) -> None:
        """Take commands from now on, or refuse them."""
        with self._lock:
            self._allowed = allowed
            self._settle()

    def listen_at(self, address: str) -> None:
        """A stream listens at ``address``, which has the token."""
        with self._lock:
            self._address = address
            self._settle()

    def leave(self, address: str) -> None:
        """The stream at ``address`` has ended; another one may have begun meanwhile."""
        with self._lock:
            if self._address == address:
                self._address = ""
                self._settle()

    def client(self, reply: Callable[[str], None]) -> CommandClient:
        """A new client; ``reply`` sends it a text and never waits."""
        return CommandClient(self, reply, self._clock)

    def put(self, asked: Asked) -> None:
        """Hand a command over.

        Raises:
            CommandError: too many wait already.
        """
        with self._lock:
            if len(self._waiting) >= _MAX_WAITING:
                raise CommandError("busy", "ferdesk is busy with other commands; send it again.")
            self._waiting.append(asked)
        self._notify()

    def take(self) -> Asked | None:
        """The command that has waited longest, None where none does."""
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _settle(self) -> None:
        if self._announced is not None:
            self._announced.withdraw()
            self._announced = None
        if self._allowed and self._address:
            self._announced = self._announce(self._address)


def refusal(text: str | bytes) -> str:
    """The answer of a stream behind which nobody executes commands."""
    number: str | int | None = None
    try:
        number = _id_of(_object_of(text))
    except CommandError as error:
        facts = {"error": error.code, "message": str(error)}
    else:
        sentence = "This ferdesk takes no commands; only its window does."
        facts = {"error": "not_allowed", "message": sentence}
    return _answer_text(number, ok=False, facts=facts)


def _answer_text(number: str | int | None, *, ok: bool, facts: Mapping[str, object]) -> str:
    message = {"type": "answer", "id": number, "ok": ok, **facts}
    return json.dumps(message, separators=(",", ":"), allow_nan=False)


def _object_of(text: str | bytes) -> Mapping[str, object]:
    if isinstance(text, bytes):
        raise CommandError("not_json", "A command is a text message, not a binary one.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise CommandError("not_json", "A command is a JSON object; see docs/streams.md.")
    return message


def _id_of(message: Mapping[str, object]) -> str | int | None:
    number = message.get("id")
    if number is None or (isinstance(number, str) and len(number) <= _LONGEST_ID):
        return number
    if isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**53:
        return number
    raise CommandError(
        "bad_id", f"An id is a whole number or a text of at most {_LONGEST_ID} characters."
    )


def _command_of(message: Mapping[str, object], came_s: float, came_utc: datetime) -> Command:
    wanted = message.get("command")
    if message.get("type") != "command" or not isinstance(wanted, str):
        raise CommandError("bad_command", 'A command has "type": "command" and its name.')
    name = next((one for one in NAMES if one == wanted), None)
    if name is None:
        known = ", ".join(NAMES)
        raise CommandError(
            "bad_command", f"There is no command {wanted[:40]!r}; there are {known}."
        )
    moments = ("time_utc", "ago_s") if name == "marker" else ()
    known_keys = {"type", "id", "command", *_TEXTS.get(name, ()), *moments}
    if unknown := sorted(str(key)[:40] for key in message if key not in known_keys):
        raise CommandError("bad_value", f"{name} has no {unknown[0]!r}.")
    texts = {
        key: _text_of(name, key, message[key]) for key in _TEXTS.get(name, ()) if key in message
    }
    if "text" in _TEXTS.get(name, ()) and "text" not in texts:
        raise CommandError("bad_value", f'{name} needs its "text".')
    if name == "marker" and not texts["text"]:
        raise CommandError("bad_value", "The marker's text is empty.")
    age_s = _age_of(message, moments, came_utc)
    return Command(name, came_s - (age_s or 0.0), MappingProxyType(texts), age_s is not None)


def _text_of(name: str, key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise CommandError(
            "bad_value", f'The "{key}" of {name} is a text of at most {LONGEST_TEXT} characters.'
        )
    text = " ".join(value.split())
    # neither what no file can hold nor what steers a terminal
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise CommandError("bad_value", f'The "{key}" of {name} has characters that are no text.')
    return text


def _age_of(
    message: Mapping[str, object], keys: tuple[str, ...], came_utc: datetime
) -> float | None:
    """How long before the message came the moment was that it names; None where it names none."""
    given = [key for key in keys if message.get(key) is not None]
    if not given:
        return None
    if len(given) > 1:
        raise CommandError("bad_time", "A marker has time_utc or ago_s, not both.")
    value = message[given[0]]
    if given[0] == "ago_s":
        age_s = _number(value)
    else:
        age_s = _seconds_before(came_utc, value)
    if not -_AHEAD_S <= age_s <= _OLDEST_S:
        raise CommandError(
            "bad_time",
            "A marker's time is time_utc as 2026-05-06T07:08:09.123Z, or ago_s in seconds: of the "
            "last day, and not ahead of this computer's clock.",
        )
    return max(0.0, age_s)


def _number(value: object) -> float:
    """NaN where ``value`` is no number."""
    try:
        return float(value) if type(value) in (int, float) else math.nan  # type: ignore[arg-type]
    except OverflowError:
        return math.nan


def _seconds_before(came_utc: datetime, value: object) -> float:
    """NaN where ``value`` is no moment with its zone."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None and moment.tzinfo is not None:
            return (came_utc - moment).total_seconds()
    except (ValueError, OverflowError):
        pass
    return math.nan
