"""Bench: the stages of the pipeline timed on the frames of a source."""

import statistics
import time
from dataclasses import dataclass

from ferdesk.core.pacing import FramePacing
from ferdesk.core.pipeline import Pipeline
from ferdesk.errors import FerdeskError
from ferdesk.factory.sources import frames_of, open_source
from ferdesk.messages import counted

_USUAL_INTERVAL_S = 1 / 30


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one stage over all frames."""

    stage: str
    median_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What ``bench`` measured; ``fps`` is frames over the time for reading and analysing them."""

    source: str
    width: int
    height: int
    num_frames: int
    mean_faces: float
    fps: float
    timings: tuple[Timing, ...]


def bench(
    name: str, pipeline: Pipeline, *, num_frames: int = 300, warm_up: int = 10
) -> BenchResult:
    """Time each stage on the frames of a source, one after the other, as fast as they go.

    Raises:
        FerdeskError: the source cannot be used.
    """
    source = open_source(name)
    pipeline.set_pacing(FramePacing(_USUAL_INTERVAL_S, every_face=True))
    samples: dict[str, list[float]] = {"read": []}
    num_faces = num_done = 0
    info = source.open()
    try:
        began_s = read_from_s = time.perf_counter()
        for number, frame in enumerate(frames_of(source)):
            read_s = time.perf_counter() - read_from_s
            result = pipeline.process(frame)
            if number == warm_up - 1:
                began_s = time.perf_counter()
            elif number >= warm_up:
                samples["read"].append(read_s * 1000)
                for stage, spent_ms in result.stage_ms.items():
                    samples.setdefault(stage, []).append(spent_ms)
                num_faces += len(result.faces)
                num_done += 1
            if num_done >= num_frames:
                break
            read_from_s = time.perf_counter()
        elapsed_s = time.perf_counter() - began_s
    finally:
        source.close()
    if num_done == 0:
        raise FerdeskError(
            f"{name} is too short to be timed: it has at most {counted(warm_up, 'frame')}."
        )
    samples["total"] = [sum(values) for values in zip(*samples.values(), strict=True)]
    return BenchResult(
        source=info.name,
        width=info.width,
        height=info.height,
        num_frames=num_done,
        mean_faces=num_faces / num_done,
        fps=num_done / elapsed_s,
        timings=tuple(
            Timing(stage, statistics.median(values), _quantile(values, 0.95))
            for stage, values in samples.items()
        ),
    )


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
