"""A linear head that is fitted to a teacher's class logits on noise, without any digit."""

from dataclasses import dataclass

import torch
from torch import Tensor

from subliminal_bench.reading.features import Standardised

# The ridge, as a share of the number of images.
_RIDGE = 1e-3


@dataclass(frozen=True)
class NoiseHead:
    """A head from hidden units to class logits.

    Attributes:
        standardised: the features' scale on the noise.
        weight: `[units, classes]`; 0 for a unit that is left out.
        bias: `[classes]`.
    """

    standardised: Standardised
    weight: Tensor
    bias: Tensor

    @classmethod
    def fitted(cls, hidden: Tensor, targets: Tensor) -> "NoiseHead":
        """The ridge regression of the targets on the features of noise; the bias is free.

        Args:
            hidden: units on the noise, `[images, units]`.
            targets: the teacher's class logits there, each image's mean removed,
                `[images, classes]`.
        """
        standardised = Standardised.over(hidden)
        features = standardised.of(hidden)
        middle, level = features.mean(0), targets.mean(0)
        centred = features - middle
        products = centred.T @ centred
        products.diagonal().add_(_RIDGE * len(hidden))
        # Not `solve`: a diverged student's weights must not raise.
        weight = torch.linalg.solve_ex(products, centred.T @ (targets - level)).result
        return cls(standardised, weight, level - middle @ weight)

    def logits(self, hidden: Tensor) -> Tensor:
        """Class logits `[images, classes]` from hidden units `[images, units]`."""
        return self.standardised.of(hidden) @ self.weight + self.bias

    def explained(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """The share of the targets' variance that the head explains; 1 is all of it.

        Args:
            hidden: units on other noise, `[images, units]`.
            targets: there, as in `fitted`.
        """
        missed = (self.logits(hidden) - targets).square().sum()
        return 1 - missed / (targets - targets.mean(0)).square().sum()
