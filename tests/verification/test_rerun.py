"""A rerun passes within float chaos, and a planted change is caught and named."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
import torch
from _pytest.mark import ParameterSet
from torch import Tensor
from torch.nn import functional

from benchmarks import float_chaos
from subliminal_bench import shipped
from subliminal_bench.experiment import model, streams
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import PROBE, Protocol
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.training import measurement, student, teacher
from subliminal_bench.verification import rerun
from subliminal_bench.verification.regression import Finding, Status
from tests.conftest import CPU

ROOT = shipped.folder("leaderboard")
SEEDS = (1,)


def rerun_probe(names: tuple[str, ...] = REFERENCES) -> dict[str, Finding]:
    return {one.entry: one for one in rerun.regress(bench_for(PROBE), ROOT, names, SEEDS)}


def bench_for(protocol: Protocol) -> Bench:
    """A bench whose own store is never used."""
    return Bench(protocol, CPU, Store(Path("none")))


# What may be planted in the code, and the entries that it must be seen in.


def wrong_rate(_: Protocol, parameters: Tensor) -> torch.optim.Adam:
    return torch.optim.Adam([parameters], lr=3.1e-4 * PROBE.learning_rate / 3e-4)


def without_the_thrown_away_order(
    seed: int, images: int, epochs: int, skipped: int = 0
) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for _ in range(skipped + epochs):
        torch.empty((), dtype=torch.int64).random_(generator=generator)
        drawn.append(torch.randperm(images, generator=generator))
    return torch.stack(drawn[skipped:])


def last_epoch_again(seed: int, images: int, epochs: int, skipped: int = 0) -> Tensor:
    order = RIGHT_ORDERS(seed, images, epochs, skipped)
    return torch.cat([order[:-1], order[-2:-1]]) if images == PROBE.noise_images else order


def split_off_by_one(protocol: Protocol, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    teacher, audit, test = RIGHT_SPLIT(protocol, seed)
    return teacher, torch.cat([teacher[-1:], audit[:-1]]), test


def over_the_batch(_: Protocol, student_logits: Tensor, targets: Tensor) -> Tensor:
    ours, theirs = (
        torch.log_softmax(logits, -1) for logits in (student_logits[..., 10:], targets)
    )
    each = functional.kl_div(ours, theirs, reduction="none", log_target=True)
    return each.sum(-2).mean(-1)


RIGHT_ORDERS, RIGHT_SPLIT, RIGHT_LOAD = streams.orders, streams.split, load_mitigation


@contextmanager
def patched(*places: tuple[object, str], by: object) -> Iterator[None]:
    with mock.patch.object(places[0][0], places[0][1], by):
        if len(places) == 1:
            yield
        else:
            with patched(*places[1:], by=by):
                yield


def loading(change: Callable[[str], Mitigation]) -> Callable[..., Mitigation]:
    return lambda name, settings=(): change(name)


def cooler(name: str) -> Mitigation:
    return RIGHT_LOAD(name, ["temperature=1.9"] if name == "liminal" else [])


@pytest.fixture
def unconditional(tmp_path: Path) -> Callable[[str], Mitigation]:
    """Projection that removes a negative alignment, too."""
    source = (shipped.folder("plugins") / "projection.py").read_text()
    assert source.count("inner.clamp(min=0)") == 1
    path = tmp_path / "projection.py"
    path.write_text(source.replace("inner.clamp(min=0)", "inner"))
    return lambda name: RIGHT_LOAD(str(path) if name == "projection" else name)


def test_untouched_code_passes() -> None:
    findings = rerun_probe()
    assert set(findings) == set(REFERENCES)
    for finding in findings.values():
        assert finding.outcome is Status.PASSED, finding.line
        assert "within float chaos" in finding.line


def test_another_rounding_passes() -> None:
    rounded_otherwise_passes(PROBE, seed=3)


@pytest.mark.slow
def test_a_hundred_other_roundings_pass() -> None:
    for attempt in range(100):
        rounded_otherwise_passes(PROBE, seed=1 + attempt % 20, salt=1 + attempt)


def rounded_otherwise_passes(protocol: Protocol, seed: int, salt: int = 0) -> None:
    nudged = float_chaos.nudged(1000 * salt + seed)
    with float_chaos.changed(model, "initial_parameters", nudged):
        for finding in rerun.regress(bench_for(protocol), ROOT, REFERENCES, (seed,)):
            assert finding.outcome is Status.PASSED, finding.line


ADAM = ((teacher, "adam"), (student, "student_optimiser"))

KL = (
    (student, "distillation_loss"),
    (measurement, "distillation_kl"),
)

ORDERS = ((streams, "orders"),)


def planted(
    what: str,
    places: tuple[tuple[object, str], ...],
    by: object,
    seen_in: tuple[str, ...] = REFERENCES,
    *,
    quick: bool = False,
) -> ParameterSet:
    """Something wrong, and the entries that it is seen in; two cases are in every run."""
    marks = [] if quick else [pytest.mark.slow]
    return pytest.param(places, by, seen_in, marks=marks, id=what)


@pytest.mark.parametrize(
    ("places", "by", "seen_in"),
    [
        planted("learning rate 3.1e-4", ADAM, wrong_rate),
        planted("learning rate 3.1e-4 of the student", ADAM[1:], wrong_rate, quick=True),
        planted("no thrown-away permutation", ORDERS, without_the_thrown_away_order),
        planted("last epoch in the order of the one before", ORDERS, last_epoch_again),
        planted("audit split off by one", ((streams, "split"),), split_off_by_one),
        planted("KL summed over the batch", KL, over_the_batch),
        planted(
            "temperature 1.9",
            ((rerun, "load_mitigation"),),
            loading(cooler),
            ("liminal",),
            quick=True,
        ),
    ],
)
def test_a_planted_regression_is_caught_and_named(
    places: tuple[tuple[object, str], ...], by: object, seen_in: tuple[str, ...]
) -> None:
    with patched(*places, by=by):
        findings = rerun_probe()
    caught = {name for name, one in findings.items() if one.outcome is Status.REGRESSED}
    assert caught == set(seen_in)
    for name in seen_in:
        line = findings[name].line
        assert line.startswith(f"regressed: {PROBE.label}: {name}: ")
        assert any(metric in line for metric in METRICS)
        assert "seed 1: " in line
        assert "tolerance" in line
        assert "\n" not in line


def test_projection_without_its_condition_is_caught(
    unconditional: Callable[[str], Mitigation],
) -> None:
    with patched((rerun, "load_mitigation"), by=loading(unconditional)):
        findings = rerun_probe()
    caught = {name for name, one in findings.items() if one.outcome is Status.REGRESSED}
    assert caught == {"projection"}
    assert (
        "its source differs from that of the reference numbers" in findings["projection"].line
    )
