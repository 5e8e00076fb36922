"""Names of any bytes, terminals of any encoding: no traceback, the right bytes, nothing done."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ferdesk.cli.terminal import console_on
from ferdesk.text_output import OUTPUT_ERRORS, printable, write
from tests.sessions.conftest import SessionMaker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names there are Unicode")
CHECKOUT = Path(__file__).parents[2]
NOT_UTF8 = os.fsdecode(b"caf\xe9 \xff")
MARKUP = "[final] talk [red]x [bold"
ESCAPE = "talk\x1b]0;owned\x07\x1b[2J"
UNICODE = "Zürich 上海"


def run(
    *arguments: str, home: Path, module: str = "ferdesk", **variables: str
) -> "subprocess.CompletedProcess[bytes]":
    environment = {
        **os.environ, "HOME": str(home), "PYTHONPATH": str(CHECKOUT), "COLUMNS": "300",
        **variables,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True, env=environment, timeout=180, check=False,
    )  # fmt: skip


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    root = tmp_path / f"study {NOT_UTF8}"
    root.mkdir()
    make = SessionMaker(root)
    for name in (NOT_UTF8, MARKUP, ESCAPE, UNICODE):
        make([[(1, "happy")]] * 3, name=name, source={"kind": "video", "name": name})
    return root


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_a_list_shows_every_name_as_it_is(sessions: Path, encoding: str) -> None:
    done = run("sessions", "list", str(sessions), home=sessions, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"caf\xe9 \xff" in done.stdout
    assert MARKUP.encode() in done.stdout
    assert b"\x1b" not in done.stdout
    assert rb"\x1b]0;owned\x07" in done.stdout
    wanted = {"utf-8": UNICODE.encode(), "latin-1": rb"Z\xfcrich \u4e0a\u6d77".replace(
        rb"\xfc", b"\xfc"), "ascii": rb"Z\xfcrich \u4e0a\u6d77"}  # fmt: skip
    assert wanted[encoding] in done.stdout


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_paths_go_out_as_the_bytes_that_they_are(sessions: Path, encoding: str) -> None:
    report = sessions / "report.html"
    session = sessions / NOT_UTF8
    done = run("report", str(session), home=sessions, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    path = Path(os.fsdecode(done.stdout.rstrip(b"\n")))
    assert path.is_file()
    assert os.fsencode(session.name) in done.stdout
    done = run(
        "report", str(sessions), "--out", str(report), home=sessions, PYTHONIOENCODING=encoding
    )
    assert done.returncode == 0, done.stderr
    assert os.fsencode(report) in done.stdout


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("sessions", "list", "MISSING"), 3),
        (("sessions", "repair", "MISSING"), 3),
        (("sessions", "markers", "MISSING", "MISSING"), 3),
        (("sessions", "export", "MISSING", "--layout", "openface"), 3),
        (("report", "MISSING"), 3),
        (("analyze", "MISSING", "--out", "OUT"), 3),
        (("analyze", "demo", "--model", "MISSING", "--out", "OUT"), 3),
        (("models", "MISSING"), 3),
    ],
)
def test_errors_name_what_is_missing_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], code: int, encoding: str
) -> None:
    named = {"MISSING": str(tmp_path / f"gone {NOT_UTF8} {UNICODE}"), "OUT": str(tmp_path / "o")}
    done = run(*[named.get(a, a) for a in arguments], home=tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stderr.strip().count(b"\n") == 0
    assert b"gone caf" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("command", ["fit", "evaluate", "data", "card"])
def test_the_trainers_errors_too(tmp_path: Path, command: str, encoding: str) -> None:
    missing = str(tmp_path / f"gone {NOT_UTF8} {UNICODE}")
    arguments = {
        "fit": ("--data", missing, "--out", str(tmp_path / "run")),
        "evaluate": (missing, "--data", missing),
        "data": (missing,),
        "card": (missing,),
    }[command]
    done = run(command, *arguments, home=tmp_path, module="trainer", PYTHONIOENCODING=encoding)
    assert done.returncode in (2, 3), done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stderr


def test_control_characters_are_shown_on_a_terminal_and_kept_in_a_pipe() -> None:
    assert printable("a\x1b[2J\tb\nc\x9b\u202e") == "a\\x1b[2J\tb\nc\\x9b\\u202e"
    pipe = io.StringIO()
    write("a\x1b[2J", pipe)
    assert pipe.getvalue() == "a\x1b[2J"
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        write("a\x1b[2J\n", terminal)
        terminal.flush()
        assert os.read(ours, 100) == b"a\\x1b[2J\r\n"
    os.close(ours)


def test_a_console_takes_no_name_for_markup_or_a_control() -> None:
    out = io.StringIO()
    console_on(out).print(f"{MARKUP} :smile: {ESCAPE}", soft_wrap=True)
    assert out.getvalue() == f"{MARKUP} :smile: {printable(ESCAPE)}\n"


def test_the_error_handler_gives_raw_bytes_and_escapes() -> None:
    def encode(text: str) -> bytes:
        return text.encode("ascii", OUTPUT_ERRORS)

    assert encode("a\udcffü\udc80上\ud800") == b"a\xff\\xfc\x80\\u4e0a\\ud800"
