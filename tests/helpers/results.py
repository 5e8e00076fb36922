"""Results in which every value differs from every other, so that no mix-up looks right.

Raw values are not the smoothed ones, the box is no square and off the origin, yaw is not pitch,
and the picture is neither square nor grey.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.geometry import Box, Square
from ferdesk.core.labels import LABELS
from ferdesk.core.measures.blinks import Blink
from ferdesk.core.measures.eyes import Gaze, Openness
from ferdesk.core.measures.landmarks import FaceLandmarks
from ferdesk.core.measures.movements import MOVEMENTS
from ferdesk.core.measures.pose import HeadPose
from ferdesk.core.measures.values import FaceMeasures
from ferdesk.core.types import Expression, FaceResult, Frame, FrameResult

RAW = np.array([2, 4, 6, 8, 9, 11, 24], np.float32) / np.float32(64)
SMOOTHED = np.array([17, 14, 12, 10, 7, 3, 1], np.float32) / np.float32(64)


def made_measures(number: int) -> FaceMeasures:
    """Measures of which no two are the same; all of few places, in binary and in decimals."""
    points = np.zeros((478, 3), np.float32)

    def part(of_64: int) -> float:
        return (of_64 + number) / 64

    return FaceMeasures(
        landmarks=FaceLandmarks(points, part(46)),
        smoothed=points,
        pose=HeadPose(41.25, -12.75, -4.5, 3.125 + number, 2.625 + number, 61.5 + number),
        # beyond 1: nothing else has these
        movements=(np.arange(52) / 16 + 64 + 6 * number).astype(np.float32),
        openness=Openness(left=part(19), right=part(21)),
        gaze=Gaze(yaw_deg=14.0625 + number, pitch_deg=6.0625 + number),
        blinks=(
            Blink("left", 0.0625, part(28), part(54)),
            Blink("right", 0.0703125, part(30), part(57)),
        ),
        blinks_followed=("left", "right"),
        blink_rate=29.25 + number,
    )


FACE = FaceResult(
    face_id=3,
    box=Box(11.5, 7.25, 20.75, 31.5),
    square=Square(5.5, 4.25, 36.0),
    detection_score=0.9375,
    expression=Expression(RAW),
    smoothed=SMOOTHED,
    low_confidence=True,
    roll_deg=-4.5,
    sharpness=321.25,
    brightness=87.5,
    reason="turned",
    yaw_deg=41.25,
    pitch_deg=-12.75,
    measures=made_measures(0),
    unmeasured="",
)
OTHER = FaceResult(
    face_id=5,
    box=Box(48.25, 16.5, 18.125, 25.625),
    square=Square(44.0, 14.75, 28.5),
    detection_score=0.8125,
    expression=Expression(np.roll(RAW, 2), fer2013=np.roll(RAW, 4)),
    smoothed=np.roll(SMOOTHED, 3),
    low_confidence=False,
    roll_deg=8.25,
    sharpness=654.5,
    brightness=132.75,
    yaw_deg=-17.5,
    pitch_deg=21.625,
    measures=made_measures(1),
    unmeasured="",
)
LATENCY_MS = 12.625


def named_values(face: FaceResult) -> dict[str, float | str]:
    """What an output should say of a face, written down once more by hand."""
    values: dict[str, float | str] = {
        "face_id": face.face_id,
        "x": face.box.x,
        "y": face.box.y,
        "width": face.box.width,
        "height": face.box.height,
        "detection": face.detection_score,
        "label": {3: "angry", 5: "happy"}[face.face_id],
        "confidence": 17 / 64,
        "uncertain": {3: 1, 5: 0}[face.face_id],
        "roll_deg": face.roll_deg,
        "sharpness": face.sharpness,
        "brightness": face.brightness,
        "reason": {3: "turned", 5: ""}[face.face_id],
        "yaw_deg": face.yaw_deg,
        "pitch_deg": face.pitch_deg,
        "votes": {3: 0, 5: 1}[face.face_id],
    }
    one, pose = face.measures, face.measures.pose if face.measures else None
    assert one is not None
    assert pose is not None
    assert one.movements is not None
    assert one.openness is not None
    assert one.gaze is not None
    left, right = one.blinks
    values |= {
        # happy less the largest of angry, disgust, fear and sad, of the raw ones
        "valence": {3: (8 - 9) / 64, 5: (4 - 24) / 64}[face.face_id],
        "unmeasured": "",
        "presence": one.landmarks.presence,
        "head_x_cm": pose.x_cm,
        "head_y_cm": pose.y_cm,
        "head_z_cm": pose.z_cm,
        "eye_open_left": one.openness.left,
        "eye_open_right": one.openness.right,
        "blink_left_s": left.length_s,
        "blink_left_depth": left.depth,
        "blink_right_s": right.length_s,
        "blink_right_depth": right.depth,
        "blink_rate": one.blink_rate or 0.0,
        "gaze_yaw_deg": one.gaze.yaw_deg,
        "gaze_pitch_deg": one.gaze.pitch_deg,
    }
    for index, name in enumerate(MOVEMENTS):
        values[f"m_{name}"] = float(one.movements[index])
    for index, label in enumerate(LABELS):
        values[f"p_{label}"] = float(face.expression.probabilities[index])
        values[f"s_{label}"] = float(face.smoothed[index])
    return values


def coloured_picture(width: int = 96, height: int = 54) -> NDArray[np.uint8]:
    """[height, width, 3]: red above, blue below, green rising to the right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, :, 0] = 210
    image[height // 2 :, :, 2] = 190
    image[:, :, 1] = np.linspace(20, 90, width).astype(np.uint8)
    return image


PICTURE = coloured_picture()


def make_result(
    *faces: FaceResult,
    index: int = 7,
    t_s: float = 0.25,
    captured_s: float = 0.0,
    image: NDArray[np.uint8] | None = None,
    unconfirmed: tuple[Box, ...] = (),
) -> FrameResult:
    """A frame's result with these faces, by default none."""
    frame = Frame(PICTURE if image is None else image, index, t_s, captured_s)
    return FrameResult(frame, faces, LATENCY_MS, {}, unconfirmed)


def faces(number: int) -> tuple[FaceResult, ...]:
    """Faces 1 to ``number``, each a little to the right of the one before."""
    return tuple(
        replace(
            OTHER if i % 2 else FACE,
            face_id=i + 1,
            box=Box(FACE.box.x + 9 * i, FACE.box.y, FACE.box.width, FACE.box.height),
        )
        for i in range(number)
    )
