"""Start ``ferdesk-train``, or say what to install: ferdesk itself comes without torch and onnx."""

import os
import signal
import sys

from ferdesk.errors import EXIT_PARTIAL, EXIT_UNUSABLE

_EXTRA = {"torch", "onnx", "onnxscript", "PIL", "scipy", "sklearn", "skimage", "matplotlib"}
"""What the extra ``train`` installs."""
_STOPPED = "Stopped before anything began; the same command starts it.\n"


def main() -> None:
    # loading torch takes seconds, in which an exception would come from anywhere within it
    before = signal.signal(signal.SIGINT, _leave)
    try:
        from trainer.cli import main

        signal.signal(signal.SIGINT, before)
        main.main()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write("Error: Training needs torch and onnx: pip install 'ferdesk[train]'.\n")
        sys.exit(EXIT_UNUSABLE)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(EXIT_PARTIAL)


def _leave(_number: int, _frame: object) -> None:
    os.write(2, _STOPPED.encode())
    os._exit(EXIT_PARTIAL)


if __name__ == "__main__":
    main()
