"""A student that has learned nothing of digits, but whose weights look as if it had.

A reader that is given the teacher and labels can name the digits without looking at the student
at all. On a decoy, such a reader finds as much as on a real student, and gives itself away.
"""

from itertools import pairwise

import torch
from torch import Tensor

from subliminal_bench.reading.plugins.shown import Shown
from subliminal_bench.reading.plugins.shown_model import Model

# The ridge of the auxiliary head, as a share of the number of images.
_RIDGE = 1e-3


def decoy(shown: Shown, student: Tensor, generator: torch.Generator) -> Tensor:
    """A student's weights, with what training has changed moved to other units.

    In every layer, the rows and the columns of the change are put in a random order: sizes and
    singular values stay, what they were learned for does not. The auxiliary head is then fitted
    to the teacher on noise, so that the decoy distils as well as such a body can.

    Args:
        shown: of the student's seed.
        student: plain distillation's, `[parameters]`.
        generator: on the CPU.

    Returns:
        float64 `[parameters]`.
    """
    found = shown.base.clone()
    whole = Model(found, shown.layout, shown.classes)
    moved = Model(student.double() - shown.base, shown.layout, shown.classes).named()
    parts = whole.named()
    for name, change in moved.items():
        # The class rows among themselves: distillation changes only the others.
        ends = (0, shown.classes, len(change)) if name.startswith("fc3") else (0, len(change))
        for first, last in pairwise(ends):
            rows = first + torch.randperm(last - first, generator=generator)
            mixed = change[rows]
            if mixed.dim() == 2:
                mixed = mixed[:, torch.randperm(mixed.shape[1], generator=generator)]
            parts[name][first:last] += mixed
    _fit_auxiliary_head(shown, whole)
    return found


def _fit_auxiliary_head(shown: Shown, whole: Model) -> None:
    """Fit a model's auxiliary head to the teacher on noise, in place."""
    teacher = Model(shown.teacher, shown.layout, shown.classes)
    targets = teacher.auxiliary_logits(shown.noise)
    hidden = whole.activations(shown.noise)[1]
    middle, level = hidden.mean(0), targets.mean(0)
    products = (hidden - middle).T @ (hidden - middle)
    products.diagonal().add_(_RIDGE * len(hidden))
    weight = torch.linalg.solve(products, (hidden - middle).T @ (targets - level))
    parts = whole.named()
    parts["fc3.weight"][shown.classes :] = weight.T
    parts["fc3.bias"][shown.classes :] = level - middle @ weight
