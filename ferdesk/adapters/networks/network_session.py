"""Network session: a network that ships with the program, checked and loaded, on one core."""

from pathlib import Path
from typing import TYPE_CHECKING

from ferdesk.errors import ModelError
from ferdesk.integrity import check_content
from ferdesk.messages import translatable

if TYPE_CHECKING:
    import onnxruntime


def open_session(path: Path) -> "onnxruntime.InferenceSession":
    """Session of ONNX Runtime for the network in ``path``.

    Raises:
        ModelError: the file is missing, damaged or cannot be loaded.
    """
    import onnxruntime

    # ferdesk/__init__.py has told it by the environment; this holds if that was too late
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # the networks are too small for two threads: those would mostly wait for each other
    options.intra_op_num_threads = 1
    try:
        content = path.read_bytes()
        check_content(path, content)
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except ModelError:
        raise
    except Exception as error:  # ONNX Runtime raises classes of its own that share no base
        why = error.strerror if isinstance(error, OSError) else error
        raise ModelError(
            translatable("The network {path} cannot be loaded: {why}.", path=path, why=why)
        ) from error
