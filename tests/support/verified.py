"""Records of verified entries, and what they rest on, made by hand."""

from pathlib import Path

from subliminal_bench.results.draws import Draw, fresh_file
from subliminal_bench.results.entries import entry_file_name
from subliminal_bench.results.jsonfile import read_record, write_record
from subliminal_bench.results.run import Isolation, Run, SeedResult, write_run
from subliminal_bench.results.verified import (
    ClaimRecord,
    VerifiedRecord,
    file_digest,
    write_verified,
)

DRAW = "2025-01-31-0123abcd"
HOLDS = ClaimRecord(about="published seeds", holds=True, text="no shift")
REFUTED = ClaimRecord(about="classes", holds=False, text="0.5 | 0.3 in another order")


def on_fresh_seeds(run: Run) -> Run:
    """The same numbers, as if they were of seeds 101 and so on."""
    seeds = [
        SeedResult.model_validate({**dict(one), "seed": 100 + one.seed}) for one in run.seeds
    ]
    return run.model_copy(update={"seeds": seeds, "blindness": None})


def verify_by_hand(
    root: Path,
    run: Run,
    baseline: Run,
    *,
    fresh: Run | None = None,
    claims: tuple[ClaimRecord, ...] = (HOLDS,),
    submission: str | None = None,
    isolation: Isolation | None = None,
) -> Path:
    """Write an entry, its results on fresh seeds and its record; returns the record's file."""
    entry = root / "entries" / entry_file_name(run)
    write_run(entry, run)
    fresh, plain = on_fresh_seeds(fresh or run), on_fresh_seeds(baseline)
    ours, theirs = fresh_file(root, DRAW, fresh), fresh_file(root, DRAW)
    write_run(ours, fresh)
    write_run(theirs, plain)
    draw = root / "fresh" / DRAW / "draw.json"
    known = read_record(Draw, draw).sources if draw.exists() else {}
    write_record(
        draw,
        Draw(
            schema_version=1,
            protocol=run.protocol,
            seeds=list(plain.seed_numbers),
            sources=known | {run.mitigation.label: submission or run.mitigation.source_sha256},
        ),
    )
    record = VerifiedRecord(
        schema_version=2,
        entry_sha256=file_digest(entry),
        submission_sha256=submission,
        draw=DRAW,
        fresh_sha256=file_digest(ours),
        baseline_sha256=file_digest(theirs),
        claims=list(claims),
        environment=run.environment,
        isolation=isolation,
        date="2025-01-31",
    )
    return write_verified(root, entry, record)
