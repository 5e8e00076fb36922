"""The ``ferdesk`` command; ``python -m ferdesk`` is the same."""

import os

# Before numpy is loaded: crops are small products, and with OpenBLAS's threads, which wait for each
# other, one took 177 ms instead of 4 while the cores were busy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from ferdesk.cli.main import main

if __name__ == "__main__":
    main()
