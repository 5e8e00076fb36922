"""Geometry: boxes, regions, squares, and how a box becomes a square; pixels of the upright picture.

Coordinates are continuous, x to the right and y down; pixel ``i`` covers ``[i, i + 1)``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """Bounding box, upright, in pixels; it may reach outside the picture."""

    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> tuple[float, float]:
        return (self.x + self.width / 2, self.y + self.height / 2)

    @property
    def area(self) -> float:
        return self.width * self.height

    def iou(self, other: "Box") -> float:
        """Intersection over union (IoU), in [0, 1]."""
        common = self.intersection_area(other)
        return _ratio(common, self.area + other.area - common) if common else 0.0

    def ios(self, other: "Box") -> float:
        """Intersection over smaller (IoS): the covered share of the smaller box, in [0, 1]."""
        common = self.intersection_area(other)
        return _ratio(common, min(self.area, other.area)) if common else 0.0

    def intersection_area(self, other: "Box") -> float:
        """Intersection of both boxes, in square pixels."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        if width <= 0:
            return 0.0
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return width * max(height, 0.0)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Region:
    """Region of a picture in whole pixels; what of it lies outside repeats the picture's border."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Framing:
    """Framing: how a detector's box becomes FER2013's square.

    ``scale`` is the square's side over the box's side (the mean of width and height);
    ``shift_up`` moves its centre up, in box sides.
    """

    scale: float
    shift_up: float


@dataclass(frozen=True, slots=True)
class Square:
    """Square region of a picture that becomes a crop: left, top and side in picture pixels."""

    x: float
    y: float
    side: float
