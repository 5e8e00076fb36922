"""What keeps MediaPipe, which has no switch for it, from telling its makers what runs here.

It reports through libcurl, which asks the environment for a proxy each time. A proxy that does not
exist ends a report on this machine, before a name is even looked up. docs/privacy.md has the whole.
"""

import os

_VARIABLE = "https_proxy"
_NO_PROXY_THERE = "http://127.0.0.1:9"
"""The discard port of this machine, where nothing listens."""


def block_reports() -> None:
    """Let no library of this process report through https from now on.

    For programs that make no https connection of their own: theirs would end as well, and those of
    the programs that they start. ferdesk's commands make none. FFmpeg, which opens network cameras,
    reads other variables.
    """
    os.environ[_VARIABLE] = _NO_PROXY_THERE
