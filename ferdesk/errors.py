"""What can go wrong and is the user's to hear: the text of each error is a sentence for them."""

EXIT_OK = 0
EXIT_PARTIAL = 1
EXIT_USAGE = 2
EXIT_UNUSABLE = 3


class FerdeskError(Exception):
    """Something the user can act on; ``str(error)`` says what, where and what to do."""


class SourceError(FerdeskError):
    """A camera, file, address or demo that cannot be opened, or that was cut off."""


class ModelError(FerdeskError):
    """A model file that is missing, broken, or does not keep the model contract."""


class DataError(FerdeskError):
    """A data set that is missing, incomplete or not in the expected form."""


class StreamError(FerdeskError):
    """A stream that cannot be opened: its library is missing, or its port is taken."""


class RecordingError(FerdeskError):
    """A session that cannot be written or read."""


class StudyError(FerdeskError):
    """A study that cannot be read, shown or recorded."""


class RemoteError(FerdeskError):
    """A command for a running ferdesk that was refused, or could not be delivered.

    ``code`` is the refusal's, as docs/streams.md lists them; empty where nobody answered.
    """

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code
