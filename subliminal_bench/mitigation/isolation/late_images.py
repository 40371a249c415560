"""A step whose images come into a mitigation's process only when somebody looks at them.

The images are most of what a step consists of, and few hooks look at them.
"""

import threading
from collections.abc import Callable
from typing import Any

from torch import Tensor

from subliminal_bench.mitigation.hooks import Step


class LateImages:
    """The images of one step.

    As long as this object exists, somebody may still look at them.

    Args:
        content: the values of the step; the images are added to them.
        ask: gets the images from the trainer, which has them until its next step.
    """

    def __init__(self, content: dict[str, Any], ask: Callable[[], Tensor]) -> None:
        self._content, self._ask = content, ask
        self._lock = threading.Lock()

    def get(self) -> Tensor:
        """The images, always the same tensor."""
        with self._lock:
            if "images" not in self._content:
                self._content["images"] = self._ask()
        images: Tensor = self._content["images"]
        return images


class LateStep(Step):
    """A `Step` that may lack its images."""

    late: LateImages

    @classmethod
    def of(cls, content: dict[str, Any], late: LateImages) -> "LateStep":
        """A step with these values; for images that are not among them, it turns to `late`."""
        step = object.__new__(cls)
        vars(step).update(content, late=late)
        return step

    def __getattr__(self, name: str) -> Any:
        """Called only for attributes that the step lacks."""
        if name != "images" or "late" not in vars(self):
            raise AttributeError(f"'Step' object has no attribute {name!r}")
        images = vars(self)["images"] = self.late.get()
        return images
