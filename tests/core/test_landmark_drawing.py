"""Landmarks as they are drawn: true lines of the surface, from the smoothed points."""

from dataclasses import replace

import numpy as np

from ferdesk.core.measures.drawing import OVAL, drawn_lines, drawn_points, strokes, surface_edges
from tests.helpers.landmarks import CANONICAL
from tests.helpers.results import made_measures

SMOOTHED = np.arange(478 * 3, dtype=np.float32).reshape(478, 3)
MEASURES = replace(made_measures(0), smoothed=SMOOTHED, triangles=CANONICAL.triangles)


def indices(lines: np.ndarray) -> set[tuple[int, int]]:
    """The landmarks at both ends of each line."""
    ends = lines[..., 0].astype(int) // 3
    return {(min(a, b), max(a, b)) for a, b in ends.tolist()}


def test_drawn_points_are_the_smoothed_ones() -> None:
    assert np.array_equal(drawn_points(MEASURES, "points"), SMOOTHED[:, :2])
    assert len(drawn_points(MEASURES, "mesh")) == 0


def test_contours_run_along_edges_of_the_surface() -> None:
    surface = {(a, b) for a, b in surface_edges(CANONICAL.triangles).tolist()}
    contours = indices(drawn_lines(MEASURES, "contours"))
    on_face = {edge for edge in contours if edge[1] < 468}
    assert len(on_face) == 36 + 2 * (16 + 4 + 4) + 20 + 20
    assert on_face <= surface
    # both irises are closed rings of their own four points
    assert contours - on_face == {
        (469, 470), (470, 471), (471, 472), (469, 472),
        (474, 475), (475, 476), (476, 477), (474, 477),
    }  # fmt: skip


def test_the_oval_goes_once_around_the_face() -> None:
    x, y = CANONICAL.points[list(OVAL), :2].T
    # twice the area by the shoelace formula: nothing of the face lies outside
    area = abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2
    width = np.ptp(CANONICAL.points[:, 0])
    height = np.ptp(CANONICAL.points[:, 1])
    assert area > 0.7 * width * height
    assert len(set(OVAL)) == len(OVAL) - 1 == 36


def test_the_mesh_has_each_edge_once() -> None:
    edges = indices(drawn_lines(MEASURES, "mesh"))
    assert len(drawn_lines(MEASURES, "mesh")) == len(edges)
    # Euler's formula, with 468 points and the irises' eight lines
    assert len(edges) - 8 == 468 + len(CANONICAL.triangles) - 2 + num_borders()
    assert indices(drawn_lines(MEASURES, "contours")) <= edges


def num_borders() -> int:
    """Closed borders of the surface: its outline, the eyes, the mouth."""
    corners = CANONICAL.triangles
    sides = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    edges, counts = np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)
    border = edges[counts == 1].tolist()
    parent = {point: point for edge in border for point in edge}

    def root(point: int) -> int:
        while parent[point] != point:
            point = parent[point]
        return point

    for a, b in border:
        parent[root(a)] = root(b)
    return len({root(point) for point in parent})


def test_off_draws_nothing() -> None:
    assert len(drawn_lines(MEASURES, "off")) == len(drawn_points(MEASURES, "off")) == 0


def test_strokes_are_finer_on_faces_that_are_drawn_small() -> None:
    points = np.zeros((478, 3), np.float32)
    points[OVAL[0], 1] = 80.0
    face = replace(MEASURES, smoothed=points)
    # eighty pixels of the picture are 160 of the view, then as many, then 40
    full, half, tiny = (strokes(face, "points", scale) for scale in (2.0, 1.0, 0.5))
    assert [(one.opacity, one.width) for one in full] == [(0.5, 4.0), (1.0, 2.0)]
    assert [(one.opacity, one.width) for one in half] == [(0.25, 2.0), (1.0, 1.0)]
    assert [(one.opacity, one.width) for one in tiny] == [(0.125, 1.0), (1.0, 1.0)]
    assert [one.opacity for one in strokes(face, "mesh", 1.0)] == [0.225]
    assert strokes(face, "mesh", 9.0)[0].opacity == 0.45
    assert strokes(face, "off", 1.0) == ()
