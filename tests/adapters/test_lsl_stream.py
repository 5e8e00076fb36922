"""The LSL outlets against pylsl's own inlet, on this machine's loopback alone."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

try:
    import pylsl
except (ImportError, RuntimeError, OSError) as error:  # pragma: no cover
    pytest.skip(f"pylsl does not load here: {error}", allow_module_level=True)

CONFIG = """
[multicast]
ResolveScope = machine
AddressesOverride = {{127.0.0.1}}
[ports]
IPv6 = disable
[lab]
KnownPeers = {{127.0.0.1}}
SessionID = {session}
[log]
level = -3
"""


def in_child(code: str, tmp_path: Path) -> str:
    """Run code in a process whose LSL stays on the loopback; the library reads its file once."""
    config = tmp_path / "lsl_api.cfg"
    config.write_text(CONFIG.format(session=f"test-{tmp_path.name}"))
    root = Path(__file__).parents[2]
    start = f"import sys\nsys.path.insert(0, {str(root)!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", start + textwrap.dedent(code)],
        env={"LSLAPICFG": str(config), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=28, check=False, cwd=tmp_path,
    )  # fmt: skip
    if "cannot resolve" in done.stdout:
        pytest.skip("LSL finds no stream on the loopback here")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_inlet_gets_rows_markers_names_units_and_the_captures_time(tmp_path: Path) -> None:
    assert pylsl.library_version() > 100
    text = in_child(
        """
        import time
        import pylsl
        from ferdesk.adapters.outputs.lsl_stream import CHANNELS, LslStream
        from tests.helpers.results import FACE, OTHER, make_result, named_values
        stream = LslStream("ferdesk-test")
        found = pylsl.resolve_byprop("name", "ferdesk-test", timeout=8)
        marks = pylsl.resolve_byprop("name", "ferdesk-test markers", timeout=8)
        if not found or not marks:
            print("cannot resolve")
            stream.close()
            sys.exit()
        inlet, marker_inlet = pylsl.StreamInlet(found[0]), pylsl.StreamInlet(marks[0])
        inlet.open_stream(timeout=8)
        marker_inlet.open_stream(timeout=8)
        captured_s = time.monotonic() - 0.5
        ahead_s = pylsl.local_clock() - time.monotonic()
        sample = None
        for _ in range(20):
            stream.put(make_result(FACE, OTHER, captured_s=captured_s))
            stream.mark("film A", captured_s)
            sample, stamp = inlet.pull_sample(timeout=0.5)
            if sample:
                break
        marker, marked = marker_inlet.pull_sample(timeout=8)
        assert abs(stamp - captured_s - ahead_s) < 0.01, stamp
        assert abs(marked - captured_s - ahead_s) < 0.01
        assert marker == ["film A"]
        assert len(sample) == len(CHANNELS)
        got = dict(zip([one.name for one in CHANNELS], sample))
        wanted = {**named_values(FACE), "frame": 7, "latency_ms": 12.625}
        assert got == {name: wanted[name] for name in got}, got
        info = inlet.info(timeout=8)
        channel = info.desc().child("channels").child("channel")
        names = []
        while channel.name():
            names.append([channel.child_value(key) for key in ("label", "unit", "type")])
            channel = channel.next_sibling()
        assert names == [[one.name, one.unit, one.group] for one in CHANNELS], names
        assert info.type() == "Expression" and info.nominal_srate() == 0
        stream.close()
        print("good")
        """,
        tmp_path,
    )
    assert "good" in text


def test_an_inlet_that_never_reads_holds_nobody_up(tmp_path: Path) -> None:
    text = in_child(
        """
        import resource
        import time
        import pylsl
        from ferdesk.adapters.outputs.lsl_stream import LslStream
        from tests.adapters.test_session_writer import result
        stream = LslStream("ferdesk-lazy")
        found = pylsl.resolve_byprop("name", "ferdesk-lazy", timeout=8)
        if not found:
            print("cannot resolve")
            stream.close()
            sys.exit()
        inlet = pylsl.StreamInlet(found[0], max_buflen=5)
        inlet.open_stream(timeout=8)
        one = result(1, num_faces=4)

        def fill():
            for _ in range(15):
                for _ in range(100):
                    stream.put(one)
                # a pause: a loop that spins would keep the sender from the interpreter's lock
                while not stream._waiting.empty():
                    time.sleep(0.001)

        fill()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        fill()
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown_kb < 20_000, grown_kb
        stream.close()
        print("good")
        """,
        tmp_path,
    )
    assert "good" in text
