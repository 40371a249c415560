"""Projection on the whole audit set: the published rule, with the better measured direction.

The published projection takes its trait gradient from a mini-batch of 1024 audit images, the
harness measures on all of them; here the two are one, so no step is left aligned. On mnist-5k,
whose audit set is 500 images, the mini-batch *is* the whole set and nothing changes but the
order of summation: only `--protocol mnist` can show a difference.

mnist-5k, seeds 101-107: trait accuracy 9.8 % (projection 9.8, baseline 57.7), final KL x1.01,
trait loss from 2.4 to 11.5 nats (projection likewise).
"""

from torch import Tensor

from subliminal_bench import Card, Step, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(
        name="projection_whole_audit",
        title="Gradient projection on the whole audit set (oracle)",
        access="trait-gradient",
        reference="after Kitkana & Arora, arXiv 2604.25779, appendix A",
    )


@hookimpl
def distill_gradient(gradient: Tensor, step: Step) -> Tensor:
    trait = step.trait_gradient(whole_audit=True)
    inner = (gradient * trait).sum(1, keepdim=True)
    squared_norm = (trait * trait).sum(1, keepdim=True)
    return gradient - inner.clamp(min=0) / (squared_norm + 1e-12) * trait
