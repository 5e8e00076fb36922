"""Programs that the packaged one starts (a browser, a file manager) get the system's own libraries.

PyInstaller points LD_LIBRARY_PATH at the program's folder for itself and keeps what it was before.
"""

import os

_before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
if _before is not None:
    os.environ["LD_LIBRARY_PATH"] = _before
else:
    os.environ.pop("LD_LIBRARY_PATH", None)
