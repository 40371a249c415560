"""torchvision's MNIST, even if torchvision's compiled part cannot be loaded.

torchvision's wheel on PyPI is built for GPU builds of torch. With a CPU-only torch its library
is not loaded and `import torchvision` fails with `operator torchvision::nms does not exist`,
although data sets need none of its operators.
"""

import importlib
import sys
from typing import Any

# Keeps the stand-in schemas registered until the process ends.
_schemas: list[Any] = []


def mnist_class() -> Any:
    """`torchvision.datasets.MNIST`; a working torchvision is imported unchanged.

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
    """Whether importing torchvision needed the stand-ins."""
    return bool(_schemas)


def _declare_operators() -> None:
    """Declare, without a body, the two operators whose absence makes the import fail."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _schemas.append(library)
