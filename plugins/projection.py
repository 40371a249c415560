"""Projection: remove the part of the distillation gradient that points along the trait.

An oracle: it needs the gradient of the trait loss on labelled digits, which no distiller has.
"""

from torch import Tensor

from subliminal_bench import Card, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="projection",
        title="Gradient projection (oracle)",
        access="trait-gradient",
        reference="Kitkana & Arora, arXiv 2604.25779, appendix A",
    )


@hookimpl
def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
    trait = step.trait_gradient()
    inner = (gradient * trait).sum(1, keepdim=True)
    squared_norm = (trait * trait).sum(1, keepdim=True)
    # Only a positive alignment teaches the trait; a negative one is left alone.
    return gradient - inner.clamp(min=0) / (squared_norm + 1e-12) * trait
