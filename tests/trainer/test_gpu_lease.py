"""One lease of a GPU: what travels fits, what was trained comes home, whenever a call is killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scripts import gpu_lease, gpu_lease_home
from trainer.data.ferplus import FerPlus
from trainer.evaluation.predictions import load_all_predictions
from trainer.recipes.config import Recipe
from trainer.training.build import build_network
from trainer.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("FERDESK_SHARED", ROOT.parent / "shared"))
PARTS_BYTES = 51.3 * 2**20
"""FER2013's packed parts, where they are not at hand."""


def test_what_travels_is_less_than_64_mib() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    parts = [path.stat().st_size for path in (SHARED / "data" / "fer2013").glob("*.part?")]
    packed = (sum(parts) or PARTS_BYTES) + 300_000  # votes, unpack.py
    assert gpu_lease_home.travelling_bytes(ROOT, int(packed)) < gpu_lease_home.MOST_BYTES


def _git(root: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True
    )


def test_large_files_are_counted_out_and_come_back(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    for name, size in (("assets/models/a.onnx", 700), ("trainer.py", 40), ("docs/images/b.png", 9)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    _git(tmp_path, "add", "-A")
    _git(tmp_path, "commit", "-q", "-m", "x")
    assert gpu_lease_home.travelling_bytes(tmp_path, 5) == 45
    (tmp_path / "assets/models/a.onnx").write_bytes(b"")
    gpu_lease_home.restore(tmp_path)
    assert (tmp_path / "assets/models/a.onnx").stat().st_size == 700


def test_it_can_be_packed_again_where_the_data_may_only_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, data = tmp_path / "checkout", tmp_path / "data"
    (root / "assets/models").mkdir(parents=True)
    (root / "assets/models/a.onnx").write_bytes(bytes(700))
    _git(tmp_path, "init", "-q", str(root))
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", "x")
    data.mkdir()
    for name in ("fer2013.xz.part0", "unpack.py"):
        (data / name).write_bytes(b"abc")
        (data / name).chmod(0o444)
    monkeypatch.setattr("trainer.data.fer2013.load_fer2013", lambda *_: None)
    votes = {"public": FerPlus(np.ones((2, 10), np.int64))}
    monkeypatch.setattr("trainer.data.ferplus.load_ferplus", lambda *_: votes)
    for _ in range(2):
        assert gpu_lease_home.pack(root, data, tmp_path, tmp_path) < gpu_lease_home.MOST_BYTES
        assert (root / "assets/models/a.onnx").stat().st_size == 0
        with pytest.raises(SystemExit, match="restore"):
            gpu_lease_home.pack(root, data, tmp_path, tmp_path)
        gpu_lease_home.restore(root)
    assert all(path.stat().st_mode & 0o200 for path in (root / ".lease").iterdir())


def test_weights_come_home_in_parts_and_a_lost_part_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu_lease, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(gpu_lease, "PART_BYTES", 9_000)
    recipe = Recipe(width=4, crowd_weight=1.0)
    torch.manual_seed(3)
    weights = build_network(recipe).state_dict()
    for name in ("fast", "full"):
        kept = Checkpoint(recipe, 31, weights, None, {}, "", "c0ffee")
        save_checkpoint(kept, tmp_path / "runs" / name / "last.pt")
        gpu_lease.keep(name, tmp_path)
    parts = sorted(tmp_path.glob("fast.pt.*-of-*"))
    assert len(parts) > 9  # so that their order is not that of their names
    assert all(path.stat().st_size <= 9_000 for path in parts)
    (tmp_path / f"full.pt.1-of-{len(parts)}").unlink()
    damaged = bytearray(parts[3].read_bytes())
    damaged[50] ^= 1
    for path in parts:
        mixed = bytes(damaged) if path == parts[3] else path.read_bytes()
        path.with_name(path.name.replace("fast", "mixed")).write_bytes(mixed)
    log = tmp_path / "log.jsonl"
    log.write_text('{"look": 1}\n', "utf-8")
    (tmp_path / "runs" / "private-test-log.jsonl").write_text('{"look": 1}\n{"look": 2}\n', "utf-8")
    gpu_lease.tar_up(tmp_path / "first.tar.gz")
    assert gpu_lease_home.join(tmp_path, tmp_path / "home", log) == ["fast"]
    told = capsys.readouterr().out
    assert "full: not whole" in told
    assert "mixed: not whole" in told
    found = load_checkpoint(tmp_path / "home" / "fast" / "last.pt")
    assert (found.commit, found.step, found.recipe.width) == ("c0ffee", 31, 4)
    for name, value in found.weights.items():
        torch.testing.assert_close(value, weights[name], atol=1e-3, rtol=1e-3)
    assert log.read_text("utf-8") == '{"look": 1}\n{"look": 2}\n'


@pytest.mark.parametrize("which", ["first", "second"])
def test_what_a_call_brings_home_may_all_come_back(which: str) -> None:
    half, files, total = 2, 2, 8 * 2**20  # archive (5.4 MiB of logits and soft targets), log
    for name in gpu_lease.WEIGHTS[which]:
        with torch.device("meta"):
            network = build_network(gpu_lease.recipe_of(name, {"teacher": []}))
        size = half * sum(value.numel() for value in network.state_dict().values())
        size += 2**17  # names, norms in whole precision
        files += -(-size // gpu_lease.PART_BYTES)
        total += size
    assert gpu_lease.PART_BYTES < 2**24
    assert files <= gpu_lease.MOST_FILES
    assert total <= gpu_lease.MOST_BACK


def test_a_copy_without_what_was_packed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["gpu_lease.py", "second"])
    with pytest.raises(SystemExit, match="did not travel"):
        gpu_lease.main()


def test_only_systems_that_are_not_far_worse_teach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_lease, "RUNS", tmp_path)
    for name, public in zip(gpu_lease.TABLE1, (0.71, 0.60, 0.67), strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ended.json").write_text(json.dumps({"public": public}), "utf-8")
    assert gpu_lease.teachers() == [tmp_path / "cbam-resnet-softmax", tmp_path / "resnet"]
    recipe = gpu_lease.recipe_of("fast", {"width": 8})
    assert recipe.teacher == tuple(str(path) for path in gpu_lease.teachers())
    assert (recipe.crowd_weight, recipe.width, recipe.batch) == (1.0, 8, 256)
    assert gpu_lease.recipe_of("cbam-resnet-asoftmax", {}).learning_rate == 0.1


def _machine(place: Path, num_faces: int) -> None:
    """A lent machine's copy with some faces; its git and its large files are missing."""
    for name in ("trainer", "ferdesk", "scripts"):
        (place / name).symlink_to(ROOT / name)
    (place / ".lease").mkdir()
    (place / ".lease" / "commit").write_text("c0ffee", "utf-8")
    rng = np.random.default_rng(4)
    usage = np.arange(3 * num_faces) // num_faces
    runs = place / "runs" / "lease"
    runs.mkdir(parents=True)
    np.savez(
        runs / "fer2013.npz",
        pixels=rng.integers(0, 256, (3 * num_faces, 48, 48), np.uint8),
        labels=np.arange(3 * num_faces) % 7, usage=usage,
    )  # fmt: skip
    splits = ("training", "public", "private")
    votes: dict[str, Any] = {split: rng.integers(0, 5, (num_faces, 10)) for split in splits}
    np.savez(place / ".lease" / "votes.npz", **votes)


def _started(place: Path, which: str, seconds: float) -> "subprocess.Popen[bytes]":
    with (place / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [
                sys.executable, "scripts/gpu_lease.py", which, "--seconds", str(seconds), "--set",
                "width=4", "--set", "batch=8", "--device", "cpu", "--no-compile", "--grace", "900",
            ],
            cwd=place,
            env={**os.environ, "OUT": str(place / "out"), "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip


@pytest.fixture
def pace_s() -> float:
    """Seconds that a start with all imports takes now: 4 on two quiet cores, 60 on busy ones."""
    began_s = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", "import trainer.training.loop, trainer.evaluation.figures"],
        cwd=ROOT, check=True,
    )  # fmt: skip
    return time.monotonic() - began_s


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_whole_lease_brings_everything_home(tmp_path: Path, pace_s: float) -> None:
    _machine(tmp_path, 40)
    # three processes start, compute and judge in the first part, two in each other
    for which, starts in (("first", 30), ("second", 15)):
        seconds = max(40, starts * pace_s)
        assert _started(tmp_path, which, seconds).wait() == 0, (tmp_path / "log.txt").read_text()
    log = tmp_path / "log.jsonl"
    home = tmp_path / "home"
    joined = gpu_lease_home.join(tmp_path / "out", home, log)
    assert joined == sorted(name for names in gpu_lease.WEIGHTS.values() for name in names)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "first.tar.gz", "second.tar.gz", *(f"{name}.pt.1-of-1" for name in joined)
    }  # fmt: skip
    looks = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert sorted(look["system"] for look in looks) == sorted(
        (*gpu_lease.TABLE1, *gpu_lease.TABLE2)
    )
    assert {look["commit"] for look in looks} == {"c0ffee"}
    assert len(load_all_predictions(home / "logits")) == 10
    taught = {path.name for path in (home / "fast").glob("taught-*.npz")}
    assert len(taught) >= 1
    assert taught <= {path.name for path in home.glob("*resnet*/taught-*.npz")}
    told = (tmp_path / "log.txt").read_text("utf-8")
    assert told.count("computing soft targets") == len(gpu_lease.TABLE1)  # once for both students
    assert load_checkpoint(home / "fast" / "last.pt").recipe.crowd_weight == 1.0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_call_leaves_what_was_saved_and_nobody_behind(
    tmp_path: Path, pace_s: float
) -> None:
    _machine(tmp_path, 40)
    call = _started(tmp_path, "first", max(200, 60 * pace_s))
    until_s = time.monotonic() + 900
    while (
        not any(name.endswith("log.jsonl") for name in _brought(tmp_path))
        and time.monotonic() < until_s
    ):
        time.sleep(0.2)
    assert call.poll() is None
    call.send_signal(signal.SIGKILL)
    call.wait()
    until_s = time.monotonic() + 30
    while _still_there(tmp_path) and time.monotonic() < until_s:
        time.sleep(0.5)
    assert not _still_there(tmp_path)
    assert any(name.endswith("log.jsonl") for name in _brought(tmp_path))


def test_a_process_whose_parent_was_gone_before_it_asked_ends(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "gpu_lease.py"), "train", "fast", "--end", "1e9"],
        cwd=tmp_path, env={**os.environ, "LEASE_PARENT": "1"}, capture_output=True, timeout=60,
    )  # fmt: skip
    assert (found.returncode, found.stderr) == (1, b"")


def _brought(place: Path) -> list[str]:
    """What the archive has that came home so far."""
    archive = place / "out" / "first.tar.gz"
    if not archive.exists():
        return []
    with tarfile.open(archive) as tar:
        return tar.getnames()


def _still_there(place: Path) -> list[Path]:
    """Processes that work in ``place``."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            found += [link] if link.resolve() == place.resolve() else []
    return found
