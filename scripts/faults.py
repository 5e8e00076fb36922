"""Faults of the world around a recording, done to it on purpose: what is lost, a line each.

    PYTHONPATH=. python scripts/faults.py [NAME ...] [--kills 100] [--cycles 1000] [--seed 1]

NAMES: ``busy``, ``inodes`` (drives by FUSE), ``full`` (a small disk), ``kills`` (``kill -9`` at
random moments), ``signals`` (SIGINT, SIGTERM and SIGHUP to ``analyze``), ``clocks`` (set while it
records, faked inside the program), ``cycles`` (starts and stops); by default all. Everything
happens in a temporary folder. The drives need Linux, root, /dev/fuse and the extra ``faults``.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import av
import psutil

from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.errors import FerdeskError
from ferdesk.runtime.clock_watch import ClockWatch
from ferdesk.runtime.engine import Engine
from ferdesk.runtime.status import State
from ferdesk.sessions.catalogue import entry_of, repair
from ferdesk.sessions.reader import problems_of, read_session
from ferdesk.sessions.report import html_report
from tests.adapters.test_session_writer import header, result
from tests.helpers.videos import write_film
from tests.runtime.test_engine import Source, pipeline

ROOT = Path(__file__).resolve().parents[1]
MOST_ROWS_LOST_S, MOST_VIDEO_LOST_S = 1.0, 2.0


class NotTriedError(Exception):
    """It cannot be tried on this machine; the text says why."""


class LostError(Exception):
    """A promise was not kept; the text says which."""


def check(kept: bool, text: str) -> None:
    if not kept:
        raise LostError(text)


def child(*words: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, *map(str, words)], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def recorder(folder: Path, seconds: float, video: str = "off") -> subprocess.Popen[str]:
    folder.mkdir()
    return child("scripts/trials/recorder.py", folder, seconds, video)


def recorded(process: subprocess.Popen[str]) -> tuple[list[float], str]:
    """The times that were handed to the recorder, and its problem."""
    told, errors = process.communicate(timeout=300)
    lines = told.splitlines()
    problem = lines.pop().removeprefix("closed").strip() if "closed" in told else f"no end {errors}"
    return [float(line) for line in lines], problem


def rows_of(folder: Path) -> list[float]:
    """The times of the frames of a session, which is checked."""
    session = read_session(folder)
    check(problems_of(session) == [], f"{problems_of(session)[:2]}")
    html_report([session], made=session.started_utc or _NEVER, version="0")
    return [float(t_s) for t_s in session.table.t_s[session.table.frame_starts()]]


_NEVER = datetime(2026, 1, 1, tzinfo=UTC)


@contextlib.contextmanager
def drive(root: Path, fault: str) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    if not Path("/dev/fuse").exists() or os.geteuid() != 0:
        raise NotTriedError("there is no /dev/fuse here, or no right to mount")
    behind, mounted = root / "behind", root / "mounted"
    behind.mkdir()
    mounted.mkdir()
    process = child("scripts/trials/fuse_drive.py", behind, mounted, fault)
    try:
        for _ in range(300):
            if os.path.ismount(mounted):
                break
            if process.poll() is not None:
                raise NotTriedError((process.communicate()[1].strip().splitlines() or ["?"])[-1])
            time.sleep(0.1)
        else:
            raise NotTriedError("the drive was not mounted within 30 s")
        yield mounted, process
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=False, capture_output=True)
        process.terminate()
        process.wait(10)


def busy(root: Path, options: argparse.Namespace) -> str:
    with drive(root, "busy") as (place, process):
        times, problem = recorded(recorder(place / "s", 12))
        kept, session = rows_of(place / "s"), read_session(place / "s")
        check(problem == "", problem)
    refused = (process.stdout.read() if process.stdout else "").count("refused")
    check(kept == times, f"{len(kept)} of {len(times)} frames")
    check(len(session.markers) == 12, f"{len(session.markers)} of 12 markers")
    check(refused > 0, "nothing was refused")
    return f"{refused} writes of session.json refused; {len(kept)} of {len(times)} frames kept"


def inodes(root: Path, options: argparse.Namespace) -> str:
    with drive(root, "inodes") as (place, _):
        times, problem = recorded(recorder(place / "s", 8))
        kept = rows_of(place / "s")
    check(problem == "", problem)
    check(kept == times, f"{len(kept)} of {len(times)} frames")
    return f"{len(kept)} of {len(times)} frames kept and read there without memory maps"


def full(root: Path, options: argparse.Namespace) -> str:
    if os.geteuid() != 0:
        raise NotTriedError("a small disk needs the right to mount")
    place = root / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        raise NotTriedError("a small disk cannot be mounted here")
    try:
        times, problem = recorded(recorder(place / "s", 120, "clean"))
        session = read_session(place / "s")
        kept = len(session.table.frame_starts())
        check("disk is full" in problem, f"it was not told: {problem!r}")
        check(session.complete, "the session was not closed")
        check(problems_of(session) == [], f"{problems_of(session)[:2]}")
    finally:
        subprocess.run(["umount", str(place)], check=False)
    lost_s = times[-1] - float(session.table.t_s[-1])
    check(lost_s <= MOST_ROWS_LOST_S, f"{lost_s:.2f} s of rows lost")
    return (
        f"told after {times[-1]:.1f} s; {kept} frames whole, {lost_s:.2f} s after the last of them"
    )


def kills(root: Path, options: argparse.Namespace) -> str:
    """How long before the kill the last row, and the last picture of the video, was taken."""
    rng = random.Random(options.seed)
    lost: dict[str, list[tuple[float, float]]] = {"clean": [], "anonymous": []}
    unplayable = 0
    for number in range(options.kills):
        kind = ("clean", "anonymous")[number % 2]
        folder = root / f"kill{number}"
        process = recorder(folder, 60, kind)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.1, 6.0))
        process.send_signal(signal.SIGKILL)
        told, _ = process.communicate()
        # what stands in the pipe was added before the kill; a last line may be cut
        last_s = float([line for line in ("0\n" + told).split("\n")[:-1] if line][-1])
        entry = repair(folder)
        check(entry.complete, f"kill {number}: {entry.problem}")
        kept = rows_of(folder)
        video_s = 0.0
        try:
            with av.open(str(folder / "video.mp4")) as film:
                video_s = max(float(picture.time or 0) for picture in film.decode(video=0))
        except (av.error.FFmpegError, OSError, ValueError):
            unplayable += 1
        lost[kind].append((last_s - (kept[-1] if kept else 0.0), last_s - video_s))
    rows = [one[0] for pairs in lost.values() for one in pairs]
    videos = [one[1] for pairs in lost.values() for one in pairs]
    text = f"{len(rows)} of {options.kills} folders open and are repaired; lost: "
    text += f"{_spread(rows)} of rows"
    for kind, pairs in lost.items():
        if pairs:
            text += f", {_spread([one[1] for one in pairs])} of {kind} video"
    text += f"; {unplayable} videos had no picture yet; load {os.getloadavg()[1]:.1f}"
    late = (
        sum(one > MOST_ROWS_LOST_S for one in rows),
        sum(one > MOST_VIDEO_LOST_S for one in videos),
    )
    check(not any(late), f"{text}; more than promised: {late[0]} times rows, {late[1]} times video")
    return text


def _spread(values: list[float]) -> str:
    ordered = sorted(values)
    return f"{ordered[0]:.2f} to {ordered[-1]:.2f} s (half below {ordered[len(ordered) // 2]:.2f})"


def signals(root: Path, options: argparse.Namespace) -> str:
    rng, left, tries = random.Random(options.seed), [], 4
    film = write_film(root / "film.mp4", 900)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        for number in range(tries):
            out = root / f"{name}{number}"
            process = child("-m", "ferdesk", "analyze", film, "--out", out, "--video")
            rows = out / "film" / "results.csv"
            for _ in range(1200):
                if rows.exists() and rows.stat().st_size > 2000:
                    break
                time.sleep(0.05)
            time.sleep(rng.uniform(0.0, 0.5))
            process.send_signal(getattr(signal, name))
            _, errors = process.communicate(timeout=120)
            entry = entry_of(out / "film")
            check("Traceback" not in errors, f"{name}: a traceback")
            if not entry.complete:
                left.append(name)
                continue
            rows_of(out / "film")
    check(not left, f"{len(left)} of {3 * tries} sessions were left open, by {sorted(set(left))}")
    return f"{3 * tries} of {3 * tries} sessions closed properly after SIGINT, SIGTERM or SIGHUP"


def clocks(root: Path, options: argparse.Namespace) -> str:
    changes = [3600.0, -86_400.0, 463 * 86_400.0, -2.5, 0.5]
    wall_s, told = [time.time()], []  # noqa: TID251 (the clock that people set)
    began_s = time.monotonic()
    watch = ClockWatch(wall=lambda: wall_s[0] + time.monotonic() - began_s)
    folder = root / "s"
    folder.mkdir()
    writer = SessionWriter(folder, header(), live=True, clock_watch=watch)
    for index, change_s in enumerate(changes):
        wall_s[0] += change_s
        for number in range(30):
            writer.add(result(30 * index + number, captured_s=time.monotonic()))
            time.sleep(1 / 30)
    writer.close()
    session = read_session(folder)
    told = [event["event"] for event in session.about["events"]]
    check(problems_of(session) == [], f"{problems_of(session)[:2]}")
    steps = session.table.t_s[1:] - session.table.t_s[:-1]
    check(bool((steps > 0).all() and steps.max() < 2), "times jump")
    check(told == ["clock_changed"] * 4, f"events {told}")
    return (
        f"set by {', '.join(f'{c:+g}' for c in changes)} s: {len(told)} events, times rise evenly"
    )


def cycles(root: Path, options: argparse.Namespace) -> str:
    """Starts and stops of the engine with a recording in each."""
    process, seen = psutil.Process(), []
    for number in range(options.cycles):
        folder = root / f"c{number}"
        folder.mkdir()
        writer = SessionWriter(folder, header(), live=True)
        got = threading.Event()

        def on_result(
            one: object, writer: SessionWriter = writer, got: threading.Event = got
        ) -> None:
            writer.add(one)  # type: ignore[arg-type]
            got.set()

        engine = Engine(on_result=on_result)
        engine.start(lambda: Source(_pictures), pipeline)
        check(got.wait(30), f"cycle {number}: no result")
        engine.stop()
        writer.close()
        check(engine.status().state == State.IDLE, f"cycle {number}: {engine.status().state}")
        if number in (options.cycles // 10, options.cycles - 1):
            seen.append((threading.active_count(), process.num_fds(),
                         process.memory_info().rss / 1e6))  # fmt: skip
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    (threads, handles, memory), (threads_end, handles_end, memory_end) = seen[0], seen[-1]
    check(threads_end <= threads and handles_end <= handles, f"from {seen[0]} to {seen[-1]}")
    check(memory_end < memory + 10, f"memory grows from {memory:.0f} to {memory_end:.0f} MB")
    return (
        f"{options.cycles} starts and stops with a recording each: threads {threads} to "
        f"{threads_end}, handles {handles} to {handles_end}, memory {memory:.1f} to "
        f"{memory_end:.1f} MB"
    )


def _pictures(source: object) -> Iterator[object]:
    from ferdesk.core.types import Frame
    from tests.runtime.test_engine import IMAGE

    for index in range(5):
        yield Frame(IMAGE.copy(), index, index / 30, time.monotonic())
    threading.Event().wait(0.02)


TRIALS: dict[str, Callable[[Path, argparse.Namespace], str]] = {
    "busy": busy, "inodes": inodes, "full": full, "kills": kills, "signals": signals,
    "clocks": clocks, "cycles": cycles,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", choices=[*TRIALS, []], default=[])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    failed = 0
    for name in options.names or TRIALS:
        with tempfile.TemporaryDirectory(prefix=f"ferdesk-{name}-") as folder:
            began_s = time.monotonic()
            try:
                line = TRIALS[name](Path(folder), options)
            except NotTriedError as error:
                line = f"not tried: {error}"
            except (LostError, FerdeskError) as error:
                failed += 1
                line = f"FAILED: {error}"
            sys.stdout.write(f"{name}: {line} ({time.monotonic() - began_s:.0f} s)\n")
            sys.stdout.flush()
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
