"""Gaming is expected: what is caught, by what, and what no check inside the process catches.

Each attempt is a mitigation's file. Those that a check catches fail exactly that check; those
that are allowed but worthless are shown for what they are by a metric, or by the verdict (see
`test_worthless` and `test_catalogue`); those
that evade every check are marked so, with the reason, and turn the suite red once they do not.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from _pytest.mark import ParameterSet
from scipy import stats

from subliminal_bench import conformance
from subliminal_bench.conformance import SMALL, overhead
from subliminal_bench.conformance.overhead import measure_overhead
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import MNIST_5K, Protocol
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.blindness import renamed_digits
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import accuracy, kl_on_noise
from subliminal_bench.training.outcome import Outcome
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers
from tests.conftest import CPU
from tests.gaming.caught import CAUGHT
from tests.gaming.evading import EVADES, OWN_PROCESS
from tests.gaming.worthless import WORTHLESS
from tests.support.checked import BY_HEART, QUICK, SECRET, failed, in_a_child
from tests.support.mitigation_files import GRADIENT, hook, source
from tests.support.plugins_for_tests import write
from tests.support.terminal import Terminal


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Digits and teachers once, for all the copies of this process."""
    list(conformance.check("baseline", only=QUICK, secret=SECRET))


# Reading all digits takes longer than checking.
_SLOW = (
    "loads labelled digits in a hook",
    "loads them once and keeps them elsewhere",
    "takes the digits that the kit has read",
)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in _SLOW else [], id=name)
        for name in CAUGHT
    ],
)
def test_an_attempt_is_caught_by_the_check_that_names_it(name: str, tmp_path: Path) -> None:
    attempt = CAUGHT[name]
    found = failed(write(tmp_path / "sly.py", attempt.source), [attempt.caught_by])
    assert attempt.said in found[attempt.caught_by]


@pytest.mark.parametrize(
    "check", sorted({one.caught_by for one in CAUGHT.values()} - {BY_HEART})
)
def test_the_same_check_lets_the_honest_twin_pass(check: str) -> None:
    (result,) = conformance.check("class_anchor", only=[check], secret=SECRET)
    assert result.state is conformance.State.PASSED


def test_an_oracle_that_says_so_may_see_what_a_blind_one_may_not() -> None:
    results = conformance.check("projection", only=["blind"], secret=SECRET)
    assert all(result.good for result in results)


# Those that run every check to its end, over several students.
COSTLY = {
    *("grows with every step", "another result in every process", "a thread left running"),
    *("entries of the metrics exchanged", "a builtin exchanged"),
}


def evader(name: str) -> ParameterSet:
    """A case that must fail; a quick one of its kind in every run, others with `-m slow`."""
    reason = EVADES[name][1]
    first = next(other for other, (_, given) in EVADES.items() if given == reason)
    marks = [pytest.mark.xfail(strict=True, reason=reason)]
    slow = name != first or name in COSTLY
    return pytest.param(name, marks=marks + [pytest.mark.slow] * slow, id=name)


@pytest.mark.parametrize("name", [evader(name) for name in EVADES])
def test_an_attempt_that_evades_every_check_today(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "sly.py", EVADES[name][0])
    found = failed(path)
    assert "raised" not in found, found
    assert found


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        evader(name)
        for name in (
            "trait gradient from the teacher's own digits",
            "seeds known by their first weight",
        )
    ],
)
def test_what_evades_the_renaming_too(name: str, tmp_path: Path) -> None:
    assert failed(write(tmp_path / "sly.py", EVADES[name][0]), [BY_HEART])


class TestEndingTheProcess:
    def ended(self, path: Path) -> int | None:
        def run() -> dict[str, str]:
            list(conformance.check(str(path), only=["right_shapes"]))
            return {}

        return in_a_child(run)[1]

    @pytest.mark.xfail(strict=True, reason=OWN_PROCESS)
    def test_a_silent_end_does_not_look_like_success(self, tmp_path: Path) -> None:
        text = source(hook(GRADIENT, "os._exit(0)"), before="import os\n")
        assert self.ended(write(tmp_path / "sly.py", text)) != 0

    def test_an_interruption_is_no_success(self, type_in: Terminal, tmp_path: Path) -> None:
        path = write(tmp_path / "sly.py", source(hook(GRADIENT, "raise KeyboardInterrupt")))
        assert type_in("check", path, "--only", "right_shapes").code == 130

    @pytest.mark.parametrize(
        "hooks",
        [
            hook(GRADIENT, "raise BaseException('odd')"),
            hook(GRADIENT, "return gradient.to_sparse()"),
            hook("finish(parameters)", "torch.set_default_dtype(torch.float64)"),
            hook("finish(parameters)", "return parameters.as_subclass(Plain)"),
        ],
        ids=["odd exception", "sparse tensor", "default dtype", "subclass"],
    )
    def test_what_breaks_the_harness_is_a_finding_and_no_traceback(
        self, hooks: str, tmp_path: Path
    ) -> None:
        text = source(hooks, before="class Plain(torch.Tensor):\n    pass\n")
        found = failed(write(tmp_path / "sly.py", text))
        assert found
        assert "raised" not in found


@pytest.mark.slow
def test_sleeping_is_seen_in_the_overhead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overhead, "PROBE", SMALL)
    slow = source(hook(GRADIENT, "time.sleep(0.05)", "return gradient"), before="import time\n")
    cost = measure_overhead(load_mitigation(str(write(tmp_path / "slow.py", slow))))
    assert cost.mitigated - cost.plain > 0.04
    assert "x" in cost.text
    honest = measure_overhead(load_mitigation("class_anchor"))
    assert honest.mitigated - honest.plain < 0.04


@pytest.fixture
def trained(
    tiny_cohort: Callable[..., Cohort], tmp_path: Path
) -> Callable[[str], tuple[Outcome, Outcome]]:
    """One student of the small experiment under a mitigation, and under none."""

    def train(name: str) -> tuple[Outcome, Outcome]:
        spec = name
        if name in WORTHLESS:
            spec = str(write(tmp_path / f"{name}.py", WORTHLESS[name]))
        cohort = tiny_cohort(1)
        found = [train_students(cohort, load_mitigation(one)) for one in (spec, "baseline")]
        return found[0][0], found[1][0]

    return train


class TestShownByAMetric:
    def test_a_scrambled_class_head_has_moved_and_the_layers_below_have_not_changed(
        self, trained: Callable[[str], tuple[Outcome, Outcome]]
    ) -> None:
        scrambled, plain = trained("scrambled")
        assert plain.metrics["class_head_change"] == 0
        assert (scrambled.metrics["class_head_change"] or 0) > 0.01
        for name in ("initial_head_accuracy", "kl_fresh"):
            assert scrambled.metrics[name] == pytest.approx(plain.metrics[name], rel=1e-4)

    def test_a_frozen_student_ends_at_the_untrained_models_kl(
        self, trained: Callable[[str], tuple[Outcome, Outcome]]
    ) -> None:
        frozen, plain = trained("frozen")
        assert frozen.metrics["kl_fresh"] == frozen.metrics["kl_initial"]
        assert (plain.metrics["kl_fresh"] or 1) < 0.9 * (plain.metrics["kl_initial"] or 0)
        assert frozen.metrics["altered_fraction"] == 1
        assert plain.metrics["altered_fraction"] == 0

    def test_a_student_of_which_only_the_auxiliary_head_learns_is_the_untrained_classifier(
        self, trained: Callable[[str], tuple[Outcome, Outcome]]
    ) -> None:
        partial_student, plain = trained("auxiliary_head_only")
        for name in ("trait_accuracy", "initial_head_accuracy"):
            assert partial_student.metrics[name] == plain.metrics["initial_accuracy"]
        assert partial_student.metrics["trait_loss_final"] == pytest.approx(
            plain.metrics["trait_loss_initial"]
        )
        assert (partial_student.metrics["kl_fresh"] or 0) > (plain.metrics["kl_fresh"] or 0)

    def test_damage_raises_the_trait_loss(
        self, trained: Callable[[str], tuple[Outcome, Outcome]]
    ) -> None:
        damaged, plain = trained("damaging")
        before = plain.metrics["trait_loss_initial"] or 0
        assert (damaged.metrics["trait_loss_final"] or 0) > before + 0.5
        assert (plain.metrics["trait_loss_final"] or 9) < before + 0.5


def plain_students(
    protocol: Protocol, digits: Digits, seeds: range, secret: int | None
) -> list[dict[str, float]]:
    """Metrics of plain distillation, each seed under a renaming of its own."""
    found = []
    for seed in seeds:
        shown = digits if secret is None else renamed_digits(protocol, digits, secret + seed)
        teachers = train_teachers(protocol, (seed,), shown, CPU)
        cohort = Cohort(protocol, (seed,), CPU, shown, teachers)
        (outcome,) = train_students(cohort, load_mitigation("baseline"))
        found.append({name: value or 0.0 for name, value in outcome.metrics.items()})
    return found


def least_p(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> float:
    """The smallest p-value over all metrics of equal means and equal distributions, times two
    tests a metric: below a level only where something differs."""
    found, tests = [], 0
    for name in METRICS:
        one, other = ([seed[name] for seed in side] for side in (ours, theirs))
        if len({*one, *other}) == 1:
            continue
        tests += 2
        found += [
            float(stats.ttest_ind(one, other, equal_var=False).pvalue),
            float(stats.ks_2samp(one, other).pvalue),
        ]
    assert tests
    return min(found) * tests


@pytest.mark.slow
class TestSecretPermutations:
    SEEDS = range(1, 21)

    @pytest.fixture(scope="class")
    @classmethod
    def plain(cls, embedded_digits: Digits) -> list[dict[str, float]]:
        torch.set_num_threads(1)
        return plain_students(SMALL, embedded_digits, cls.SEEDS, None)

    def test_they_leave_the_baselines_distribution_as_it_is(
        self, plain: list[dict[str, float]], embedded_digits: Digits
    ) -> None:
        other = plain_students(SMALL, embedded_digits, self.SEEDS, SECRET)
        assert plain != other
        assert least_p(plain, other) > 0.05

    def test_a_change_that_is_no_permutation_is_seen_by_the_same_test(
        self, plain: list[dict[str, float]], embedded_digits: Digits
    ) -> None:
        one_class = Digits(embedded_digits.images, embedded_digits.labels * 0)
        assert least_p(plain, plain_students(SMALL, one_class, self.SEEDS, None)) < 1e-4

    @pytest.mark.slow
    def test_on_the_embedded_protocol_the_trait_is_as_strong(
        self, embedded_digits: Digits
    ) -> None:
        measured = partial(plain_students, MNIST_5K, embedded_digits, range(1, 6))
        ours, theirs = (
            [one["trait_accuracy"] for one in measured(secret)] for secret in (None, SECRET)
        )
        print(ours, theirs)
        assert stats.ttest_ind(ours, theirs, equal_var=False).pvalue > 0.05
        # Both far above the untrained model: there is something to be left unchanged.
        assert min(np.mean(ours), np.mean(theirs)) > 0.3


def measured_again(outcome: Outcome, cohort: Cohort) -> dict[str, float]:
    """Metrics of a student's last parameters, on a cohort that no mitigation has seen."""
    parameters = outcome.parameters.as_subclass(torch.Tensor).unsqueeze(0)
    return {
        "trait_accuracy": float(accuracy(cohort, parameters)),
        "kl_fresh": float(kl_on_noise(cohort, parameters, fresh=True)),
        "trait_loss_final": float(cohort.trait_gradient(parameters)[0]),
    }


@pytest.mark.parametrize(
    "name",
    [
        "baseline",
        *(
            evader(name)
            for name in (
                "labels written",
                "accuracy exchanged at the end, putting itself back",
            )
        ),
    ],
)
def test_what_was_measured_is_what_a_second_look_measures(
    name: str, tiny_cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    spec = name if name not in EVADES else str(write(tmp_path / "sly.py", EVADES[name][0]))

    def run() -> dict[str, str]:
        clean = tiny_cohort(1)
        (outcome,) = train_students(tiny_cohort(1), load_mitigation(spec))
        again = measured_again(outcome, clean)
        return {
            metric: f"{outcome.metrics[metric]} {value}"
            for metric, value in again.items()
            if outcome.metrics[metric] != pytest.approx(value, rel=1e-5)
        }

    tiny_cohort(1)
    assert in_a_child(run)[0] == {}
