"""GUI-thread GC: Python's cyclic garbage collector, kept to the GUI thread.

It runs on whichever thread happens to allocate, and there destroys the Qt objects that it finds.
Qt allows that on the thread of the object alone: a widget or timer that is destroyed on another
brings the program down (docs/painting.md). Reference counting, which frees nearly everything, goes
on as ever.
"""

import gc

from PySide6.QtCore import QObject, QTimer

_EVERY_MS = 1000
_KEPT_AFTER = 10
"""Looks until what the program is made of is there, and need not be searched any more."""


class GuiThreadGC(QObject):
    """GUI-thread GC: cycles are collected from now on by the thread that makes it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._num_looks = 0
        self._timer = QTimer(self, interval=_EVERY_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> None:
        """Collect what is due by Python's own counts: the old more seldom than the young."""
        self._num_looks += 1
        if self._num_looks == _KEPT_AFTER:
            gc.collect()
            gc.freeze()
            return
        counts, limits = gc.get_count(), gc.get_threshold()
        due = [age for age in range(3) if counts[age] > limits[age] > 0]
        if due:
            gc.collect(due[-1])

    def stop(self) -> None:
        """Leave it to Python again."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()
