"""Milliseconds of each stage, and frames a second, on a clip: ``python benchmarks/live.py``.

    python benchmarks/live.py [SOURCE ...] [--model NAME] [--frames N]

Without a source it takes single-face and group clips from the shared folder (FERDESK_SHARED), or
the demo where there is none. Frames come one after the other as fast as they are analysed, with
the detectors that the window uses.
"""

import argparse
import contextlib
import os
import platform
import sys
from pathlib import Path

from ferdesk import batch, wiring

CLIPS = (
    "WolfgangLanger_Pexels.mp4",
    "one_man_1080p.mp4",
    "head-pose-face-detection-female-and-male.gif",
)


def machine() -> str:
    """The processor and what the figures depend on."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    )


def default_sources() -> list[str]:
    shared = Path(os.environ.get("FERDESK_SHARED", Path(__file__).parents[2] / "shared"))
    clips = [shared / "clips" / name for name in CLIPS]
    return [str(clip) for clip in clips if clip.is_file()] or ["demo"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the stages of the live pipeline.")
    parser.add_argument("sources", nargs="*")
    parser.add_argument("--model")
    parser.add_argument("--frames", type=int, default=300)
    options = parser.parse_args()
    out = sys.stdout
    with contextlib.closing(wiring.open_pipeline(options.model)) as pipeline:
        info, device = pipeline.classifier.info, pipeline.classifier.device
        out.write(f"{machine()}\nmodel {info.name} {info.version} on {device.provider}\n")
        for source in options.sources or default_sources():
            result = batch.bench(source, pipeline.fresh(), num_frames=options.frames, warm_up=5)
            out.write(
                f"\n{result.source}: {result.width}x{result.height}, {result.num_frames} frames, "
                f"{result.mean_faces:.2f} faces each: {result.fps:.1f} frames a second\n"
            )
            out.write(f"{'stage':<10}{'median ms':>12}{'95th pct ms':>14}\n")
            for timing in result.timings:
                out.write(f"{timing.stage:<10}{timing.median_ms:>12.2f}{timing.p95_ms:>14.2f}\n")


if __name__ == "__main__":
    main()
