"""Markers of other programs over LSL: real outlets in other processes, on the loopback alone."""

import pytest

from tests.adapters.test_lsl_stream import in_child

try:
    import pylsl  # noqa: F401
except (ImportError, RuntimeError, OSError) as error:  # pragma: no cover
    pytest.skip(f"pylsl does not load here: {error}", allow_module_level=True)

SENDER = '''
import subprocess
sender_code = """
import sys, time, pylsl
name, source_id, form = sys.argv[1:]
info = pylsl.StreamInfo(name, "Markers", 1, 0, form, source_id)
outlet = pylsl.StreamOutlet(info)
sys.stdout.write("open\\\\n")
sys.stdout.flush()
for number, line in enumerate(sys.stdin):
    # the moment itself is the label: monotonic clocks of one computer are one
    value = int(line) if form.startswith("int") else f"{time.monotonic():.6f}"
    outlet.push_sample([value])
"""

def sender(name, source_id, form="string"):
    one = subprocess.Popen([sys.executable, "-c", sender_code, name, source_id, form],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    one.stdout.readline()
    return one

def send(one, line="1"):
    one.stdin.write(line + chr(10))
    one.stdin.flush()

def end(one):
    one.kill()
    one.wait()
    one.stdin.close()
    one.stdout.close()

def wait(condition, seconds=9):
    until_s = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True

import time
from ferdesk.adapters.inputs.lsl_markers import LslMarkers, marker_streams
from ferdesk.adapters.outputs.lsl_stream import LslStream
from ferdesk.runtime.marker_streams import MarkerQuery
markers, states = [], []

def follow(text):
    return LslMarkers(MarkerQuery.of(text), markers.append, states.append)
'''


def test_a_marker_of_another_process_stands_at_its_true_time(tmp_path: object) -> None:
    text = in_child(
        SENDER
        + """
        one = sender("paradigm", "abc")
        inlet = follow("name=paradigm; type=Markers")
        if not wait(lambda: states):
            print("cannot resolve")
            end(one), inlet.close(), sys.exit()
        assert (states[0].state, states[0].info.source_id) == ("following", "abc")
        for number in range(20):
            send(one)
            assert wait(lambda: len(markers) > number)
        errors_ms = sorted(abs(1000 * (m.at_s - float(m.label))) for m in markers)
        print(f"good median {errors_ms[10]:.3f} ms, largest {errors_ms[-1]:.3f} ms")
        assert errors_ms[10] < 2, errors_ms
        assert all(0 <= m.uncertainty_s < 0.1 for m in markers), markers
        end(one)
        inlet.close()
        """.replace("\n        ", "\n"),
        tmp_path,  # type: ignore[arg-type]
    )
    assert "good" in text
    print(text)  # noqa: T201 (the figure itself; benchmarks/markers.py measures it at rest)


def test_a_stream_that_ends_and_comes_back_is_followed_and_ours_is_never_taken(
    tmp_path: object,
) -> None:
    text = in_child(
        SENDER
        + """
        ours = LslStream("ferdesk", sources=["demo"])
        one, other = sender("paradigm", "abc", "int32"), sender("stranger", "xyz", "int32")
        inlet = follow("type=Markers; name=paradigm")
        if not wait(lambda: states):
            print("cannot resolve")
            ours.close(), end(one), end(other), inlet.close(), sys.exit()
        send(other, "7"), send(one, "41")
        ours.mark("ours")
        assert wait(lambda: markers)
        end(one)
        assert wait(lambda: states[-1].state == "lost"), states
        send(other, "8")
        one = sender("paradigm", "abc", "int32")
        assert wait(lambda: states[-1].state == "following"), states
        send(one, "42")
        assert wait(lambda: len(markers) == 2), markers
        assert [m.label for m in markers] == ["41", "42"]
        found = marker_streams(1.0)
        assert [info.name for info in found] == ["paradigm", "stranger"], found
        inlet.close()
        end(one), end(other), ours.close()
        print("good")
        """.replace("\n        ", "\n"),
        tmp_path,  # type: ignore[arg-type]
    )
    assert "good" in text


def test_a_marker_that_is_no_clean_text_is_kept_and_ends_nothing(tmp_path: object) -> None:
    text = in_child(
        SENDER
        + r"""
        import inspect, pylsl
        outlet = pylsl.StreamOutlet(pylsl.StreamInfo("latin", "Markers", 1, 0, "string", "l1"))
        inlet = follow("latin")
        if not wait(lambda: states):
            print("cannot resolve")
            inlet.close(), sys.exit()
        if "as_numpy" in inspect.signature(pylsl.StreamInlet.__init__).parameters:
            for sample in (b"\xc4pfel", "\u00c4pfel", b"film\x1bA\x00\x00"):
                outlet.push_sample([sample])
            assert wait(lambda: len(markers) == 3), markers
            assert [m.label for m in markers] == ["\ufffdpfel", "\u00c4pfel", "film A"], markers
            assert all(m.uncertainty_s is not None for m in markers), markers
            assert [one.state for one in states] == ["following"], states
        inlet.close()
        print("good")
        """.replace("\n        ", "\n"),
        tmp_path,  # type: ignore[arg-type]
    )
    assert "good" in text
