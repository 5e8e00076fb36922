"""Sound in a recorded video: at the right moment, without drift, and never in an anonymous one."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from ferdesk.adapters.outputs.video_sound import VideoSound
from ferdesk.adapters.outputs.video_writer import VideoWriter
from ferdesk.errors import RecordingError
from tests.helpers.microphone import RATE, STARTED_S, FakeMicrophone
from tests.helpers.results import make_result


def pictures(writer: VideoWriter, begin_s: float, end_s: float, step_s: float = 0.1) -> None:
    for k in range(round((end_s - begin_s) / step_s)):
        t_s = begin_s + k * step_s
        writer.add(make_result(index=k, captured_s=STARTED_S + t_s), t_s)


def sound_of(path: Path) -> tuple[NDArray[np.float64], float, float]:
    """Samples, the first one's time in the file, and the first picture's."""
    parts, starts_s = [], None
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            starts_s = float(frame.time or 0.0) if starts_s is None else starts_s
            parts.append(frame.to_ndarray().ravel().astype(np.float64))
    with av.open(str(path)) as container:
        first = next(container.decode(video=0))
    assert starts_s is not None
    return np.concatenate(parts), starts_s, float(first.time or 0.0)


def onset_s(path: Path) -> float:
    """When the tone begins in the file, in seconds after its first picture."""
    samples, starts_s, first_s = sound_of(path)
    loud = np.abs(samples) > 0.2 * np.abs(samples).max()
    return float(np.argmax(loud)) / RATE + starts_s - first_s


def test_a_tone_stands_at_its_time_however_early_the_microphone_began(tmp_path: Path) -> None:
    microphone = FakeMicrophone()
    sound = VideoSound(microphone)
    writer = VideoWriter(tmp_path / "video.mp4", "clean", lossless=True, sound=sound)
    # heard from 0.313 s before the first picture, which is at t_s 2.05
    microphone.hear(1.737, 3.777, tone_from_s=2.75)
    pictures(writer, 2.05, 3.75)
    writer.close()
    assert writer.problem == ""
    assert onset_s(writer.path) == pytest.approx(2.75 - 2.05, abs=0.002)
    assert writer.about()["sound"] == {
        "device": "Fake microphone",
        "codec": "aac",
        "rate_hz": RATE,
        "length_s": pytest.approx(3.777 - 2.05, abs=0.001),
        "ended_early": False,
    }
    assert microphone.closed


def test_a_tone_stands_at_its_time_after_a_gap(tmp_path: Path) -> None:
    microphone = FakeMicrophone()
    sound = VideoSound(microphone)
    writer = VideoWriter(tmp_path / "video.mp4", "overlay", lossless=True, sound=sound)
    pictures(writer, 0.0, 1.0)
    microphone.hear(0.15, 0.55, tone_from_s=9.0)
    # nothing was heard for 0.4 s
    microphone.hear(0.95, 1.95, tone_from_s=1.43)
    pictures(writer, 1.0, 1.9)
    writer.close()
    assert onset_s(writer.path) == pytest.approx(1.43, abs=0.002)


def test_a_microphone_that_vanishes_ends_the_sound_and_never_the_video(tmp_path: Path) -> None:
    microphone = FakeMicrophone()
    sound = VideoSound(microphone)
    writer = VideoWriter(tmp_path / "video.mp4", "clean", lossless=True, sound=sound)
    microphone.hear(0.0, 0.5, tone_from_s=0.25)
    pictures(writer, 0.0, 0.5)
    microphone.lost()
    pictures(writer, 0.5, 2.5)
    writer.close()
    assert writer.problem == ""
    assert sound.problem == (
        "The microphone Fake microphone is gone; the video goes on without sound."
    )
    with av.open(str(writer.path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 25
    samples, _, _ = sound_of(writer.path)
    assert len(samples) / RATE == pytest.approx(0.5, abs=0.13)


def test_a_microphone_that_gives_nothing_any_more_is_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s = [70.0]
    microphone = FakeMicrophone()
    sound = VideoSound(microphone, clock=lambda: now_s[0])
    now_s[0] += 4.9
    microphone.hear(0.0, 0.02, tone_from_s=9.0)
    now_s[0] += 4.9
    assert sound.problem == ""
    now_s[0] += 0.2
    assert "is gone; the video goes on without sound" in sound.problem
    assert "is gone; the video goes on without sound" in sound.problem
    # asked several times a second, for hours
    assert len(caplog.records) == 1


def test_nothing_that_is_said_in_a_pause_is_kept(tmp_path: Path) -> None:
    microphone = FakeMicrophone()
    sound = VideoSound(microphone)
    writer = VideoWriter(tmp_path / "video.mp4", "clean", lossless=True, sound=sound)
    pictures(writer, 0.0, 0.5)
    microphone.hear(0.0, 0.5, tone_from_s=9.0)
    sound.set_paused(True)
    microphone.hear(0.5, 1.5, tone_from_s=0.6)
    sound.set_paused(False)
    microphone.hear(1.5, 2.5, tone_from_s=1.75)
    pictures(writer, 1.5, 2.5)
    writer.close()
    assert onset_s(writer.path) == pytest.approx(1.75, abs=0.002)


def test_a_rate_that_no_encoder_takes_is_refused_before_anything_is_made() -> None:
    microphone = FakeMicrophone()
    microphone.rate_hz = 192_000
    with pytest.raises(RecordingError, match="no encoder takes the 192000 Hz of the microphone"):
        VideoSound(microphone)
    assert microphone.closed


def test_a_long_gap_is_silence_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ferdesk.core.sound_track._MOST_SAMPLES", 5000)
    microphone = FakeMicrophone()
    sound = VideoSound(microphone)
    writer = VideoWriter(tmp_path / "video.mp4", "clean", lossless=True, sound=sound)
    pictures(writer, 0.0, 0.3)
    microphone.hear(4.0, 5.0, tone_from_s=4.4)
    pictures(writer, 4.0, 5.0)
    writer.close()
    assert writer.problem == ""
    assert onset_s(writer.path) == pytest.approx(4.4, abs=0.002)


def test_an_anonymous_video_refuses_a_microphone(tmp_path: Path) -> None:
    microphone = FakeMicrophone()
    with pytest.raises(RecordingError, match="A video with faces blurred has no sound"):
        VideoWriter(tmp_path / "video.mp4", "anonymous", sound=VideoSound(microphone))
    assert not (tmp_path / "video.mp4").exists()
