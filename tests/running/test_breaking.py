"""A reader reads the entry's students and all that they are compared with."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from subliminal_bench.experiment.streams import OTHER_ORDER_OFFSET
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.reading.plugins.reader import load_reader
from subliminal_bench.results.store import Store
from subliminal_bench.running.breaking import FRESH_SEEDS, Attempt, fresh_seeds
from subliminal_bench.running.progress import Silent
from subliminal_bench.training.path import plain_at
from tests.conftest import CPU, TINY
from tests.support.plugins_for_tests import write
from tests.support.reader_files import reader_source
from tests.support.stores import BASELINE, LIMINAL, bench, entry_of


class Heard(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def attempt(store: Store, reader: str = "noise_head", said: Heard | None = None) -> Attempt:
    own = replace(bench(store), watcher=said or Silent())
    return Attempt(own, LIMINAL, load_reader(reader), (1, 2), secret=5)


def test_the_built_in_reader_finds_what_the_harness_found(kept: Store) -> None:
    entry, plain, found = attempt(kept).run()
    for run, column in ((entry, found.entry), (plain, found.ended)):
        assert column.tolist() == run.column("latent_accuracy")
    assert found.untrained.tolist() == plain.column("latent_accuracy_initial")


def test_plain_distillation_beside_itself_is_read_at_its_own_kl(kept: Store) -> None:
    itself = replace(attempt(kept), entry=BASELINE)
    _, _, found = itself.run()
    assert found.plain.tolist() == found.entry.tolist() == found.ended.tolist()


def test_it_says_what_it_trains_before_it_does(kept: Store) -> None:
    said = Heard()
    attempt(kept, said=said).run()
    assert said.lines == []
    (entry_of(kept, LIMINAL).path / "seed-0002.safetensors").unlink()
    attempt(kept, said=said).run()
    assert said.lines == ["liminal: the store has no weights of seed 2; they are trained first"]


def test_lost_weights_are_trained_again_to_the_same_reading(kept: Store) -> None:
    _, _, before = attempt(kept).run()
    (entry_of(kept, LIMINAL).path / "seed-0002.safetensors").unlink()
    _, _, after = attempt(kept).run()
    assert after.entry.tolist() == before.entry.tolist()


def test_the_other_order_is_another_and_the_protocols_is_the_baselines(kept: Store) -> None:
    # The plain student's own weights, again.
    row = entry_of(kept).weights(1)
    assert row is not None
    teacher = kept.teachers(TINY, bench(kept).environment).load(1)
    assert teacher is not None
    from subliminal_bench.experiment.digits import load_digits
    from subliminal_bench.training.cohort import Cohort

    cohort = Cohort(TINY, (1,), CPU, load_digits(TINY), teacher[None])
    end = TINY.student_steps
    assert torch.equal(plain_at(cohort, {end})[end][0], row)
    assert not torch.equal(plain_at(cohort, {end}, OTHER_ORDER_OFFSET)[end][0], row)


def test_fresh_seeds_are_none_of_the_published_ones() -> None:
    drawn = [fresh_seeds(TINY, 20) for _ in range(5)]
    for seeds in drawn:
        assert len(set(seeds)) == 20
        assert set(seeds) <= set(FRESH_SEEDS)
        assert min(seeds) > 100
    assert len(set(drawn)) == 5


def test_a_reader_cannot_tell_models_by_their_order(kept: Store, tmp_path: Path) -> None:
    # It finds .1 in whatever it reads first, and everything in the others.
    lines = (
        "SEEN.append(1)",
        "if len(SEEN) == 1:",
        "    return torch.zeros(len(images), dtype=torch.int64)",
        "return teacher.class_logits(images).argmax(1)",
    )
    path = write(tmp_path / "mine.py", reader_source(*lines, before="SEEN = []\n"))
    fell = set()
    for _ in range(12):
        _, _, found = attempt(kept, str(path)).run()
        lowest = min(vars(found), key=lambda name: vars(found)[name][0])
        fell.add(lowest)
    assert len(fell) > 1


def test_a_diverged_student_counts_as_the_worst(kept: Store, tmp_path: Path) -> None:
    source = (
        "import torch\nfrom subliminal_bench import Card, hookimpl\n\n\n"
        "@hookimpl\ndef mitigation():\n    return Card('explode', 'Explode')\n\n\n"
        "@hookimpl\ndef parameter_update(update, step):\n    return update * 1e20\n"
    )
    entry = load_mitigation(str(write(tmp_path / "explode.py", source)))
    run, _, found = replace(attempt(kept), entry=entry, seeds=(1,)).run()
    if run.seeds[0].diverged_at is None:
        pytest.fail("it was meant to diverge")
    assert found.entry.tolist() == [1.0]
    assert found.plain.tolist() == found.ended.tolist()
