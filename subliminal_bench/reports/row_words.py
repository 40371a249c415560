"""What a row of the leaderboard says, in words, for every page that shows rows."""

from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.mitigation.card import Access
from subliminal_bench.reports import short
from subliminal_bench.scoring.comparison import Comparison
from subliminal_bench.scoring.ranking import RankedEntry
from subliminal_bench.scoring.twins import twin_prevention
from subliminal_bench.scoring.words import MEANINGS, VerdictWord

_NOT_READ = VerdictWord.NOT_READ
# The heading of each access level, and what its entries see.
ACCESS_WORDS: dict[Access, tuple[str, str]] = {
    "blind": (
        "Blind",
        "These see what a distiller really has: the teacher's auxiliary logits on the noise, "
        "the base model.",
    ),
    "teacher-classes": (
        "Teacher's classes",
        "These see the teacher's class logits on the noise too, which a distiller that is "
        "given the auxiliary logits alone does not have. They see no labels.",
    ),
    "trait-gradient": (
        "Oracles",
        "These may ask for the gradient of the trait loss on labelled digits, which no "
        "distiller has. They show what is possible, and never rank beside a blind entry.",
    ),
}
SORT_KEY = (
    "Sorted by the verdict's word (removes, mitigates, attenuates, head quieter, hides, slows, "
    "no effect, amplifies), then by prevention, the largest first. Entries of one word share a "
    "rank (=) where their seeds do not tell their preventions apart."
)


def row_word(row: RankedEntry) -> str:
    """The word that the row stands under, and the one on the published seeds if it differs."""
    if row.is_refuted:
        return "refuted"
    if row.verdict is None:
        return "reference"
    if row.word is not row.verdict.word:
        return f"{row.word.value} (before it was broken: {row.verdict.text})"
    published = row.card.verdict
    if published is None or published.word is row.verdict.word:
        return row.verdict.text
    return f"{row.verdict.text} (published seeds: {published.text})"


def twin_said(row: RankedEntry) -> str:
    """What its twin prevents; empty if the entry has none."""
    if row.run.twin is None or BASELINE not in row.card.names:
        return ""
    found = twin_prevention(row.run, row.card.columns_of(BASELINE))
    return f"{short.percent(found.estimate)} ({short.interval(found)})" if found else "–"


def reason(row: RankedEntry) -> str:
    """Why a row has no rank, in one line."""
    verdict = row.verdict
    if row.hindrance:
        return row.hindrance
    if verdict is None or verdict.word is _NOT_READ:
        return f"{_NOT_READ.value}: {MEANINGS[_NOT_READ]}"
    return f"{verdict.text}: {verdict.reasons[0]}"


def final_ratio(against: Comparison) -> str:
    """The final KL to the baseline's, with its upper bound."""
    kept = against.distillation
    if kept is None or kept.high is None:
        return "diverged"
    return f"{kept.ratio:.3f} (at most {kept.high:.3f})"


def verified_on(row: RankedEntry) -> str:
    """How many fresh seeds it was run on, and whether all claims hold."""
    if row.is_refuted:
        return "refuted"
    if row.hindrance or row.standing is None or row.standing.fresh is None:
        return "–"
    return f"{len(row.standing.fresh.seeds)} fresh seeds"
