"""No place that shows or stores a source keeps what its address has of credentials."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ferdesk.adapters.sources.network_stream import NetworkStream
from ferdesk.cli.terminal import log_to_files
from ferdesk.errors import SourceError
from ferdesk.factory.sources import open_source, shown_name
from ferdesk.paths import log_folder
from ferdesk.sessions.catalogue import entry_of
from ferdesk.sessions.export import rows_csv
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.report import html_report
from ferdesk.settings import load_settings
from ferdesk.ui.kit.error_reports import scrubbed

FORMS = [
    "rtsp://wolfram:S3c/ret@127.0.0.1:9/1",
    "http://127.0.0.1:9/video.cgi?usr=wolfram&pwd=S3cret",
    "rtsp://127.0.0.1:9/user=wolfram&password=S3cret&channel=1",
    "rtsp://127.0.0.1:9/1;user=wolfram;password=S3cret",
]


@pytest.fixture
def session_of(tmp_path: Path) -> Callable[[str], Path]:
    from tests.sessions.conftest import SessionMaker

    make = SessionMaker(tmp_path)
    return lambda location: make(
        [[(1, "happy")]] * 3, source={"kind": "stream", "name": "x", "location": location}
    )


@pytest.mark.parametrize("address", FORMS)
def test_no_place_shows_or_keeps_the_secret(
    address: str,
    session_of: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = dict(_places(address, session_of(address), tmp_path, monkeypatch))
    for place, text in shown.items():
        assert "127.0.0.1" in text or place == "settings", place
        assert "S3c" not in text, place
        assert "ret@" not in text, place
        assert "wolfram" not in text, place


def _places(
    address: str, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    yield "messages", shown_name(address)
    stream = NetworkStream(address)
    try:
        with pytest.raises(SourceError) as refused:
            stream.open()
    finally:
        stream.close()
    yield "a camera that does not answer", str(refused.value)
    with pytest.raises(SourceError) as refused:
        open_source(address.replace(":9", ":port"))
    yield "an address that is none", f"127.0.0.1 {refused.value}"
    yield "crash report", scrubbed(f"av.error: {address}\nopened '{address}'")
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"last_source": address}), "utf-8")
    yield "settings", str(load_settings(settings))
    yield "list", entry_of(session).source
    read = read_session(session)
    yield "report", html_report([read], made=datetime.now(UTC), version="1")
    yield "py-feat", rows_csv(read, "pyfeat")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with log_to_files():
        try:
            raise ValueError(f"cannot open {address}")
        except ValueError:
            logging.getLogger("av").exception("%s is odd", address)
    yield "log", (log_folder() / "ferdesk.log").read_text("utf-8")
