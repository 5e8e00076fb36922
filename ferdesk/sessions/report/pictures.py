"""Pictures in a report: a face of each person, whole pictures with their boxes, contact sheets."""

import base64
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from html import escape
from typing import Protocol

import numpy as np

from ferdesk.core.geometry import Box
from ferdesk.core.labels import LABELS
from ferdesk.core.palette import LABEL_COLOURS
from ferdesk.messages import counted
from ferdesk.sessions.reader import Session
from ferdesk.sessions.report.formats import percent
from ferdesk.sessions.review import Track
from ferdesk.sessions.table import NO_LABEL

_LARGE_PX, _SHEET_PX, _FACE_PX = 1280, 320, 96
_AROUND = 0.3
"""A face is shown with so much around it, in sizes of its box."""
MOST_PICTURES = 400
"""More pictures than this are in the table and not on the sheet."""


class SessionPictures(Protocol):
    """Pictures that a session keeps."""

    def jpeg(self, row: int, region: Box | None, longest_px: int) -> bytes | None:
        """The picture of a row of the table, or a part of it, as JPEG; None where it has none.

        ``region`` is in pixels of the source and may reach beyond the picture.
        """
        ...


PicturesOf = Callable[[Session], AbstractContextManager[SessionPictures | None]]
"""Opens what can be shown of a session; None where it keeps no picture, or covers faces in it."""


def no_pictures(session: Session) -> AbstractContextManager[SessionPictures | None]:
    """For reports without pictures."""
    return nullcontext(None)


def portrait(session: Session, track: Track, pictures: SessionPictures | None) -> str:
    """The face of a track at its clearest; empty where there is no picture."""
    rows = track.rows(session.table)
    if pictures is None or len(rows) == 0:
        return ""
    table = session.table
    area = np.sqrt(np.maximum(table.box[rows, 2] * table.box[rows, 3], 0))
    clear = table.detection[rows] * area * np.where(table.uncertain[rows], 0.5, 1.0)
    return face_picture(session, int(rows[int(np.argmax(clear))]), pictures)


def face_picture(session: Session, row: int, pictures: SessionPictures | None) -> str:
    """The face of a row; empty where there is no picture."""
    if pictures is None:
        return ""
    x, y, width, height = (float(value) for value in session.table.box[row])
    across, down = _AROUND * width, _AROUND * height
    region = Box(x - across, y - down, width + 2 * across, height + 2 * down)
    content = pictures.jpeg(row, region, _FACE_PX)
    return "" if content is None else f'<img class=face alt="" src="{_data(content)}">'


def picture_sheet(
    session: Session, tracks: Sequence[Track], pictures: SessionPictures | None
) -> str:
    """The one picture with its boxes, or a contact sheet of several."""
    table = session.table
    starts = table.frame_starts().tolist()
    track_of = {int(row): track for track in tracks for row in track.rows(table).tolist()}
    names = {one.frame: one.file for one in session.pictures}
    alone = len(starts) == 1
    if pictures is None:
        note = (
            "<p class=muted>The pictures are not kept in this session. Analyse with --video to "
            "keep copies, or give “ferdesk report” their folder with --pictures.</p>"
        )
        if not alone:
            return note
        return note + _with_boxes(session, 0, len(table), track_of, None, alone=True)
    ends = [*starts[1:], len(table)]
    shown = []
    for start, end in list(zip(starts, ends, strict=True))[:MOST_PICTURES]:
        content = pictures.jpeg(start, None, _LARGE_PX if alone else _SHEET_PX)
        drawn = _with_boxes(session, start, end, track_of, content, alone=alone)
        name = names.get(int(table.frame[start]), "")
        shown.append(f"<figure>{drawn}<figcaption>{escape(name)}</figcaption></figure>")
    more = len(starts) - len(shown)
    rest = f"<p class=muted>In the table: {counted(more, 'more picture')}.</p>" if more > 0 else ""
    return f'<div class="{"photo" if alone else "sheet"}">{"".join(shown)}</div>{rest}'


def _with_boxes(
    session: Session,
    start: int,
    end: int,
    track_of: dict[int, Track],
    content: bytes | None,
    *,
    alone: bool,
) -> str:
    """A picture with the boxes of its rows as SVG; a grey one where there is no content."""
    table = session.table
    width, height = session.picture_size_of(start)
    unit = max(width, height) / (100 if alone else 28)
    ground = (
        f'<rect width="{width}" height="{height}" fill="#e6e9ed"/>'
        if content is None
        else f'<image width="{width}" height="{height}" href="{_data(content)}"/>'
    )
    burnt_in = content is not None and session.video_mode == "overlay"
    inside = [ground]
    for row in range(start, end):
        track = track_of.get(row)
        if track is None or burnt_in:
            continue
        index = int(table.label[row])
        label = "" if index == NO_LABEL else LABELS[index]
        x, y, across, down = (float(value) for value in table.box[row])
        dashes = f' stroke-dasharray="{unit:.1f}"' if table.uncertain[row] else ""
        colour = LABEL_COLOURS.get(label, "#5b6470")
        inside.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{across:.1f}" height="{down:.1f}" fill="none" '
            f'stroke="{colour}" stroke-width="{unit / 5:.2f}"{dashes}><title>'
            f"{escape(track.title)} {label} {percent(float(table.confidence[row]))}</title></rect>"
        )
        if alone:
            at = y - unit / 3 if y > 1.6 * unit else y + down + 1.2 * unit
            inside.append(
                f'<text x="{x:.1f}" y="{at:.1f}" style="font-size:{1.4 * unit:.1f}px;'
                f'fill:#fff;stroke:#000;stroke-width:{unit / 3:.2f}px;paint-order:stroke">'
                f"{escape(track.title)}</text>"
            )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Picture with the faces\' boxes">{"".join(inside)}</svg>'
    )


def _data(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
