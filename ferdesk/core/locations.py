"""Locations of sources: which are addresses, and what of them may be shown or stored.

Cameras and recorders take users and passwords before the host, in the query, in the path, after a
semicolon, or as a part of the path that only the owner knows. Of an address, scheme, host, port
and the beginning of the path stay, up to the first part that looks like any of these.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ferdesk.messages import translatable

_NAME = r"pass(?:w(?:or)?d|wd|phrase)?|pwd|psw|pw|token|secret|auth|api_?key|signature|credentials?"
_SECRET = re.compile(
    r"pas|pwd|psw|^pw$|token|secret|auth|key|usr|user|log[io]n|sign|cred|session|^sid$|hash",
    re.IGNORECASE,
)
_PLAIN_VALUE = re.compile(r"[a-z_.-]{0,12}|\d{1,5}(?:[x:,.]\d{1,5})?|[a-z_-]{0,8}\d{1,3}", re.I)
"""Values of a query that tell nothing: ``640x480``, ``main``, ``stream1``."""
_HOST = re.compile(r"(\[[0-9a-f:.%]+\]|[\w.-]+)(?::(\d*))?(?=[/?#;]|$)", re.IGNORECASE)
_CERTAIN_HOST = re.compile(r"\[.*\]|localhost|.*\w\.\w.*", re.IGNORECASE)
_TOKEN_LENGTH, _TOKEN_DIGITS = 16, 3
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_NAMED = re.compile(rf"(?i)\b((?:\w*_)?(?:{_NAME}|user(?:name)?|login))(\s*[=:]\s*)([^\s&;,]+)")


@dataclass(frozen=True, slots=True)
class _Address:
    """Address taken apart, even where a password breaks the rules: ``rtsp://me:a/b@host/1``."""

    scheme: str
    credentials: str
    host: str
    port: str
    rest: str
    """Path, query and fragment."""


def is_url(location: str) -> bool:
    return "://" in location


def shown_location(location: str) -> str:
    """Location fit for screens and session files: no credentials, a file's name alone.

    An address keeps its scheme, host, port and the path up to what looks like a secret.
    """
    if not is_url(location):
        return Path(location).name
    address = _parts(location)
    port = f":{address.port}" if address.port else ""
    return f"{address.scheme}://{address.host}{port}{_open_path(address.rest)}"


def shown_source(source: object) -> str:
    """Source of a session, from its ``session.json``, fit for screens and reports.

    What other programs and earlier versions wrote there is held to the same rules.
    """
    if not isinstance(source, dict):
        return ""
    location = str(source.get("location") or source.get("name") or "")
    return shown_location(location) if is_url(location) else location


def host_of(location: str) -> str:
    """Host of an address, for titles and folder names."""
    return _parts(location).host.strip("[]") or "stream"


def has_credentials(location: str) -> bool:
    """Credentials: whether an address has a user, a password or what looks like one."""
    if not is_url(location):
        return False
    address = _parts(location)
    path, *query = re.split("[?#;]", address.rest, maxsplit=1)
    named = [entry.partition("=") for text in query for entry in re.split("[&;?#]", text)]
    parts = path.split("/")
    return (
        bool(address.credentials)
        or any(_is_secret(part) for part in parts)
        or any(_SECRET.fullmatch(part) for part in parts[:-1])
        or any(_SECRET.search(name) or not _PLAIN_VALUE.fullmatch(v) for name, _, v in named)
    )


def without_credentials(text: str) -> str:
    """Text with every address as ``shown_location`` gives it, and no value of ``password=``."""
    text = _ADDRESS.sub(lambda found: shown_location(found[0]), text)
    return _NAMED.sub(r"\1\2***", text)


def address_fault(location: str) -> str:
    """Fault of an address, in words that do not repeat it; empty where it is well formed."""
    # the errors' own words may hold the password
    try:
        parts = urlsplit(location)
    except ValueError:
        return translatable("it cannot be read")
    try:
        _ = parts.port
    except ValueError:
        return translatable("its port is no number")
    return "" if parts.hostname else translatable("it names no host")


def _parts(location: str) -> _Address:
    scheme, _, rest = location.partition("://")
    scheme = scheme.lower()
    before_path = re.split("[/?#;]", rest, maxsplit=1)[0]
    start = before_path.rfind("@") + 1
    found = _HOST.match(rest, start)
    if found is None or ("@" in rest and not _CERTAIN_HOST.fullmatch(found[1])):
        # what looks like the host is a part of the user or the password, which may hold anything
        hosts = [match for at in re.finditer("@", rest) if (match := _HOST.match(rest, at.end()))]
        found = hosts[-1] if hosts else found if "@" not in rest else None
    if found is None:
        return _Address(scheme, rest, "", "", "")
    user = rest[: found.start()]
    return _Address(scheme, user, found[1].lower(), found[2] or "", rest[found.end() :])


def _open_path(rest: str) -> str:
    """Path up to the first part that is a secret or goes with one."""
    shown = []
    for part in re.split("[?#;]", rest, maxsplit=1)[0].split("/"):
        if _is_secret(part) or "@" in part:
            break
        shown.append(part)
        if _SECRET.fullmatch(part):
            break  # what follows is its value
    return "/".join(shown)


def _is_secret(part: str) -> bool:
    """Whether a part of a path is no plain name: ``user=...``, ``me:secret``, a token."""
    plain = unquote(unquote(part))
    letters = sum(character.isalpha() for character in plain)
    digits = sum(character.isdecimal() for character in plain)
    token = len(plain) >= _TOKEN_LENGTH and letters >= _TOKEN_DIGITS and digits >= _TOKEN_DIGITS
    return token or any(character in plain for character in "=&;:")
