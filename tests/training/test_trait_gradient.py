"""The written-out trait gradient against autograd."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from subliminal_bench.experiment import model
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.objective import distillation_kl
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K, Protocol
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training import cohort, packed_images
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.student import _Audit, final_parameters
from subliminal_bench.training.trait_gradient import inner_and_cosine, trait_gradient
from tests.conftest import CPU, TINY


@pytest.mark.parametrize("protocol", [TINY, MNIST_5K, MNIST], ids=lambda one: one.name)
def test_the_written_out_gradient_is_autograds(protocol: Protocol) -> None:
    shape = model.layout(protocol)
    generator = torch.Generator().manual_seed(0)
    start = model.initial_parameters(protocol, (1, 2), CPU).double()
    # Biases are zero at the start; a gradient that ignored them would go unseen.
    start += 0.05 * torch.randn(start.shape, generator=generator, dtype=torch.float64)
    images = torch.rand(2, 40, 784, generator=generator, dtype=torch.float64) * 2 - 1
    labels = torch.randint(0, 10, (2, 40), generator=generator)
    leaf = start.clone().requires_grad_()
    logits = model.forward(shape, leaf, images)[..., :10]
    expected_loss = functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    (expected,) = torch.autograd.grad(expected_loss.mean(1).sum(), leaf)
    loss, gradient = trait_gradient(shape, start, images, labels, logits=slice(10))
    torch.testing.assert_close(loss, expected_loss.mean(1).detach())
    torch.testing.assert_close(gradient, expected)


def test_the_auxiliary_head_has_no_part_in_the_trait() -> None:
    shape = model.layout(TINY)
    start = model.initial_parameters(TINY, (1,), CPU)
    _, gradient = trait_gradient(
        shape, start, torch.ones(1, 3, 784), torch.tensor([[0, 4, 9]]), logits=slice(10)
    )
    assert shape.named(gradient)["fc3.weight"][:, 10:].abs().max() == 0
    assert shape.named(gradient)["fc3.weight"][:, :10].abs().max() > 0


@pytest.mark.parametrize("protocol", [MNIST_5K, MNIST], ids=lambda one: one.name)
def test_the_measured_cosine_is_exact_to_2e_5(
    protocol: Protocol, embedded_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the bfloat16 sums are no faster, and for gradients of every kind."""
    monkeypatch.setattr(cohort, "bfloat16_is_faster", lambda device: True)
    few = replace(protocol, noise_images=protocol.batch, fresh_noise_images=1)
    images = torch.arange(few.teacher_images + few.audit_images) % 5_000
    many = Digits(embedded_digits.images[images], embedded_digits.labels[images])
    base = model.initial_parameters(few, (1,), CPU)
    learned = base.clone()
    trained = Cohort(replace(few, digits="mnist"), (1,), CPU, many, learned)
    for _ in range(20):
        # Towards the trait, in the steps of an optimiser that takes signs.
        learned -= 3e-4 * trained.trait_gradient(learned)[1].sign()
    generator = torch.Generator().manual_seed(0)
    for parameters in (base, (base + learned) / 2, learned):
        leaf = parameters.clone().requires_grad_()
        logits = model.forward(trained.layout, leaf, trained.noise)
        teacher = trained.logits(learned, trained.noise) + 0.1
        loss = distillation_kl(few, logits, teacher[..., 10:])
        (distilling,) = torch.autograd.grad(loss.sum(), leaf)
        _, exact = trait_gradient(
            trained.layout,
            parameters.double(),
            trained.audit_images.double(),
            trained.audit_labels,
            logits=slice(10),
        )
        exact_loss, _ = trained.trait_gradient(parameters)
        measured_loss, measured = trained.measured_trait_gradient(parameters)
        torch.testing.assert_close(measured_loss, exact_loss, rtol=1e-6, atol=0)
        size = exact.norm().item() / exact.shape[1] ** 0.5
        noise = size * torch.randn(exact.shape, generator=generator, dtype=torch.float64)
        for gradient in (
            distilling.double(),
            (learned - parameters).double(),
            (parameters - base).double(),
            noise,
            exact + noise,
            -exact,
        ):
            _, wanted = inner_and_cosine(gradient, exact)
            _, found = inner_and_cosine(gradient.float(), measured)
            assert abs(found.double() - wanted).item() < 2e-5


def test_what_a_mitigation_is_given_is_never_rounded(
    tiny_cohort: Callable[..., Cohort], monkeypatch: pytest.MonkeyPatch
) -> None:
    def rounded(*_: object) -> None:
        raise AssertionError("summed in bfloat16")

    monkeypatch.setattr(packed_images, "summed_in_bfloat16", rounded)
    monkeypatch.setattr(cohort, "bfloat16_is_faster", lambda device: True)
    one = tiny_cohort(1)
    for whole_audit in (True, False):
        audit = _Audit(one, one.base_parameters, 0)
        audit.shown(whole_audit)
    final_parameters(one, load_mitigation("projection"))
    with pytest.raises(AssertionError, match="summed in bfloat16"):
        _Audit(one, one.base_parameters, 0).measured()


def test_a_missing_gradient_is_not_aligned() -> None:
    inner, cosine = inner_and_cosine(torch.zeros(2, 4), torch.ones(2, 4))
    assert inner.tolist() == cosine.tolist() == [0.0, 0.0]
