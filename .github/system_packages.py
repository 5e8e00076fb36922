"""The packages of the system libraries that are missing, those for X11 too, for apt-get."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
import system_libraries

sys.stdout.write(" ".join(sorted({*system_libraries.missing({"DISPLAY": ":0"}).values()})) + "\n")
