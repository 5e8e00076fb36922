"""Recorder of a trial: a live recording of a made-up camera, 30 pictures a second, two faces.

    python scripts/trials/recorder.py FOLDER SECONDS VIDEO

VIDEO is ``off``, ``clean``, ``overlay`` or ``anonymous``. Each time that was handed to the recorder
is written to the standard output at once, so that whoever ends this program knows what was there
to lose; a marker is set every second. The last line tells the problem, if there was one.
"""

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np

from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.adapters.outputs.video_writer import MODES, VideoWriter
from ferdesk.sessions.schema import VIDEO_FILE
from tests.adapters.test_session_writer import header
from tests.helpers.results import faces, make_result

RATE = 30


def picture(number: int) -> np.ndarray:
    """[240, 320, 3] uint8: a bar that moves over a still pattern."""
    image = np.tile(np.arange(320, dtype=np.uint8)[None, :, None], (240, 1, 3))
    image[:, 4 * number % 300 : 4 * number % 300 + 20] = (210, 30, 90)
    return image


def main(folder: Path, seconds: float, kind: str) -> None:
    mode = next((mode for mode in MODES if mode == kind), None)
    video = None if mode is None else VideoWriter(folder / VIDEO_FILE, mode)
    writer = SessionWriter(folder, header(), live=True, video=video)
    stop, began_s, number = threading.Event(), time.monotonic(), 0
    while number < seconds * RATE and not writer.problem:
        late_s = time.monotonic() - began_s - number / RATE
        if late_s < 0:
            stop.wait(-late_s)
        image = picture(number)
        result = make_result(*faces(2), index=number, captured_s=time.monotonic(), image=image)
        if number % RATE == RATE - 1:
            writer.mark(f"second {number // RATE + 1}")
        t_s = writer.add(result)
        if t_s is not None:
            os.write(1, f"{t_s:.6f}\n".encode())
        number += 1
    writer.close()
    os.write(1, f"closed {writer.problem}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
