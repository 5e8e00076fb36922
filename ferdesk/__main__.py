"""The ``ferdesk`` command; ``python -m ferdesk`` is the same."""

import gc
import os
import signal
import sys

# Importing leaves next to no garbage, and searching the growing heap for it takes a part of a
# start; the window then collects on its own thread, the other commands as Python does.
gc.disable()

# Before numpy is loaded: crops are small products, and with OpenBLAS's threads, which wait for each
# other, one took 177 ms instead of 4 while the cores were busy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from ferdesk.paths import WORKER_COMMAND  # noqa: E402 (after the lines above)


def main() -> None:
    """Run the command; an archive's worker without what commands and the window import."""
    if sys.argv[1:] == [WORKER_COMMAND]:
        # the parent is told by the terminal too, and tells us
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        import logging

        from ferdesk.archive import worker

        gc.enable()
        code = worker.main()
        logging.shutdown()
        # all is closed: to take the libraries apart costs 80 ms, for which the parent waits
        os._exit(code)
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        # while all of that is imported a Ctrl-C ends the program as any, without a traceback
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from ferdesk.cli.main import main as run

    signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
