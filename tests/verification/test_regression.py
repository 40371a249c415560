"""Reference numbers that moved further than float chaos are a regression."""

from dataclasses import replace

from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.results.run import Run
from subliminal_bench.verification.regression import Status, compare_with_reference
from tests.support.runs import make_run
from tests.support.tolerances import STEADY, tolerances


def runs(*trait: float | None, kl_fresh: float = 1e-3) -> Run:
    return make_run("baseline", trait, protocol=MNIST_5K, kl_fresh=kl_fresh)


def test_a_single_seed_may_move_by_thrice_the_largest_chaos_and_no_further() -> None:
    reference = runs(0.5, 0.5, 0.5, kl_fresh=1.0)
    near = runs(0.5, 0.5, 0.5, kl_fresh=1.0 + 2.9 * STEADY)
    assert compare_with_reference(reference, near, tolerances()).outcome is Status.PASSED
    far = make_run("baseline", [0.5] * 3, protocol=MNIST_5K, kl_fresh=[1.0, 1.0, 1.0031])
    found = compare_with_reference(reference, far, tolerances())
    assert found.outcome is Status.REGRESSED
    assert "kl_fresh" in found.line
    assert "change of seed 3 +0.0031, tolerance 0.003" in found.line


def test_small_changes_of_all_seeds_together_are_a_regression() -> None:
    seeds = [0.5] * 20
    reference = make_run("baseline", seeds, protocol=MNIST_5K, kl_fresh=1.0)
    drifted = make_run("baseline", seeds, protocol=MNIST_5K, kl_fresh=1.0 + 2.8 * STEADY)
    found = compare_with_reference(reference, drifted, tolerances())
    assert found.outcome is Status.REGRESSED
    assert "mean change +0.0028" in found.line


def test_a_seed_that_now_diverges_is_a_regression() -> None:
    found = compare_with_reference(runs(0.5, 0.5), runs(0.5, None), tolerances())
    assert found.outcome is Status.REGRESSED
    assert "seed 2 trained to its end before, diverged at step 7 now" in found.line


def test_a_seed_that_diverges_in_both_is_none() -> None:
    assert compare_with_reference(runs(0.5, None), runs(0.5, None), tolerances()).outcome == 0


def test_changed_numbers_of_a_protocol_without_a_new_version_are_a_regression() -> None:
    other = make_run("baseline", [0.5], protocol=replace(MNIST_5K, learning_rate=3.1e-4))
    found = compare_with_reference(runs(0.5), other, tolerances())
    assert found.outcome is Status.REGRESSED
    assert "changed without a new version" in found.line
