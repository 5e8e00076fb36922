"""Connection to a cluster by Ray, for archives and for the trainer; it reports to nobody.

Ray tells its makers of its use unless that is switched off before it is imported. Switched off, a
head still reports that it is, and asks for a cloud's metadata (Ray 2.60.0,
``dashboard/modules/usage_stats/usage_stats_head.py``): the addresses for that are led to nobody.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ferdesk.errors import FerdeskError

_NOBODY = "http://127.0.0.1:9"
"""The port to which what it is sent is thrown away, and where mostly nobody listens at all."""
_REPORTS_TO_NOBODY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_USAGE_STATS_REPORT_URL": _NOBODY}
_ASKS_NOBODY = {"http_proxy": _NOBODY, "https_proxy": _NOBODY, "no_proxy": "127.0.0.1,localhost"}


def connect(address: str) -> Any:  # noqa: ANN401 (Ray's module has no types)
    """Ray, connected to the cluster at ``address``; see ``connect_or_begin``."""
    return connect_or_begin(address, {})[0]


def connect_or_begin(address: str, environment: dict[str, str]) -> tuple[Any, bool]:
    """Ray, connected to the cluster at ``address``, and whether that was begun for it.

    ``auto`` begins one on this machine where none runs; it ends with this process, and its workers
    have ``environment``, which they get no sooner from a runtime environment of their own.

    Raises:
        FerdeskError: Ray is not installed, or no cluster answers.
    """
    # before it is imported: it would report to its makers
    os.environ |= _REPORTS_TO_NOBODY
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise FerdeskError(
            "Ray is not installed; pip install 'ferdesk[cluster]' brings it, on each machine."
        ) from error
    begun = False
    on_terminate = signal.getsignal(signal.SIGTERM)
    try:
        try:
            ray.init(address=address, logging_level="ERROR", log_to_driver=False)
        except ConnectionError:
            if address != "auto":
                raise
            # none runs here: one of this machine alone, which asks no name server for its address
            begun = True
            with _environment({**_ASKS_NOBODY, **environment}):
                ray.init(
                    logging_level="ERROR",
                    log_to_driver=False,
                    include_dashboard=False,
                    _node_ip_address="127.0.0.1",
                )
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        why = str(error).partition("\n")[0].rstrip(".")
        raise FerdeskError(
            f"No cluster answers at {address}: {why}. Start one with ray start --head."
        ) from error
    finally:
        # it takes the signal for itself, which here closes what is being written
        signal.signal(signal.SIGTERM, on_terminate)
    return ray, begun


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Environment with ``values``, for processes that begin meanwhile; then as it was."""
    before = {name: os.environ.get(name) for name in values}
    os.environ |= values
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
