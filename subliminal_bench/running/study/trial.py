"""One trial: a mitigation beside plain distillation, on a few seeds first."""

from collections.abc import Sequence
from dataclasses import dataclass

from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.study.findings import estimate_of
from subliminal_bench.scoring.recommendation import ratio_of
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.scoring.statistics import MARGIN, SHARE_MARGIN

# Seeds after which a trial may be hopeless.
FIRST_SEEDS = 2
# A final KL above this many times plain distillation's is far from kept, and at such a KL plain
# distillation itself has gained too little to compare with.
FAR = 1.5


@dataclass(frozen=True)
class Tested:
    """What came of a trial.

    Attributes:
        card: its scorecard against plain distillation.
        folder: with its results, in the protocol's folder of the store.
        hopeless: why it was not run on the other seeds; empty if it was.
    """

    card: Scorecard
    folder: str
    hopeless: str = ""


@dataclass(frozen=True)
class Candidate:
    """A mitigation with the settings of one trial.

    Attributes:
        mitigation: to run.
        twin: with its mechanism switched off; None if its card names no such settings.
    """

    mitigation: Mitigation
    twin: Mitigation | None = None

    def score(self, bench: Bench, seeds: tuple[int, ...]) -> Scorecard:
        """Run it beside plain distillation, and score it; the store has what has run.

        Raises:
            BenchmarkError: see `Bench.run`.
        """
        plain = load_mitigation(BASELINE)
        every = [self.mitigation, *([self.twin] if self.twin else []), plain]
        ours, *others = bench.run(every, seeds)
        if self.twin:
            ours = bench.with_twin(ours, self.mitigation, self.twin, others[0])
        return build_scorecard(ours, {BASELINE: others[-1]})

    def folder(self, bench: Bench) -> str:
        """The name of its folder in the store."""
        return folder_of(bench, self.mitigation)

    def test(self, bench: Bench, seeds: tuple[int, ...], known: Sequence[Scorecard]) -> Tested:
        """Run a trial: on the first seeds, and on all unless it is hopeless.

        Args:
            bench: runs it.
            seeds: of the study.
            known: the complete trials so far, on the first seeds alone.

        Raises:
            BenchmarkError: see `Bench.run`.
        """
        first = seeds[:FIRST_SEEDS]
        if len(first) < len(seeds):
            card = self.score(bench, first)
            found = hopeless(card, known)
            if found:
                return Tested(card, self.folder(bench), found)
        return Tested(self.score(bench, seeds), self.folder(bench))


def folder_of(bench: Bench, mitigation: Mitigation) -> str:
    """The name of a mitigation's folder in the store of a bench."""
    return bench.store.run_folder(bench.protocol, mitigation, bench.environment).path.name


def hopeless(card: Scorecard, known: Sequence[Scorecard]) -> str:
    """Why a trial need not go on; empty if it may be a good one.

    Args:
        card: of the trial, on the first seeds.
        known: complete trials, on the same seeds.
    """
    seeds = seeds_phrase(card.seeds)
    ratio = ratio_of(card)
    if ratio is None:
        return f"a student diverged on {seeds}"
    if ratio > FAR:
        return f"final KL x{ratio:.2f} on {seeds}, far from x{MARGIN:.2f}"
    own = estimate_of(card)
    for other in known:
        its_ratio = ratio_of(other)
        if its_ratio and its_ratio <= ratio and estimate_of(other) > own + SHARE_MARGIN:
            return f"another trial prevents more at no more KL on {seeds}"
    return ""
