"""Errors that end a run early."""

from ferdesk.errors import FerdeskError


class TrainingStopped(FerdeskError):
    """Training stopped early; what was saved until then is whole."""


class CannotTrain(TrainingStopped):
    """Training that would fail again: a loss that is not finite, or too little memory."""


class MemoryFull(CannotTrain):
    """Training that ran out of device memory at its batch."""
