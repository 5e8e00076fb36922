"""Fuzzing: files that are damaged at random, each read in a process of its own, with limits.

    make fuzz            FUZZ="--minutes 30 --seed 7"
    PYTHONPATH=. python scripts/fuzz.py [KIND ...] [--minutes 5] [--seed N]

Kinds: ``videos`` and ``stills`` (made here, container and pictures damaged), ``sessions`` (any of
its files), ``markers``, ``settings``. A reader may refuse an input in one sentence, or read it with
times that do not fall. Anything else is told with the kind, the seed and what happened: an error
that is not ours, a crash, too much time or memory. Such an input is kept in a temporary folder, and
never belongs into the repository. Needs ``fork``: Linux or macOS.
"""

import argparse
import json
import os
import random
import resource
import secrets
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from ferdesk.adapters.sources.still_image import StillImage
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.errors import FerdeskError
from ferdesk.sessions.catalogue import entry_of, repair
from ferdesk.sessions.export import changes_csv, rows_csv, summary_csv
from ferdesk.sessions.markers import read_markers
from ferdesk.sessions.reader import problems_of, read_session
from ferdesk.sessions.report import html_report
from ferdesk.sessions.review import load_review, save_review
from ferdesk.settings import Settings, load_settings, save_settings
from tests.helpers.sessions import write_two_faces
from tests.helpers.videos import numbered, remux, write_film

_MOST_PICTURES = 150
_READ, _REFUSED, _OTHER, _MEMORY = 0, 3, 4, 5
_WORDS = {_READ: "read", _REFUSED: "refused"}
_INTEGERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_MARKS = (
    "time,label\n0.5,film A\n1.25,\"film B, sad\"\n9.75,end\n",
    "onset;label\n0,5;Film A\n1,5;Film B\n",
    "onset\tduration\ttrial_type\n0.5\t1\tface\n1.5\t1\thouse\n",
    "Time,Behavior,Behavior type,Description\n0.5,smile,START,of 7\n1.5,smile,STOP,of 7\n",
    "time,label\n2026-03-04T05:06:08Z,a\n2026-03-04T05:06:09.5Z,b\n",
)  # fmt: skip


def damage(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """``data`` with one to eight changes, half of them near its start, where the headers are."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        size = len(changed)
        at = rng.randrange(min(size, 2000) if rng.random() < 0.5 else size) if size else 0
        length = rng.choice((1, 2, 4, 8, 64, 700))
        match rng.randrange(8):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                changed[at : at + 1] = bytes([changed[at] ^ 1 << rng.randrange(8)] if size else [])
            case 2:
                order = rng.choice(("big", "little"))
                changed[at : at + 4] = rng.choice(_INTEGERS).to_bytes(4, order)  # type: ignore[arg-type]
            case 3:
                del changed[at : at + length]
            case 4:
                changed[at:at] = changed[at : at + length]
            case 5:
                changed[at : at + length] = bytes(length)
            case 6:
                other = rng.choice(others)
                start = rng.randrange(len(other))
                changed[at : at + length] = other[start : start + length]
            case _:
                if rng.random() < 0.3:
                    del changed[at:]
    return bytes(changed)


def make_videos(folder: Path) -> list[Path]:
    film = write_film(folder / "film.mp4", 40)
    made = [film, write_film(folder / "old.mp4", 30, codec="mpeg4"),
            write_film(folder / "pictures.avi", 20, codec="mjpeg"),
            write_film(folder / "sound.mkv", 30, sound_s=1.0, late_s=0.5),
            write_film(folder / "raw.h264", 30, form="h264")]  # fmt: skip
    return made + [
        remux(film, folder / f"copy.{suffix}") for suffix in ("mkv", "ts", "flv", "avi", "mov")
    ]


def make_stills(folder: Path) -> list[Path]:
    made = []
    for suffix in ("png", "jpg", "webp", "bmp", "tiff", "avif"):
        path = folder / f"still.{suffix}"
        if cv2.imwrite(str(path), numbered(5)):
            made.append(path)
    return made


def make_sessions(folder: Path) -> list[Path]:
    session = write_two_faces(folder / "session", markers=[(0.5, "film A")])
    review = load_review(read_session(session)).named(4, "Ana").split(9, 0.4)
    save_review(review, session)
    return [session / name for name in ("results.csv", "session.json", "review.json")]


def make_markers(folder: Path) -> list[Path]:
    write_two_faces(folder / "session")
    made = []
    for number, text in enumerate(_MARKS):
        for encoding in ("utf-8", "utf-16"):
            made.append(folder / f"{number}-{encoding}.csv")
            made[-1].write_bytes(text.encode(encoding))
    return made


def make_settings(folder: Path) -> list[Path]:
    path = folder / "settings.json"
    save_settings(Settings(mirror=True, theme="dark", font_scale=1.5, timeline_s=60), path)
    return [path]


def use_video(path: Path) -> None:
    _use_source(VideoFile(str(path)))


def use_still(path: Path) -> None:
    _use_source(StillImage(path))


def _use_source(source: VideoFile | StillImage) -> None:
    try:
        source.open()
        before_s = 0.0
        for _ in range(_MOST_PICTURES):
            frame = source.read()
            if frame is None:
                break
            if frame.t_s < before_s:
                raise AssertionError(f"time falls from {before_s} to {frame.t_s}")
            if frame.image.dtype != np.uint8 or frame.image.ndim != 3 or 0 in frame.image.shape:
                raise AssertionError(f"a picture of {frame.image.shape}")
            before_s = frame.t_s
        for event in source.take_events():
            _check_line(event.text)
    finally:
        source.close()


def use_session(path: Path) -> None:
    entry_of(path.parent)
    session = read_session(path.parent)
    problems_of(session)
    review = load_review(session)
    made = datetime(2026, 3, 5, tzinfo=UTC)
    html_report([session], reviews=[review], made=made, version="0")
    for text in (
        summary_csv([session], [review]),
        changes_csv([session]),
        rows_csv(session, "pyfeat"),
    ):
        text.encode(errors="surrogatepass")
    save_review(review, path.parent)
    repair(path.parent)


def use_markers(path: Path) -> None:
    found = read_markers(path, read_session(path.parent / "session"))
    times = [marker.t_s for marker in found]
    if times != sorted(times):
        raise AssertionError("markers are not in the order of time")


def use_settings(path: Path) -> None:
    loaded = load_settings(path)
    save_settings(loaded.settings, path)
    if load_settings(path).settings != loaded.settings:
        raise AssertionError("what was saved is not what is loaded")


KINDS: dict[str, tuple[Callable[[Path], list[Path]], Callable[[Path], None]]] = {
    "videos": (make_videos, use_video),
    "stills": (make_stills, use_still),
    "sessions": (make_sessions, use_session),
    "markers": (make_markers, use_markers),
    "settings": (make_settings, use_settings),
}


def _check_line(text: str) -> None:
    if len(text.splitlines()) > 1:
        raise AssertionError(f"{text!r} is not one line")


def _in_child(
    use: Callable[[Path], None], path: Path, report: Path, options: argparse.Namespace
) -> None:
    """Read one input and leave; what went wrong is written to ``report``."""
    resource.setrlimit(resource.RLIMIT_AS, (options.megabytes * 10**6,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    code = _READ
    try:
        use(path)
    except FerdeskError as error:
        code = _REFUSED
        if len(str(error).splitlines()) != 1:
            report.write_text(
                f"a sentence of {len(str(error).splitlines())} lines: {error}", "utf-8"
            )
            code = _OTHER
    except MemoryError:
        code = _MEMORY
    except BaseException as error:  # noqa: BLE001 (all that is not ours is what is looked for)
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        report.write_text(text, "utf-8", errors="backslashreplace")
        code = _OTHER
    os._exit(code)


def try_input(use: Callable[[Path], None], path: Path, options: argparse.Namespace) -> str:
    """``read``, ``refused``, or what went wrong."""
    report = path.parent / ".report"
    report.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _in_child(use, path, report, options)
    deadline_s = time.monotonic() + options.seconds
    pause_s = 0.001
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > deadline_s:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return f"takes more than {options.seconds:g} s"
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.05)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f"crash: {signal.Signals(-code).name}"
    if code == _MEMORY:
        return f"takes more than {options.megabytes} MB"
    return _WORDS.get(code) or (
        report.read_text("utf-8") if report.exists() else f"exit code {code}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("kinds", nargs="*", default=[])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=20.0, help="for one input")
    parser.add_argument("--megabytes", type=int, default=3000, help="address space of one input")
    options = parser.parse_args()
    if unknown := set(options.kinds) - set(KINDS):
        parser.error(f"there is no kind {', '.join(unknown)}; there are {', '.join(KINDS)}")
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    kinds = options.kinds or list(KINDS)
    sys.stdout.write(f"seed {seed}; once more: python scripts/fuzz.py --seed {seed}\n")
    keep = Path(tempfile.mkdtemp(prefix="ferdesk-fuzz-"))
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    faults: Counter[str] = Counter()
    ends_s = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="ferdesk-fuzz-now-") as root:
        bases: dict[str, dict[Path, bytes]] = {}
        for kind in kinds:
            place = Path(root) / kind
            place.mkdir()
            made = KINDS[kind][0](place)
            bases[kind] = {path: path.read_bytes() for path in made}
            for path, content in bases[kind].items():
                # loads what is loaded late, once and not in each child
                KINDS[kind][1](path)
                path.write_bytes(content)
        number = 0
        while time.monotonic() < ends_s:
            kind = kinds[number % len(kinds)]
            rng = random.Random(f"{seed}-{number}")
            path = rng.choice(list(bases[kind]))
            damaged = damage(bases[kind][path], rng, list(bases[kind].values()))
            path.write_bytes(damaged)
            outcome = try_input(KINDS[kind][1], path, options)
            counts[kind][outcome if outcome in _WORDS.values() else "fault"] += 1
            if outcome not in _WORDS.values():
                fault = f"{kind}, {path.name}: {outcome}"
                if not faults[fault]:
                    (keep / f"{number}-{path.name}").write_bytes(damaged)
                    sys.stdout.write(f"FAULT {fault} (input {number})\n")
                    sys.stdout.flush()
                faults[fault] += 1
            for each, content in bases[kind].items():  # a session's reader may have repaired it
                each.write_bytes(content)
            number += 1
    for kind, count in counts.items():
        sys.stdout.write(f"{kind}: {count.total()} inputs, {json.dumps(dict(count))}\n")
    if faults:
        sys.stdout.write(f"{len(faults)} kinds of faults; the inputs are in {keep}\n")
    else:
        keep.rmdir()
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
