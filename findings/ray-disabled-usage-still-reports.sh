#!/usr/bin/env bash
# Ray 2.60.0, `ray start --head --disable-usage-stats`.
# Expected: a head whose usage statistics are disabled reports nothing.
# Seen: it posts one report to the address for them, which says that they are disabled and when, and
#   before that it asks the metadata servers of three clouds (an address of the local link, and a name
#   that a name server is asked for). A cluster that ray.init begins posts no such report, but asks too.
# Here the address for reports is this machine's own, by RAY_USAGE_STATS_REPORT_URL.
set -euo pipefail
work=$(mktemp -d)
trap '"$work/venv/bin/ray" stop --force > /dev/null 2>&1 || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check ray==2.60.0 aiohttp requests 2>/dev/null
cat > "$work/try.py" <<'PY'
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import ray

print("Ray", ray.__version__)
got = []
came = threading.Event()


class Reports(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        came.set()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Reports)
threading.Thread(target=server.serve_forever, daemon=True).start()
environment = os.environ | {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_REPORT_URL": f"http://127.0.0.1:{server.server_port}",
}
command = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--disable-usage-stats"]
command += ["--include-dashboard=false", "--num-cpus=1", "--port=0"]
subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
came.wait(60)
print("reports posted:", len(got), sorted(got[0]) if got else "")
assert len(got) == 1
PY
"$work/venv/bin/python" "$work/try.py"
