"""torchvision's data sets, even if torchvision's compiled part cannot be loaded.

torchvision's wheel on PyPI is built for GPU builds of torch. With a CPU-only torch its library
is not loaded and `import torchvision` fails with `operator torchvision::nms does not exist`,
although data sets need none of its operators.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

# Keeps the stand-in schemas registered until the process ends.
_schemas: list[Any] = []


def data_set_class(name: str) -> Any:
    """A class of `torchvision.datasets`; a working torchvision is imported unchanged.

    >>> data_set_class("MNIST").__name__
    'MNIST'
    """
    try:
        return getattr(importlib.import_module("torchvision.datasets"), name)
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    _declare_operators()
    for module in [one for one in sys.modules if one.split(".")[0] == "torchvision"]:
        del sys.modules[module]
    return getattr(importlib.import_module("torchvision.datasets"), name)


def fits_torch() -> bool:
    """Whether torchvision's compiled part can be loaded by this torch.

    This loads only that part, because `import torchvision` takes as long as importing torch.
    """
    import torch

    found = importlib.util.find_spec("torchvision")
    folders = found.submodule_search_locations or [] if found else []
    for library in (path for folder in folders for path in Path(folder).glob("_C.*")):
        try:
            torch.ops.load_library(library)
        except OSError:
            return False
        return True
    return False


def _declare_operators() -> None:
    """Declare, without a body, the two operators whose absence makes the import fail."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _schemas.append(library)
