"""Reading ahead: the items of an iterator, made on a thread of their own while others are used."""

import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

from ferdesk.runtime.mailbox import Mailbox

T = TypeVar("T")


class Ahead(Generic[T]):
    """Items of an iterator, up to two ahead, in their order; none is lost.

    What the iterator raises is raised where its next item would have come. ``close`` ends the
    thread, also in the middle, after the item in work.
    """

    def __init__(self, items: Iterator[T], name: str) -> None:
        """``name`` is the thread's."""
        self._items = items
        self._ready: Mailbox[tuple[T] | Exception] = Mailbox()
        self._thread = threading.Thread(target=self._work, name=name)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        while (ready := self._ready.take()) is not None:
            if isinstance(ready, Exception):
                raise ready
            yield ready[0]

    def close(self) -> None:
        self._ready.close()
        self._thread.join()

    def _work(self) -> None:
        try:
            for item in self._items:
                if not self._ready.put_blocking((item,)):
                    return
        except Exception as error:  # noqa: BLE001 (raised again by the reader)
            self._ready.put_blocking(error)
        finally:
            self._ready.close()
