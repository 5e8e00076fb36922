#!/usr/bin/env bash
# PySide6-Essentials 6.11.3, QTest.qWait in a program with Python threads.
# Expected: while it waits, other threads of Python go on, as they do while an event loop runs
#   (QEventLoop.exec): both are documented to process events for so long.
# Seen: qWait keeps Python's lock for its whole time. A thread that wakes each millisecond comes to
#   its turn hundreds of times during a second of QEventLoop.exec, and once or twice during qWait(1000).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check PySide6-Essentials==6.11.3 2>/dev/null
cat > "$work/try.py" <<'PY'
import threading
import time

import PySide6
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

print("PySide6", PySide6.__version__)
app = QApplication([])
turns = 0


def work():
    global turns
    while True:
        turns += 1
        time.sleep(0.001)


threading.Thread(target=work, daemon=True).start()
before = turns
QTest.qWait(1000)
waiting = turns - before
loop = QEventLoop()
QTimer.singleShot(1000, loop.quit)
before = turns
loop.exec()
looping = turns - before
print("turns of the thread in a second: qWait", waiting, "event loop", looping)
assert waiting < 20 < 100 < looping
PY
QT_QPA_PLATFORM=offscreen "$work/venv/bin/python" "$work/try.py"
