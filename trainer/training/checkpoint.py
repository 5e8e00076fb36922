"""Checkpoints of a run: weights, weight average, optimiser, recipe, commit and scores."""

import hashlib
import io
import os
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ferdesk.errors import DataError
from ferdesk.replace_file import replacing
from trainer.models.network import Network
from trainer.recipes.config import Recipe, as_table, recipe_from
from trainer.training.build import build_network

_SCHEMA = 1


@dataclass(slots=True)
class Checkpoint:
    """Checkpoint of a run: everything that it needs to resume as if never interrupted.

    Random numbers are drawn from seeds made of ``recipe.seed`` and the step, so their state is
    not part of it. ``average`` is the exponential average of the weights, None where unused.
    """

    recipe: Recipe
    step: int
    weights: dict[str, Tensor]
    average: dict[str, Tensor] | None
    optimizer: dict[str, Any]
    data_sha256: str
    commit: str
    scores: dict[str, float] = field(default_factory=dict)
    losses: Tensor | None = None
    """Of the steps of the epoch in work, [steps an epoch]; a resumed epoch logs the same mean."""

    def evaluated_weights(self) -> dict[str, Tensor]:
        """Weights that are evaluated and exported: the moving average where there is one."""
        return self.weights if self.average is None else self.average

    def model(self) -> Network:
        """Network with the evaluated weights, in eval mode."""
        model = build_network(self.recipe)
        model.load_state_dict(self.evaluated_weights())
        return model.eval()


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint atomically: at every moment the old or the new file is whole.

    Raises:
        OSError: it cannot be written; the old file is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {
        "schema": _SCHEMA,
        "recipe": as_table(checkpoint.recipe),
        "step": checkpoint.step,
        "weights": checkpoint.weights,
        "average": checkpoint.average,
        "optimizer": checkpoint.optimizer,
        "data_sha256": checkpoint.data_sha256,
        "commit": checkpoint.commit,
        "scores": checkpoint.scores,
        "losses": checkpoint.losses,
    }
    # through memory: torch's writer turns a full disk into a RuntimeError
    content = io.BytesIO()
    torch.save(table, content)
    with replacing(path) as file:
        file.write(content.getbuffer())


def load_checkpoint(path: Path, device: str = "cpu") -> Checkpoint:
    """Checkpoint from a file, read without running code from it.

    Raises:
        DataError: missing, broken, or not one of ours.
    """
    if not path.is_file():
        raise DataError(f"There is no checkpoint {path}; train one with ferdesk-train fit.")
    try:
        _check_sums(path)
        table = torch.load(path, map_location=device, weights_only=True)
        if table["schema"] != _SCHEMA:
            raise DataError(f"{path} has checkpoint schema {table['schema']}; {_SCHEMA} is read.")
        return Checkpoint(
            recipe=recipe_from(table["recipe"], str(path)),
            step=table["step"],
            weights=table["weights"],
            average=table["average"],
            optimizer=table["optimizer"],
            data_sha256=table["data_sha256"],
            commit=table["commit"],
            scores=table["scores"],
            losses=table.get("losses"),
        )
    except DataError:
        raise
    except Exception as error:  # a broken pickle raises whatever it likes
        # torch's own words are many lines, and advise to run the file's code
        raise DataError(
            f"{path} is not a ferdesk checkpoint, or is cut off or damaged; choose another or "
            "train again."
        ) from error


def _check_sums(path: Path) -> None:
    """Compare every part of the archive with its checksum, which torch's reader leaves out.

    Raises:
        ValueError, zipfile.BadZipFile: it is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise ValueError(f"{damaged} is damaged")


def weights_sha256(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of a network's weights by name, whatever file they lie in; counters are left out."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        if weights[name].is_floating_point():
            digest.update(f"{name} {tuple(weights[name].shape)}\n".encode())
            digest.update(weights[name].detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def current_commit() -> str:
    """Commit of this checkout, with ``+`` where files differ from it, or ``unknown``.

    The variable FERDESK_COMMIT overrules it, for a copy of a checkout that has no git.
    """
    if told := os.environ.get("FERDESK_COMMIT", "").strip():
        return told
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "-C", str(here), "rev-parse", "--short=12", "HEAD"],
            capture_output=True, text=True, check=True, timeout=10,
        ).stdout.strip()  # fmt: skip
        changed = subprocess.run(
            ["git", "-C", str(here), "status", "--porcelain", "--untracked-files=no"],
            capture_output=True, text=True, check=True, timeout=10,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return commit + ("+" if changed else "")
