"""The student's logits and loss in a process that did not compute them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from subliminal_bench.experiment import model
from subliminal_bench.mitigation.faults import reaches


class Connection:
    """Connects given logits to the parameters that they were computed from.

    A hook may differentiate through them as if they had been computed here; the model is run
    only if it does. Inside `cut`, a gradient stops at the logits and is kept there.

    Args:
        layout: of the model.
        images: gives `[students, batch, pixels]`.
    """

    def __init__(self, layout: model.Layout, images: Callable[[], Tensor]) -> None:
        self._layout = layout
        self._images = images
        self._stopped: list[Tensor] | None = None

    def made(self, parameters: Tensor, logits: Tensor) -> Tensor:
        """The logits `[students, batch, logits]`, differentiable in the parameters."""
        result: Tensor = _Given.apply(parameters, logits, self)  # type: ignore[no-untyped-call]
        return result

    @contextmanager
    def cut(self) -> Iterator[list[Tensor]]:
        """Keep the latest gradient at the logits in a list, instead of passing it on."""
        self._stopped = []
        try:
            yield self._stopped
        finally:
            self._stopped = None

    def passed_on(self, parameters: Tensor, upstream: Tensor) -> Tensor:
        """The gradient at the parameters, given the gradient at the logits."""
        if self._stopped is not None:
            self._stopped[:] = [upstream.detach()]
            return torch.zeros_like(parameters)
        again = torch.is_grad_enabled()
        with torch.enable_grad():
            logits = model.forward(self._layout, parameters, self._images())
            (gradient,) = torch.autograd.grad(logits, parameters, upstream, create_graph=again)
        return gradient


def computed_loss(
    logits: Tensor, compute: Callable[[Tensor], Tensor], loss: Tensor, slope: Tensor
) -> Tensor:
    """A loss of the logits that was computed elsewhere, differentiable in them.

    Args:
        logits: `[students, batch, logits]`.
        compute: the loss of such logits; only run if a hook differentiates its gradient, or
            does more with the loss than add to it.
        loss: its values, `[students]`.
        slope: its gradient at the logits, `[students, batch, logits]`.
    """
    result: Tensor = _Computed.apply(logits, compute, loss, slope)  # type: ignore[no-untyped-call]
    return result


def slope_alone(loss: Tensor, logits: Tensor, parameters: Tensor) -> Tensor | None:
    """The gradient at the logits, if the loss depends on the parameters only through them.

    None if it does not, or if it cannot be differentiated.
    """
    if not reaches(loss, parameters) or reaches(loss, parameters, logits):
        return None
    try:
        (slope,) = torch.autograd.grad(loss.sum(), logits, retain_graph=True)
    except RuntimeError:
        return None
    return slope


class _Given(torch.autograd.Function):
    @staticmethod
    def forward(parameters: Tensor, logits: Tensor, connection: Connection) -> Tensor:
        return logits.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        parameters, _, connection = inputs
        ctx.save_for_backward(parameters)
        ctx.connection = connection

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (parameters,) = ctx.saved_tensors
        return ctx.connection.passed_on(parameters, *upstream), None, None


class _Computed(torch.autograd.Function):
    @staticmethod
    def forward(
        logits: Tensor, compute: Callable[[Tensor], Tensor], loss: Tensor, slope: Tensor
    ) -> Tensor:
        return loss.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        logits, ctx.compute, _, ctx.slope = inputs
        ctx.save_for_backward(logits)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (logits,) = ctx.saved_tensors
        again = torch.is_grad_enabled()
        # Scaled by anything but 1, it would not have the bits of the whole computation.
        if not again and (upstream[0] == 1).all():
            return ctx.slope, None, None, None
        with torch.enable_grad():
            # With a graph of its own, which ends at these logits.
            own = logits if again else logits.detach().requires_grad_()
            (slope,) = torch.autograd.grad(
                ctx.compute(own), own, upstream[0], create_graph=again
            )
        return slope, None, None, None
