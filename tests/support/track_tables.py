"""The tables of the tracks' page, from the committed runs."""

from tabulate import tabulate

from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.readers import EXPRESSED, LATENT, of_untrained
from subliminal_bench.experiment.tracks import ROBUST
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.reports import short
from subliminal_bench.reports.robust import skill_cell
from subliminal_bench.results.entries import entries_folder, read_entries
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard

ENTRIES = ("projection", "liminal", "stroke_anchor")


def tracks_table() -> str:
    """What each entry does on each track of the robust set that has committed runs."""
    rows = []
    for track in ROBUST:
        runs = read_entries(entries_folder(track))
        plain = runs.get(BASELINE)
        if plain is None or track.is_canonical:
            continue
        rows.append(_row(track, build_scorecard(plain, {})))
        for name in ENTRIES:
            entry = runs[name]
            rows.append(_row(track, build_scorecard(_shared(entry, plain), {BASELINE: plain})))
    headings = [
        "track",
        "entry",
        "head [%]",
        "latent [%]",
        "KL",
        "skill",
        "verdict",
        "prevention",
    ]
    return tabulate(rows, headings, "github", disable_numparse=True)


def _shared(entry: Run, plain: Run) -> Run:
    return entry.only(plain.seed_numbers)


def _row(track: Protocol, card: Scorecard) -> list[str]:
    verdict = card.verdict
    if verdict is None:
        kl = f"{1e3 * _mean(card, 'kl_fresh'):.2f} mnat"
        word, prevented = f"reference, {len(card.seeds)} seeds", "–"
    else:
        against = card.against_baseline
        kept = against.distillation if against else None
        kl = f"x{kept.ratio:.2f}" if kept else "diverged"
        found = verdict.prevention
        word = verdict.text
        judged = found is not None and found.judgeable
        prevented = (
            f"{short.percent(found.estimate)} ({short.interval(found)})"
            if found is not None and judged
            else "–"
        )
    return [
        track.name,
        card.names[0],
        *(
            f"{100 * _mean(card, name):.1f} (from {100 * _mean(card, of_untrained(name)):.1f})"
            for name in (EXPRESSED, LATENT)
        ),
        kl,
        skill_cell(card).replace("—", "–"),
        word,
        prevented,
    ]


def _mean(card: Scorecard, metric: str) -> float:
    found = card.summaries(metric)[0].mean
    assert found is not None
    return found
