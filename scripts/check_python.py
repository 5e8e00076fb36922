"""Stop with one sentence where Python is too old, or comes without venv."""

import importlib.util
import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this file is read by older ones)
    sys.exit(
        "ferdesk needs Python 3.11 or newer, this is {}.{}; install one and call "
        "make PYTHON=python3.11.".format(*sys.version_info[:2])
    )
if importlib.util.find_spec("ensurepip") is None:
    sys.exit("Python comes without venv here; install the package python3-venv.")
