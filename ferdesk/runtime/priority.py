"""Priorities: analysis takes what the window leaves, and the window stays smooth."""

import logging
import os
import sys
import threading

log = logging.getLogger(__name__)

_NICER = 10
"""Measured in docs/painting.md; desktops share out time by program first and by niceness within."""
_NICEST = 19


def give_way() -> None:
    """Let the calling thread, and threads that it starts, come after the program's others.

    On Linux only, where each thread has a niceness of its own, setpriority(2). Windows and macOS
    put the thread of the window in front first by themselves.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        try:
            now = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, now + _NICER)
        except OSError as error:
            log.info("the analysis keeps its priority: %s", error)


def let_give_way(process_id: int) -> None:
    """Let another process, just begun, come after all others: it works in the background.

    The lowest niceness, on Windows the idle class; one that is gone by now is no error.
    """
    import psutil

    try:
        process = psutil.Process(process_id)
        process.nice(psutil.IDLE_PRIORITY_CLASS if sys.platform == "win32" else _NICEST)
    except (psutil.Error, OSError) as error:
        log.info("process %d keeps its priority: %s", process_id, error)
