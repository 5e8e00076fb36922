"""A synthetic FER2013, a tiny recipe and one thread: what the trainer's tests share."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainer.__main__ import main
from trainer.data.fer2013 import Faces, Fer2013
from trainer.recipes.config import Recipe

Row = tuple[int, NDArray[np.uint8], str]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny nets lose time to threads, and a fixed number of them keeps sums bit-identical."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache."""
    monkeypatch.setattr("trainer.data.cache.cache_folder", lambda: tmp_path / "cache")


@pytest.fixture(autouse=True)
def _nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processors with AMX compile by default, which takes a minute a network; tests ask for it."""
    monkeypatch.setattr("trainer.training.devices._has_amx", lambda: False)


def _faces(count: int, seed: int) -> Faces:
    """Each expression is a bright bar at its own height, in noise: easy to learn, never equal."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 7
    pixels = rng.integers(0, 100, (count, 48, 48)).astype(np.uint8)
    for face, label in zip(pixels, labels, strict=True):
        top = 3 + 6 * int(label)
        face[top : top + 6] += 150
    return Faces(pixels, labels)


@pytest.fixture
def tiny_data() -> Fer2013:
    """28 faces to train on, 14 to watch, and no PrivateTest: whoever reads that gets a KeyError."""
    return Fer2013({"training": _faces(28, 1), "public": _faces(14, 2)}, sha256="synthetic")


@pytest.fixture
def tiny_recipe() -> Recipe:
    """Three epochs of three steps."""
    return Recipe(name="tiny", width=4, epochs=3, batch=8, learning_rate=0.05)


@pytest.fixture
def rows() -> list[Row]:
    """Rows of a small fer2013.csv: 16 for training, 7 for each test."""
    found: list[Row] = []
    for usage, count, seed in (("Training", 16, 1), ("PublicTest", 7, 2), ("PrivateTest", 7, 3)):
        faces = _faces(count, seed)
        if usage == "PrivateTest":  # in another order, so that its labels are not PublicTest's
            faces = Faces(faces.pixels[::-1], faces.labels[::-1])
        found += [
            (int(label), face, usage)
            for label, face in zip(faces.labels, faces.pixels, strict=True)
        ]
    return found


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[[Sequence[Row]], Path]:
    """Write rows as Kaggle's fer2013.csv."""

    def write(rows: Sequence[Row]) -> Path:
        lines = ["emotion,pixels,Usage"]
        lines += [f"{label},{' '.join(map(str, face.ravel()))},{use}" for label, face, use in rows]
        path = tmp_path / "fer2013.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The team's shared folder, which a user's checkout does not have."""
    beside = Path(__file__).parents[2].parent / "shared"
    folder = Path(os.environ.get("FERDESK_SHARED", beside))
    if not (folder / "data" / "fer2013" / "unpack.py").is_file():
        pytest.skip(f"no FER2013 in {folder}; set FERDESK_SHARED to the folder that has it")
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ferdesk-train with arguments; its exit code, stdout and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ferdesk-train", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
