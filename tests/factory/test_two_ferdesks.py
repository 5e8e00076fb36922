"""Two ferdesks side by side, as two processes: nothing of one is ever taken for the other's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("websockets")
try:
    import pylsl  # noqa: F401
except (ImportError, RuntimeError, OSError) as error:  # pragma: no cover
    pytest.skip(f"pylsl does not load here: {error}", allow_module_level=True)

from ferdesk.adapters.outputs.websocket_stream import WebSocketStream
from ferdesk.errors import RemoteError, StreamError
from ferdesk.factory.recordings import new_folder
from ferdesk.factory.streams import PORT, PORTS_TRIED, open_stream
from ferdesk.remote import connect, running
from tests.adapters.test_lsl_stream import CONFIG

ROOT = Path(__file__).parents[2]
CHILD = """
import json, sys, threading, time
from ferdesk.core.types import CameraFormat
from ferdesk.factory.recordings import new_folder
from ferdesk.factory.services import WindowServices
from ferdesk.runtime.commands import CommandDesk
from ferdesk.runtime.ports import StreamOptions
import ferdesk.factory.sources as sources
from pathlib import Path
sources.open_source = lambda name, **more: name
source, folder = sys.argv[1:]
services = WindowServices()
services.open_source(source, CameraFormat())
came = threading.Event()
desk = CommandDesk(came.set)
desk.allow(True)
lsl = services.open_stream("lsl", StreamOptions())
ws = services.open_stream("websocket", StreamOptions(commands=desk))
kept = new_folder(Path(folder), "20260506-070809-demo")
print(json.dumps([lsl.source_ids, ws.port, ws.token, kept.name]), flush=True)
while came.wait(20):
    came.clear()
    asked = desk.take()
    if asked is not None:
        asked.answer({"source": source})
        if asked.command.name == "stop_recording":
            break
while ws.num_clients:
    time.sleep(0.02)
ws.close()
lsl.close()
"""


@pytest.mark.timeout(90)
def test_two_processes_have_streams_ports_tokens_and_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "lsl_api.cfg"
    config.write_text(CONFIG.format(session=f"test-{tmp_path.name}"))
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "LSLAPICFG": str(config), "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }  # fmt: skip
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, source, str(tmp_path / "sessions")],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for source in ("demo", "demo", "camera:1")
    ]  # fmt: skip
    try:
        told = []
        for child in children:
            assert child.stdout is not None
            line = child.stdout.readline()
            assert line or child.stderr is None, child.stderr.read()
            told.append(json.loads(line))
        ids = [one for source_ids, *_ in told for one in source_ids]
        assert len(set(ids)) == 6
        for place in (1, 2, 3):
            assert len({one[place] for one in told}) == 3
        assert all(PORT <= one[1] < PORT + PORTS_TRIED for one in told)
        # both of the demo have one identity, told apart by the order of their start
        stems = sorted(source_ids[0] for source_ids, *_ in told[:2])
        assert stems[1] == f"{stems[0]}-2"
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        if sys.platform == "linux":
            assert [place.port for place in running()] == sorted(one[1] for one in told)
        for child, (_, port, token, _) in zip(children, told, strict=True):
            other = next(one[2] for one in told if one[2] != token)
            with pytest.raises(RemoteError, match="did not take the token"):
                connect(f"ws://127.0.0.1:{port}/?token={other}")
            with connect(f"ws://127.0.0.1:{port}/?token={token}") as ferdesk:
                assert ferdesk.status()["source"] == child.args[3]  # type: ignore[index]
                ferdesk.stop_recording()
            assert child.wait(20) == 0
    finally:
        for child in children:
            child.kill()
            child.communicate()


def test_a_port_that_was_named_and_is_taken_is_one_sentence_and_another_is_not_tried() -> None:
    first = WebSocketStream(port=0)
    try:
        with pytest.raises(StreamError, match="choose another with --stream-port"):
            open_stream("websocket", first.port)
        second = WebSocketStream(port=first.port, num_ports=20)
        assert first.port < second.port < first.port + 20
        second.close()
    finally:
        first.close()


def test_recordings_of_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    names = [new_folder(tmp_path, "20260506-070809-demo").name for _ in range(3)]
    assert names == [f"20260506-070809-demo{end}" for end in ("", "-2", "-3")]
