"""What is recorded of how far a student's weights are from where training began."""

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from subliminal_bench.experiment.weight_parts import HIDDEN, PARTS
from subliminal_bench.results.jsonfile import StrictRecord

if TYPE_CHECKING:
    from subliminal_bench.training.outcome import WeightChange

_Length = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Factor = Annotated[float, Field(ge=1, allow_inf_nan=False)]


def _of_parts(found: dict[str, float]) -> dict[str, float]:
    return _in_order(found, tuple(PARTS))


def _of_layers(found: dict[str, float]) -> dict[str, float]:
    return _in_order(found, HIDDEN)


def _in_order(found: dict[str, float], names: tuple[str, ...]) -> dict[str, float]:
    if found.keys() != set(names):
        raise ValueError(f"it needs {', '.join(names)}, and nothing else")
    return {name: found[name] for name in names}


_Parts = AfterValidator(_of_parts)
_Layers = AfterValidator(_of_layers)


class WeightChangeRecord(StrictRecord):
    """One seed's change of weights; see `training.outcome.WeightChange`."""

    displacement: Annotated[dict[str, _Length], _Parts]
    size: Annotated[dict[str, _Length], _Parts]
    exchanged: Annotated[dict[str, _Share], _Layers]
    rescaled: Annotated[dict[str, _Factor], _Layers]
    rescaled_most: Annotated[dict[str, _Factor], _Layers]
    # None where only the weights are known.
    hook_updates: _Share | None
    finish: _Share | None
    unexplained: _Share | None

    @classmethod
    def of(cls, change: "WeightChange") -> "WeightChangeRecord":
        """The record of a change."""
        return cls(**vars(change))
