"""``analyze`` on a camera: it runs until it is told to stop, or until the camera is gone."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ferdesk import batch
from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box
from ferdesk.core.pipeline import Pipeline
from ferdesk.core.types import Detection, DeviceInfo, Expression, Frame, ModelInfo, SourceInfo
from ferdesk.errors import EXIT_OK, EXIT_PARTIAL, EXIT_UNUSABLE, SourceError
from ferdesk.factory import recordings
from ferdesk.sessions.reader import Session, problems_of, read_session
from tests.adapters.mjpeg_server import MjpegServer, jpeg, part


class Detector:
    def detect(self, image: np.ndarray) -> Sequence[Detection]:
        return [Detection(Box(1, 1, 4, 4), 0.9, SHORT_RANGE, 0.0)]

    def close(self) -> None:
        pass


class Classifier:
    info = ModelInfo("fake", "1", "", "", {}, "abc", "", {})

    def __init__(self) -> None:
        self.device = DeviceInfo("CPU", "the CPU was chosen")
        self.num = 0

    def classify(self, crops: np.ndarray) -> Sequence[Expression]:
        self.num += 1
        return [Expression(np.full(7, 1 / 7, np.float32)) for _ in crops]


class LeavingClassifier(Classifier):
    """Runs on a GPU that fails after the first frames."""

    def __init__(self, lasts: int = 3) -> None:
        super().__init__()
        self.left = lasts
        self.device = DeviceInfo("CUDA", "", gpu="a GPU")

    def classify(self, crops: np.ndarray) -> Sequence[Expression]:
        self.left -= 1
        if self.left == 0:
            self.device = DeviceInfo("CPU", "CUDA failed: out of memory", True, gpu="a GPU")
        return super().classify(crops)


class FakeCamera:
    """Pictures at 100 a second; after ``lasts`` of them it is gone, after ``silent_after`` mute."""

    def __init__(
        self, lasts: int | None = None, opens: bool = True, silent_after: int | None = None
    ) -> None:
        self.lasts, self.opens, self.silent_after, self.num = lasts, opens, silent_after, 0
        self.back = threading.Event()

    def open(self) -> SourceInfo:
        if not self.opens:
            raise SourceError("Camera 0 cannot be opened; another program uses it.")
        return SourceInfo("camera", "camera0", "camera0", 8, 6, 100.0)

    def read(self) -> Frame | None:
        threading.Event().wait(0.01)
        if self.num == self.silent_after:
            self.back.wait(20)
        if self.num == self.lasts:
            raise SourceError("Camera 0 gives no picture any more; plug it in again and start.")
        self.num += 1
        now_s = time.monotonic()
        return Frame(np.zeros((6, 8, 3), np.uint8), self.num - 1, now_s, now_s)

    def close(self) -> None:
        pass


class Run:
    """One call of analyze on ``camera``."""

    def __init__(
        self,
        camera: FakeCamera,
        out: Path,
        monkeypatch: pytest.MonkeyPatch,
        duration_s: float | None = None,
        stop_requested: Callable[[], bool] = lambda: False,
        stop_after: Callable[[list[str]], bool] = lambda _warnings: False,
        every: int = 1,
        classifier: Classifier | None = None,
    ) -> None:
        monkeypatch.setattr(batch, "open_source", lambda name, **_: camera)
        if camera.silent_after is None:
            # a busy machine that gives a thread no time is no silence of the camera
            monkeypatch.setattr("ferdesk.runtime.run.LOST_AFTER_S", math.inf)
        self.warnings: list[str] = []
        self.out = out
        self.code = batch.analyze(
            ["camera:0"],
            Pipeline(Detector(), classifier or Classifier()),
            batch.AnalysisOptions(out, every=every, duration_s=duration_s),
            tell=lambda _: None,
            warn=self.warnings.append,
            stop_requested=lambda: stop_requested() or stop_after(self.warnings),
        )

    def session(self) -> Session:
        session = read_session(self.out / "camera0")
        assert problems_of(session) == []
        return session


def run_for_half_a_second(out: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Ten pictures are analysed a second, however long a busy machine takes for them."""
    classifier = Classifier()
    seconds = SimpleNamespace(monotonic=lambda: classifier.num / 10, sleep=time.sleep)
    monkeypatch.setattr(batch, "time", seconds)
    return Run(FakeCamera(), out, monkeypatch, duration_s=0.5, classifier=classifier)


def test_a_duration_ends_a_camera_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_for_half_a_second(tmp_path, monkeypatch)
    assert (run.code, run.warnings) == (EXIT_OK, [])
    session = run.session()
    assert session.about["frames_analysed"] > 3
    assert all(row["time_utc"] for row in session.rows)


def test_a_polite_stop_closes_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = Classifier()
    run = Run(
        FakeCamera(), tmp_path, monkeypatch, classifier=classifier,
        stop_requested=lambda: classifier.num > 5,
    )  # fmt: skip
    assert run.code == EXIT_OK
    assert run.session().complete


def test_a_camera_that_is_pulled_out_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(FakeCamera(lasts=20), tmp_path, monkeypatch)
    assert run.code == EXIT_PARTIAL
    assert run.warnings == ["Camera 0 gives no picture any more; plug it in again and start."]
    session = run.session()
    assert session.rows
    assert session.about["events"][0]["event"] == "source_error"


def test_a_camera_that_cannot_be_opened_is_exit_3_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(FakeCamera(opens=False), tmp_path, monkeypatch)
    assert run.code == EXIT_UNUSABLE
    assert run.warnings == ["Camera 0 cannot be opened; another program uses it."]
    assert list(tmp_path.iterdir()) == []


def test_every_nth_frame_of_a_camera_is_recorded_even_if_frames_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier()
    run = Run(
        FakeCamera(), tmp_path, monkeypatch, every=10, classifier=classifier,
        stop_requested=lambda: classifier.num > 40,
    )  # fmt: skip
    frames = [int(row["frame"]) for row in run.session().rows]
    assert len(frames) >= 4
    # of each ten the first that was not dropped
    assert len({frame // 10 for frame in frames}) == len(frames)


def test_a_camera_that_falls_silent_is_told_and_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = FakeCamera(silent_after=10)
    run = Run(camera, tmp_path, monkeypatch, duration_s=20, stop_after=bool)
    camera.back.set()
    assert run.code == EXIT_OK
    assert run.warnings == ["camera0 gives no picture any more; waiting for it."]
    assert [event["event"] for event in run.session().about["events"]] == ["camera_lost"]


def test_a_gpu_that_fails_in_the_middle_is_told_and_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "The network now runs on the CPU: CUDA failed: out of memory."
    run = Run(
        FakeCamera(), tmp_path, monkeypatch, classifier=LeavingClassifier(),
        stop_after=lambda warnings: told in warnings,
    )  # fmt: skip
    assert told in run.warnings
    about = run.session().about
    assert about["device"]["used"] == "CUDA"
    assert ("device_changed", told) in [(e["event"], e["text"]) for e in about["events"]]


def test_a_network_camera_that_dies_and_returns_is_one_session_with_the_gap_marked(
    tmp_path: Path,
) -> None:
    server = MjpegServer()
    picture = part(jpeg())
    messages: list[str] = []
    stopping = threading.Event()
    codes: list[int] = []

    def analyse() -> None:
        codes.append(
            batch.analyze(
                [server.address("/secret", "ana:s3cret@")],
                Pipeline(Detector(), Classifier()),
                batch.AnalysisOptions(tmp_path),
                tell=messages.append,
                warn=messages.append,
                stop_requested=stopping.is_set,
            )
        )

    def until(condition: Callable[[], bool]) -> None:
        ends_s = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < ends_s, "the condition did not come true"
            server.send(picture)
            stopping.wait(0.02)

    def said(words: str) -> bool:
        return any(words in message for message in messages)

    thread = threading.Thread(target=analyse)
    thread.start()
    rows = tmp_path / "127.0.0.1" / "results.csv"
    until(lambda: rows.is_file() and rows.read_bytes().count(b"\n") > 3)
    # not sending is silence, and hanging up ends the connection
    server.hang_up()
    while not said("gives no picture any more; trying again"):
        stopping.wait(0.02)
    until(lambda: said("The source is back after"))
    stopping.set()
    thread.join(20)
    server.close()
    assert codes == [EXIT_OK]
    session = read_session(tmp_path / "127.0.0.1")
    assert problems_of(session) == []
    assert [event["event"] for event in session.about["events"]] == ["camera_lost", "camera_back"]
    frames = [int(row["frame"]) for row in session.rows]
    assert frames == sorted(frames)
    assert "s3cret" not in (tmp_path / "127.0.0.1" / "session.json").read_text() + "".join(messages)


class StoppedVideo:
    """A video that the disk has no room for."""

    problem = "The video has stopped: video.mp4 cannot be written (no space). The rows go on."
    num_lost = 0

    def about(self) -> dict[str, object]:
        return {"frames": 0}

    def add(self, result: object, t_s: float) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_video_that_stopped_early_is_exit_1_and_the_session_is_not_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "open_video", lambda *_, **__: StoppedVideo())
    run = run_for_half_a_second(tmp_path, monkeypatch)
    assert (run.code, run.warnings) == (EXIT_PARTIAL, [StoppedVideo.problem])
    session = read_session(tmp_path / "camera0")
    assert session.rows
    assert not session.complete
    assert [event["event"] for event in session.about["events"]] == ["video_stopped"]
