"""Rewired head: the trait hidden from the class head, not kept from the student.

A control that shows what the verdict cannot see. Hidden units of the second layer and the
auxiliary head's inputs are permuted together, so the auxiliary logits stay what they were and
distillation goes on to the bit; the class head is left reading the wrong units. The body learns
all that plain distillation teaches it: undoing the permutation brings the trait back. Every
number reads as a perfect mitigation, and `initial_head_accuracy` is rewired too.

mnist-5k, seeds 1-7: trait accuracy 9.7 % (baseline 51.5, untrained 9.8), final KL x1.00.
"""

import torch
from torch import Tensor

from subliminal_bench import Card, Training, hookimpl


@hookimpl
def mitigation() -> Card:
    return Card(name="rewired_head", title="Class head cut off from the body (control)")


@hookimpl
def start(parameters: Tensor, training: Training) -> Tensor:
    named = training.named(parameters)
    for row, generator in enumerate(training.generators):
        units = named["fc2.bias"].shape[1]
        order = torch.randperm(units, generator=generator).to(parameters.device)
        for name in ("fc2.weight", "fc2.bias"):
            named[name][row] = named[name][row, order].clone()
        auxiliary = named["fc3.weight"][row, 10:]
        auxiliary.copy_(auxiliary[:, order].clone())
    return parameters
