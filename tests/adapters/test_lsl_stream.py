"""The LSL outlets against pylsl's own inlet, on this machine's loopback alone."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ferdesk.runtime.stream_identity import StreamIdentity

try:
    import pylsl
except (ImportError, RuntimeError, OSError) as error:  # pragma: no cover
    pytest.skip(f"pylsl does not load here: {error}", allow_module_level=True)

ROOT = Path(__file__).parents[2]
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
    start = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
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
        # the two clocks looked at as soon after each other as they ever are
        looks = [(time.monotonic(), pylsl.local_clock(), time.monotonic()) for _ in range(200)]
        before_s, lsl_s, after_s = min(looks, key=lambda look: look[2] - look[0])
        ahead_s = lsl_s - (before_s + after_s) / 2
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


def test_two_programs_with_different_cameras_never_mix_and_one_that_restarts_is_found_again(
    tmp_path: Path,
) -> None:
    text = in_child(
        """
        import time
        from dataclasses import replace
        import pylsl
        from ferdesk.adapters.outputs.lsl_stream import LslStream
        from tests.helpers.results import FACE, make_result
        one, two = LslStream(sources=["camera:0"]), LslStream(sources=["camera:1"])
        mine, other = make_result(FACE), make_result(replace(FACE, face_id=2))
        found = []
        for _ in range(8):
            found = pylsl.resolve_byprop("name", "ferdesk", minimum=2, timeout=1)
            if len(found) == 2:
                break
        if len(found) < 2:
            print("cannot resolve")
            one.close()
            two.close()
            sys.exit()
        (first,) = [info for info in found if info.source_id() == one.source_ids[0]]
        assert {info.source_id() for info in found} == {one.source_ids[0], two.source_ids[0]}
        inlet = pylsl.StreamInlet(first)
        inlet.open_stream(timeout=5)

        def face_ids(seconds):
            ids, end_s = set(), time.monotonic() + seconds
            while time.monotonic() < end_s and not ids:
                two.put(other)
                if one is not None:
                    one.put(mine)
                sample, _ = inlet.pull_sample(timeout=0.05)
                if sample:
                    ids.add(sample[1])
            return ids

        assert face_ids(5) == {float(FACE.face_id)}
        one.close()
        one = None
        while inlet.pull_sample(timeout=0.2)[0]:
            pass
        assert face_ids(4) == set(), "the second program's faces came into the first one's stream"
        one = LslStream(sources=["camera:0"])
        assert face_ids(10) == {float(FACE.face_id)}
        one.close()
        two.close()
        print("good")
        """,
        tmp_path,
    )
    assert "good" in text


def test_sleep_of_the_computer_is_a_marker_of_the_stream(tmp_path: Path) -> None:
    text = in_child(
        """
        import pylsl
        from ferdesk.adapters.outputs.lsl_stream import LslStream
        from ferdesk.runtime.clock_watch import ClockWatch
        slept = [0.0]
        clocks = [lambda: pylsl.local_clock(), lambda: pylsl.local_clock() + slept[0]]
        watch = ClockWatch(clocks[0], clocks[1], clocks[1])
        stream = LslStream("ferdesk-asleep", clock_watch=watch)
        marks = pylsl.resolve_byprop("name", "ferdesk-asleep markers", timeout=8)
        if not marks:
            print("cannot resolve")
            stream.close()
            sys.exit()
        inlet = pylsl.StreamInlet(marks[0])
        inlet.open_stream(timeout=8)
        before_s = pylsl.local_clock()
        slept[0] = 63.0
        marker, stamp = inlet.pull_sample(timeout=8)
        assert marker == ["machine asleep 63 s"], marker
        assert before_s - 0.1 < stamp < pylsl.local_clock() + 0.1, (before_s, stamp)
        stream.close()
        print("good")
        """,
        tmp_path,
    )
    assert "good" in text


def test_a_minute_of_ten_faces_at_sixty_frames_a_second_finds_room_for_a_slow_inlet(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ferdesk.adapters.outputs.lsl_stream import LslStream

    hundreds: list[int] = []

    class Outlet:
        def __init__(self, info: object, *, max_buffered: int) -> None:
            hundreds.append(max_buffered)

    monkeypatch.setattr(pylsl, "StreamOutlet", Outlet)
    LslStream(identity=StreamIdentity(["demo"], folder=tmp_path)).close()
    # in an irregular stream liblsl counts in hundreds of samples, not in seconds
    assert [100 * one for one in hundreds] == [60 * 10 * 60] * 2
    assert "36,000 samples" in (ROOT / "docs" / "streams.md").read_text("utf-8")
