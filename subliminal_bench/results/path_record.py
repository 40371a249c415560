"""Plain distillation's path as results have it."""

from typing import TYPE_CHECKING, Annotated

import pydantic
from pydantic import Field, FiniteFloat

from subliminal_bench.experiment.metrics import METRICS, PATH_READINGS
from subliminal_bench.results.jsonfile import StrictRecord

if TYPE_CHECKING:
    from subliminal_bench.training.outcome import PlainPath

# A backdoor is read without labelled images of it.
FEW_SHOT = {name for name in METRICS if name.startswith("few_shot")}


class PathRecord(StrictRecord):
    """Plain distillation's path of one seed; see `training.outcome.PlainPath`."""

    steps: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2)]
    kl_fresh: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]]
    readings: dict[str, list[FiniteFloat]]

    @pydantic.model_validator(mode="after")
    def _whole(self) -> "PathRecord":
        if self.steps != sorted(set(self.steps)):
            raise ValueError("a path's steps must rise")
        # A backdoor is not read by few-shot readers, along its path neither.
        lacking = FEW_SHOT.intersection(PATH_READINGS)
        if set(PATH_READINGS) - self.readings.keys() not in (set(), lacking) or (
            self.readings.keys() - set(PATH_READINGS)
        ):
            raise ValueError(f"a path needs the readings {', '.join(PATH_READINGS)}")
        if {len(one) for one in (self.kl_fresh, *self.readings.values())} != {len(self.steps)}:
            raise ValueError("a path needs a value of everything at each step")
        return self

    @classmethod
    def of(cls, path: "PlainPath") -> "PathRecord":
        """The record of a path."""
        return cls(**vars(path))
