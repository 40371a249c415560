"""Linear CKA, against its definition by kernels."""

import torch

from subliminal_bench.reading.similarity import linear_cka


def test_it_is_the_alignment_of_centred_kernels() -> None:
    generator = torch.manual_seed(0)
    first, second = (
        torch.randn(50, n, dtype=torch.float64, generator=generator) for n in (7, 9)
    )
    centre = torch.eye(50).double() - 1 / 50
    kernels = [centre @ (units @ units.T) @ centre for units in (first, second)]
    norms = [torch.linalg.matrix_norm(kernel) for kernel in kernels]
    expected = (kernels[0] * kernels[1]).sum() / (norms[0] * norms[1])
    assert torch.isclose(linear_cka(first, second), expected)


def test_a_rotation_and_a_common_scale_change_nothing() -> None:
    units = torch.randn(50, 6, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q
    assert torch.isclose(linear_cka(units, 5 * units @ rotation), torch.ones(()).double())


def test_a_dead_layer_is_like_nothing() -> None:
    assert linear_cka(torch.zeros(5, 3), torch.rand(5, 3)) == 0
