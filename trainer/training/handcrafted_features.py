"""Handcrafted features of grey faces: HOG, local binary patterns, Gabor energy.

The paper names these three as the classic ones ([1] to [3]). Each is a vector that describes cells
of 8x8 pixels; docs/method.md gives the choices. Axes: N faces, H rows, W columns, D features.
"""

from collections.abc import Callable, Iterator

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from skimage.feature import hog, local_binary_pattern
from skimage.filters import gabor_kernel

from ferdesk.core.crop import FACE_SIZE_PX
from trainer.recipes.config import System

CELL_PX = 8
HOG_ORIENTATIONS = 9
HOG_BLOCK_CELLS = 2
LBP_POINTS = 8
LBP_RADII_PX = (1, 2)
LBP_BINS = LBP_POINTS * (LBP_POINTS - 1) + 3
"""Codes of the uniform patterns, each with its direction, and one for all the others: 59."""
GABOR_FREQUENCIES = tuple(0.25 / np.sqrt(2.0) ** k for k in range(5))
"""Cycles per pixel: five octaves' halves from a wavelength of 4 pixels to one of 16."""
GABOR_ANGLES = tuple(np.pi * k / 8 for k in range(8))
CHUNK = 256
"""Faces that are described at a time: about 60 MB for Gabor."""

Array = NDArray[np.float32]


def hog_features(faces_NHW: NDArray[np.uint8]) -> Array:
    """HOG features (Dalal and Triggs, 2005): 9 orientations, 8x8 cells, 2x2 blocks, L2-Hys.

    Dalal and Triggs's settings: [N, 900] for 48 pixels.
    """
    described = [
        hog(
            face,
            orientations=HOG_ORIENTATIONS,
            pixels_per_cell=(CELL_PX, CELL_PX),
            cells_per_block=(HOG_BLOCK_CELLS, HOG_BLOCK_CELLS),
            block_norm="L2-Hys",
        )
        for face in faces_NHW
    ]
    return np.asarray(described, dtype=np.float32)


def lbp_features(faces_NHW: NDArray[np.uint8]) -> Array:
    """LBP features: histograms of the 59 uniform patterns per cell, at radii of 1 and 2 pixels.

    Square roots of the shares are given, so that a linear classifier compares histograms by
    Hellinger's distance. [N, 4248] for 48 pixels.
    """
    cells = faces_NHW.shape[1] // CELL_PX
    side = cells * CELL_PX
    num_cells = cells * cells
    rows = np.arange(side) // CELL_PX
    cell_HW = rows[:, None] * cells + rows[None, :]
    described = np.empty((len(faces_NHW), len(LBP_RADII_PX), num_cells * LBP_BINS), np.float32)
    for face, histograms in zip(faces_NHW, described, strict=True):
        for radius, histogram in zip(LBP_RADII_PX, histograms, strict=True):
            codes_HW = local_binary_pattern(  # type: ignore[no-untyped-call]
                face, LBP_POINTS, radius, method="nri_uniform"
            )
            places = cell_HW * LBP_BINS + codes_HW[:side, :side].astype(np.int64)
            counts = np.bincount(places.ravel(), minlength=num_cells * LBP_BINS)
            histogram[:] = np.sqrt(counts / CELL_PX**2)
    return described.reshape(len(faces_NHW), -1)


def gabor_features(faces_NHW: NDArray[np.uint8]) -> Array:
    """Gabor features: mean magnitude of 40 filters (5 frequencies, 8 angles) per cell.

    The filters are scikit-image's; all faces of a chunk are filtered at once in the frequency
    domain, which a test holds against its own ``gabor``. Each face is first given mean 0 and
    standard deviation 1, and mean grey around it. [N, 1440] for 48 pixels.
    """
    x_NHW = faces_NHW.astype(np.float32)
    x_NHW -= x_NHW.mean((1, 2), keepdims=True)
    x_NHW /= np.maximum(x_NHW.std((1, 2), keepdims=True), 1e-3)
    cells = faces_NHW.shape[1] // CELL_PX
    side = cells * CELL_PX
    described = [
        np.abs(response_NHW)[:, :side, :side]
        .reshape(-1, cells, CELL_PX, cells, CELL_PX)
        .mean((2, 4))
        .reshape(len(x_NHW), -1)
        for response_NHW in gabor_responses(x_NHW)
    ]
    return np.concatenate(described, axis=1)


def gabor_responses(x_NHW: Array) -> Iterator[NDArray[np.complex64]]:
    """Gabor filter responses, one filter at a time: complex [N, H, W], zero padding."""
    kernels = [
        gabor_kernel(frequency, angle)  # type: ignore[no-untyped-call]
        for frequency in GABOR_FREQUENCIES
        for angle in GABOR_ANGLES
    ]
    height, width = x_NHW.shape[1:]
    half = max(size // 2 for kernel in kernels for size in kernel.shape)
    # what wraps around lands in rows and columns that are cut off again
    size = scipy.fft.next_fast_len(max(height, width) + half)
    spectrum_NHW = scipy.fft.fft2(x_NHW.astype(np.complex64), (size, size))
    for kernel in kernels:
        padded = np.zeros((size, size), np.complex64)
        rows, columns = (np.arange(n) - n // 2 for n in kernel.shape)
        # places beyond the padding's size fold onto those that they wrap around to
        np.add.at(padded, (rows[:, None] % size, columns[None, :] % size), kernel)
        filtered = scipy.fft.ifft2(spectrum_NHW * scipy.fft.fft2(padded), overwrite_x=True)
        yield filtered[:, :height, :width]


_FEATURES: dict[System, Callable[[NDArray[np.uint8]], Array]] = {
    "hog-svm": hog_features,
    "lbp-svm": lbp_features,
    "gabor-svm": gabor_features,
}


def describe(
    system: System,
    faces_NHW: NDArray[np.uint8],
    crop_px: int,
    report: Callable[[int], None] = lambda _: None,
) -> Array:
    """Features [N, D] of the centre of each face, by ``system``.

    Args:
        system: ``hog-svm``, ``lbp-svm`` or ``gabor-svm``.
        faces_NHW: [N, 48, 48] uint8.
        crop_px: side of the centre.
        report: called after each chunk with the number of faces done.
    """
    margin = (FACE_SIZE_PX - crop_px) // 2
    inner_NHW = faces_NHW[:, margin : margin + crop_px, margin : margin + crop_px]
    parts = []
    for start in range(0, len(inner_NHW), CHUNK):
        parts.append(_FEATURES[system](inner_NHW[start : start + CHUNK]))
        report(min(start + CHUNK, len(inner_NHW)))
    return np.concatenate(parts)
