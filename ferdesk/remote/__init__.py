"""Remote control: commands for a ferdesk that runs on this computer, from scripts and programs.

    from ferdesk import remote

    with remote.connect() as ferdesk:
        ferdesk.start_recording(participant="P07")
        ferdesk.marker("film A")
        ferdesk.stop_recording()

``connect_async`` is the same for asyncio. Both need the library websockets, and nothing else of
what ferdesk itself needs. The commands and their answers stand in docs/streams.md.
"""

from ferdesk.remote.async_client import AsyncRemote, connect_async
from ferdesk.remote.client import Remote, connect
from ferdesk.remote.places import running

__all__ = ["AsyncRemote", "Remote", "connect", "connect_async", "running"]
