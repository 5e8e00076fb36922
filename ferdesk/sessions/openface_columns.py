"""Columns of OpenFace 2 that ferdesk's measures have a counterpart for: gaze, place, AU45.

Signs and units are those of OpenFace's page "Output Format": axes to the picture's right, down and
away from the camera, millimetres, radians.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.measures.pose import rotation_of
from ferdesk.sessions.measured_figures import eyes_followed
from ferdesk.sessions.table import Table

GAZE_COLUMNS = (
    "gaze_0_x", "gaze_0_y", "gaze_0_z", "gaze_1_x", "gaze_1_y", "gaze_1_z",
    "gaze_angle_x", "gaze_angle_y",
)  # fmt: skip
PLACE_COLUMNS = ("pose_Tx", "pose_Ty", "pose_Tz")
BLINK_COLUMN = "AU45_c"

Columns = Mapping[str, NDArray[np.float64]]


def gaze_columns(table: Table) -> Columns:
    """GAZE_COLUMNS [n] of each row, NaN where there is no gaze; empty where it was not recorded.

    Both eyes have the mean of both, as a recording has one gaze; the head's pose is put back in.
    """
    if "gaze_yaw_deg" not in table.added:
        return {}
    yaw, pitch = (
        np.radians(table.added_numbers(name).astype(np.float64))
        for name in ("gaze_yaw_deg", "gaze_pitch_deg")
    )
    # relative to the head: to the person's left, up, to the front
    looks = np.stack(
        [np.cos(pitch) * np.sin(yaw), -np.sin(pitch), np.cos(pitch) * np.cos(yaw)], axis=1
    )
    head = zip(
        table.added_numbers("yaw_deg").tolist(),
        table.added_numbers("pitch_deg").tolist(),
        table.roll_deg.tolist(),
        strict=True,
    )
    world = np.full((len(table), 3), np.nan)
    for row, angles in enumerate(head):
        if np.isfinite(yaw[row]):
            world[row] = rotation_of(*angles) @ looks[row] * [1, -1, -1]
    x, y, z = world.T
    # as OpenFace turns its vectors into angles: 0 for a look along the camera's axis
    angle_x, angle_y = np.arctan2(x, -z), np.arctan2(y, -z)
    return dict(zip(GAZE_COLUMNS, (x, y, z, x, y, z, angle_x, angle_y), strict=True))


def place_columns(table: Table) -> Columns:
    """PLACE_COLUMNS [n] in millimetres, NaN where not measured; empty where not recorded."""
    names = ("head_x_cm", "head_y_cm", "head_z_cm")
    if not all(name in table.added for name in names):
        return {}
    places = [10.0 * table.added_numbers(name).astype(np.float64) for name in names]
    return dict(zip(PLACE_COLUMNS, places, strict=True))


def blink_column(table: Table, track_of: NDArray[np.int64]) -> Columns:
    """BLINK_COLUMN [n]: 1 while an eye blinks, else 0; NaN where no eye was followed.

    ``track_of`` [n] is each row's track. A blink stands in the row in which it is known to be over;
    the rows of the same track within its length before that one are its own.
    """
    if "eye_open_left" not in table.added:
        return {}
    blinks = np.full(len(table), np.nan)
    measured = np.isfinite(table.added_numbers("eye_open_left"))
    for track in np.unique(track_of[track_of > 0]).tolist():
        rows = np.flatnonzero((track_of == track) & measured)
        blinks[rows[eyes_followed(table, rows)]] = 0.0
    for name in ("blink_left_s", "blink_right_s"):
        lengths = table.added_numbers(name)
        for row in np.flatnonzero(lengths > 0).tolist():
            over_s = table.t_s[row]
            # to a microsecond, as times are written
            first = int(np.searchsorted(table.t_s, over_s - lengths[row] - 1e-6))
            within = np.arange(first, row)
            within = within[(track_of[within] == track_of[row]) & (table.t_s[within] < over_s)]
            blinks[within[np.isfinite(blinks[within])]] = 1.0
    return {BLINK_COLUMN: blinks}
