"""The stream factory: what a stream of results is told about them."""

import pytest

from ferdesk.adapters.outputs import lsl_stream
from ferdesk.factory.streams import open_streams


def test_an_lsl_stream_is_told_its_sources_and_each_kind_is_opened_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[object] = []
    closed: list[object] = []

    class Stream:
        def __init__(self, *, version: str, sources: object, measures: str) -> None:
            told.append((sources, measures))

        def close(self) -> None:
            closed.append(self)

    monkeypatch.setattr(lsl_stream, "LslStream", Stream)
    with open_streams(["lsl", "lsl"], 0, (), ["a.mp4", "camera:1"], "pose") as streams:
        assert len(streams) == 1
        assert not closed
    assert told == [(["a.mp4", "camera:1"], "pose")]
    assert closed == streams
