"""What all tests share: Qt draws to memory, so that no display is needed."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# before a test module imports OpenCV, which reads its limit of pixels only then, as in the program
import ferdesk.adapters  # noqa: F401
