"""Images that the trait gradient is taken over: packed ones give the same sum."""

import hypothesis.strategies as st
import torch
from hypothesis import given, settings

from subliminal_bench.experiment import model
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K
from subliminal_bench.training.packed_images import pack_images
from subliminal_bench.training.trait_gradient import trait_gradient, trait_gradient_over
from tests.conftest import CPU


@settings(deadline=None)
@given(
    images=st.integers(1, 60),
    ink=st.sampled_from([0.0, 0.002, 0.05, 0.2, 1.0]),
    untouched=st.integers(0, 784),
    draw=st.integers(0, 10_000),
)
def test_packed_images_give_the_same_loss_and_gradient(
    images: int, ink: float, untouched: int, draw: int
) -> None:
    """Blank ones, full ones, and any mixture of pixels that all, few or no images touch."""
    generator = torch.Generator().manual_seed(draw)
    touched = torch.rand(images, 784, generator=generator) < ink * torch.rand(
        784, generator=generator
    ).mul(2)
    touched[:, :untouched] = False
    pixels = torch.randint(1, 256, (images, 784), generator=generator) * touched
    shown = pixels.double() / 127.5 - 1
    labels = torch.randint(0, 10, (images,), generator=generator)
    parameters = model.initial_parameters(MNIST, (1,), CPU).double()
    parameters += 0.05 * torch.randn(parameters.shape, generator=generator)
    shape = model.layout(MNIST)
    loss, gradient = trait_gradient(shape, parameters, shown[None], labels[None], slice(10))
    found_loss, found = trait_gradient_over(
        shape, parameters, pack_images(shown, labels, bfloat16=False), slice(10)
    )
    torch.testing.assert_close(found_loss, loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(found, gradient, rtol=1e-10, atol=1e-14)


def test_packing_leaves_out_most_of_real_digits(embedded_digits: Digits) -> None:
    few = slice(0, MNIST_5K.audit_images)
    chunks = pack_images(
        embedded_digits.images[few], embedded_digits.labels[few], bfloat16=True
    )
    kept = sum(chunk.brightness.numel() for chunk in chunks)
    assert kept < 0.5 * embedded_digits.images[few].numel()
