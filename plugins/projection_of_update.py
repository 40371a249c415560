"""Projection of the update: remove what Adam's own step would do to the trait.

The published projection makes the gradient orthogonal to the trait gradient, but Adam then
divides every coordinate by a running size of its own and mixes in earlier gradients. What it
makes of the little that was removed is large: on mnist-5k, seed 1, 99.7 % of that projection's
updates climb the trait loss (mean cosine 0.06), most of it in the class head. This one acts
after Adam: whenever the update would lower the trait loss to first order, that part of it is
removed. Adam's running sizes stay those of plain distillation.

mnist-5k, seeds 101-107: trait accuracy 16.2 % (baseline 57.7), final KL x1.01; the trait loss
ends where it began, at 2.4 nats (projection 11.5), but only 2.3 classes are still predicted, of
4.9.
"""

from torch import Tensor

from subliminal_bench import Card, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="projection_of_update",
        title="Projection of Adam's update (oracle)",
        access="trait-gradient",
        reference="after Kitkana & Arora, arXiv 2604.25779, appendix A",
    )


@hookimpl
def parameter_update(update: Tensor, step: Step) -> Tensor:
    trait = step.trait_gradient()
    inner = (update * trait).sum(1, keepdim=True)
    squared_norm = (trait * trait).sum(1, keepdim=True)
    # An update along the trait gradient raises the trait loss: it is left alone.
    return update - inner.clamp(max=0) / (squared_norm + 1e-12) * trait
