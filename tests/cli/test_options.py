"""What the options of the commands come to."""

from pathlib import Path

import pytest
import typer

from ferdesk import settings
from ferdesk.__main__ import ProviderName, _asked, _wanted
from ferdesk.core.types import CameraFormat


def test_the_wanted_device_is_the_options_else_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "settings_path", lambda: tmp_path / "settings.json")
    assert _wanted(None) is ProviderName.AUTO
    (tmp_path / "settings.json").write_text('{"provider": "cuda"}')
    assert _wanted(None) is ProviderName.CUDA
    assert _wanted(ProviderName.CPU) is ProviderName.CPU
    assert _wanted(ProviderName.AUTO) is ProviderName.AUTO


def test_what_cameras_are_asked_for_is_read_or_refused() -> None:
    assert _asked(None, None) == CameraFormat()
    assert _asked("1280x720", 30.0) == CameraFormat(1280, 720, 30.0)
    with pytest.raises(typer.BadParameter, match="write one like 1280x720"):
        _asked("large", None)
