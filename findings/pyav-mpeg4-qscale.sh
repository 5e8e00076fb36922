#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg libraries 8.1 inside), the encoder mpeg4 (MPEG-4 part 2).
# Expected: the stream's option qscale sets its quality, as "ffmpeg -qscale:v 8" does: a higher number,
#   a smaller file.
# Seen: qscale changes nothing, whatever the number; the encoder reads the quality from each frame,
#   which PyAV does not offer to set. qmin and qmax, set alike, do what qscale is meant to do.
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

print("PyAV", av.__version__, "libavcodec", av.library_versions["libavcodec"])


def size(options):
    """Bytes of twelve noisy pictures at 30 a second, timed in 1/60000 s."""
    random = np.random.default_rng(5)
    with av.open("film.mp4", "w") as out:
        stream = out.add_stream("mpeg4", options=options)
        stream.width, stream.height, stream.pix_fmt = 256, 144, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 60_000)
        for number in range(12):
            picture = random.integers(0, 256, (144, 256, 3)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = 2000 * number, Fraction(1, 60_000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return Path("film.mp4").stat().st_size


by_qscale = [size({"qscale": str(q)}) for q in (2, 4, 8)]
by_limits = [size({"qmin": str(q), "qmax": str(q)}) for q in (2, 4, 8)]
print("qscale 2, 4, 8:", by_qscale)
print("qmin = qmax = 2, 4, 8:", by_limits)
assert len(set(by_qscale)) == 1
assert by_limits[0] > 1.3 * by_limits[1] > 1.3 * 1.3 * by_limits[2]
PY
"$work/venv/bin/python" try.py
