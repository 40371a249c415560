"""A study's trials as a pandas frame, and as the log that a submission carries."""

import math
from typing import Any

import pandas

from subliminal_bench.experiment.readers import EXPRESSED, LATENT
from subliminal_bench.experiment.seed_ranges import describe_seeds
from subliminal_bench.results.tuning_log import TuningFacts, written_log
from subliminal_bench.running.study.findings import Findings, Trial
from subliminal_bench.scoring.recommendation import keeps_kl, prevention_of
from subliminal_bench.scoring.scorecard import Scorecard

_COLUMNS = (
    *("prevention", "prevention_low", "prevention_high", "reader", "kl_ratio", "kl_at_most"),
    *("kept", "expressed", "latent", "verdict"),
)


def trials_frame(findings: Findings) -> pandas.DataFrame:
    """The trials, one per row, in the order in which they were proposed.

    Columns: `trial`, `state` (`complete`, `pruned`, `failed` or `running`), `why`, `origin` of
    the settings, `seeds`; the settings by name (`set NAME` where a column has that name); then
    `prevention` with the ends of its 95 % interval, the `reader` that decides it, the final
    `kl_ratio` with its upper bound `kl_at_most`, whether the KL is `kept`, the `expressed` and
    `latent` trait, the `verdict`, whether no other trial beats it in both prevention and KL
    (`front`), and whether it is `recommended`. Fractions are unscaled.
    """
    rows = [_row(findings, one) for one in findings.trials]
    return pandas.DataFrame(rows)


def tuning_facts(findings: Findings) -> TuningFacts:
    """What a submission has to say of how its settings were found."""
    record = findings.record
    return TuningFacts(
        trials=len(findings.trials),
        space=" ".join(f"{name}={one}" for name, one in record.space.items()),
        seeds=describe_seeds(record.seeds),
    )


def tuning_csv(findings: Findings) -> bytes:
    """The log of a study, as `submit` takes it: its facts, then a line for each trial."""
    return written_log(tuning_facts(findings), trials_frame(findings))


def _row(findings: Findings, trial: Trial) -> dict[str, Any]:
    outcome = trial.outcome
    fixed = {
        "trial": trial.number,
        "state": trial.state,
        "why": outcome.why if outcome else "",
        "origin": trial.tried.origin,
        "seeds": describe_seeds(outcome.seeds) if outcome else "",
    }
    recommended = findings.recommended
    last = {
        "front": trial.number in findings.front,
        "recommended": recommended is not None and trial.number == recommended.number,
    }
    taken = {*fixed, *_COLUMNS, *last}
    settings = {
        f"set {name}" if name in taken else name: value
        for name, value in trial.settings.items()
    }
    return {**fixed, **settings, **_numbers(trial.card), **last}


def _numbers(card: Scorecard | None) -> dict[str, Any]:
    """What a trial's scorecard says; all None without one."""
    if card is None:
        return dict.fromkeys(_COLUMNS)
    found, kept = prevention_of(card), card.distillation
    values = (
        found and found.estimate,
        found and _finite(found.low),
        found and _finite(found.high),
        found and found.deciding,
        kept and kept.ratio,
        kept and kept.high,
        keeps_kl(card),
        card.columns[0].mean(EXPRESSED),
        card.columns[0].mean(LATENT),
        card.verdict.text if card.verdict else None,
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
