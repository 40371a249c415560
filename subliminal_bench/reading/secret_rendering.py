"""A rendering of digits that nobody knows before it is drawn.

Whoever knows how digits are shown to a student can hide from exactly that. So one rendering is
drawn when an entry is verified or a reader is tried: a band of spatial frequencies, a contrast,
an offset and a level of noise.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from subliminal_bench.reading.renderings import cosines, mean_free

# What is drawn, evenly: half-waves along a side, and numbers in the unit of pixels.
LOWEST = (0, 4)
HIGHEST = (12, 24)
CONTRAST = (0.4, 1.0)
OFFSET = (-0.3, 0.3)
NOISE = (0.0, 0.3)


@dataclass(frozen=True)
class SecretRendering:
    """A rendering, by its numbers.

    Attributes:
        lowest: cosines with fewer half-waves than this along both sides are removed.
        highest: as are those with more than this along either side.
        contrast: factor on what is left, after it has got its former norm again.
        offset: added to every pixel.
        noise: of the uniform noise that is added, its largest value.
    """

    lowest: int
    highest: int
    contrast: float
    offset: float
    noise: float

    def of(self, images: Tensor, noise: Tensor) -> Tensor:
        """The images in this rendering.

        Args:
            images: `[images, pixels]`, square images.
            noise: of the same shape, uniform on [-1, 1).
        """
        centred = mean_free(images)
        waves = cosines(math.isqrt(images.shape[-1])).to(images)
        side = len(waves)
        every = torch.arange(side, device=images.device)
        counts = torch.stack(torch.meshgrid(every, every, indexing="ij"))
        kept = (counts.amax(0) >= self.lowest) & (counts.amax(0) <= self.highest)
        spectrum = waves @ centred.unflatten(-1, (side, side)) @ waves.T
        band = (waves.T @ (spectrum * kept) @ waves).flatten(-2)
        norms = torch.linalg.vector_norm(band, dim=-1, keepdim=True).clamp_min(1e-12)
        scale = torch.linalg.vector_norm(centred, dim=-1, keepdim=True) / norms
        shown: Tensor = self.contrast * scale * band + self.offset + self.noise * noise
        return shown

    @property
    def about(self) -> str:
        """In words.

        >>> SecretRendering(2, 20, 0.5, -0.125, 0.25).about
        'half-waves 2 to 20, contrast 0.50, offset -0.12, noise 0.25'
        """
        return (
            f"half-waves {self.lowest} to {self.highest}, contrast {self.contrast:.2f}, "
            f"offset {self.offset:.2f}, noise {self.noise:.2f}"
        )


def secret_rendering(generator: torch.Generator) -> SecretRendering:
    """Draw a rendering.

    Args:
        generator: on the CPU; its seed stays secret until the students are trained.

    >>> secret_rendering(torch.Generator().manual_seed(1)).highest in range(12, 25)
    True
    """

    def whole(ends: tuple[int, int]) -> int:
        return int(torch.randint(ends[0], ends[1] + 1, (), generator=generator))

    def real(ends: tuple[float, float]) -> float:
        drawn = float(torch.rand((), generator=generator, dtype=torch.float64))
        return ends[0] + (ends[1] - ends[0]) * drawn

    return SecretRendering(
        whole(LOWEST), whole(HIGHEST), real(CONTRAST), real(OFFSET), real(NOISE)
    )
