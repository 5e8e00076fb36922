"""Whether a file that ships with the program is still the one that was shipped."""

import hashlib
from pathlib import Path

from ferdesk.errors import ModelError
from ferdesk.messages import translatable

SUMS_FILE = "SHA256SUMS"
"""Beside the models, in the form of ``sha256sum``: 64 hexadecimal digits, two spaces, a name."""


def read_sums(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file that ``folder`` lists, by its name; empty where it lists none.

    Raises:
        ModelError: the list is there and cannot be read.
    """
    try:
        lines = (folder / SUMS_FILE).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        path = folder / SUMS_FILE
        raise ModelError(
            translatable(
                "{path} cannot be read: {why}. Installing ferdesk again brings it back.",
                path=path,
                why=error,
            )
        ) from error
    # sha256sum writes a second space, or a star for files read as binary
    pairs = (line.partition(" ") for line in lines)
    return {name[1:]: digest for digest, _, name in pairs if name}


def check_content(path: Path, content: bytes) -> str:
    """Compare what was read from ``path`` with the list beside it, where that names it.

    A model in a folder without a list, such as one that a user trained, is not compared.

    Returns:
        the SHA-256 of ``content``, in hexadecimal digits.

    Raises:
        ModelError: the content is not what the list says.
    """
    digest = hashlib.sha256(content).hexdigest()
    shipped = read_sums(path.parent).get(path.name)
    if shipped is not None and digest != shipped:
        raise ModelError(
            translatable(
                "The model {path} is damaged: its content is not what ferdesk was "
                "shipped with. Installing ferdesk again brings it back.",
                path=path,
            )
        )
    return digest
