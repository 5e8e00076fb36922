"""How exactly markers of other programs stand in time: ``python benchmarks/markers.py``.

    python benchmarks/markers.py [--count N]

A second process takes the monotonic clock, which programs of one computer share, and sends it as
the marker's label: over LSL, and by ``ferdesk.remote`` over the WebSocket. The error is the moment
that ferdesk gives the marker less that label. The LSL of both processes stays on the loopback.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

LSL_SENDER = """
import sys, time, pylsl
outlet = pylsl.StreamOutlet(pylsl.StreamInfo("benchmark", "Markers", 1, 0, "string", "benchmark"))
outlet.wait_for_consumers(20)
for _ in range(int(sys.argv[1])):
    time.sleep(0.1)
    outlet.push_sample([f"{time.monotonic():.6f}"])
time.sleep(1)
"""
REMOTE_SENDER = """
import sys, time
from ferdesk import remote
with remote.connect(sys.argv[2]) as ferdesk:
    for _ in range(int(sys.argv[1])):
        time.sleep(0.1)
        ferdesk.marker(f"{time.monotonic():.6f}")
"""
LOOPBACK = """
[multicast]
ResolveScope = machine
AddressesOverride = {127.0.0.1}
[ports]
IPv6 = disable
[lab]
KnownPeers = {127.0.0.1}
SessionID = ferdesk-benchmark
[log]
level = -3
"""


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--count", type=int, default=100, help="markers of each kind")
    count = options.parse_args().count
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "lsl_api.cfg"
        config.write_text(LOOPBACK)
        os.environ["LSLAPICFG"] = str(config)
        report("LSL", lsl_errors_ms(count))
    report("ferdesk.remote", remote_errors_ms(count))


def report(kind: str, errors_ms: list[float]) -> None:
    ordered = sorted(abs(one) for one in errors_ms)
    late = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    sys.stdout.write(
        f"{kind}: {len(ordered)} markers, error median {statistics.median(ordered):.3f} ms, "
        f"95th percentile {late:.3f} ms, largest {ordered[-1]:.3f} ms\n"
    )


def send(code: str, *words: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code, *words], check=True, env=environment)


def lsl_errors_ms(count: int) -> list[float]:
    from ferdesk.adapters.inputs.lsl_markers import LslMarkers
    from ferdesk.runtime.marker_streams import MarkerQuery, StreamMarker

    errors_ms: list[float] = []

    def take(marker: StreamMarker) -> None:
        errors_ms.append(1000 * (marker.at_s - float(marker.label)))

    inlet = LslMarkers(MarkerQuery("benchmark"), take, lambda _: None)
    try:
        send(LSL_SENDER, str(count))
    finally:
        inlet.close()
    return errors_ms


def remote_errors_ms(count: int) -> list[float]:
    from ferdesk.adapters.outputs.websocket_stream import WebSocketStream
    from ferdesk.runtime.commands import CommandDesk

    errors_ms: list[float] = []
    came, ended = threading.Event(), threading.Event()
    desk = CommandDesk(came.set)
    desk.allow(True)
    stream = WebSocketStream(port=0, commands=desk)

    def execute() -> None:
        while not ended.is_set():
            came.wait(0.05)
            came.clear()
            while (asked := desk.take()) is not None:
                # a window that is busy gets to it later, which must not matter
                time.sleep(0.03)
                errors_ms.append(1000 * (asked.command.at_s - float(asked.command.texts["text"])))
                asked.answer({})

    executing = threading.Thread(target=execute)
    executing.start()
    try:
        send(REMOTE_SENDER, str(count), stream.url)
    finally:
        ended.set()
        executing.join()
        stream.close()
    return errors_ms


if __name__ == "__main__":
    main()
