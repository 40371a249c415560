"""Access that is shown, not believed: other audit and test digits must change nothing."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment import streams
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import MNIST, Protocol
from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.run import Blindness, read_run, write_run
from subliminal_bench.results.store import Store
from subliminal_bench.results.submission import submit_run
from subliminal_bench.running import bench
from subliminal_bench.running.bench import Bench
from subliminal_bench.scoring.scorecard import build_scorecard
from subliminal_bench.training.blindness import is_blind, out_of_sight, renamed_digits
from subliminal_bench.training.cohort import Cohort
from tests.conftest import CPU, TINY
from tests.support.plugins_for_tests import mitigation
from tests.support.runs import make_run


def test_the_teachers_own_digits_stay_and_all_others_change(embedded_digits: Digits) -> None:
    teacher, audit, test = streams.split(TINY, 3)
    other = out_of_sight(TINY, 3, embedded_digits, secret=1)
    assert torch.equal(other.images[teacher], embedded_digits.images[teacher])
    assert torch.equal(other.labels[teacher], embedded_digits.labels[teacher])
    for hidden in (audit, test):
        assert not (other.images[hidden] == embedded_digits.images[hidden]).all(1).any()
        agreeing = (other.labels[hidden] == embedded_digits.labels[hidden]).double().mean()
        assert agreeing < 0.2


def test_test_images_of_their_own_change_too() -> None:
    digits = Digits(
        torch.zeros(60, 4),
        torch.zeros(60, dtype=torch.int64),
        torch.zeros(10, 4),
        torch.zeros(10, dtype=torch.int64),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "split", lambda *_: torch.arange(60).split([50, 10, 0]))
        other = out_of_sight(MNIST, 1, digits, secret=1)
    assert other.test_images is not None
    assert other.test_images.abs().sum() > 0
    assert other.images[:50].abs().sum() == 0


def test_renamed_digits_keep_their_pixels_and_classes_under_other_names(
    embedded_digits: Digits,
) -> None:
    other = renamed_digits(TINY, embedded_digits, secret=7)
    assert not torch.equal(other.images, embedded_digits.images)
    assert torch.equal(other.images.sort(1).values, embedded_digits.images.sort(1).values)
    pairs = set(zip(embedded_digits.labels.tolist(), other.labels.tolist(), strict=True))
    assert len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs}) == 10


@pytest.mark.parametrize("name", ["baseline", "liminal"])
def test_blind_references_are_blind(name: str, tiny_cohort: Callable[..., Cohort]) -> None:
    assert is_blind(tiny_cohort(1), load_mitigation(name))


def test_an_oracle_is_not(tiny_cohort: Callable[..., Cohort]) -> None:
    assert not is_blind(tiny_cohort(1), load_mitigation("projection"))


@pytest.fixture
def canonical(monkeypatch: pytest.MonkeyPatch) -> Protocol:
    """The test protocol in the place of the canonical one."""
    monkeypatch.setattr(bench, "MNIST", TINY)
    return TINY


def test_a_run_for_the_leaderboard_writes_down_that_it_is_blind(
    canonical: Protocol, tmp_path: Path
) -> None:
    bench = Bench(canonical, CPU, Store(tmp_path / "store"))
    baseline, projection = bench.run(
        [load_mitigation("baseline"), load_mitigation("projection")], (2, 3)
    )
    assert baseline.blindness == Blindness(seed=2, shown=True)
    assert projection.blindness is None
    path = tmp_path / "run.json"
    write_run(path, baseline)
    assert read_run(path).blindness == baseline.blindness


def test_a_mitigation_that_is_not_blind_is_shown_for_what_it_is(
    canonical: Protocol, tmp_path: Path
) -> None:
    def peeks(gradient: torch.Tensor, step: Step) -> torch.Tensor:
        """Finds the cohort, with its labels, among the callers' variables."""
        frame = sys._getframe()
        while not isinstance(cohort := frame.f_locals.get("cohort"), Cohort):
            assert frame.f_back
            frame = frame.f_back
        _, trait = cohort.trait_gradient(step.student_parameters.detach())
        return gradient - trait

    entry = mitigation(distill_gradient=peeks)
    (run,) = Bench(canonical, CPU, Store(tmp_path)).run([entry], (1,))
    assert run.blindness == Blindness(seed=1, shown=False)
    card = build_scorecard(run, {"baseline": make_run("baseline", [0.5], protocol=TINY)})
    assert any("declares access 'blind', but" in remark for remark in card.remarks)


def test_an_entry_that_was_not_shown_to_be_blind_is_refused(tmp_path: Path) -> None:
    unshown = make_run("idea", [0.4] * 20, blindness=None)
    with pytest.raises(ResultError, match="was not shown to be blind"):
        submit_run(unshown, tmp_path)
    seeing = make_run("idea", [0.4] * 20, blindness=False)
    with pytest.raises(ResultError, match="other audit and test digits change"):
        submit_run(seeing, tmp_path)
    assert list(tmp_path.iterdir()) == []
    submit_run(make_run("idea", [0.4] * 20), tmp_path)
