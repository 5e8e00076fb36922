"""The home side of ``scripts/gpu_lease.py``: what travels to a lent GPU, and what comes back."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

PACK = Path(".lease")
LARGE = ("assets/*/*.onnx", "assets/demo/*.webp", "docs/images/*")
"""What training needs not; emptied, not removed, as tracked files are looked for."""
MOST_BYTES = 64 * 2**20
"""What may travel there."""
CSV_SHA256 = "3b8d9617d1017f34733c8f2474d7784c563ce86c40a86ac12c2d37cc968f871b"
"""Of the official fer2013.csv, which is not written out on the lent machine."""


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")


def tracked(root: Path) -> list[Path]:
    """Files that git tracks in the checkout at ``root``."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=True
    ).stdout
    return [root / os.fsdecode(name) for name in listed.split(b"\0") if name]


def large(root: Path) -> set[Path]:
    return {path for pattern in LARGE for path in root.glob(pattern)}


def travelling_bytes(root: Path, packed_bytes: int) -> int:
    """Size of what travels: the tracked files without the large ones, and what is packed."""
    kept = set(tracked(root)) - large(root)
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
        raise SystemExit("A file of assets or docs/images has changes; commit or undo them first.")
    place = root / PACK
    place.mkdir(exist_ok=True)
    for path in (*sorted(data.glob("fer2013.xz.part?")), data / "unpack.py"):
        shutil.copy(path, place / path.name)
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
    say(f"{total / 2**20:.1f} MiB travel. carry: {PACK}")
    return total


def restore(root: Path) -> None:
    """The files that ``pack`` emptied, as they are committed."""
    names = [str(p.relative_to(root)) for p in tracked(root) if p in large(root)]
    subprocess.run(["git", "-C", str(root), "checkout", "-q", "--", *names], check=True)


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
    for about_path in sorted(files.glob("*.pt.json")):
        name = about_path.name.removesuffix(".pt.json")
        about = json.loads(about_path.read_text("utf-8"))
        parts = [files / f"{name}.pt.{number}" for number in range(about["parts"])]
        blob = b"".join(part.read_bytes() for part in parts if part.is_file())
        if len(blob) != about["bytes"]:
            say(f"{name}: {len(blob)} of {about['bytes']} bytes came back, so it is left out")
            continue
        table = torch.load(io.BytesIO(blob), weights_only=True)
        weights = {
            key: value.float() if value.is_floating_point() else value
            for key, value in table["weights"].items()
        }
        recipe = recipe_from(table["recipe"], name)
        kept = Checkpoint(recipe, table["step"], weights, None, {}, CSV_SHA256, table["commit"])
        save_checkpoint(kept, out / name / "last.pt")
        say(f"{out / name / 'last.pt'}: next, ferdesk-train export --ferplus ... --int8 --final")
        joined.append(name)
    looks = out / "private-test-log.jsonl"
    known = set(log.read_text("utf-8").splitlines()) if log.is_file() else set()
    if looks.is_file():
        with log.open("a", encoding="utf-8") as file:
            for line in looks.read_text("utf-8").splitlines():
                if line not in known:
                    file.write(line + "\n")
    return joined
