"""Writing down what a reader found."""

import math
from datetime import UTC, datetime

from subliminal_bench.reading.plugins.reader import Reader
from subliminal_bench.results.breaks import BreakRecord, ReaderRecord
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.run import Isolation, Run
from subliminal_bench.running.breaking import Attempt
from subliminal_bench.scoring.breaking import Break


def reader_record(reader: Reader) -> ReaderRecord:
    """The record of a loaded reader."""
    card = reader.card
    return ReaderRecord(
        name=card.name,
        title=card.title,
        method=card.method,
        renderings=list(card.renderings),
        labels=card.labels,
        reference=card.reference,
        settings=dict(reader.settings),
        source_sha256=reader.source_sha256,
    )


def break_record(
    attempt: Attempt, entry: Run, one: Break, environment: Environment
) -> BreakRecord:
    """The record of an attempt.

    Args:
        attempt: whose reader was isolated.
        entry: the entry's run.
        one: what the reader's findings say.
        environment: where they were computed.
    """
    kept_apart = attempt.reader.isolation
    assert kept_apart, "only what was isolated is recorded"
    entry_kept_apart = attempt.entry.isolation
    return BreakRecord(
        schema_version=1,
        protocol=entry.protocol,
        mitigation=entry.mitigation,
        reader=reader_record(attempt.reader),
        seeds=list(attempt.seeds),
        rendering_seed=attempt.secret,
        share=_finite(one.share.path),
        low=_finite(one.low),
        high=_finite(one.high),
        best_of_verdict=one.best.name,
        share_of_verdict=_finite(one.best.path),
        why_not=list(one.why_not),
        environment=environment,
        isolation=Isolation.of(kept_apart),
        entry_isolation=Isolation.of(entry_kept_apart) if entry_kept_apart else None,
        date=datetime.now(UTC).date().isoformat(),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
