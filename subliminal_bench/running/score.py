"""Running and scoring a mitigation: all seeds at once, or one interim look after another."""

from collections.abc import Callable

from subliminal_bench.errors import ResultError, SeedsError, Setting
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.run import InterimLooks
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.references import ReferencePlan
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.scoring.statistics import PLAN, SequentialDesign
from subliminal_bench.scoring.verdict import decided


def score_mitigation(
    bench: Bench,
    entry: Mitigation,
    seeds: tuple[int, ...],
    *,
    rerun: bool = False,
    stop_early: bool = False,
) -> Scorecard:
    """Run an entry and its references, and score it.

    Args:
        bench: runs mitigations.
        entry: to score.
        seeds: to run; with early stopping, the maximum.
        rerun: run the references, even if committed entries have their numbers.
        stop_early: make the plan's interim looks, and stop once the verdict is decided.

    Raises:
        SeedsError: the plan has no look at these seeds.
        ResultError: the entry is the baseline, which has no verdict; or an earlier run of the
            entry made interim looks and this one does not.
    """
    looks = planned_looks(seeds) if stop_early else None
    if looks is None:
        _refuse_after_looks(bench, entry)
        return build_scorecard(*ReferencePlan.of(bench, entry, seeds, rerun).run(bench, seeds))
    if load_mitigation(BASELINE).same_as(entry):
        raise ResultError(
            f"{entry.name} gets no verdict, so early stopping does not apply to it",
            "run it without ",
            Setting("stop_early", switch=True),
        )
    # Chosen once: a reference's numbers must have the same origin at every look.
    plan = ReferencePlan.of(bench, entry, seeds, rerun)

    def at(count: int) -> Scorecard:
        ours, theirs, sources = plan.run(bench, seeds[:count])
        bench.save_looks(entry, looks)
        return build_scorecard(ours.stopping_early(looks), theirs, sources)

    return look_by_look(at, looks, bench.watcher.say)


def planned_looks(seeds: tuple[int, ...], design: SequentialDesign = PLAN) -> InterimLooks:
    """The interim looks at these seeds.

    Raises:
        SeedsError: they are not the seeds of a look, or are those of the first look, before
            which a run cannot stop.
    """
    later = design.looks[1:]
    if seeds != tuple(range(1, len(seeds) + 1)) or len(seeds) not in later:
        choices = [f"1-{count}" for count in later]
        raise SeedsError(
            f"early stopping looks after {', '.join(map(str, design.looks))} seeds: choose "
            f"seeds {', '.join(choices[:-1])} or {choices[-1]}, not {describe_seeds(seeds)}"
        )
    return InterimLooks(
        planned_seeds=len(seeds), seeds=list(design.looks), levels=list(design.levels)
    )


def look_by_look(
    score_at: Callable[[int], Scorecard], looks: InterimLooks, say: Callable[[str], None]
) -> Scorecard:
    """Make one interim look after the other until one decides or all planned seeds have run.

    Args:
        score_at: runs this many seeds and scores them by the statistics of the looks.
        looks: the plan.
        say: called with one line after every look that decides nothing.
    """
    for number, count in enumerate(looks.seeds, start=1):
        if count == looks.planned_seeds:
            break
        card = score_at(count)
        against = card.against_baseline
        if card.verdict and against and decided(card.verdict, against):
            return card
        say(f"interim look {number}, seeds 1-{count}: not decided yet")
    return score_at(looks.planned_seeds)


def _refuse_after_looks(bench: Bench, entry: Mitigation) -> None:
    """Refuse a run without looks after one with looks: its number of seeds was not fixed."""
    looks = bench.looks(entry)
    if looks:
        raise ResultError(
            f"{entry.name} was run with early stopping in this store",
            "continue with ",
            Setting("seeds", f"1-{looks.planned_seeds}"),
            " and ",
            Setting("stop_early", switch=True),
            ", or use another ",
            Setting("store"),
        )
