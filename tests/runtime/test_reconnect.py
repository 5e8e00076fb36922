"""A live source that outlives its connections, on a clock that the test holds."""

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from ferdesk.core.types import Frame, SourceInfo
from ferdesk.errors import SourceError
from ferdesk.runtime import reconnect
from ferdesk.runtime.reconnect import LOST_AFTER_S, OPEN_WITHIN_S, PAUSES_S, Reconnecting

IMAGE = np.zeros((6, 8, 3), np.uint8)


def wait_for(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not come true"
        threading.Event().wait(0.005)


class Clock:
    """Goes on when the test says so, and knows which thread has looked at it since."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.seen_by: set[str] = set()

    def __call__(self) -> float:
        now_s = self.now_s
        self.seen_by.add(threading.current_thread().name)
        return now_s

    def go_on(self, by_s: float) -> None:
        self.now_s += by_s
        self.seen_by.clear()


class Device:
    """What the connections reach: plugged or not, giving pictures or hanging."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.connections: list[Connection] = []
        self.opened_at: list[float] = []
        self.fails_with = ""
        self.open_hangs = threading.Event()
        self.open_hangs.set()

    @property
    def rests(self) -> bool:
        """Whether all its connections wait for the test."""
        alive = {t for t in threading.enumerate() if t.name == "ferdesk-source"}
        return alive <= {one.thread for one in self.connections if one.waits}

    def make(self) -> "Connection":
        self.connections.append(Connection(self))
        return self.connections[-1]


class Connection:
    """One ``FrameSource``; ``give`` lets a waiting read come back."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.steps: list[str] = []
        self.more = threading.Condition()
        self.closed = False
        self.index = 0
        self.thread = threading.current_thread()
        self.opens = self.reads = False

    @property
    def waits(self) -> bool:
        """Whether nothing happens here until the test does something."""
        opens = self.opens and not self.device.open_hangs.is_set()
        return opens or (self.reads and not self.steps)

    def open(self) -> SourceInfo:
        self.device.opened_at.append(self.device.clock())
        self.opens = True
        self.device.open_hangs.wait(20)
        self.opens = False
        if self.device.fails_with:
            raise SourceError(self.device.fails_with)
        return SourceInfo("camera", "camera0", "camera0", 8, 6, 30.0)

    def read(self) -> Frame | None:
        with self.more:
            self.reads = True
            assert self.more.wait_for(lambda: bool(self.steps), 20)
            self.reads = False
            step = self.steps.pop(0)
        if step == "break":
            raise SourceError("It broke.")
        if step == "bug":
            raise ZeroDivisionError("a bug")
        if step == "end":
            return None
        self.index += 1
        now_s = self.device.clock()
        return Frame(IMAGE, self.index - 1, 0.0, now_s)

    def give(self, *steps: str) -> None:
        with self.more:
            self.steps += steps
            self.more.notify_all()

    def close(self) -> None:
        self.closed = True


READER = "reader"


class Reader:
    """Reads on a thread of its own, as the engine does."""

    def __init__(self, source: Reconnecting) -> None:
        self.source = source
        self.frames: list[Frame | None] = []
        self.thread = threading.Thread(target=self._run, name=READER)
        self.thread.start()

    def _run(self) -> None:
        while True:
            frame = self.source.read()
            self.frames.append(frame)
            if frame is None:
                return


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "_SLICE_S", 0.002)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def device(clock: Clock) -> Device:
    return Device(clock)


@pytest.fixture
def source(device: Device, clock: Clock) -> Iterator[Reconnecting]:
    source = Reconnecting(device.make, name="Camera 0", clock=clock)
    yield source
    device.open_hangs.set()
    for connection in device.connections:
        connection.give("end")
    source.close()
    wait_for(lambda: not [t for t in threading.enumerate() if t.name == "ferdesk-source"])


@pytest.fixture
def reader(source: Reconnecting) -> Iterator[Reader]:
    source.open()
    reader = Reader(source)
    yield reader
    source.leave()
    reader.thread.join(10)
    assert not reader.thread.is_alive()


def pass_until(device: Device, condition: Callable[[], bool], step_s: float = 0.1) -> None:
    """Let the held clock run until ``condition``.

    It goes on only once the reader has seen what time it is and nothing else is on its way, so
    that no time passes for a thread that a busy machine does not let run.
    """
    deadline_s = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not come true"
        if READER in device.clock.seen_by and device.rests:
            device.clock.go_on(step_s)
        threading.Event().wait(0.002)


def test_pictures_come_through_and_are_not_read_before_somebody_asks(
    source: Reconnecting, device: Device, clock: Clock
) -> None:
    source.open()
    device.connections[0].give("frame", "frame")
    assert device.connections[0].index == 0
    assert source.num_dropped == 0
    frame = source.read()
    assert frame is not None
    assert frame.t_s == 0.0


def test_a_source_that_cannot_be_opened_fails_at_once_with_its_sentence(
    source: Reconnecting, device: Device
) -> None:
    device.fails_with = "There is no camera 0; plug one in or choose another."
    with pytest.raises(SourceError, match="There is no camera 0"):
        source.open()
    assert len(device.connections) == 1


def test_silence_of_a_second_is_a_loss_and_the_source_is_opened_again(
    reader: Reader, device: Device, clock: Clock
) -> None:
    device.connections[0].give("frame")
    wait_for(lambda: len(reader.frames) == 1)
    heard_s = clock()
    pass_until(device, lambda: reader.source.num_attempts == 1)
    assert LOST_AFTER_S <= clock() - heard_s <= LOST_AFTER_S + 1
    # the connection that hangs comes back, and is closed by its own thread
    device.connections[0].give("frame")
    pass_until(device, lambda: len(device.connections) == 2)
    assert device.connections[0].closed
    device.connections[1].give("frame")
    wait_for(lambda: len(reader.frames) == 2)
    first, second = reader.frames
    assert first is not None
    assert second is not None
    # numbered on, and the gap is in the times
    assert (first.index, second.index) == (0, 1)
    assert second.t_s >= LOST_AFTER_S + PAUSES_S[0]
    assert (reader.source.trouble, reader.source.num_attempts) == ("", 0)


def test_pauses_grow_up_to_ten_seconds_and_begin_anew(
    reader: Reader, device: Device, clock: Clock
) -> None:
    device.connections[0].give("frame", "break")
    device.fails_with = "There is no camera 0; plug one in or choose another."
    pass_until(device, lambda: len(device.opened_at) == 8, step_s=0.25)
    assert reader.source.trouble == device.fails_with
    gaps = [b - a for a, b in zip(device.opened_at, device.opened_at[1:], strict=False)]
    for gap, pause in zip(gaps, PAUSES_S, strict=False):
        assert pause <= gap <= pause + 2
    assert gaps[-1] >= PAUSES_S[-1]
    device.fails_with = ""
    pass_until(device, lambda: len(device.opened_at) == 9)
    device.connections[-1].give("frame")
    wait_for(lambda: len(reader.frames) == 2)
    before_s = clock()
    device.connections[-1].give("break")
    pass_until(device, lambda: len(device.opened_at) == 10)
    assert device.opened_at[-1] - before_s <= PAUSES_S[0] + 1


def test_a_bug_in_a_source_is_a_loss_too(
    reader: Reader, device: Device, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    device.connections[0].give("frame", "bug")
    wait_for(lambda: "a bug" in reader.source.trouble)
    assert "ZeroDivisionError" in caplog.text
    pass_until(device, lambda: len(device.connections) == 2)


def test_an_end_is_an_end(reader: Reader, device: Device) -> None:
    device.connections[0].give("frame", "end")
    wait_for(lambda: bool(reader.frames) and reader.frames[-1] is None)


def test_leaving_ends_a_hanging_open_at_once(device: Device, source: Reconnecting) -> None:
    device.open_hangs.clear()
    errors: list[str] = []

    def opens() -> None:
        try:
            source.open()
        except SourceError as error:
            errors.append(str(error))

    thread = threading.Thread(target=opens)
    thread.start()
    wait_for(lambda: bool(device.opened_at))
    source.leave()
    thread.join(10)
    assert errors == ["Camera 0 was left before it was open."]
    assert source.read() is None


def test_an_open_that_hangs_for_a_minute_is_a_sentence(
    device: Device, source: Reconnecting, clock: Clock
) -> None:
    device.open_hangs.clear()
    errors: list[str] = []

    def opens() -> None:
        try:
            source.open()
        except SourceError as error:
            errors.append(str(error))

    thread = threading.Thread(target=opens, name=READER)
    thread.start()
    wait_for(lambda: bool(device.opened_at))
    pass_until(device, lambda: not thread.is_alive(), step_s=OPEN_WITHIN_S / 4)
    assert "did not open within 60 s" in errors[0]


def test_attempts_that_hang_do_not_pile_up(reader: Reader, device: Device, clock: Clock) -> None:
    device.connections[0].give("frame")
    wait_for(lambda: len(reader.frames) == 1)
    device.open_hangs.clear()
    pass_until(device, lambda: len(device.opened_at) == 3, step_s=20)
    for _ in range(10):
        clock.now_s += 100
        threading.Event().wait(0.006)
    assert len(device.opened_at) == 3
    # and once the driver lets them go, it goes on
    device.open_hangs.set()
    for connection in device.connections:
        connection.give("break")
    pass_until(device, lambda: len(device.opened_at) > 3, step_s=20)


def test_pictures_that_nobody_takes_are_counted(source: Reconnecting, device: Device) -> None:
    source.open()
    device.connections[0].give("frame")
    assert source.read() is not None
    device.connections[0].give(*["frame"] * 4)
    wait_for(lambda: source.num_dropped == 3)
    frame = source.read()
    assert frame is not None
    assert frame.index == 4
