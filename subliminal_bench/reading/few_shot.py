"""Few-shot reading: linear heads that are fitted to a few labelled digits."""

import torch
from torch import Tensor

from subliminal_bench.reading.features import Standardised

# The ridge, as a share of the number of features.
_RIDGE = 0.1


def few_shot_accuracy(
    labelled: Tensor,
    labels: Tensor,
    draws: Tensor,
    test: Tensor,
    test_labels: Tensor,
    classes: int,
) -> Tensor:
    """Accuracy of a head that is fitted to a draw of labelled digits, mean over the draws.

    Args:
        labelled: hidden units on the labelled digits, `[images, units]`; they set the
            features' scale.
        labels: int64 `[images]`.
        draws: the digits that each head is fitted to, int64 `[draws, drawn]`.
        test: hidden units on the test digits, `[test images, units]`.
        test_labels: int64 `[test images]`.
        classes: how many.

    Returns:
        A number, in the precision of the units.
    """
    standardised = Standardised.over(labelled)
    drawn = standardised.of(labelled)[draws]
    targets = torch.nn.functional.one_hot(labels[draws], classes).to(drawn.dtype)
    targets -= targets.mean(1, keepdim=True)
    # As many equations as digits, which are fewer than features.
    products = drawn @ drawn.transpose(1, 2)
    products.diagonal(dim1=1, dim2=2).add_(_RIDGE * standardised.used)
    # Not `solve`: a diverged student's weights must not raise.
    solved = torch.linalg.solve_ex(products, targets).result
    weights = drawn.transpose(1, 2) @ solved
    scores = standardised.of(test) @ weights.permute(1, 0, 2).flatten(1)
    predicted = scores.view(len(test), len(draws), classes).argmax(-1)
    right: Tensor = (predicted == test_labels[:, None]).to(drawn.dtype).mean()
    return right
