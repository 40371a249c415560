"""Access that is shown, not believed: other audit and test digits must change nothing."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment import streams
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K, Protocol
from subliminal_bench.mitigation.hooks import Step
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.entries import needs_blindness, submit_run
from subliminal_bench.results.run import Blindness, read_run, write_run
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.score import score_mitigation
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


def test_a_run_is_shown_blind_where_that_is_asked_for(tmp_path: Path) -> None:
    chosen = [load_mitigation("baseline"), load_mitigation("projection")]
    bench = Bench(TINY, CPU, Store(tmp_path / "store"))
    baseline, projection = bench.run(chosen, (2, 3), show_blind=chosen[:1])
    assert baseline.blindness == Blindness(seed=2, shown=True)
    assert projection.blindness is None
    path = tmp_path / "run.json"
    write_run(path, baseline)
    assert read_run(path).blindness == baseline.blindness


def test_a_mitigation_that_is_not_blind_is_shown_for_what_it_is(
    tmp_path: Path,
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
    (run,) = Bench(TINY, CPU, Store(tmp_path)).run([entry], (1,), show_blind=[entry])
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


@pytest.mark.parametrize(
    ("protocol", "name", "needed"),
    [
        (MNIST, "liminal", True),
        (MNIST, "projection", False),
        (MNIST_5K, "liminal", False),
    ],
)
def test_only_what_may_become_a_blind_entry_needs_to_be_shown_blind(
    protocol: Protocol, name: str, needed: bool
) -> None:
    assert needs_blindness(protocol, load_mitigation(name)) is needed


def test_scoring_under_the_canonical_protocol_shows_blindness(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("subliminal_bench.experiment.protocol.CANONICAL", TINY)
    card = score_mitigation(
        Bench(TINY, CPU, Store(tmp_path)), load_mitigation("class_anchor"), (1,)
    )
    shown = {name: run.blindness for name, run in card.runs()}
    assert shown.pop("projection") is None
    assert {name for name, found in shown.items() if found and found.shown} == {
        *("class_anchor", "baseline", "liminal")
    }
