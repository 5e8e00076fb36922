"""Start ``ferdesk-train``, or say what to install: ferdesk itself comes without torch and onnx."""

import sys

from ferdesk.errors import EXIT_UNUSABLE

_EXTRA = {"torch", "onnx", "onnxscript", "PIL", "scipy", "sklearn", "skimage", "matplotlib"}
"""What the extra ``train`` installs."""


def main() -> None:
    try:
        from trainer.cli import main

        main.main()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write("Error: Training needs torch and onnx: pip install 'ferdesk[train]'.\n")
        sys.exit(EXIT_UNUSABLE)


if __name__ == "__main__":
    main()
