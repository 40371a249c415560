"""Does what an entry prevents hold on a track that nobody could tune to?"""

from collections.abc import Sequence
from dataclasses import replace

from subliminal_bench.errors import HookError
from subliminal_bench.experiment.secret_track import secret_track
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.running.bench import Bench
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.scoring.statistics import Prevention
from subliminal_bench.verification.claims import Claim
from subliminal_bench.verification.rerun import fresh

ABOUT = "secret track"


def secret_track_claim(
    bench: Bench,
    mitigation: Mitigation,
    twin: Mitigation | None,
    card: Scorecard,
    seeds: Sequence[int],
    secret: int,
) -> Claim:
    """Run an entry and plain distillation on a drawn track, and compare what is prevented.

    The entry is refuted if it fails there, or if its prevention there is shown to be smaller:
    if the two intervals do not meet. An entry that prevents nothing has nothing to lose.

    Args:
        bench: runs them; nothing of its store is used, and nothing is kept.
        mitigation: the entry.
        twin: the same with its mechanism switched off; None if its card names none.
        card: the entry on the experiment that is changed.
        seeds: to run; at least six, or nothing can be shown.
        secret: seed of the draw.
    """
    track = secret_track(bench.protocol, secret)
    with fresh(replace(bench, protocol=track)) as anew:
        try:
            found = _scored(anew, mitigation, twin, tuple(seeds))
        except HookError as error:
            return Claim(ABOUT, False, f"{track.about}: it fails there: {error}")
    here, there = card.prevention, found.prevention
    where = f"{track.about}, {seeds_phrase(tuple(seeds))}"
    if there is None:
        word = found.verdict.text if found.verdict else "reference"
        return Claim(ABOUT, True, f"{where}: {word}; what is prevented cannot be judged there")
    said = f"{where}: {_shown(there)} prevented"
    if here is None or here.low <= 0:
        return Claim(ABOUT, True, f"{said}; nothing is shown to be prevented without it either")
    return Claim(ABOUT, there.high >= here.low, f"{said}, where {_shown(here)} is without it")


def _scored(
    bench: Bench, mitigation: Mitigation, twin: Mitigation | None, seeds: tuple[int, ...]
) -> Scorecard:
    plain, *runs = bench.run(
        [load_mitigation(BASELINE), mitigation, *([twin] if twin else [])], seeds
    )
    ours = bench.with_twin(runs[0], mitigation, twin, runs[1]) if twin else runs[0]
    return build_scorecard(ours, {BASELINE: plain})


def _shown(found: Prevention) -> str:
    """A prevention with its interval, in per cent.

    >>> _shown(Prevention(0.123, 0.1, float("inf"), "latent_accuracy", True))
    '12 % (95 %: 10 to inf)'
    """
    estimate, low, high = (100 * one for one in (found.estimate, found.low, found.high))
    return f"{estimate:.0f} % (95 %: {low:.0f} to {high:.0f})"
