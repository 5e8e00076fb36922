"""Locations of sources: which are addresses, and what of them may be shown or stored."""

import re
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

from ferdesk.messages import translatable

_SECRET = re.compile(r"pass|pwd|token|secret|auth|key|user|login|sign", re.IGNORECASE)


def is_url(location: str) -> bool:
    return "://" in location


def shown_location(location: str) -> str:
    """Location fit for screens and session files: no credentials, a file's name alone.

    An address keeps its scheme, host, port and path; what stands behind them often is a secret.
    """
    if not is_url(location):
        return Path(location).name
    parts, port = _split(location)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"


def host_of(location: str) -> str:
    """Host of an address, for titles and folder names."""
    return _split(location)[0].hostname or "stream"


def has_credentials(location: str) -> bool:
    """Credentials: whether an address has a user, a password or what looks like one."""
    if not is_url(location):
        return False
    parts, _ = _split(location)
    named = parse_qsl(parts.query, keep_blank_values=True)
    return "@" in parts.netloc or any(_SECRET.search(name) for name, _ in named)


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


def _split(location: str) -> tuple[SplitResult, int | None]:
    """Parts of an address and its port; of one that cannot be read, its scheme alone."""
    try:
        parts = urlsplit(location)
    except ValueError:
        parts = SplitResult(location.partition("://")[0], "", "", "", "")
    try:
        return parts, parts.port
    except ValueError:
        return parts, None
