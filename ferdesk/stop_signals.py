"""Signals that ask the program to end: Ctrl-C, a polite kill, a terminal or session that closes.

They are seen at once by a thread, also while the main thread waits inside a native library.
"""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def stop_signals() -> tuple[signal.Signals, ...]:
    """Those of this system that nobody has switched off, as ``nohup`` does with SIGHUP."""
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    return tuple(number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN)


@contextlib.contextmanager
def on_stop_signals(
    asked: Callable[[signal.Signals], object],
    *,
    noticed: Callable[[], object] = lambda: None,
    again: Callable[[int], object] = lambda number: os._exit(128 + number),
) -> Iterator[None]:
    """Call ``asked`` on the main thread at the first signal, and end at once at a second one.

    Args:
        asked: called where the main thread runs Python code.
        noticed: called at the first signal, on another thread, at once.
        again: called at the second signal, on another thread; ends the process.
    """
    numbers = stop_signals()
    before = {number: signal.getsignal(number) for number in numbers}
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    thread = threading.Thread(
        target=_watch,
        args=(reader, frozenset(numbers), noticed, again),
        name="ferdesk-signals",
        daemon=True,
    )
    first: list[int] = []

    def handle(number: int, _frame: object) -> None:
        # a list and not an Event, whose lock the interrupted thread may hold
        if not first:
            first.append(number)
            asked(signal.Signals(number))

    fd_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    thread.start()
    for number in numbers:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(fd_before)
        writer.close()
        thread.join()
        reader.close()


def _watch(
    reader: socket.socket,
    numbers: frozenset[int],
    noticed: Callable[[], object],
    again: Callable[[int], object],
) -> None:
    """Count signals, whose numbers the interpreter's own handler sends, until the other end."""
    num_asked = 0
    while content := reader.recv(64):
        for number in content:
            if number not in numbers:
                continue
            num_asked += 1
            if num_asked == 1:
                noticed()
            elif num_asked == 2:
                again(number)
                return
