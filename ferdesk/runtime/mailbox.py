"""Mailbox for one value between two threads: the newest wins; what it replaces is counted."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Mailbox of at most one value: ``put`` never waits, ``take`` waits for the next value."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._value: T | None = None
        self._closed = False
        self._num_dropped = 0

    def put(self, value: T) -> bool:
        """Store ``value``; True where the place was empty, False where it replaced another."""
        with self._changed:
            was_empty = self._value is None
            if not was_empty:
                self._num_dropped += 1
            self._value = value
            self._changed.notify()
            return was_empty

    def put_blocking(self, value: T) -> bool:
        """Wait until the place is empty, then store ``value``; False once closed. Loses nothing."""
        with self._changed:
            self._changed.wait_for(lambda: self._value is None or self._closed)
            if self._closed:
                return False
            self._value = value
            self._changed.notify_all()
            return True

    def wait_empty(self) -> bool:
        """Wait until nothing is stored; False once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._value is None or self._closed)
            return not self._closed

    def take(self, timeout_s: float | None = None) -> T | None:
        """The stored value, which leaves the place; None after ``timeout_s`` or once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._value is not None or self._closed, timeout_s)
            value, self._value = self._value, None
            self._changed.notify_all()
            return value

    def close(self) -> None:
        """Wake the reader for good; a value still stored can be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def waiting(self) -> bool:
        """Whether a value is stored."""
        with self._changed:
            return self._value is not None

    @property
    def closed(self) -> bool:
        with self._changed:
            return self._closed

    @property
    def num_dropped(self) -> int:
        with self._changed:
            return self._num_dropped
