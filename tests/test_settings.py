"""Settings survive bad lines, bad files and a crash while they are written."""

import json
from pathlib import Path

import pytest

from ferdesk.errors import FerdeskError
from ferdesk.settings import (
    Settings,
    export_settings,
    import_settings,
    load_settings,
    reset_settings,
    save_settings,
)


def test_no_file_means_defaults_and_no_warning(tmp_path: Path) -> None:
    loaded = load_settings(tmp_path / "settings.json")
    assert loaded.settings == Settings()
    assert loaded.warnings == ()


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.json"
    settings = Settings(mirror=True, map_name="cam", heat_opacity=0.25, last_source="demo")
    save_settings(settings, path)
    assert load_settings(path).settings == settings
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


def test_the_file_keeps_only_what_differs_from_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    save_settings(Settings(heatmap=True), path)
    assert json.loads(path.read_text()) == {"heatmap": True}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mirror", "yes"),
        ("mirror", 1),
        ("map_name", "thermal"),
        ("map_name", ["cam"]),
        ("heat_opacity", 1.5),
        ("heat_opacity", float("nan")),
        ("heat_opacity", True),
        ("last_source", None),
        ("colour", "red"),
    ],
)
def test_a_bad_entry_costs_itself_and_nothing_else(
    tmp_path: Path, name: str, value: object
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"side_panel": False, name: value}))
    loaded = load_settings(path)
    assert loaded.settings == Settings(side_panel=False)
    assert len(loaded.warnings) == 1
    assert name in loaded.warnings[0]


def test_a_whole_number_is_a_number_too(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"heat_opacity": 1}')
    assert load_settings(path).settings.heat_opacity == 1.0


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\x00", b"[" * 100_000])
def test_a_garbage_file_is_kept_aside_and_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    loaded = load_settings(path)
    assert loaded.settings == Settings()
    assert "settings.json.bad" in loaded.warnings[0]
    assert (tmp_path / "settings.json.bad").read_bytes() == content
    assert not path.exists()


def test_a_save_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.json"
    save_settings(Settings(mirror=True), path)

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        save_settings(Settings(heatmap=True), path)
    assert load_settings(path).settings == Settings(mirror=True)
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]


def test_a_settings_file_that_is_kept_elsewhere_stays_linked(tmp_path: Path) -> None:
    elsewhere = tmp_path / "dotfiles" / "ferdesk.json"
    elsewhere.parent.mkdir()
    elsewhere.write_text("{}")
    link = tmp_path / "settings.json"
    link.symlink_to(elsewhere)
    save_settings(Settings(camera_size="640x480"), link)
    assert link.is_symlink()
    assert json.loads(elsewhere.read_text()) == {"camera_size": "640x480"}


def test_what_belongs_to_this_person_and_machine_is_not_exported_nor_imported_nor_reset(
    tmp_path: Path,
) -> None:
    mine = Settings(consent=2, window_geometry="AAA=", last_source="camera:1", theme="dark")
    other = Settings(consent=1, window_geometry="BBB=", last_source="demo", smoothing_tau_s=0.75)
    path = tmp_path / "exported.json"
    export_settings(other, path)
    assert json.loads(path.read_text()) == {"smoothing_tau_s": 0.75}
    path.write_text(json.dumps({"consent": 9, "last_source": "x", "uncertain_below": 0.25}))
    wanted = Settings(
        consent=2, window_geometry="AAA=", last_source="camera:1", uncertain_below=0.25
    )
    assert import_settings(path, mine).settings == wanted
    assert reset_settings(mine) == Settings(
        consent=2, window_geometry="AAA=", last_source="camera:1"
    )


def test_another_persons_settings_let_nobody_command_connect_or_mark(tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    theirs = Settings(
        remote_commands=True, web_origins="https://a.example", lsl_markers="name=A", mirror=True
    )
    save_settings(theirs, path)
    assert import_settings(path, Settings()).settings == Settings(mirror=True)
    mine = Settings(remote_commands=True)
    assert import_settings(path, mine).settings == Settings(remote_commands=True, mirror=True)
    export_settings(theirs, path)
    assert load_settings(path).settings == Settings(mirror=True)
    assert reset_settings(theirs) == Settings()


def test_an_export_that_cannot_be_written_and_an_import_of_no_settings_are_one_sentence(
    tmp_path: Path,
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FerdeskError, match=r"The settings cannot be written to .*folder: it is"):
        export_settings(Settings(), tmp_path / "folder")
    (tmp_path / "list.json").write_text("[1]")
    for name in ("list.json", "gone.json"):
        with pytest.raises(FerdeskError, match=r"contains no settings .*Choose a file"):
            import_settings(tmp_path / name, Settings())


def test_recording_settings_are_kept_and_a_limit_may_be_none(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    settings = Settings(
        recording_folder="/studies/one",
        recording_length_s=90.0,
        recording_countdown_s=3,
        video_heatmap=True,
        video_codec="vp9",
        video_quality="high",
        recent_files=("/films/b.mp4", "/films/a.mp4"),
    )
    save_settings(settings, path)
    assert load_settings(path).settings == settings
    path.write_text('{"recording_length_s": null}')
    assert load_settings(path).settings.recording_length_s is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("video_codec", "x264"),
        ("video_quality", "best"),
        ("recording_length_s", 0),
        ("recording_length_s", "long"),
        ("recording_countdown_s", 61),
        ("recording_countdown_s", 1.5),
        ("recent_files", "a.mp4"),
        ("recent_files", [1]),
    ],
)
def test_a_recording_setting_out_of_its_range_is_refused(
    tmp_path: Path, name: str, value: object
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({name: value}))
    loaded = load_settings(path)
    assert loaded.settings == Settings()
    assert name in loaded.warnings[0]
