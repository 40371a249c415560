"""Studies whose runs are made by hand, so that their best settings are known."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from subliminal_bench.mitigation.card import Value
from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.results.study_folder import StudyFolder, study_path
from subliminal_bench.results.study_records import (
    CheckRecord,
    OutcomeRecord,
    StudyRecord,
    TrialRecord,
)
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.setup import Setup
from subliminal_bench.running.study.study import Study
from tests.conftest import TINY
from tests.support.plugins_for_tests import HEAD
from tests.support.runs import keep, make_run

UNTRAINED, END, KL = 0.09, 0.55, 1e-3
# What settings prevent, and their final KL over plain distillation's.
Effect = Callable[[Mapping[str, Value]], tuple[float, float]]


def plain_at(ratio: float) -> float:
    """Plain distillation's trait where its KL is this many times that of its end."""
    return END - (END - UNTRAINED) * math.log(ratio) / math.log(9e-3 / KL)


def holds(settings: Mapping[str, Value]) -> tuple[float, float]:
    """Prevents most at weight 0.2, with a KL that rises with the weight."""
    weight = float(settings["weight"])
    return 0.45 * math.exp(-(math.log(weight / 0.2) ** 2)), 1 + 0.2 * weight


def stops_earlier(settings: Mapping[str, Value]) -> tuple[float, float]:
    """Prevents nothing: plain distillation at its KL has as little of the trait."""
    return 0.0, 1 + 0.15 * float(settings["weight"])


def source(name: str = "holds", parameter: str = "low=0.01, high=1.0, log=True") -> str:
    """A mitigation's file with a range on its card."""
    return (
        f"{HEAD}\n@hookimpl\ndef mitigation() -> Card:\n"
        f"    weight = Parameter('weight', 0.05, minimum=0.0, {parameter})\n"
        f"    return Card({name!r}, 'Hold', parameters=(weight,))\n\n\n"
        "@hookimpl\ndef distill_gradient(gradient, step):\n"
        "    return gradient * (1 - step.settings.weight)\n"
    )


def write_source(folder: Path, name: str = "holds", **more: str) -> str:
    """That file, in a folder."""
    path = folder / f"{name}.py"
    path.write_text(source(name, **more))
    return str(path)


def study(folder: Path, mitigation: str, **choices: Any) -> Study:
    """A study on the test protocol, with a store in a folder."""
    setup = Setup(protocol=TINY.name, device="cpu", store=Store(folder / "store"))
    return Study(setup=setup, mitigation=mitigation, **choices)


def made(bench: Bench, mitigation: Mitigation, seeds: Sequence[int], effect: Effect) -> Run:
    """A run with that effect; each seed has luck of its own, whatever the settings."""
    luck = {seed: np.random.default_rng(seed).normal(size=2) for seed in seeds}
    traits, kls = [], []
    for seed in seeds:
        prevented, ratio = (0.0, 1.0) if mitigation.is_plain else effect(mitigation.settings)
        plain = plain_at(ratio)
        noise = 0.0 if mitigation.is_plain else 0.01 * float(luck[seed][0])
        traits.append(plain - prevented * (plain - UNTRAINED) + noise)
        kls.append(KL * ratio * (1 if mitigation.is_plain else 1 + 0.003 * luck[seed][1]))
    run = make_run(
        mitigation.name,
        traits,
        protocol=bench.protocol,
        first_seed=seeds[0],
        blindness=None,
        kl_fresh=kls,
    )
    return run


@contextmanager
def by_hand(monkeypatch: pytest.MonkeyPatch, effect: Effect) -> Iterator[list[str]]:
    """Nothing is trained: runs are made by hand and laid into the store.

    Yields:
        What was run: a mitigation's settings and a seed each.
    """
    ran: list[str] = []

    def run(
        self: Bench, mitigations: Sequence[Mitigation], wanted: tuple[int, ...], *_: object
    ) -> list[Run]:
        found = []
        for mitigation in mitigations:
            folder = self.store.run_folder(self.protocol, mitigation, self.environment)
            missing = folder.lacking(wanted, path=mitigation.is_plain)
            ran.extend(f"{mitigation.settings} {seed}" for seed in missing)
            if missing:
                key = folder.path.name.removeprefix(f"{mitigation.name}-")
                keep(self.store.root, made(self, mitigation, missing, effect), key)
            found.append(folder.run(wanted))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Bench, "run", run)
        yield ran


def keep_study(root: Path, run: Run) -> None:
    """Lay a study with a file of every kind into a store, beside a run."""
    record = StudyRecord(
        protocol=run.protocol,
        mitigation=run.mitigation,
        space={"weight": "0.1..1"},
        seeds=[1001, 1002],
        baseline="baseline-0123456789",
        command="holds.py",
        fixed=[],
    )
    path = study_path(Store(root), run.protocol.label, run.mitigation.name, "0123456789")
    folder = StudyFolder.opened(path, record)
    folder.add(TrialRecord(number=1, settings={"weight": 0.5}, origin="card"))
    failed = OutcomeRecord(number=1, state="failed", why="it failed", seeds=[], folder="")
    folder.add(failed)
    folder.add(CheckRecord(number=1, seeds=[2001], folder="holds-0123456789"))
