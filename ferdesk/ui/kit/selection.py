"""Selection: the face that the panels show, chosen by the user as long as it is visible."""

from ferdesk.core.types import FaceResult, FrameResult

KEEP_S = 1.0
"""A chosen face that is out of sight stays chosen for this long."""


class Selection:
    """Selection: follows one face; where there is none to follow, the largest in the picture."""

    def __init__(self) -> None:
        self.face_id: int | None = None
        """The chosen face; it may be out of sight."""
        self._seen_s = 0.0

    def choose(self, face_id: int) -> None:
        self.face_id = face_id

    def forget(self) -> None:
        """Begin anew, with another source."""
        self.face_id = None

    def update(self, result: FrameResult) -> FaceResult | None:
        """The chosen face in ``result``, None while it is out of sight or there is none."""
        t_s = result.frame.t_s
        for face in result.faces:
            if face.face_id == self.face_id:
                self._seen_s = t_s
                return face
        if self.face_id is not None and 0 <= t_s - self._seen_s < KEEP_S:
            return None
        largest = max(result.faces, key=lambda face: face.box.area, default=None)
        self.face_id = None if largest is None else largest.face_id
        self._seen_s = t_s
        return largest

    def step(self, result: FrameResult, by: int) -> None:
        """Choose the face ``by`` places further in the order of ids, round and round."""
        ids = [face.face_id for face in result.faces]
        if ids:
            here = ids.index(self.face_id) if self.face_id in ids else -max(by, 0)
            self.face_id = ids[(here + by) % len(ids)]
