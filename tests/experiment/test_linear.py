"""Products in full float32: as exact as torch's own, and as differentiable."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from subliminal_bench.experiment.linear import linear

sizes = st.integers(1, 40)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


@given(
    students=st.integers(1, 3),
    rows=sizes,
    inner=sizes,
    columns=sizes,
    turned=st.booleans(),
    relu=st.booleans(),
)
def test_a_product_is_as_exact_as_float32_allows(
    students: int, rows: int, inner: int, columns: int, turned: bool, relu: bool
) -> None:
    inputs = drawn(students, rows, inner)
    weight, bias = drawn(students, columns, inner, seed=1), drawn(students, columns)
    if turned:
        inputs = drawn(students, inner, rows).transpose(1, 2)
    exact = inputs.double() @ weight.double().transpose(1, 2) + bias.double().unsqueeze(1)
    size = (
        inputs.double().abs() @ weight.double().abs().transpose(1, 2)
        + bias.double().abs()[:, None]
    )
    exact = exact.relu() if relu else exact
    found = linear(inputs, weight, bias, relu=relu).double()
    assert ((found - exact).abs() <= 2e-7 * inner * size).all()


def test_nothing_is_rounded_to_bfloat16_or_tf32() -> None:
    weight = drawn(1, 256, 784)
    identity = torch.eye(784).unsqueeze(0)
    assert torch.equal(linear(identity, weight)[0], weight[0].T)


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("relu", [True, False])
def test_gradients_and_their_gradients_are_those_of_the_formula(
    biased: bool, relu: bool
) -> None:
    inputs, weight = drawn(2, 5, 4).requires_grad_(), drawn(2, 3, 4).requires_grad_()
    bias = drawn(2, 3).requires_grad_() if biased else None
    leaves = [leaf for leaf in (inputs, weight, bias) if leaf is not None]

    def plain() -> Tensor:
        result = inputs @ weight.transpose(1, 2)
        result = result if bias is None else result + bias.unsqueeze(1)
        return result.relu() if relu else result

    def both_orders(result: Tensor) -> list[Tensor]:
        first = torch.autograd.grad((result**3).sum(), leaves, create_graph=True)
        second = torch.autograd.grad(
            torch.stack([(one**2).sum() for one in first]).sum(), leaves
        )
        return [*first, *second]

    ours, theirs = both_orders(linear(inputs, weight, bias, relu)), both_orders(plain())
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-4)


def test_a_student_comes_out_the_same_beside_others() -> None:
    inputs, weight, bias = drawn(3, 1024, 784), drawn(3, 256, 784), drawn(3, 256)
    together = linear(inputs, weight, bias)
    for row in range(3):
        only = slice(row, row + 1)
        alone = linear(inputs[only], weight[only], bias[only])
        assert torch.equal(together[row], alone[0])


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_functional_gradients_over_many_models_work() -> None:
    weight, inputs = drawn(4, 1, 3, 5), drawn(1, 7, 5)

    def loss(one: Tensor) -> Tensor:
        return (linear(inputs, one) ** 2).sum()

    each = torch.func.vmap(torch.func.grad(loss))(weight)
    for one, gradient in zip(weight, each, strict=True):
        torch.testing.assert_close(gradient, torch.func.grad(loss)(one), rtol=1e-4, atol=1e-4)


def test_without_onednn_the_result_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, weight, bias = drawn(2, 6, 5), drawn(2, 4, 5), drawn(2, 4)
    fast = linear(inputs, weight, bias)
    monkeypatch.setattr("subliminal_bench.experiment.linear._onednn_is_there", lambda: False)
    torch.testing.assert_close(linear(inputs, weight, bias), fast, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        linear(inputs, weight), fast - bias.unsqueeze(1), rtol=1e-5, atol=1e-5
    )
