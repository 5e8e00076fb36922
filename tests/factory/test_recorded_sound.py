"""A recording with sound: what session.json says, and what is refused before anything is made."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ferdesk.core.types import DeviceInfo, ModelInfo, SourceInfo
from ferdesk.errors import RecordingError
from ferdesk.factory.services import WindowServices
from ferdesk.runtime.recording_options import RecordingOptions
from ferdesk.runtime.status import State, Status
from ferdesk.sessions.files import JsonFile
from tests.helpers.microphone import STARTED_S, FakeMicrophone
from tests.helpers.results import make_result

RUNNING = Status(
    State.RUNNING,
    source=SourceInfo("camera", "camera0", "camera:0", 96, 54),
    model=ModelInfo("fast", "1", "a", "b", {}, "ab", "MIT", {}),
    device=DeviceInfo("CPU", ""),
)


def services(
    root: Path, open_microphone: Callable[[str], FakeMicrophone] = lambda _: FakeMicrophone()
) -> WindowServices:
    return WindowServices(root=root, open_microphone=open_microphone)


def test_session_json_says_from_which_microphone_sound_was_recorded(tmp_path: Path) -> None:
    asked: list[str] = []
    microphone = FakeMicrophone()

    def opened(name: str) -> FakeMicrophone:
        asked.append(name)
        return microphone

    options = RecordingOptions(video="clean", sound="Desk")
    writer = services(tmp_path, opened).start_recording(RUNNING, options)
    microphone.hear(0.0, 0.4, tone_from_s=9.0)
    for k in range(4):
        writer.add(make_result(index=k, captured_s=STARTED_S + 0.1 * k))
    writer.close()
    assert asked == ["Desk"]
    about = json.loads((writer.folder / "session.json").read_text("utf-8"))
    assert about["video"]["sound"]["device"] == "Fake microphone"
    assert about["video"]["sound"]["length_s"] == pytest.approx(0.4, abs=0.03)
    assert about["complete"]
    assert microphone.closed


def test_a_lost_microphone_is_a_warning_and_an_event(tmp_path: Path) -> None:
    microphone = FakeMicrophone()
    options = RecordingOptions(video="overlay", sound="Desk")
    writer = services(tmp_path, lambda _: microphone).start_recording(RUNNING, options)
    writer.add(make_result(index=0, captured_s=STARTED_S))
    microphone.lost()
    # the recorder looks around twice a second
    for _ in range(200):
        if writer.warning:
            break
        writer._thread.join(0.02)
    assert writer.warning == (
        "The microphone Fake microphone is gone; the video goes on without sound."
    )
    writer.close()
    about = json.loads((writer.folder / "session.json").read_text("utf-8"))
    assert [one["event"] for one in about["events"]] == ["sound_ended"]
    assert about["complete"]


def test_a_pause_silences_the_microphone(tmp_path: Path) -> None:
    microphone = FakeMicrophone()
    options = RecordingOptions(video="clean", sound="Desk")
    writer = services(tmp_path, lambda _: microphone).start_recording(RUNNING, options)
    writer.add(make_result(index=0, captured_s=STARTED_S))
    writer.note_event("recording_paused", "The recording was paused.")
    microphone.hear(0.0, 2.0, tone_from_s=0.0)
    writer.note_event("recording_resumed", "The recording goes on.")
    writer.add(make_result(index=1, captured_s=STARTED_S + 2.0))
    writer.close()
    about = json.loads((writer.folder / "session.json").read_text("utf-8"))
    assert about["video"]["sound"]["length_s"] == 0.0


def test_an_anonymous_video_refuses_sound_and_leaves_no_folder(tmp_path: Path) -> None:
    root = tmp_path / "sessions"
    opened: list[str] = []

    def microphone(name: str) -> FakeMicrophone:
        opened.append(name)
        return FakeMicrophone()

    with pytest.raises(RecordingError, match="A video with faces blurred has no sound"):
        services(root, microphone).start_recording(
            RUNNING, RecordingOptions(video="anonymous", sound="Desk")
        )
    assert not root.exists()
    assert opened == []


def test_without_a_video_or_a_microphone_nothing_listens(tmp_path: Path) -> None:
    def never(name: str) -> FakeMicrophone:
        raise AssertionError(name)

    for options in (RecordingOptions(sound="Desk"), RecordingOptions(video="clean")):
        services(tmp_path, never).start_recording(RUNNING, options).close()


def test_a_recording_that_cannot_begin_leaves_no_folder_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: JsonFile, _table: dict[str, object]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(JsonFile, "write", full)
    with pytest.raises(RecordingError, match="No space left"):
        services(tmp_path).start_recording(RUNNING, RecordingOptions(video="off"))
    assert list(tmp_path.iterdir()) == []
