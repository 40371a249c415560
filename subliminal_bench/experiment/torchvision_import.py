"""torchvision's MNIST, also where torchvision's compiled part cannot be loaded.

torchvision's wheel on PyPI is built for GPU builds of torch. Beside a CPU-only torch its
library stays unloaded and `import torchvision` ends in `operator torchvision::nms does not
exist`, although data sets need none of its operators.
"""

import importlib
import sys
from typing import Any

# Keeps the stand-in schemas registered as long as the process lives.
_schemas: list[Any] = []


def mnist_class() -> Any:
    """`torchvision.datasets.MNIST`; a healthy torchvision is imported untouched.

    >>> mnist_class().__name__
    'MNIST'
    """
    try:
        return importlib.import_module("torchvision.datasets").MNIST
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    _declare_operators()
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    return importlib.import_module("torchvision.datasets").MNIST


def needed_stand_ins() -> bool:
    """Whether torchvision's import needed the stand-ins."""
    return bool(_schemas)


def _declare_operators() -> None:
    """Name the two operators whose absence stops the import; they stay without a body."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _schemas.append(library)
