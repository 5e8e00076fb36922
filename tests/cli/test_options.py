"""What the options of the commands come to."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from ferdesk import settings
from ferdesk.cli.options import ProviderName, camera_format_of, wanted_provider
from ferdesk.core.types import CameraFormat


def test_the_wanted_device_is_the_options_else_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "settings_path", lambda: tmp_path / "settings.json")
    assert wanted_provider(None) is ProviderName.AUTO
    (tmp_path / "settings.json").write_text('{"provider": "cuda"}')
    assert wanted_provider(None) is ProviderName.CUDA
    assert wanted_provider(ProviderName.CPU) is ProviderName.CPU
    assert wanted_provider(ProviderName.AUTO) is ProviderName.AUTO


def test_what_cameras_are_asked_for_is_read_or_refused() -> None:
    assert camera_format_of(None, None) == CameraFormat()
    assert camera_format_of("1280x720", 30.0) == CameraFormat(1280, 720, 30.0)
    with pytest.raises(typer.BadParameter, match="write one like 1280x720"):
        camera_format_of("large", None)


def test_a_thread_that_hangs_does_not_keep_or_abort_the_command() -> None:
    code = (
        "import sys, threading, time\n"
        "import ferdesk.cli.main as command\n"
        "def run():\n"
        "    sleep = dict(target=time.sleep, args=(60,), name='ferdesk-x', daemon=True)\n"
        "    threading.Thread(**sleep).start()\n"
        "    print('said')\n"
        "    sys.exit(2)\n"
        "command._run = run\n"
        "command.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=25, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "said\n", "")
