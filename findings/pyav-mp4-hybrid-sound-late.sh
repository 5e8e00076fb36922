#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg libraries 8.1 inside), AAC sound in an MP4 that is written to survive a crash
#   (movflags=hybrid_fragmented).
# Expected: a sound that was put in at 1.000 s is read at 1.000 s, as from an ordinary MP4, whose edit
#   list says how many samples the encoder put first.
# Seen: the finished hybrid file has no edit list; its sound is 1024 samples late, 64 ms at 16 kHz.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0 numpy==2.4.6 2>/dev/null
cd "$work"
cat > try.py <<'PY'
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

print("PyAV", av.__version__, "libavformat", av.library_versions["libavformat"])
RATE_HZ = 16_000


def write(path, movflags):
    """Two seconds: silence, and from 1.000 s on a tone."""
    times_s = np.arange(2 * RATE_HZ) / RATE_HZ
    sound = np.where(times_s >= 1, 0.5 * np.sin(2 * np.pi * 1000 * times_s), 0).astype(np.float32)
    with av.open(path, "w", options={"movflags": movflags}) as out:
        stream = out.add_stream("aac", rate=RATE_HZ, layout="mono")
        for start in range(0, len(sound), 1024):
            frame = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], "fltp", "mono")
            frame.sample_rate, frame.pts = RATE_HZ, start
            frame.time_base = Fraction(1, RATE_HZ)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def onset_s(path):
    with av.open(path) as film:
        for frame in film.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.1)
            if len(loud):
                return float(frame.pts * frame.time_base) + loud[0] / RATE_HZ
    raise AssertionError("no tone")


found = {}
for name, movflags in (("ordinary", "faststart"), ("hybrid", "hybrid_fragmented")):
    write(f"{name}.mp4", movflags)
    found[name] = onset_s(f"{name}.mp4")
    elst = b"elst" in Path(f"{name}.mp4").read_bytes()
    print(f"{name:9} edit list {elst}, the tone begins at {found[name]:.3f} s")
assert abs(found["ordinary"] - 1) < 0.005
assert abs(found["hybrid"] - found["ordinary"] - 1024 / RATE_HZ) < 0.005
PY
"$work/venv/bin/python" try.py
