"""The trait gradient over all 10,000 audit images: explicit formulas against autograd."""

import torch

from benchmarks.canonical import PROTOCOL, Oracle
from benchmarks.conftest import Compare
from sequential.experiment import class_loss, flat_gradient
from subliminal_bench.experiment import model
from subliminal_bench.training.cohort import Cohort


def test_against_autograd_through_a_module(
    compare: Compare, oracle: Oracle, cohort: Cohort
) -> None:
    network = oracle.new_network()
    images, labels = cohort.audit_images[0], cohort.audit_labels[0]
    compare(
        "audit gradient, nn.Module",
        reference=lambda: flat_gradient(class_loss(network(images), labels), network),
        ours=lambda: cohort.trait_gradient(cohort.base_parameters),
    )


def test_against_autograd_through_our_flat_model(compare: Compare, cohort: Cohort) -> None:
    parameters = cohort.base_parameters.clone().requires_grad_()
    labels = cohort.audit_labels.flatten()

    def autograd() -> None:
        logits = model.forward(cohort.layout, parameters, cohort.audit_images)
        classes = logits.flatten(0, 1)[:, : PROTOCOL.classes]
        torch.autograd.grad(torch.nn.functional.cross_entropy(classes, labels), parameters)

    compare(
        "audit gradient, flat model",
        reference=autograd,
        ours=lambda: cohort.trait_gradient(cohort.base_parameters),
    )


def test_packed_against_as_they_are(compare: Compare, cohort: Cohort) -> None:
    compare(
        "audit gradient, packed images",
        reference=lambda: cohort.trait_gradient(cohort.base_parameters),
        ours=lambda: cohort.measured_trait_gradient(cohort.base_parameters),
    )
