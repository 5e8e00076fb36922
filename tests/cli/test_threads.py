"""The program leaves the machine usable: small products are not spread over the cores."""

import os
import subprocess
import sys


def test_the_command_computes_crops_on_one_thread() -> None:
    code = (
        "import ferdesk.__main__, numpy, threadpoolctl, sys;"
        "found = [p for p in threadpoolctl.threadpool_info() if p['user_api'] == 'blas'];"
        "sys.stdout.write(str([p['num_threads'] for p in found]))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
        env=environment,
    ).stdout  # fmt: skip
    assert set(told) <= set("[1, ]"), told
