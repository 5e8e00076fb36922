"""Anonymous videos of the shared clips against an exhaustive search of every picture."""

import os
from pathlib import Path

import numpy as np
import pytest

from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.adapters.outputs.video_writer import VideoWriter
from ferdesk.core.anonymize import Anonymizer
from ferdesk.core.detection.exhaustive import ExhaustiveSearch
from ferdesk.core.geometry import Box
from ferdesk.core.types import Frame, FrameResult
from ferdesk.factory.models import open_pipeline
from ferdesk.factory.services import WindowServices
from ferdesk.factory.sources import frames_of, open_source
from ferdesk.paths import detectors_folder
from ferdesk.runtime.engine import Engine
from ferdesk.runtime.recording import Recorder
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.runtime.status import ACTIVE
from tests.adapters.test_recording_faults import wait_for

SHARED = Path(os.environ.get("FERDESK_SHARED", Path(__file__).parents[3] / "shared"))
CLIPS = ("noface_face.mov", "asl_help.mkv", "asl_no.mkv", "asl_please.mkv")
EVERY = 3


def mirrored(box: Box, width: int) -> Box:
    return Box(width - box.x - box.width, box.y, box.width, box.height)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", CLIPS)
def test_no_face_that_an_exhaustive_search_finds_stays_clear(name: str) -> None:
    path = SHARED / "clips" / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    # the search of the window, which sees less than the one it is held against
    pipeline = open_pipeline()
    anonymizer, source = Anonymizer(), open_source(str(path))
    source.open()
    before, after = [], []
    for frame in frames_of(source):
        before.append(frame.image)
        after += anonymizer.add_result(pipeline.process(frame), frame.t_s)
    after += anonymizer.finish()
    source.close()
    pipeline.close()
    assert len(after) == len(before)
    search = ExhaustiveSearch(MediaPipeNetworks(detectors_folder()))
    num_found = 0
    for index in range(0, len(before), EVERY):
        image, (covered, _) = before[index], after[index]
        found = [face.box for face in search.detect(image) if face.confirmed]
        flipped = search.detect(np.ascontiguousarray(image[:, ::-1]))
        found += [mirrored(face.box, image.shape[1]) for face in flipped if face.confirmed]
        for box in found:
            num_found += 1
            assert share_changed(image, covered, box) > 0.9, (index, box)
    search.close()
    assert num_found > 10


Encoded = list[tuple[float, np.ndarray]]


def recorded_live(
    clip: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Encoded, Encoded]:
    """The clip as the window records it with faces blurred: what came in, what was written."""
    written: Encoded = []
    raw: dict[float, np.ndarray] = {}
    encode, take = VideoWriter._encode, VideoWriter._take

    def encoding(writer: VideoWriter, image: np.ndarray, t_s: float) -> None:
        written.append((t_s, image))
        encode(writer, image, t_s)

    def taking(writer: VideoWriter, result: FrameResult, t_s: float) -> None:
        raw[t_s] = result.frame.image
        take(writer, result, t_s)

    monkeypatch.setattr(VideoWriter, "_encode", encoding)
    monkeypatch.setattr(VideoWriter, "_take", taking)
    services = WindowServices(root=out)

    def ended() -> bool:
        status = engine.status()
        # a film that is played waits at its end
        return status.state not in ACTIVE or status.stands_still

    def record(result: FrameResult) -> None:
        if not recording.opened:
            recording.open(
                lambda: services.start_recording(
                    engine.status(), RecordingOptions(video="anonymous")
                )
            )
        recorder.take(result)

    engine = Engine(on_result=record)
    recorder = Recorder(status=engine.status, classify_every_face=engine.classify_every_face)
    recording = recorder.begin()
    engine.start(lambda: open_source(str(clip), paced=True), services.open_pipeline)
    wait_for(ended, 120)
    engine.stop()
    recorder.end()
    recording.close()
    services.close()
    assert recording.session.problem == ""
    return [(t_s, raw[t_s]) for t_s, _ in written], written


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", ["classroom.gif"])
def test_a_live_video_covers_whoever_analyze_finds(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = SHARED / "clips" / name
    if not clip.exists():
        pytest.skip(f"{clip} is not here")
    before, after = recorded_live(clip, tmp_path, monkeypatch)
    pipeline = open_pipeline(thorough=True)
    num_found = num_clear = 0
    for (t_s, image), (_, covered) in zip(before, after, strict=True):
        for face in pipeline.process(Frame(image, 0, t_s, 0.0)).faces:
            num_found += 1
            num_clear += share_changed(image, covered, face.box) <= 0.9
    pipeline.close()
    assert (num_clear, num_found > 20) == (0, True), (num_clear, num_found, len(before))


def share_changed(image: np.ndarray, covered: np.ndarray, box: Box) -> float:
    """Share of the pixels in ``box`` that the cover changed."""
    place = np.s_[
        max(0, int(box.y)) : int(box.y + box.height), max(0, int(box.x)) : int(box.x + box.width)
    ]
    return float((image[place] != covered[place]).any(axis=2).mean())
