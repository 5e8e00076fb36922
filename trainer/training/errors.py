"""How a run may end early."""

from ferdesk.errors import FerdeskError


class TrainingStopped(FerdeskError):
    """A run that ended early; what it saved until then is whole."""


class CannotTrain(TrainingStopped):
    """A run that would end the same way again: a loss that is not finite, too little memory."""


class MemoryFull(CannotTrain):
    """A run for which the device has too little memory at its batch."""
