"""Speed of archives: key frames beside a search of every frame, jobs, many small files.

    python -m benchmarks.archive search [CLIP...]      frames a second, faces and labels in common
    python -m benchmarks.archive against OLD [CLIP...] this build beside an older one's checkout
    python -m benchmarks.archive clips FOLDER          a dozen films of 10 s, of the shared clips
    python -m benchmarks.archive jobs FOLDER --jobs 2  one job beside several, and a cluster
    python -m benchmarks.archive memory FOLDER         of each of several jobs, shared and its own
    python -m benchmarks.archive files --num 200       a file's cost beyond its frames, and memory
    python -m benchmarks.archive report --num 300      the report of many sessions

``search`` analyses each clip in turn both ways in one process, so that other load falls on both;
its times are of the processor (all threads), not of the clock. ``against`` runs ``analyze`` of two
builds in turn, each as a program of its own, and gives both times, without the programs' start:
that is what a film of one frame takes. Each takes its own model unless ``--model`` names one.
"""

import argparse
import contextlib
import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from benchmarks.scenes import clips_folder
from ferdesk.batch import analyze_one
from ferdesk.core.geometry import Box
from ferdesk.core.pipeline import Pipeline
from ferdesk.factory.analysis_options import AnalysisOptions
from ferdesk.factory.models import open_pipeline
from ferdesk.paths import THREADS_VARIABLE
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.table import Table

MOST_S = 4.0
_FILMS = (".mov", ".mp4")
"""Not Matroska: its first packets have no time of decoding, so none can be put after others."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    search = commands.add_parser("search")
    search.add_argument("clips", nargs="*")
    search.add_argument("--model")
    search.add_argument("--seconds", type=float, default=MOST_S)
    against = commands.add_parser("against")
    against.add_argument("old", type=Path)
    against.add_argument("clips", nargs="*")
    against.add_argument("--model")
    against.add_argument("--seconds", type=float, default=MOST_S)
    clips = commands.add_parser("clips")
    clips.add_argument("folder", type=Path)
    clips.add_argument("--num", type=int, default=12)
    clips.add_argument("--seconds", type=float, default=10.0)
    jobs = commands.add_parser("jobs")
    jobs.add_argument("folder", type=Path)
    jobs.add_argument("--jobs", type=int, default=2)
    jobs.add_argument("--cluster", action="store_true")
    memory = commands.add_parser("memory")
    memory.add_argument("folder", type=Path)
    memory.add_argument("--jobs", type=int, default=2)
    files = commands.add_parser("files")
    files.add_argument("--num", type=int, default=200)
    report = commands.add_parser("report")
    report.add_argument("--num", type=int, default=300)
    chosen = parser.parse_args()
    if chosen.command == "search":
        compare_searches(chosen.clips, chosen.model, chosen.seconds)
    elif chosen.command == "against":
        compare_builds(chosen.old, chosen.clips, chosen.model, chosen.seconds)
    elif chosen.command == "clips":
        make_clips(chosen.folder, chosen.num, chosen.seconds)
    elif chosen.command == "jobs":
        compare_jobs(chosen.folder, chosen.jobs, cluster=chosen.cluster)
    elif chosen.command == "memory":
        weigh_jobs(chosen.folder, chosen.jobs)
    elif chosen.command == "files":
        time_files(chosen.num)
    else:
        time_report(chosen.num)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


# ---- key frames beside every frame


def compare_searches(clips: list[str], model: str | None, seconds: float) -> None:
    names = clips or [str(path) for path in sorted(clips_folder().iterdir())]
    heads = [f"{'clip':<42}", f"{'size':>9}", "   every", "     key", " ratio", " faces"]
    say(" ".join([*heads, "   also", "  label"]))
    with contextlib.closing(open_pipeline(model, thorough=True)) as pipeline:
        for name in names:
            tables, rates = [], []
            for thorough in (True, False):
                with tempfile.TemporaryDirectory() as root:
                    options = AnalysisOptions(Path(root), duration_s=seconds, thorough=thorough)
                    table, rate, size = _analyze(name, pipeline, options)
                tables.append(table)
                rates.append(rate)
            num, also, same = _in_common(*tables)
            say(
                f"{Path(name).name:<42} {size:>9} {rates[0]:>8.1f} {rates[1]:>8.1f} "
                f"{rates[1] / rates[0]:>6.2f} {num:>6} {_share(also, num):>7} "
                f"{_share(same, also):>7}"
            )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _analyze(name: str, pipeline: Pipeline, options: AnalysisOptions) -> tuple[Table, float, str]:
    began_s = time.process_time()
    outcome = analyze_one(name, pipeline, options, tell=lambda _: None, warn=say)
    spent_s = time.process_time() - began_s
    assert outcome.folder is not None
    session = read_session(outcome.folder)
    picture = session.about["picture"]
    size = f"{picture['width']}x{picture['height']}"
    return session.table, session.table.num_frames() / spent_s, size


def _in_common(every: Table, key: Table) -> tuple[int, int, int]:
    """Faces of the search of every frame, those the other has too, and those of the same label."""
    num = also = same = 0
    for row in np.flatnonzero(every.face_id > 0):
        num += 1
        beside = np.flatnonzero((key.frame == every.frame[row]) & (key.face_id > 0))
        overlaps = [_box(every, row).iou(_box(key, other)) for other in beside]
        if overlaps and max(overlaps) >= 0.5:
            also += 1
            other = beside[int(np.argmax(overlaps))]
            same += int(every.label[row] == key.label[other])
    return num, also, same


def _box(table: Table, row: int) -> Box:
    return Box(*(float(value) for value in table.box[row]))


# ---- this build beside another


def compare_builds(old: Path, clips: list[str], model: str | None, seconds: float) -> None:
    """Times of both builds a clip, beyond their start, and what of the old one's faces is there."""
    names = clips or [str(path) for path in sorted(clips_folder().iterdir())]
    heads = [f"{'clip':<42}", f"{'frames':>6}", " old wall", " new wall", " ratio"]
    say(" ".join([*heads, " old cpu", " new cpu", " ratio", " faces", "   also", "  label"]))
    here = Path(__file__).parents[1]
    chosen = ["--model", model] if model else []
    for name in names:
        tables, times = [], []
        for build in (old, here):
            with tempfile.TemporaryDirectory() as root:
                shared = [name, *chosen]
                start = _run(*shared, "--out", f"{root}/one", "--duration", "0.001", build=build)
                whole = _run(
                    *shared, "--out", f"{root}/all", "--duration", str(seconds), build=build
                )
                (folder,) = (path for path in Path(root, "all").iterdir() if path.name[0] != ".")
                tables.append(read_session(folder).table)
            times.append((whole.wall_s - start.wall_s, whole.cpu_s - start.cpu_s))
        (old_s, old_cpu_s), (new_s, new_cpu_s) = times
        num, also, same = _in_common(*tables)
        say(
            f"{Path(name).name:<42} {tables[1].num_frames():>6} {old_s:>8.2f}s {new_s:>8.2f}s "
            f"{old_s / new_s:>6.2f} {old_cpu_s:>7.2f}s {new_cpu_s:>7.2f}s "
            f"{old_cpu_s / new_cpu_s:>6.2f} {num:>6} {_share(also, num):>7} {_share(same, also):>7}"
        )


# ---- jobs and files


@dataclass(frozen=True, slots=True)
class Spent:
    """What a program took, by the clock and of the processor, with its workers."""

    wall_s: float
    cpu_s: float


def _run(
    *arguments: str | Path,
    build: Path | None = None,
    threads: int | None = None,
    one_core: bool = False,
) -> Spent:
    """``analyze`` of this build or another's checkout.

    ``threads`` are the expression network's; with ``one_core`` decoding has no other core either.
    """
    environment = dict(os.environ)
    if build is not None:
        environment["PYTHONPATH"] = str(build)
    if threads is not None:
        environment[THREADS_VARIABLE] = str(threads)
    began_s, began_cpu_s = time.perf_counter(), _children_s()
    subprocess.run(
        [sys.executable, "-m", "ferdesk", "analyze", *map(str, arguments)],
        check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment,
        cwd=build, preexec_fn=_take_one_core if one_core else None,
    )  # fmt: skip
    return Spent(time.perf_counter() - began_s, _children_s() - began_cpu_s)


def _take_one_core() -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def make_clips(folder: Path, num: int, seconds: float) -> None:
    """Films that repeat a shared clip each, so that a start hardly counts; no frame is encoded."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [path for path in sorted(clips_folder().iterdir()) if path.suffix in _FILMS]
    for number, source in zip(range(num), itertools.cycle(sources), strict=False):
        _repeat(source, folder / f"{number:02}-{source.stem}{source.suffix}", seconds)


def _repeat(source: Path, target: Path, seconds: float) -> None:
    import av

    end, base = 0, 0.0
    with av.open(str(target), "w") as out:
        stream = None
        while end * base < seconds:
            with av.open(str(source)) as film:
                video = film.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                base, began, first = float(video.time_base or 0), end, None
                for packet in film.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    first = packet.dts if first is None else first
                    packet.dts += began - first
                    packet.pts += began - first
                    if packet.dts * base > seconds:
                        return
                    end = max(end, packet.pts + (packet.duration or 1))
                    packet.stream = stream
                    out.mux(packet)


def compare_jobs(folder: Path, jobs: int, *, cluster: bool) -> None:
    """One job as users have it, one of a single thread, one on a single core, several, and Ray.

    The job of a single thread decodes on another core meanwhile; that on one core does not.
    """
    with tempfile.TemporaryDirectory() as root:

        def run(
            name: str, *arguments: str, threads: int | None = None, one_core: bool = False
        ) -> float:
            out = Path(root) / name
            spent = _run(folder, "--out", out, *arguments, threads=threads, one_core=one_core)
            say(f"{name}: {spent.wall_s:.1f} s, of the processor {spent.cpu_s:.1f} s")
            return spent.wall_s

        one_s = run("one job", "--jobs", "1")
        single_s = run("one job, one thread", "--jobs", "1", threads=1)
        core_s = run("one job, one core", "--jobs", "1", threads=1, one_core=True)
        many_s = run(f"{jobs} jobs", "--jobs", str(jobs))
        say(f"{jobs} jobs: {one_s / many_s:.2f} times one job")
        say(f"{jobs} jobs: {single_s / many_s:.2f} times one job on one thread")
        say(f"{jobs} jobs: {core_s / many_s:.2f} times one job on one core")
        if cluster:
            ray_s = run("Ray on this machine", "--cluster", "auto")
            say(f"Ray: {many_s / ray_s:.2f} times {jobs} jobs")


def weigh_jobs(folder: Path, jobs: int) -> None:
    """The most that each worker needs: resident, its share of it, what no other process has.

    Linux alone: ``Pss`` of ``smaps_rollup`` counts a page that n processes have as its nth part.
    """
    most: dict[int, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as root:
        command = [sys.executable, "-m", "ferdesk", "analyze", str(folder), "--out", root]
        with subprocess.Popen([*command, "--jobs", str(jobs)], stderr=subprocess.DEVNULL) as work:
            while work.poll() is None:
                for worker in psutil.Process(work.pid).children():
                    with contextlib.suppress(OSError):
                        now = _rollup(worker.pid)
                        if now.get("Pss", 0) >= most.get(worker.pid, {}).get("Pss", 0):
                            most[worker.pid] = now
                time.sleep(0.5)
    for number, found in enumerate(most.values(), start=1):
        own = found["Private_Dirty"] + found["Private_Clean"]
        shared = found["Shared_Dirty"] + found["Shared_Clean"]
        say(
            f"worker {number}: {found['Rss'] / 1024:.0f} MB resident, {found['Pss'] / 1024:.0f} MB "
            f"in proportion; {own / 1024:.0f} MB its own, {shared / 1024:.0f} MB shared"
        )


def _rollup(process_id: int) -> dict[str, int]:
    """Kilobytes by the names of ``/proc/PID/smaps_rollup``."""
    lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}


def time_files(num: int) -> None:
    """Clips of 0.1 s: what is left when decoding and networks hardly count; memory as it goes."""
    source = clips_folder() / "no_face.mp4"
    with (
        tempfile.TemporaryDirectory() as root,
        contextlib.closing(open_pipeline(thorough=True)) as pipeline,
    ):
        clip = Path(root) / "clip.mp4"
        shutil.copy(source, clip)
        options = AnalysisOptions(Path(root) / "out", duration_s=0.001)
        frame_s = _time_one(clip, pipeline, options)
        began_s = time.perf_counter()
        first_mb = 0.0
        for number in range(num):
            named = replace(options, folder_name=f"clip{number}")
            analyze_one(str(clip), pipeline, named, tell=lambda _: None, warn=say)
            if number == num // 10:
                first_mb = _resident_mb()
        a_file_ms = 1000 * (time.perf_counter() - began_s) / num
        say(
            f"{a_file_ms:.1f} ms a file of one frame, of which the frame takes {1000 * frame_s:.1f}"
        )
        say(f"resident {first_mb:.0f} MB after a tenth, {_resident_mb():.0f} MB at the end")


def _time_one(clip: Path, pipeline: Pipeline, options: AnalysisOptions) -> float:
    from ferdesk.factory.sources import open_source

    source = open_source(str(clip))
    source.open()
    frame = source.read()
    assert frame is not None
    times = []
    for _ in range(5):
        began_s = time.perf_counter()
        pipeline.for_new_source().process(frame)
        times.append(time.perf_counter() - began_s)
    source.close()
    return float(np.median(times))


def _resident_mb() -> float:
    scale = 1024 if sys.platform != "darwin" else 1024**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def time_report(num: int) -> None:
    from ferdesk.sessions.archive_figures import figures_of

    with tempfile.TemporaryDirectory() as root:
        first = Path(root) / "session0"
        _run("demo", "--duration", "20", "--every", "2", "--out", root)
        (Path(root) / "demo").rename(first)
        for number in range(1, num):
            shutil.copytree(first, Path(root) / f"session{number}")
        began_s = time.perf_counter()
        files = list(figures_of(sorted(Path(root).iterdir())))
        say(f"figures of {len(files)} sessions in {time.perf_counter() - began_s:.1f} s")


if __name__ == "__main__":
    main()
