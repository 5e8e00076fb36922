"""Names of session folders, and of files beside them."""

from pathlib import Path

from ferdesk.factory.recordings import folder_name_of, new_folder
from ferdesk.sessions.outputs import file_stem


def test_a_name_of_any_length_makes_a_folder_of_its_own(tmp_path: Path) -> None:
    # three bytes a letter, and a border that falls within one
    name = "a" + "\u5b66" * 150
    first, second = new_folder(tmp_path, name), new_folder(tmp_path, name)
    assert first.is_dir()
    assert second.name == f"{first.name}-2"
    assert name.startswith(first.name)
    assert 190 < len(first.name.encode()) <= 200
    assert len(file_stem(name).encode()) <= 200


def test_what_no_file_system_takes_is_replaced() -> None:
    assert folder_name_of("a/b:c?d") == "a_b_c_d"
    assert folder_name_of(" .. ") == "session"
    assert file_stem("...") == "report"
    # what a cut leaves at the end is no point, which Windows would drop
    assert folder_name_of("a" * 199 + ".b") == "a" * 199
