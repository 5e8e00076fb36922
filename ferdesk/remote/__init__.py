"""Remote control: commands for a ferdesk that runs on this computer, from scripts and programs.

    from ferdesk import remote

    with remote.connect() as ferdesk:
        ferdesk.start_recording(participant="P07")
        ferdesk.marker("film A")
        ferdesk.stop_recording()

``connect_async`` is the same for asyncio. Both need the library websockets, and nothing else of
what ferdesk itself needs. The commands and their answers stand in docs/streams.md.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferdesk.remote.async_client import AsyncRemote, connect_async
    from ferdesk.remote.client import Remote, connect
    from ferdesk.remote.places import running

__all__ = ["AsyncRemote", "Remote", "connect", "connect_async", "running"]

_ROOMS = {
    "AsyncRemote": "async_client",
    "connect_async": "async_client",
    "Remote": "client",
    "connect": "client",
    "running": "places",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (whatever the name stands for)
    # late: the window announces itself by this package, and its start has no need of asyncio
    from importlib import import_module

    if name not in _ROOMS:
        raise AttributeError(f"module 'ferdesk.remote' has no attribute {name!r}")
    return getattr(import_module(f"ferdesk.remote.{_ROOMS[name]}"), name)
