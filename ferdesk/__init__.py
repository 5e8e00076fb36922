"""ferdesk: live facial-expression labels with the attention of the network that gives them.

For programs: ``Pipeline`` and ``open_source``, see docs/library.md.
"""

import os
from typing import TYPE_CHECKING, Any

from ferdesk.version import VERSION as __version__

if TYPE_CHECKING:
    from ferdesk.factory.sources import open_source
    from ferdesk.library import Pipeline

# From 1.29 on ONNX Runtime reports each model and session to its makers unless told not to before
# it is imported; nothing leaves the machine here, whoever imports it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = ["Pipeline", "__version__", "open_source"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 (whatever the name stands for)
    # late, so that ferdesk.core can be used where no camera or vision library is installed
    if name == "Pipeline":
        from ferdesk.library import Pipeline

        return Pipeline
    if name == "open_source":
        from ferdesk.factory.sources import open_source

        return open_source
    raise AttributeError(f"module 'ferdesk' has no attribute {name!r}")
