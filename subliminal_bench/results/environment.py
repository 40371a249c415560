"""The environment of a result: versions, device, and the commit of the checkout."""

import platform
import subprocess
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from subliminal_bench.printable import printable
from subliminal_bench.results.jsonfile import Line, StrictRecord
from subliminal_bench.version import __version__


class Environment(StrictRecord):
    """The environment in which a result was computed."""

    subliminal_bench: Line
    engine: int
    python: Line
    torch: Line
    numpy: Line
    device: Literal["cpu", "cuda"]
    device_name: Line
    platform: Line
    # Of this package's own checkout; None if the package is installed.
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None
    dirty: bool | None
    # How products are computed, as `linear.arithmetic` describes it, because different ways
    # round differently. Older files do not have this field, and stay valid.
    arithmetic: Annotated[Line, Field(min_length=1, max_length=200)] | None = Field(
        default=None, exclude_if=lambda found: found is None
    )

    @classmethod
    def here(
        cls,
        device: Literal["cpu", "cuda"],
        device_name: str,
        engine: int,
        arithmetic: str | None = None,
    ) -> "Environment":
        """This process's environment.

        Args:
            device: that trains.
            device_name: the device's model.
            engine: the engine's version.
            arithmetic: see `linear.arithmetic`.
        """
        from importlib.metadata import version

        commit, dirty = _checkout()
        return cls(
            subliminal_bench=__version__,
            engine=engine,
            python=platform.python_version(),
            torch=version("torch"),
            numpy=version("numpy"),
            device=device,
            device_name=printable(device_name),
            platform=platform.system(),
            commit=commit,
            dirty=dirty,
            arithmetic=arithmetic,
        )

    def computes_like(self, other: "Environment") -> bool:
        """Whether both environments give a seed the same result, as far as both record it."""
        ours, theirs = (
            (one.engine, one.device, one.torch, one.arithmetic) for one in (self, other)
        )
        if self.arithmetic is None or other.arithmetic is None:
            return ours[:3] == theirs[:3] and self.device_name == other.device_name
        return ours == theirs


def _checkout() -> tuple[str | None, bool | None]:
    """The commit of the checkout that this package runs from, and whether it was changed."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None, None
    try:
        commit, status = (
            subprocess.run(
                ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return commit, bool(status)
