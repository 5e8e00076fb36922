"""Pictures in which nobody is, though detectors see faces in such: letters, wheels, clouds, cats.

``python benchmarks/patterns.py --picture PNG`` draws one sheet of them to look at. They are drawn
from a fixed seed, so that every run asks the same.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 480, 360
KINDS = ("letters", "wheels", "clouds", "cats")


def patterns(num: int = 200) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """``num`` kinds and pictures [HEIGHT, WIDTH, 3] uint8 RGB, the kinds in turn."""
    draw = {"letters": _letters, "wheels": _wheels, "clouds": _clouds, "cats": _cats}
    for index in range(num):
        kind = KINDS[index % len(KINDS)]
        rng = np.random.default_rng([2013, index])
        picture = draw[kind](rng)
        softened = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 1.5)))
        noisy = softened + rng.normal(0, rng.uniform(0, 6), softened.shape)
        yield kind, np.clip(noisy, 0, 255).astype(np.uint8)


def _ground(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A wall: one colour that becomes lighter to one side."""
    colour = rng.uniform(60, 220, 3)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    slope = rng.uniform(-0.15, 0.15, 2)
    shade = 1 + slope[0] * (rows / HEIGHT - 0.5) + slope[1] * (columns / WIDTH - 0.5)
    return np.asarray(np.clip(shade[:, :, None] * colour, 0, 255), dtype=np.uint8)


def _tone(rng: np.random.Generator, low: int = 0, high: int = 255) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(low, high, 3))
    return red, green, blue


def _letters(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Lines of print, from body text to a headline that fills the picture."""
    picture = _ground(rng)
    size = float(rng.choice([0.8, 1.5, 3.0, 6.0, 12.0]))
    thickness = max(1, round(size * rng.uniform(1, 3)))
    font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
    # letters and signs with two holes and something below them come first
    signs = "OO8B%:;)(=-_QGDRoe0@&ageXVMW" if rng.random() < 0.5 else "ABCDEFGHIJKLMNOPRSTUVZ0123"
    line_px = round(size * 30)
    for y in range(line_px, HEIGHT + line_px, round(line_px * 1.2)):
        text = "".join(rng.choice(list(signs), 40))
        place = (int(rng.integers(-line_px, line_px)), y)
        cv2.putText(picture, text, place, font, size, _tone(rng, 0, 60), thickness, cv2.LINE_AA)
    return picture


def _wheels(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Wheels with tyre, rim, spokes and hub, alone or as pairs below a bonnet."""
    picture = _ground(rng)
    for _ in range(int(rng.integers(1, 7))):
        radius = int(rng.integers(15, 150))
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        gap = round(radius * rng.uniform(2.2, 4))
        for center in [(x, y), (x + gap, y)][: int(rng.integers(1, 3))]:
            _wheel(picture, center, radius, rng)
        if rng.random() < 0.4:
            corner = (x - radius // 2, y + round(1.2 * radius))
            other = (x + gap + radius // 2, y + round(1.8 * radius))
            cv2.rectangle(picture, corner, other, _tone(rng, 0, 120), -1, cv2.LINE_AA)
    return picture


def _wheel(
    picture: NDArray[np.uint8], center: tuple[int, int], radius: int, rng: np.random.Generator
) -> None:
    cv2.circle(picture, center, radius, _tone(rng, 10, 60), -1, cv2.LINE_AA)
    cv2.circle(picture, center, round(0.75 * radius), _tone(rng, 120, 230), -1, cv2.LINE_AA)
    num = int(rng.integers(3, 12))
    first = rng.uniform(0, math.pi)
    for spoke in range(num):
        angle = first + 2 * math.pi * spoke / num
        end = (
            round(center[0] + 0.72 * radius * math.cos(angle)),
            round(center[1] + 0.72 * radius * math.sin(angle)),
        )
        cv2.line(picture, center, end, _tone(rng, 30, 120), max(1, radius // 10), cv2.LINE_AA)
    for share in rng.uniform(0.05, 0.3, 2):
        cv2.circle(picture, center, max(1, round(share * radius)), _tone(rng), -1, cv2.LINE_AA)


def _clouds(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Noise of every scale, as clouds, bark, plaster and foliage have it."""
    roughness = float(rng.uniform(1.2, 2.4))
    frequencies = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None])
    frequencies[0, 0] = 1
    layers = []
    for _ in range(2):
        phases = np.fft.rfft2(rng.normal(size=(HEIGHT, WIDTH)))
        layer = np.fft.irfft2(phases * frequencies**-roughness, s=(HEIGHT, WIDTH))
        layers.append((layer - layer.mean()) / layer.std())
    light, tint = layers
    dark, bright = np.array(_tone(rng, 0, 120)), np.array(_tone(rng, 140, 255))
    share = 1 / (1 + np.exp(-1.5 * light[:, :, None]))
    picture = dark + share * (bright - dark) + 12 * tint[:, :, None] * np.array([1, 0, -1])
    return np.asarray(np.clip(picture, 0, 255), dtype=np.uint8)


def _cats(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cats' heads: ears, slit eyes, a small nose, whiskers, fur in stripes."""
    picture = _ground(rng)
    for _ in range(int(rng.integers(1, 4))):
        _cat(picture, rng)
    return picture


def _cat(picture: NDArray[np.uint8], rng: np.random.Generator) -> None:
    half = int(rng.integers(25, 130))
    x, y = int(rng.integers(half, WIDTH - half)), int(rng.integers(half, HEIGHT - half // 2))
    fur = _tone(rng, 60, 200)
    dark = tuple(value // 3 for value in fur)

    def at(right: float, down: float) -> tuple[int, int]:
        return round(x + right * half), round(y + down * half)

    def polygon(*points: tuple[float, float], colour: tuple[int, ...]) -> None:
        corners = np.array([at(*point) for point in points], np.int32)
        cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA)

    def ellipse(
        center: tuple[float, float], width: float, height: float, colour: tuple[int, ...]
    ) -> None:
        axes = (max(1, round(width * half)), max(1, round(height * half)))
        cv2.ellipse(picture, at(*center), axes, 0, 0, 360, colour, -1, cv2.LINE_AA)

    pink = (200, 140, 140)
    ellipse((0, 1.6), 0.9, 0.9, fur)
    for side in (-1, 1):
        polygon((side * 0.95, -0.2), (side * 0.85, -1.35), (side * 0.2, -0.7), colour=fur)
        polygon((side * 0.82, -0.4), (side * 0.78, -1.1), (side * 0.4, -0.7), colour=pink)
    ellipse((0, 0), 1.0, 0.85, fur)
    for stripe in rng.uniform(-0.5, 0.5, 4):
        cv2.line(picture, at(stripe, -0.8), at(0.6 * stripe, -0.45), dark, max(1, half // 12))
    for side in (-1, 1):
        ellipse((side * 0.4, -0.1), 0.22, 0.16, (170, 200, 60))
        ellipse((side * 0.4, -0.1), 0.05, 0.15, (10, 10, 10))
    ellipse((0, 0.4), 0.4, 0.25, tuple(min(255, value + 40) for value in fur))
    polygon((-0.12, 0.22), (0.12, 0.22), (0, 0.36), colour=(190, 110, 120))
    for side in (-1, 1):
        cv2.line(picture, at(0, 0.36), at(side * 0.2, 0.5), dark, max(1, half // 25), cv2.LINE_AA)
        for tilt in (-0.1, 0.05, 0.2):
            cv2.line(picture, at(side * 0.3, 0.4), at(side * 1.3, 0.35 + tilt), (230, 230, 230), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the pictures without people, to look at.")
    parser.add_argument("--picture", type=Path, required=True, help="save a sheet of 40 here")
    options = parser.parse_args()
    drawn = [picture for _, picture in patterns(40)]
    rows = [np.hstack(drawn[i : i + 8]) for i in range(0, 40, 8)]
    cv2.imwrite(str(options.picture), np.vstack(rows)[::2, ::2, ::-1])
    sys.stdout.write(f"{options.picture}: {', '.join(KINDS)}, in turn\n")


if __name__ == "__main__":
    main()
