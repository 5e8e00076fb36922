"""The window's services: models are loaded once, whichever thread asks first."""

import contextlib
import threading

import numpy as np
import pytest

from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import CameraFormat, Detection
from ferdesk.factory import services as module
from ferdesk.factory.services import WindowServices
from ferdesk.runtime.ports import StreamOptions
from tests.runtime.test_engine import Classifier


class Detector:
    num_closed = 0

    def detect(self, image: np.ndarray) -> list[Detection]:
        return []

    def close(self) -> None:
        self.num_closed += 1


def test_models_are_loaded_once_where_two_threads_ask_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[Pipeline] = []
    meeting = threading.Barrier(2)

    def load(_name: str | None, _provider: str) -> Pipeline:
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(0.3)  # two come here only where no lock holds the second one back
        loaded.append(Pipeline(Detector(), Classifier()))
        return loaded[-1]

    monkeypatch.setattr(module, "open_pipeline", load)
    services = WindowServices(model="fast", provider="cpu")
    opened: list[Pipeline] = []
    threads = [
        threading.Thread(target=lambda: opened.append(services.open_pipeline())) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(loaded) == 1
    assert len(opened) == 2
    assert all(one.classifier is loaded[0].classifier for one in opened)
    detector = loaded[0].detector
    services.close()
    services.close()
    assert isinstance(detector, Detector)
    assert detector.num_closed == 1


def test_the_chosen_detector_finds_faces_and_is_loaded_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen: list[str] = []
    other = Detector()

    def load(name: str) -> Detector:
        chosen.append(name)
        return other

    monkeypatch.setattr(module, "open_pipeline", lambda *_: Pipeline(Detector(), Classifier()))
    monkeypatch.setattr(module, "open_detector", load)
    services = WindowServices(model="fast", provider="cpu")
    own = services.open_pipeline().detector
    assert own is not other
    assert chosen == []  # a package that nobody chose is never imported
    services.use_detector("mediapipe")
    assert services.open_pipeline().detector is other
    assert services.open_pipeline().detector is other
    assert chosen == ["mediapipe"]
    services.use_detector("ferdesk")
    assert services.open_pipeline().detector is own
    services.close()
    assert other.num_closed == 1


def test_a_candidate_is_loaded_once_where_two_threads_open_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meeting = threading.Barrier(2)
    loaded: list[Classifier] = []

    def load(*_: object) -> Classifier:
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(0.3)
        loaded.append(Classifier())
        return loaded[-1]

    monkeypatch.setattr(module, "OnnxClassifier", load)
    monkeypatch.setattr(module, "find_model", lambda name: name)
    monkeypatch.setattr(WindowServices, "models", lambda _: ["fast", "full"])
    candidates = WindowServices().candidates()
    assert [candidate.name for candidate in candidates] == ["full", "fast"]
    opened: list[object] = []
    threads = [
        threading.Thread(target=lambda: opened.append(candidates[0].open())) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(loaded) == 1
    assert opened == [loaded[0]] * 2


def test_a_stream_of_the_window_is_known_by_the_source_that_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[object] = []

    def open_stream(kind: str, port: int | None, sources: list[str], options: object) -> None:
        opened.append((kind, port, sources, options))

    monkeypatch.setattr("ferdesk.factory.sources.open_source", lambda name, **_: name)
    monkeypatch.setattr("ferdesk.factory.streams.open_stream", open_stream)
    services = WindowServices(stream_port=8123)
    services.open_source("camera:1", CameraFormat())
    options = StreamOptions("all", ("http://localhost:8000",))
    services.open_stream("lsl", options)
    assert opened == [("lsl", 8123, ["camera:1"], options)]
