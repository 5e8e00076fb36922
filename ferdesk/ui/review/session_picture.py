"""Picture of a session at a moment: the video's frame or a grey one, with the faces' boxes."""

import numpy as np
from numpy.typing import NDArray

from ferdesk.core.types import Frame, FrameResult
from ferdesk.ui.kit.language import tr, translated
from ferdesk.ui.kit.video_view import VideoView, ViewState
from ferdesk.ui.review.edits import Edits
from ferdesk.ui.review.opened_session import OpenedSession
from ferdesk.ui.review.player import Player, Still
from ferdesk.ui.review.tracks import TrackEditor

_GREY = 26
_LONGEST_SIDE_PX = 1920
"""Of the grey picture; a damaged file may claim any size."""


class SessionPicture:
    """Painter of a session into a ``VideoView``."""

    def __init__(self, view: VideoView, player: Player, edits: Edits, tracks: TrackEditor) -> None:
        self._view, self._player, self._edits, self._tracks = view, player, edits, tracks
        self._opened: OpenedSession | None = None
        self._canvas: NDArray[np.uint8] = np.full((16, 16, 3), _GREY, np.uint8)
        self._shown_frame = -1

    def begin(self, opened: OpenedSession) -> None:
        """Show this session from now on."""
        self._opened = opened
        self._shown_frame = -1

    def end(self) -> None:
        self._opened = None
        self._view.clear()

    def move_to(self, t_s: float) -> None:
        """Show the boxes of that moment; where there is a video, its frame comes by itself."""
        if self._opened is not None and not self._player.has_film:
            frame = self._opened.frame_at(t_s)
            if frame != self._shown_frame:
                self._shown_frame = frame
                self._show(None, t_s, "")

    def show_still(self, still: Still) -> None:
        """Show the video's frame of a moment, or why there is none."""
        opened = self._opened
        if opened is None:
            return
        note = translated(still.problem)
        if still.image is None:
            self._show(None, still.t_s, note or tr("The video has no frame here."))
            return
        frame = opened.frame_at(still.t_s)
        began_s = still.began_s if still.began_s is not None else still.t_s
        # the video lacks what the encoder could not keep up with; another frame is no proof
        if len(opened.times) and abs(opened.times[frame] - began_s) > max(0.1, 2 * opened.step_s):
            note = note or tr("No video frame here; showing the nearest one.")
        self._show(still.image, still.t_s, note)

    def show_again(self) -> None:
        """The same moment, with what has changed over it."""
        result = self._view.result
        if result is not None:
            image = result.frame.image
            blank = image is self._canvas
            self._show(None if blank else image, result.frame.t_s, self._view.state.note)

    def _show(self, image: NDArray[np.uint8] | None, t_s: float, note: str) -> None:
        """Show ``image``, or a grey one for None."""
        opened = self._opened
        if opened is None:
            return
        review = self._edits.review
        frame = opened.frame_at(t_s)
        burnt_in = image is not None and opened.session.video_mode == "overlay"
        faces = opened.faces_at(frame, review) if len(opened.times) and not burnt_in else ()
        size = opened.size_at(frame)
        if image is None:
            image = self._blank(size)
        faces = opened.scaled(faces, size, image.shape[1], image.shape[0])
        result = FrameResult(Frame(image, frame, t_s, t_s), faces, 0.0, {})
        self._view.set_names({track.id: track.name for track in review.tracks if track.name})
        self._view.show_result(result, self._tracks.track_id)
        if not self._player.has_film:
            note = tr("No video was recorded; boxes show where faces were.")
            if opened.session.of_pictures:
                note = tr("The picture was not kept; boxes show where faces were.")
        if not len(opened.times):
            note = tr("This session has no data.")
        elif image is not self._canvas:
            note = note or opened.picture_name(frame)
        self._view.set_state(ViewState(note=note))

    def _blank(self, size: tuple[int, int]) -> NDArray[np.uint8]:
        """A grey picture of the shape of ``size``, width and height."""
        scale = min(_LONGEST_SIDE_PX / max(size), 1.0)
        width, height = (max(round(side * scale), 1) for side in size)
        if self._canvas.shape[:2] != (height, width):
            self._canvas = np.full((height, width, 3), _GREY, np.uint8)
        return self._canvas
