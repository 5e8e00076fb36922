"""Progress of a training run, as the loop reports it every few steps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a run: position, mean loss, speed and accuracy.

    ``epoch`` is fractional; ``loss`` is the mean since the report before; accuracies are shares in
    [0, 1] on PublicTest by one crop, ``public_accuracy`` None until an epoch has been evaluated.
    """

    epoch: float
    step: int
    num_steps: int
    loss: float
    learning_rate: float
    images_per_s: float
    public_accuracy: float | None
    best_accuracy: float | None = None
    num_epochs: int = 0
    epoch_ended: bool = False
    phase: str = "training"
    """What epoch and step count: training, or the pre-training of a named layer."""
