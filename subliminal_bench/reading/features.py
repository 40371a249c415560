"""The features that a linear head reads: hidden units, standardised and clipped."""

from dataclasses import dataclass

import torch
from torch import Tensor

# Standard deviations beyond which a unit is clipped: a few rare, huge values would otherwise
# decide a head.
_LARGEST = 4.0
# A unit that is active on a smaller share of the images is left out.
_LEAST_ACTIVE = 0.01


@dataclass(frozen=True)
class Standardised:
    """Hidden units on the scale that they have on some images.

    Attributes:
        mean: over the images, `[units]`.
        scale: one over the standard deviation, which divides by the number of images; 0 for a
            unit that is left out, so that its feature is 0. `[units]`.
    """

    mean: Tensor
    scale: Tensor

    @classmethod
    def over(cls, hidden: Tensor) -> "Standardised":
        """The scale of hidden units `[images, units]`; an inactive one is zero."""
        active = (hidden > 0).to(hidden.dtype).mean(0)
        sd = hidden.std(0, correction=0)
        scale = torch.where((active >= _LEAST_ACTIVE) & (sd > 0), 1 / sd, torch.zeros_like(sd))
        return cls(hidden.mean(0), scale)

    @property
    def used(self) -> Tensor:
        """The number of units that are not left out, in the precision of the units."""
        return (self.scale > 0).to(self.scale.dtype).sum()

    def of(self, hidden: Tensor) -> Tensor:
        """The features of hidden units, both `[images, units]`."""
        return (hidden - self.mean).mul_(self.scale).clamp_(-_LARGEST, _LARGEST)
