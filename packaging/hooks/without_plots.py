"""MediaPipe imports matplotlib.pyplot for a helper that draws landmarks; ferdesk never calls it.

An empty stand-in saves 80 MB of the packaged program, a second of its start, and the list of fonts
that matplotlib makes the first time.
"""

import sys
from types import ModuleType

_package, _pyplot = ModuleType("matplotlib"), ModuleType("matplotlib.pyplot")
_package.pyplot = _pyplot  # type: ignore[attr-defined]
sys.modules["matplotlib"], sys.modules["matplotlib.pyplot"] = _package, _pyplot
