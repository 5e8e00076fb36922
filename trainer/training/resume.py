"""Checkpoint of an interrupted run, checked against what is to be trained."""

from pathlib import Path

from ferdesk.errors import DataError
from trainer.recipes.config import Recipe
from trainer.training.checkpoint import Checkpoint, load_checkpoint
from trainer.training.pretrain import FILE as PRETRAINED


def checkpoint_to_resume(
    folder: Path, recipe: Recipe, data_sha256: str, resume: bool
) -> Checkpoint | None:
    """Checkpoint ``last.pt`` of ``folder``, which is made where missing; None: a new run.

    Raises:
        DataError: the folder cannot be made, or holds a run and ``resume`` is not wanted, or a run
            of another recipe or on other data.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be made: {error}.") from error
    path = folder / "last.pt"
    if not resume and (path.exists() or (folder / PRETRAINED).exists()):
        raise DataError(
            f"{folder} already holds a run; add --resume to go on, or choose another --out."
        )
    if not path.exists():
        return None
    checkpoint = load_checkpoint(path)
    if checkpoint.recipe != recipe:
        raise DataError(
            f"{folder} holds a run of another recipe; resume with the same preset and "
            "--set values, or choose another --out."
        )
    if checkpoint.data_sha256 != data_sha256:
        raise DataError(f"{folder} holds a run on another data file.")
    return checkpoint
