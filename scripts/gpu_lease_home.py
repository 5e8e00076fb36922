"""The home side of ``scripts/gpu_lease.py``: what travels to a lent GPU, and what comes back."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

PACK = Path(".lease")
LARGE = ("assets/*/*.onnx", "assets/mediapipe/*.task", "assets/demo/*.webp", "docs/images/*")
"""What training needs not; emptied, not removed, as tracked files are looked for."""
MOST_BYTES = 64 * 2**20
"""What may travel there."""
CSV_SHA256 = "3b8d9617d1017f34733c8f2474d7784c563ce86c40a86ac12c2d37cc968f871b"
"""Of the official fer2013.csv, which is not written out on the lent machine."""


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")


def tracked(root: Path, *, also_new: bool = False) -> list[Path]:
    """Files that git tracks in the checkout at ``root``; ``also_new``: and would not ignore."""
    new = ["-co", "--exclude-standard"] if also_new else []
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", *new], capture_output=True, check=True
    ).stdout
    return [root / os.fsdecode(name) for name in listed.split(b"\0") if name]


def large(root: Path) -> set[Path]:
    return {path for pattern in LARGE for path in root.glob(pattern)}


def travelling_bytes(root: Path, packed_bytes: int) -> int:
    """Size of what travels: what is packed, and all that git does not ignore but large files."""
    kept = set(tracked(root, also_new=True)) - large(root)
    return packed_bytes + sum(path.stat().st_size for path in kept if path.is_file())


def pack(root: Path, data: Path, ferplus: Path, csv: Path) -> int:
    """Fill ``.lease``, empty the large files, and return the size of what travels.

    Raises:
        SystemExit: a large file has changes that ``restore`` would lose, or too much travels.
    """
    import numpy as np

    from trainer.data.fer2013 import load_fer2013
    from trainer.data.ferplus import load_ferplus
    from trainer.training.checkpoint import current_commit

    names = sorted(str(path.relative_to(root)) for path in large(root) & set(tracked(root)))
    status = ["git", "-C", str(root), "status", "--porcelain", "--", *names]
    if subprocess.run(status, capture_output=True, check=True).stdout:
        raise SystemExit(
            "A file of assets or docs/images has changes: commit or undo them first, or restore "
            "what an earlier pack emptied."
        )
    place = root / PACK
    place.mkdir(exist_ok=True)
    for path in (*sorted(data.glob("fer2013.xz.part?")), data / "unpack.py"):
        shutil.copyfile(path, place / path.name)  # not its mode: the next one writes over it
    (place / "commit").write_text(current_commit(), "utf-8")
    votes = load_ferplus(ferplus, load_fer2013(csv))
    arrays: dict[str, Any] = {split: votes[split].votes.astype(np.uint8) for split in votes}
    np.savez_compressed(place / "votes.npz", **arrays)
    ignore = root / PACK / ".gitignore"
    ignore.write_text("*\n", "utf-8")
    total = travelling_bytes(root, sum(path.stat().st_size for path in place.iterdir()))
    if total > MOST_BYTES:
        raise SystemExit(f"{total / 2**20:.1f} MiB would travel; {MOST_BYTES / 2**20:.0f} may.")
    for name in names:
        (root / name).write_bytes(b"")
    say(f"{total / 2**20:.1f} MiB travel, if {PACK} is carried; restore when the calls are over.")
    return total


def restore(root: Path) -> None:
    """The files that ``pack`` emptied, as they are committed."""
    names = [str(p.relative_to(root)) for p in tracked(root) if p in large(root)]
    subprocess.run(["git", "-C", str(root), "checkout", "-q", "--", *names], check=True)


def is_whole(blob: io.BytesIO) -> bool:
    """Whether a checkpoint in memory is whole: torch's reader compares no sums."""
    try:
        with zipfile.ZipFile(blob) as archive:
            return archive.testzip() is None
    except zipfile.BadZipFile:
        return False
    finally:
        blob.seek(0)


def join(files: Path, out: Path, log: Path) -> list[str]:
    """Checkpoints, logits and looks at PrivateTest of what came back; returns the runs' names.

    A checkpoint of which a part is missing is told and left out; looks that ``log`` has already
    are not added again.
    """
    import torch

    from trainer.recipes.config import recipe_from
    from trainer.training.checkpoint import Checkpoint, save_checkpoint

    out.mkdir(parents=True, exist_ok=True)
    for archive in sorted(files.glob("*.tar.gz")):
        with tarfile.open(archive) as tar:
            tar.extractall(out, filter="data")
    joined = []
    for name in sorted({path.name.split(".pt.")[0] for path in files.glob("*.pt.*-of-*")}):
        parts = {path.name.split(".pt.")[1]: path for path in files.glob(f"{name}.pt.*-of-*")}
        number = int(next(iter(parts)).split("-of-")[1])
        wanted = [f"{i}-of-{number}" for i in range(1, number + 1)]
        blob = io.BytesIO(b"".join(parts[part].read_bytes() for part in wanted if part in parts))
        if not (set(wanted) == set(parts) and is_whole(blob)):
            told = ", ".join(sorted(parts))
            say(f"{name}: not whole (there is {told}), so it is left out")
            continue
        table = torch.load(blob, weights_only=True)
        weights = {
            key: value.float() if value.is_floating_point() else value
            for key, value in table["weights"].items()
        }
        recipe = recipe_from(table["recipe"], name)
        kept = Checkpoint(recipe, table["step"], weights, None, {}, CSV_SHA256, table["commit"])
        save_checkpoint(kept, out / name / "last.pt")
        say(f"{out / name / 'last.pt'}, {table['step']} steps")
        joined.append(name)
    looks = out / "private-test-log.jsonl"
    known = set(log.read_text("utf-8").splitlines()) if log.is_file() else set()
    if looks.is_file():
        with log.open("a", encoding="utf-8") as file:
            for line in looks.read_text("utf-8").splitlines():
                if line not in known:
                    file.write(line + "\n")
    return joined
