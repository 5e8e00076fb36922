"""Text on terminals and in pipes: names of any bytes, terminals of any encoding.

File names are bytes. What is no UTF-8 in one goes out as the bytes that it is, and what a
terminal's encoding lacks becomes an escape; on a terminal, control characters of others' names are
shown and do nothing.
"""

import codecs
import re
import sys
from typing import IO

OUTPUT_ERRORS = "ferdesk-output"
"""Error handler of standard output and error."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""All but the line end and the tab, and those that change the direction of what follows."""


def printable(text: str) -> str:
    """``text`` with control characters as escapes; line ends and tabs stay."""
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def write(text: str, stream: IO[str] | None = None) -> None:
    """Write ``text`` to ``stream`` (standard output); to a terminal without control characters."""
    stream = sys.stdout if stream is None else stream
    stream.write(printable(text) if stream.isatty() else text)


def prepare_streams() -> None:
    """Let standard output and error take every text; in each process once, at its start."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=OUTPUT_ERRORS)


def _encoded(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    # one by one: a run may hold both kinds
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return ascii(character)[1:-1], error.start + 1


codecs.register_error(OUTPUT_ERRORS, _encoded)
