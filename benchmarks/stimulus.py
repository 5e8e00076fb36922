"""How far the stamps of stimuli are from the moment at which the screen shows them.

Pictures of black and white blocks that spell their number are run as a study, with the program's
own player. A second process reads the screen again and again (``QScreen.grabWindow``) and notes
when each number appeared and went, on the same monotonic clock. Between the last reading without a
number and the first one with it lies the truth; half of that gap is how exact the reading is.

    python benchmarks/stimulus.py                    # on a display in memory (Xvfb)
    python benchmarks/stimulus.py --display :0       # on a real screen; leave it alone meanwhile
    python benchmarks/stimulus.py --canvas opengl    # frameSwapped, where raster would be chosen

A display in memory has no refresh: what is read there is when the picture was in the display's
memory. What a real screen adds is at most what ``error_ms`` says, and its own delay.
"""

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

_WIDTH, _HEIGHT, _BITS, _RATE_FPS = 1280, 720, 10, 25


def numbered(number: int) -> NDArray[np.uint8]:
    """[720, 1280, 3] uint8: ten blocks that spell ``number``, white for 1, lowest bit first."""
    bits = [number >> bit & 1 for bit in range(_BITS)]
    row = np.repeat(np.array(bits, np.uint8) * 255, _WIDTH // _BITS)
    return np.broadcast_to(row[None, :, None], (_HEIGHT, _WIDTH, 3)).copy()


def write_study(folder: Path, num_images: int, num_frames: int) -> None:
    """Images 1 to ``num_images``, then a film of the numbers 512 and up."""
    from ferdesk.adapters.outputs.clip_writer import write_clip
    from ferdesk.adapters.outputs.jpeg import jpeg_of

    lines = ['[study]\nname = "Numbers"\nfixation_s = 0.1\n']
    for number in range(1, num_images + 1):
        picture = jpeg_of(numbered(number), longest_px=_WIDTH, quality=95)
        (folder / f"{number}.jpg").write_bytes(picture)
        lines.append(
            f'[[stimuli]]\nid = "n{number}"\nkind = "image"\nfile = "{number}.jpg"\n'
            "duration_s = 0.25\n"
        )
    write_clip(
        folder / "film.mp4", (numbered(512 + frame) for frame in range(num_frames)), _RATE_FPS
    )
    lines.append('[[stimuli]]\nid = "film"\nkind = "video"\nfile = "film.mp4"\n')
    (folder / "study.toml").write_text("".join(lines), encoding="utf-8")


def read_screen(out: Path, stop: Path) -> None:
    """The second process: each number that the screen shows, as lines of JSON, until ``stop``."""
    from PySide6.QtGui import QGuiApplication

    app = QGuiApplication([])
    screen = app.primaryScreen()
    size = screen.size()
    before_s, shown = time.monotonic(), -1
    with out.open("w") as file:
        file.write('{"ready": true}\n')
        file.flush()
        while not stop.exists():
            asked_s = time.monotonic()
            image = screen.grabWindow(0, 0, size.height() // 2, size.width(), 1).toImage()
            got_s = time.monotonic()
            step = image.width() / _BITS
            greys = [image.pixelColor(int((bit + 0.5) * step), 0).value() for bit in range(_BITS)]
            exact = all(grey < 60 or grey > 195 for grey in greys)
            number = sum((grey > 128) << bit for bit, grey in enumerate(greys)) if exact else -1
            if number != shown:
                # it changed after the reading before was asked for, and before this one came
                file.write(json.dumps([number, before_s, got_s]) + "\n")
                file.flush()
                shown = number
            before_s = asked_s


def run_study(folder: Path, canvas: str) -> dict[str, Any]:
    """The player: onset and end of each trial on the monotonic clock."""
    from PySide6.QtCore import Qt, QTimer
    from PySide6.QtGui import QGuiApplication
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from ferdesk.factory.services import WindowServices
    from ferdesk.studies.order import order_for
    from ferdesk.studies.study_file import read_study
    from ferdesk.studies.trials import Answer, Trial
    from ferdesk.ui.studies.participant_screen import ParticipantScreen
    from ferdesk.ui.studies.run_values import RunPlan
    from ferdesk.ui.studies.study_run import StudyRun

    class Notes:
        def __init__(self) -> None:
            self.trials: list[Trial] = []

        def add_trial(self, trial: Trial) -> None:
            self.trials.append(trial)

        def add_answer(self, answer: Answer) -> None:
            pass

    app = QApplication([])
    study = read_study(folder)
    kind = {"raster": "raster", "opengl": "opengl"}.get(canvas)
    screen = ParticipantScreen(time.monotonic, kind)  # type: ignore[arg-type]
    screen.show_on(QGuiApplication.primaryScreen())
    notes = Notes()
    # a session that began at 0 of the clock, so that its times are the clock's
    run = StudyRun(
        RunPlan(study, order_for(study, "", 0)),
        screen,
        WindowServices(),
        time.monotonic,
        mark=lambda _label, at_s: at_s,
        notes=notes,
    )
    # not quit, which the participant's screen refuses
    run.ended.connect(lambda _: app.exit(0))
    keys = QTimer(interval=200)
    keys.timeout.connect(
        lambda: QTest.keyClick(screen, Qt.Key.Key_Space) if run.waits_for_key else None
    )
    keys.start()
    QTimer.singleShot(500, run.begin)
    app.exec()
    run.join()
    method, error_ms = screen.method, screen.error_ms
    screen.end()
    trials = [
        [one.stimulus, one.onset_t_s, one.end_t_s, one.planned_s, one.note] for one in notes.trials
    ]
    return {"method": method, "error_ms": error_ms, "trials": trials}


def compare(told: dict[str, Any], seen: list[tuple[int, float, float]]) -> None:
    """Print how far stamps and readings lie apart, in milliseconds."""
    onsets, ends, gaps, lengths = [], [], [], []
    first = {number: (before_s, after_s) for number, before_s, after_s in reversed(seen)}
    last = {one[0]: (following[1], following[2]) for one, following in itertools.pairwise(seen)}
    for name, onset_s, end_s, planned_s, _ in told["trials"]:
        if not name.startswith("n") or int(name[1:]) not in first:
            continue
        begin, over = first[int(name[1:])], last[int(name[1:])]
        onsets.append(1000 * (onset_s - sum(begin) / 2))
        ends.append(1000 * (end_s - sum(over) / 2))
        gaps.append(1000 * (begin[1] - begin[0]) / 2)
        lengths.append(1000 * (end_s - onset_s - planned_s))
    num_images = sum(one[0].startswith("n") for one in told["trials"])
    say = sys.stdout.write
    say(f"method {told['method']}, error_ms {told['error_ms']}, {num_images} images\n")
    say(f"read from the screen: {len(onsets)}, to +- {np.median(gaps):.2f} ms (median)\n")
    for title, values in (
        ("onset: stamp less screen", onsets),
        ("end: stamp less screen", ends),
        ("length less planned", lengths),
    ):
        low, middle, high = np.percentile(values, (2.5, 50, 97.5))
        worst = max(values, key=abs)
        say(f"{title}: median {middle:.2f}, 95 % {low:.2f} to {high:.2f}, worst {worst:.2f} ms\n")
    film = [one for one in told["trials"] if one[0] == "film"]
    frames = {number - 512: first[number] for number in first if number >= 512}
    if film and 0 in frames:
        late = [
            1000 * (sum(times) / 2 - film[0][1] - frame / _RATE_FPS)
            for frame, times in frames.items()
        ]
        low, middle, high = np.percentile(late, (2.5, 50, 97.5))
        say(
            f"film: {len(frames)} pictures read, less their time: median {middle:.2f}, "
            f"95 % {low:.2f} to {high:.2f} ms; {film[0][4] or 'none left out'}\n"
        )


@contextlib.contextmanager
def display_of(name: str) -> Iterator[str]:
    if name:
        yield name
        return
    from tests.helpers.xvfb import why_none, xvfb

    if why := why_none():
        sys.exit(f"{why}; give --display.")
    with xvfb() as display:
        yield display


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--frames", type=int, default=75)
    parser.add_argument("--display", default="")
    parser.add_argument("--canvas", choices=("auto", "raster", "opengl"), default="auto")
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part is not None:
        folder = Path(options.part[1])
        if options.part[0] == "read":
            read_screen(folder / "seen.jsonl", folder / "stop")
        else:
            told = run_study(folder, options.canvas)
            (folder / "told.json").write_text(json.dumps(told), encoding="utf-8")
        return
    with tempfile.TemporaryDirectory() as name, display_of(options.display) as display:
        folder = Path(name)
        write_study(folder, options.images, options.frames)
        environ = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        command = [sys.executable, __file__, "--canvas", options.canvas, "--part"]
        reader = subprocess.Popen([*command, "read", name], env=environ)
        try:
            subprocess.run([*command, "run", name], env=environ, check=True)
        finally:
            (folder / "stop").touch()
            reader.wait(30)
        told = json.loads((folder / "told.json").read_text("utf-8"))
        lines = (folder / "seen.jsonl").read_text("utf-8").splitlines()
        seen = [tuple(one) for one in map(json.loads, lines) if isinstance(one, list)]
        compare(told, seen)


if __name__ == "__main__":
    main()
