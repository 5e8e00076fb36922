"""A checkpoint is whole or it is not there, and reading one runs nothing."""

import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ferdesk.errors import DataError
from trainer.models.network import ExpressionNet
from trainer.recipes.config import Recipe
from trainer.training.checkpoint import (
    Checkpoint,
    current_commit,
    load_checkpoint,
    save_checkpoint,
)


@pytest.fixture
def checkpoint(tiny_recipe: Recipe) -> Checkpoint:
    torch.manual_seed(0)
    return Checkpoint(
        recipe=tiny_recipe,
        step=3,
        weights=ExpressionNet(tiny_recipe.architecture).state_dict(),
        average=None,
        optimizer={"state": {}, "param_groups": []},
        data_sha256="synthetic",
        commit="0123456789ab+",
        scores={"public": 0.5},
    )


def _same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def test_what_was_saved_is_read_back(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "new" / "last.pt"
    save_checkpoint(checkpoint, path)

    found = load_checkpoint(path)

    assert found.recipe == checkpoint.recipe
    assert found.step == 3
    assert found.average is None
    assert _same(found.weights, checkpoint.weights)
    assert (found.data_sha256, found.commit) == ("synthetic", "0123456789ab+")
    assert found.scores == {"public": 0.5}
    assert [entry.name for entry in path.parent.iterdir()] == ["last.pt"]


def test_the_average_is_what_is_judged_and_exported(checkpoint: Checkpoint) -> None:
    x = torch.rand(1, 1, 44, 44) * 255
    plain = checkpoint.model()
    assert not plain.training
    checkpoint.average = {
        name: value + 1 if value.is_floating_point() else value
        for name, value in checkpoint.weights.items()
    }
    assert _same(checkpoint.model().state_dict(), checkpoint.average)
    assert not torch.equal(checkpoint.model()(x), plain(x))


def _killed_halfway(table: Any, file: Any) -> None:
    half = b"half of a checkpoint"
    if isinstance(file, str | Path):
        Path(file).write_bytes(half)
    else:
        file.write(half)
    raise KeyboardInterrupt


def test_a_save_that_is_killed_leaves_the_old_file_whole(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(checkpoint, path)
    checkpoint.step = 4
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", _killed_halfway)
        with pytest.raises(KeyboardInterrupt):
            save_checkpoint(checkpoint, path)
    assert load_checkpoint(path).step == 3

    save_checkpoint(checkpoint, path)  # what the kill left behind is in nobody's way
    assert load_checkpoint(path).step == 4


def test_a_full_disk_is_an_os_error_and_leaves_the_old_file_whole(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource")  # not on Windows
    path = tmp_path / "last.pt"
    save_checkpoint(checkpoint, path)
    checkpoint.step = 4
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_checkpoint(checkpoint, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert load_checkpoint(path).step == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.pt"]


def _cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    "damage",
    [
        _cut_off,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"garbage"),
        lambda path: torch.save([1, 2], path),
        lambda path: torch.save({"weights": {}}, path),
        lambda path: torch.save({"schema": 1, "recipe": {}}, path),
    ],
    ids=["cut off", "empty", "text", "a list", "another table", "half a table"],
)
def test_a_file_that_is_no_checkpoint_is_refused_in_a_sentence(
    checkpoint: Checkpoint, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(checkpoint, path)
    damage(path)
    with pytest.raises(DataError) as caught:
        load_checkpoint(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} is not a ferdesk checkpoint, or is cut off")
    assert "\n" not in sentence
    assert "weights_only" not in sentence  # torch advises to open the file unsafely


def test_a_missing_checkpoint_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no checkpoint .*absent\.pt; .*ferdesk-train fit"):
        load_checkpoint(tmp_path / "absent.pt")


def test_a_checkpoint_of_another_schema_is_refused(tmp_path: Path) -> None:
    torch.save({"schema": 99}, tmp_path / "last.pt")
    with pytest.raises(DataError, match="has checkpoint schema 99; 1 is read"):
        load_checkpoint(tmp_path / "last.pt")


def test_a_recipe_this_version_does_not_know_is_named(tmp_path: Path) -> None:
    torch.save({"schema": 1, "recipe": {"flavour": 3}}, tmp_path / "last.pt")
    with pytest.raises(DataError, match="has no field 'flavour'"):
        load_checkpoint(tmp_path / "last.pt")


class _Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("write", [torch.save, lambda x, path: path.write_bytes(pickle.dumps(x))])
def test_reading_a_checkpoint_runs_no_code_from_it(
    tmp_path: Path, write: Callable[[Any, Path], None]
) -> None:
    marker, path = tmp_path / "ran", tmp_path / "last.pt"
    write({"schema": 1, "recipe": _Bomb(marker)}, path)
    with pytest.raises(DataError):
        load_checkpoint(path)
    assert not marker.exists()


def test_a_bit_that_flipped_is_found_or_changes_nothing(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(checkpoint, path)
    content = path.read_bytes()
    rng = random.Random(7)
    num_found = 0
    for _ in range(100):
        damaged = bytearray(content)
        damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            read = load_checkpoint(path)
        except DataError:
            num_found += 1
            continue
        assert read.step == checkpoint.step
        assert _same(read.weights, checkpoint.weights)
        assert (read.recipe, read.scores, read.commit) == (
            checkpoint.recipe, checkpoint.scores, checkpoint.commit,
        )  # fmt: skip
    assert num_found > 50


def test_a_copy_without_git_says_the_commit_that_it_was_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FERDESK_COMMIT", " c0ffee12+\n")
    assert current_commit() == "c0ffee12+"
