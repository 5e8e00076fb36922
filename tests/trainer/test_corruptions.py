"""Faces are spoiled as the strengths say, the same faces each time, and labels counted as told."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ferdesk.errors import DataError
from tests.trainer.conftest import Run
from trainer.data.fer2013 import Faces
from trainer.delivery.measurements import add_figures, add_row, read_figures
from trainer.evaluation.corruptions import (
    CORRUPTIONS,
    Motion,
    evenly_spaced,
    label_flip_rate,
    moved_crops,
    robustness,
)

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def faces() -> Faces:
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[0:48, 0:48]
    waves = [
        128 + 70 * np.sin(rows / rng.uniform(3, 9) + columns / rng.uniform(3, 9)) for _ in range(14)
    ]
    return Faces(np.array(waves).astype(np.uint8), np.arange(14, dtype=np.int64) % 7)


def _by_brightness(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Says ``angry`` of the brighter half of all grey values, ``disgust`` of the darker."""
    bright = pixels.mean(axis=(1, 2)) > 110
    logits = np.zeros((len(pixels), 7))
    logits[np.arange(len(pixels)), np.where(bright, 0, 1)] = 1
    return logits


def test_every_way_spoils_more_at_each_strength(faces: Faces) -> None:
    for corruption in CORRUPTIONS:
        away = [
            np.abs(corruption.apply(faces.pixels, strength).astype(float) - faces.pixels).mean()
            for strength in corruption.strengths
        ]
        assert 0 < away[0] < away[1] < away[2], corruption.name


def test_the_same_faces_are_spoiled_the_same_way_each_time(faces: Faces) -> None:
    for corruption in CORRUPTIONS:
        first, again = (corruption.apply(faces.pixels, corruption.strengths[1]) for _ in range(2))
        assert first.dtype == np.uint8
        assert first.shape == faces.pixels.shape
        np.testing.assert_array_equal(first, again)


def test_strengths_are_what_they_say(faces: Faces) -> None:
    by_name = {corruption.name: corruption.apply for corruption in CORRUPTIONS}
    covered = by_name["partly covered"](np.zeros((20, 48, 48), np.uint8), 0.2)
    assert (covered == 127).mean() == pytest.approx(0.2, abs=0.02)
    dark = by_name["low light"](np.full((4, 48, 48), 200, np.uint8), 0.25)
    assert dark.mean() == pytest.approx(50, abs=0.3)
    assert dark.std() == pytest.approx(4, abs=0.2)
    small = by_name["small faces"](faces.pixels, 24)
    steps = np.abs(np.diff(small[:, :, 1:-1].astype(float), n=2, axis=2))
    assert np.median(steps[:, :, ::2]) < 2 or np.median(steps[:, :, 1::2]) < 2  # straight between


def test_accuracy_is_told_beside_the_clean_one_of_the_same_faces(faces: Faces) -> None:
    labels = np.zeros(14, np.int64)  # right while bright
    found = robustness(_by_brightness, Faces(faces.pixels, labels))
    assert found["clean"]["accuracy"] == 1.0
    ways = {way["way"]: way["strengths"] for way in found["ways"]}
    assert [row["accuracy"] for row in ways["low light"]] == [0.0, 0.0, 0.0]
    assert [row["change"] for row in ways["low light"]] == [-1.0, -1.0, -1.0]
    assert [row["accuracy"] for row in ways["blur"]] == [1.0, 1.0, 1.0]
    assert ways["blur"][0]["interval"][0] == pytest.approx(0.7847, abs=1e-3)
    json.dumps(found)


def test_a_label_that_follows_the_place_changes_and_one_that_does_not_stays() -> None:
    slope = np.broadcast_to(np.arange(48, dtype=np.uint8) * 5, (3, 48, 48)).copy()
    faces = Faces(slope, np.zeros(3, np.int64))
    still = label_flip_rate(lambda pixels: np.tile(np.eye(7)[0], (len(pixels), 1)), faces)
    assert still["moving"] == {"changes": 0.0, "interval": [0.0, 0.0], "never": 1.0}

    def by_side(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        left = pixels[:, :, 24].mean(axis=1) > 117.6
        rows: NDArray[np.float64] = np.eye(7)[left.astype(int)]
        return rows

    found = label_flip_rate(by_side, faces, Motion(num_frames=90))
    # a swing of 1 to 3 s crosses the middle twice a period: 2 to 6 times in 3 s
    assert 1 / 89 <= found["moving"]["changes"] <= 8 / 89
    assert 0.3 < found["jumping"]["changes"] < 0.7


def test_a_crop_moves_as_far_as_it_is_told() -> None:
    face = np.zeros((48, 48), np.uint8)
    face[20:28, 22:28] = 255
    motion = Motion(shift=0.125, scale=0.5, rotation_deg=90)
    path = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    seen = moved_crops(face, path, motion)
    np.testing.assert_array_equal(seen[0], face)
    np.testing.assert_array_equal(seen[1], np.roll(face, -6, axis=1))  # an eighth of 48
    np.testing.assert_array_equal(seen[2], np.roll(face, 6, axis=0))
    assert seen[3].astype(float).sum() == pytest.approx(face.sum() / 1.5**2, rel=0.1)
    np.testing.assert_allclose(seen[4].astype(int), np.rot90(face, 1).astype(int), atol=2)


def test_a_subset_is_spread_over_the_whole_split(faces: Faces) -> None:
    few = evenly_spaced(faces, 3)
    np.testing.assert_array_equal(few.pixels, faces.pixels[[0, 6, 13]])
    assert evenly_spaced(faces, 99) is faces
    with pytest.raises(DataError, match="no faces to evaluate"):
        evenly_spaced(Faces(faces.pixels[:0], faces.labels[:0]), None)


def test_figures_are_kept_for_the_file_that_they_were_measured_on(tmp_path: Path) -> None:
    model, path = tmp_path / "a.onnx", tmp_path / "figures.json"
    model.write_bytes(b"one")
    add_figures(path, model, "speed", "bench", {"ms": 1})
    add_figures(path, model, "jaffe", "portraits", {"accuracy": 0.5})
    found = read_figures(path, model)
    assert found["speed"]["ms"] == 1
    assert found["jaffe"]["command"] == "portraits"
    model.write_bytes(b"two")
    with pytest.raises(DataError, match="measured on another file"):
        read_figures(path, model)
    add_figures(path, model, "speed", "bench", {"ms": 2})  # what another file had is gone
    assert list(read_figures(path, model)) == ["speed"]
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="does not hold figures"):
        add_figures(path, model, "speed", "bench", {"ms": 3})


def test_a_row_takes_the_place_of_the_one_with_its_key(tmp_path: Path) -> None:
    model, path = tmp_path / "a.onnx", tmp_path / "figures.json"
    model.write_bytes(b"one")
    for search, share in (("window", 0.1), ("analyze", 0.2), ("window", 0.3)):
        add_row(path, model, "live_gap", "x", {"search": search, "found": share}, "search")
    rows = read_figures(path, model)["live_gap"]["rows"]
    assert {row["search"]: row["found"] for row in rows} == {"analyze": 0.2, "window": 0.3}


def test_no_figures_are_no_sections(tmp_path: Path) -> None:
    model = tmp_path / "a.onnx"
    model.write_bytes(b"one")
    assert read_figures(tmp_path / "none.json", model) == {}


def test_the_command_refuses_what_is_no_model(run: Run, tmp_path: Path) -> None:
    code, _, said = run("robustness", tmp_path / "no.txt", "--data", tmp_path / "no.csv")
    assert code == 3
    assert said.startswith("Error: There is nothing at")
