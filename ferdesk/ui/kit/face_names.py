"""Face names: the names that the user gives, and a colour for each id."""

from collections.abc import Mapping
from types import MappingProxyType

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor

LONGEST_NAME = 40
_COLOURS = ("#FFFFFF", "#4ECDC4", "#FF9FF3", "#C6E377", "#A29BFE", "#FFC09F", "#7FDBFF", "#FFEE93")
"""Light, since they stand on dark plates, and unlike the seven labels' colours; the id beside
them tells faces apart where colours do not."""


def own_colour(face_id: int) -> QColor:
    """The colour of a face; ids that are eight apart share one."""
    return QColor(_COLOURS[(face_id - 1) % len(_COLOURS)])


class FaceNames(QObject):
    """Face names of one source; ids begin anew with the next."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._names: dict[int, str] = {}

    @property
    def by_id(self) -> Mapping[int, str]:
        return MappingProxyType(self._names)

    def give(self, face_id: int, name: str) -> None:
        """Call ``face_id`` by ``name`` from now on; an empty one takes its name away."""
        tidy = " ".join(name.split())[:LONGEST_NAME]
        if tidy == self._names.get(face_id, ""):
            return
        self._names.pop(face_id, None)
        if tidy:
            self._names[face_id] = tidy
        self.changed.emit()

    def forget(self) -> None:
        """Another source, other people."""
        if self._names:
            self._names.clear()
            self.changed.emit()
