"""Fine-tuning on a user's own faces: training, evaluation before and after, export."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ferdesk.errors import DataError
from trainer.data.fer2013 import Faces, Fer2013
from trainer.data.folder import FaceFolder
from trainer.recipes.config import Recipe, as_table, recipe_from
from trainer.scoring.evaluate import evaluate, torch_classifier
from trainer.training.build import build_network
from trainer.training.checkpoint import Checkpoint
from trainer.training.initial_weights import InitialWeights
from trainer.training.loop import fit

CALIBRATE_FROM = 100
"""Fewest held-out faces on which a temperature is fitted."""
FER_SHARE = 4
"""FER2013 faces mixed in for each own one, against forgetting."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Accuracy of one network on ``num_faces`` unseen faces, by one crop."""

    num_correct: int
    num_faces: int
    interval: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.num_correct} of {self.num_faces} ({self.num_correct / self.num_faces:.1%}, "
            f"95 % interval {low:.0%} to {high:.0%})"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of fine-tuning: before and after, on the held-out faces and on PublicTest."""

    checkpoint: Checkpoint
    held_out: tuple[Evaluation, Evaluation] | None
    public: tuple[Evaluation, Evaluation] | None

    def sentences(self) -> list[str]:
        """Sentences for the user, with the uncertainty of a few faces."""
        lines = []
        if self.held_out is None:
            lines.append("No face was held out, so the effect on unseen faces is unknown.")
        else:
            before, after = self.held_out
            lines.append(f"Accuracy on held-out faces before: {before}; after: {after}.")
            if before.interval[1] >= after.interval[0] and after.interval[1] >= before.interval[0]:
                lines.append("The intervals overlap: with so few faces no difference is shown.")
        if self.public is not None:
            before, after = self.public
            lines.append(f"Accuracy on FER2013's PublicTest before: {before}; after: {after}.")
        return lines


def recipe_for(recipe: Recipe, start: InitialWeights, own: Faces) -> Recipe:
    """Recipe with the network of ``start``, and a batch that ``own`` faces can fill.

    Raises:
        DataError: there are fewer than two faces to train on.
    """
    if len(own) < 2:
        raise DataError(
            f"Too few faces to train on, {len(own)}; at least two are needed, and some dozens of "
            "each expression are advisable."
        )
    values = {**as_table(recipe), **start.shape, "batch": min(recipe.batch, len(own))}
    return recipe_from(values, recipe.name)


def mixed(folder: FaceFolder, fer2013: Fer2013 | None, recipe: Recipe) -> Fer2013:
    """Splits to fine-tune on: own faces, mixed with FER2013's Training where it is given.

    ``public`` are the held-out faces; PrivateTest is not part of it.
    """
    own = folder.training
    sha256 = folder.sha256
    if fer2013 is not None:
        training = fer2013.splits["training"]
        rng = np.random.default_rng([recipe.seed, 3])
        chosen = rng.permutation(len(training))[: FER_SHARE * len(own)]
        own = Faces(
            np.concatenate([own.pixels, training.pixels[chosen]]),
            np.concatenate([own.labels, training.labels[chosen]]),
        )
        sha256 = hashlib.sha256(f"{sha256} {fer2013.sha256}".encode()).hexdigest()
    return Fer2013({"training": own, "public": folder.validation}, sha256)


def finetune(
    recipe: Recipe,
    folder: FaceFolder,
    start: InitialWeights,
    out: Path,
    *,
    fer2013: Fer2013 | None = None,
    **options: Any,  # noqa: ANN401, those of fit
) -> Outcome:
    """Fine-tune ``recipe`` (see ``recipe_for``) from ``start``, and evaluate before and after.

    Args:
        recipe: of ``recipe_for``.
        folder: own faces; its held-out ones are never trained on.
        start: initial weights.
        out: folder of the run, as for ``fit``.
        fer2013: mixed in, and its PublicTest evaluated too.
        options: of ``trainer.training.loop.fit``.
    """
    validation = folder.validation
    public = None if fer2013 is None else fer2013.splits["public"]
    network = build_network(recipe)
    network.load_state_dict(start.weights)
    checkpoint = fit(recipe, mixed(folder, fer2013, recipe), out, start=start.weights, **options)
    networks = (network, checkpoint.model())

    def both(faces: Faces | None) -> tuple[Evaluation, Evaluation] | None:
        if faces is None or not len(faces):
            return None
        before, after = (_evaluate(n, faces, recipe.crop_px) for n in networks)
        return before, after

    return Outcome(checkpoint, both(validation), both(public))


def _evaluate(network: Any, faces: Faces, crop_px: int) -> Evaluation:  # noqa: ANN401
    scores = evaluate(torch_classifier(network, crop_px), faces, "one", 0)
    return Evaluation(round(scores.accuracy * len(faces)), len(faces), scores.interval)


def write_model(
    outcome: Outcome,
    folder: FaceFolder,
    start: InitialWeights,
    path: Path,
    name: str,
    fer2013: Fer2013 | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Export for the app; the temperature is fitted on as many unseen faces as there are.

    Raises:
        FerdeskError: ``path`` cannot be written.
    """
    from trainer.delivery.export import Identity, export

    validation, temperature, measured_on = folder.validation, None, "held_out"
    shown: Faces = validation
    if len(validation) >= CALIBRATE_FROM:
        say(f"The temperature is fitted on {len(validation)} held-out faces.")
    elif fer2013 is not None:
        from trainer.scoring.evaluate import fit_temperature, view_logits

        public = fer2013.splits["public"]
        classify = torch_classifier(outcome.checkpoint.model(), outcome.checkpoint.recipe.crop_px)
        temperature = fit_temperature(view_logits(classify, public.pixels, "one"), public.labels)
        say(f"{len(validation)} held-out faces are too few: PublicTest gives the temperature.")
    else:
        temperature = 1.0 if start.temperature is None else start.temperature
        say(
            f"{len(validation)} held-out faces are too few to fit a temperature "
            f"({CALIBRATE_FROM} are needed): {temperature:.3g} is kept from {start.source}."
        )
    if not len(validation):
        shown, measured_on = folder.training, ""
    own = len(folder.training)
    mixed_in = "" if fer2013 is None else ", with FER2013's Training faces among them"
    export(
        outcome.checkpoint,
        Identity(name, "1"),
        shown,
        path,
        judged=measured_on or None,
        temperature=temperature,
        trained_on=f"{start.source}, then {own} own faces{mixed_in}; the last epoch",
    )
