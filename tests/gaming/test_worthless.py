"""The verdict calls what is allowed but worthless what it is, by numbers and on students."""

import numpy as np
import pytest

from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.scoring.scorecard import build_scorecard
from subliminal_bench.scoring.words import VerdictWord
from tests.conftest import CPU
from tests.gaming.worthless import LEVELS, LOW, SHOWN, WORTHLESS
from tests.support.plugins_for_tests import write
from tests.support.reduced import REDUCED
from tests.support.runs import make_run


def word_of(entry: Run, baseline: Run) -> VerdictWord:
    found = build_scorecard(entry, {"baseline": baseline}).verdict
    assert found is not None
    print(found, entry.column("kl_fresh"), entry.column("trait_accuracy"))
    return found.word


@pytest.mark.parametrize("name", SHOWN)
def test_the_verdict_calls_it_what_it_is(name: str) -> None:
    metrics, word = SHOWN[name]
    baseline = make_run("baseline", list(LEVELS))
    expressed = list(metrics.get("trait_accuracy", LOW))
    given = {key: value for key, value in metrics.items() if key != "trait_accuracy"}
    assert word_of(make_run("idea", expressed, **given), baseline) is word


def test_what_is_tuned_to_seeds_1_to_10_is_gone_on_others() -> None:
    plain, other = (make_run("baseline", list(LEVELS), first_seed=one) for one in (1, 21))
    assert word_of(make_run("idea", list(LOW)), plain) is VerdictWord.MITIGATES
    wobbling = list(LEVELS + 0.01 * np.cos(np.pi * np.arange(10)))
    assert word_of(make_run("idea", wobbling, first_seed=21), other) is VerdictWord.NO_EFFECT


@pytest.mark.slow
class TestOnRealStudents:
    """The phenomenon itself: six seeds, the fewest that one comparison can resolve."""

    SEEDS = tuple(range(1, 7))
    FRESH = tuple(range(21, 27))

    @pytest.fixture(scope="class")
    @classmethod
    def bench(cls, tmp_path_factory: pytest.TempPathFactory) -> Bench:
        return Bench(REDUCED, CPU, Store(tmp_path_factory.mktemp("store")))

    @pytest.fixture(scope="class")
    @classmethod
    def files(cls, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Mitigation]:
        folder = tmp_path_factory.mktemp("worthless")
        return {
            name: load_mitigation(str(write(folder / f"{name}.py", text)))
            for name, text in WORTHLESS.items()
        }

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("scrambled", VerdictWord.HIDES),
            ("damaging", VerdictWord.HIDES),
            ("rewired_head", VerdictWord.HIDES),
            ("early_stopping", VerdictWord.SLOWS),
            ("frozen", VerdictWord.NOT_DISTILLING),
            ("auxiliary_head_only", VerdictWord.NOT_DISTILLING),
        ],
    )
    def test_the_verdict_calls_it_what_it_is(
        self, name: str, word: VerdictWord, bench: Bench, files: dict[str, Mitigation]
    ) -> None:
        entry = files.get(name) or load_mitigation(name)
        run, baseline = bench.run([entry, load_mitigation("baseline")], self.SEEDS)
        assert word_of(run, baseline) is word

    def test_what_is_tuned_to_seeds_1_to_10_is_gone_on_others(
        self, bench: Bench, files: dict[str, Mitigation]
    ) -> None:
        both = [files["tuned"], load_mitigation("baseline")]
        assert word_of(*bench.run(both, self.SEEDS)) is VerdictWord.NOT_DISTILLING
        assert word_of(*bench.run(both, self.FRESH)) is VerdictWord.NO_EFFECT
