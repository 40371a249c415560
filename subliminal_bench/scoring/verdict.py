"""The verdict on a mitigation, with its reasons in plain words.

`docs/verdict.md` has the plan: everything is fixed before the run, seeds are paired, and an
entry is compared with plain distillation at the entry's own KL, by several readers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.scoring import statistics
from subliminal_bench.scoring.columns import Columns
from subliminal_bench.scoring.comparison import ALPHA
from subliminal_bench.scoring.damage import damaged_body, damaged_head, distils, lost_skill
from subliminal_bench.scoring.equal_distillation import EqualDistillation
from subliminal_bench.scoring.statistics import NonInferiority, Prevention, Share
from subliminal_bench.scoring.words import VerdictWord

# Words that say how much an entry prevents; with any other word, prevention is no merit.
PREVENTING = (VerdictWord.REMOVES, VerdictWord.MITIGATES, VerdictWord.ATTENUATES)


@dataclass(frozen=True)
class Verdict:
    """The word and the reasons for it.

    Attributes:
        word: the effect.
        reasons: one sentence each; the first one is why.
        prevention: how much is prevented at equal distillation; None if that cannot be judged.
        resolves: the prevention that so many seeds show four times in five; None if they show
            none, or it cannot be judged.
    """

    word: VerdictWord
    reasons: tuple[str, ...]
    prevention: Prevention | None = None
    resolves: float | None = None

    @property
    def text(self) -> str:
        """The word as it is printed."""
        return self.word.value


def judge(
    entry: Columns,
    baseline: Columns,
    kept: NonInferiority | None,
    equal: EqualDistillation | None,
) -> Verdict:
    """The verdict against plain distillation: the first word of the plan that holds.

    "On every reader" needs no correction (intersection-union).

    Args:
        entry: over the compared seeds.
        baseline: over the same seeds.
        kept: the entry's KL against the baseline's; None if a student diverged.
        equal: the readers at equal distillation; None if a run was not read.
    """
    if equal is None:
        return Verdict(VerdictWord.NOT_READ, (_NOT_READ,))
    seeds = len(entry.seeds)
    if statistics.smallest_p(seeds) > ALPHA:
        return Verdict(VerdictWord.TOO_FEW, (_too_few(seeds),))
    found = _Evidence.of(equal, entry.run.start)
    word, reasons = _first_that_holds(entry, baseline, kept, equal, found)
    is_broken = word in (VerdictWord.DAMAGE, VerdictWord.NOT_DISTILLING)
    prevention = None if is_broken else equal.prevention()
    return Verdict(
        word,
        (*reasons, distillation_sentence(kept), *_outside(equal)),
        prevention,
        _resolves(equal, seeds) if prevention else None,
    )


@dataclass(frozen=True)
class _Evidence:
    """What the seeds show.

    Attributes:
        quiet: the class head lies below plain distillation's by the margin.
        everywhere: every reader does.
        hides: a reader of the body finds what the class head does not express.
        lower: expressed and latent trait lie below the baseline's end.
        expressed_lower: the expressed trait does.
        more: expressed or latent trait lies above plain distillation's by the margin.
        broken: readers below the untrained model, one sentence each.
        removed: no reader finds a tenth.
    """

    quiet: bool
    everywhere: bool
    hides: bool
    lower: bool
    expressed_lower: bool
    more: bool
    broken: list[str]
    removed: bool

    @classmethod
    def of(cls, equal: EqualDistillation, start: str) -> "_Evidence":
        below = statistics.clears_margin(equal.readings)
        above = statistics.clears_margin(equal.readings, side="above")
        lower = {name: _is_lower(equal.share(name)) for name in (EXPRESSED, LATENT)}
        return cls(
            quiet=all(below[share.name] for share in equal.expressed),
            everywhere=all(below.values()),
            hides=statistics.hidden(equal.expressed, equal.body),
            lower=all(lower.values()),
            expressed_lower=lower[EXPRESSED],
            more=above[EXPRESSED] or above[LATENT],
            broken=damaged_body(equal, start),
            removed=statistics.removed(equal.shares),
        )


def _first_that_holds(
    entry: Columns,
    baseline: Columns,
    kept: NonInferiority | None,
    equal: EqualDistillation,
    found: _Evidence,
) -> tuple[VerdictWord, tuple[str, ...]]:
    """The word, and why."""
    if found.expressed_lower and not distils(entry, baseline):
        return VerdictWord.NOT_DISTILLING, (
            "it has less of the trait because it hardly distilled",
        )
    hides = equal.judgeable and (
        (found.quiet and found.hides) or (equal.conceals and (found.quiet or found.everywhere))
    )
    broken = (
        found.broken
        or lost_skill(entry, baseline)
        or (damaged_head(entry) if found.expressed_lower and not hides else [])
    )
    if broken:
        return VerdictWord.DAMAGE, tuple(broken)
    if hides:
        return VerdictWord.HIDES, (_hides(equal),)
    if equal.judgeable and found.everywhere:
        why = (
            "every reader finds less than in plain distillation at the same KL; "
            f"{_most(equal, 'still finds')} of what that gained"
        )
        if kept is None or not kept.kept:
            return VerdictWord.ATTENUATES, (why,)
        return (VerdictWord.REMOVES if found.removed else VerdictWord.MITIGATES), (why,)
    if equal.judgeable and found.quiet:
        return VerdictWord.HEAD_QUIETER, (_quieter(equal),)
    if found.lower:
        return VerdictWord.SLOWS, (_slows(equal, found),)
    if found.more:
        return VerdictWord.AMPLIFIES, (
            "at the same KL it has more of the trait than plain distillation: "
            f"{_of_plain(equal, EXPRESSED)} expressed, {_of_plain(equal, LATENT)} latent",
        )
    return VerdictWord.NO_EFFECT, (
        "no reader shows it to differ from plain distillation at the same KL by a tenth or more"
        if equal.judgeable
        else "it distilled too little to tell what it prevents",
    )


def _is_lower(share: Share) -> bool:
    """Whether a reader shows the entry below the baseline's end."""
    one = share.readings
    moved = statistics.nearer_zero(one.entry - one.ended, one.allowance)
    return float(moved.mean()) < 0 and statistics.sign_flip_p(moved, one.rounding) <= ALPHA


def _hides(equal: EqualDistillation) -> str:
    if equal.conceals:
        return (
            f"its body says on noise what it conceals on digits: the fit on noise has "
            f"{_percent(equal.fit.path)} of plain distillation's gain, and no reader of digits "
            f"finds more than {_percent(max(share.path for share in equal.shares))}"
        )
    return f"{_head(equal)}, but in the body {_found_in_body(equal)}"


def _quieter(equal: EqualDistillation) -> str:
    return f"{_head(equal)}; in the body, {_found_in_body(equal)} and is not shown to be lower"


def _head(equal: EqualDistillation) -> str:
    head = max(share.path for share in equal.expressed)
    return (
        f"the class head expresses {_percent(head)} of what plain distillation gained at the "
        "same KL"
    )


def _found_in_body(equal: EqualDistillation) -> str:
    loudest = max(equal.body, key=lambda share: share.path)
    return f"{_title(loudest)} finds {_percent(loudest.path)}"


def _most(equal: EqualDistillation, finds: str = "finds") -> str:
    """What the reader that decides the prevention finds."""
    worst = max(equal.shares, key=lambda share: share.counted)
    return f"{_title(worst)} {finds} {_percent(worst.counted)}"


def _slows(equal: EqualDistillation, found: _Evidence) -> str:
    if not equal.judgeable:
        return "it distilled less, and too little to tell what it prevents"
    if found.more:
        return (
            "it distilled less, and at the same KL it has more of the trait than plain "
            f"distillation: {_most(equal)} of what that gained"
        )
    return (
        "it has less of the trait than the baseline because it distilled less: at the same KL, "
        f"{_most(equal)} of what plain distillation gained"
    )


def _of_plain(equal: EqualDistillation, name: str) -> str:
    return _percent(equal.share(name).path)


def _title(share: Share) -> str:
    return METRICS[share.name].title


def _percent(share: float) -> str:
    """A share as it is printed.

    >>> _percent(0.954), _percent(float("inf"))
    ('95 %', 'more than 999 %')
    """
    return f"{100 * share:.0f} %" if share < 9.99 else "more than 999 %"


_NOT_READ = (
    "the entry or its baseline was run by a version that did not look at the body; run it again"
)


def _too_few(seeds: int) -> str:
    """Why these seeds show nothing, and how many seeds would."""
    enough = next(n for n in count(seeds) if statistics.smallest_p(n) <= ALPHA)
    noun = "seed" if seeds == 1 else "seeds"
    least = f": p can be {statistics.smallest_p(seeds):.3g} at least" if seeds > 1 else ""
    return f"{seeds} {noun} cannot show any effect, however large{least}; it takes {enough}"


def _outside(equal: EqualDistillation) -> Sequence[str]:
    if not equal.beyond:
        return ()
    return (
        f"on {len(equal.beyond)} of {equal.shares[0].readings.seeds} seeds its KL lies beyond "
        "plain distillation's path: compared with the path's nearest end",
    )


def _resolves(equal: EqualDistillation, seeds: int) -> float | None:
    """The prevention on every reader that such seeds show four times in five."""
    found = []
    for share in equal.shares:
        one = share.readings
        moved = one.entry - one.plain + statistics.SHARE_MARGIN * (one.plain - one.untrained)
        smallest = statistics.smallest_difference(float(moved.std(ddof=1)), seeds)
        if smallest is None or share.gain <= 0:
            return None
        found.append(smallest / share.gain + statistics.SHARE_MARGIN)
    return max(found)


def distillation_sentence(kept: NonInferiority | None) -> str:
    """A sentence on whether the distillation is kept."""
    if kept is None:
        return "a student diverged, so the distillation is lost"
    ratio = f"final KL on fresh noise x{kept.ratio:.3f} of the baseline's"
    if kept.high is None or kept.low is None:
        return f"{ratio}; one seed shows no bound"
    margin = f"margin x{kept.margin:.2f}"
    words = {
        "kept": f"distillation kept: {ratio}, at most x{kept.high:.3f} ({margin})",
        "lost": f"distillation lost: {ratio}, at least x{kept.low:.3f} ({margin})",
        "not shown": f"distillation not shown to be kept: {ratio}, "
        f"bound x{kept.high:.3f} ({margin})",
    }
    return words[kept.verdict]
