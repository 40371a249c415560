"""Whether an entry may be ranked, and what it shows on fresh seeds.

An entry is ranked only if its source is here and was run by others than its submitter, in a
sandbox, on seeds drawn after the source was fixed. Its word is the one that it earns on these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from subliminal_bench.errors import BenchmarkError, ResultError
from subliminal_bench.mitigation import loading
from subliminal_bench.mitigation.builtin import BASELINE
from subliminal_bench.results.breaks import BreakRecord, best_break, read_breaks
from subliminal_bench.results.draws import fresh_file, read_draw, read_fresh
from subliminal_bench.results.entry_names import is_built_in
from subliminal_bench.results.run import Run
from subliminal_bench.results.submissions import SUBMISSIONS, read_submission
from subliminal_bench.results.tuned import TunedRecord, ranking_seeds, tuned_record
from subliminal_bench.results.verified import (
    VerifiedRecord,
    file_digest,
    has_record,
    read_verified,
)
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.scoring.statistics import HIDDEN_SHARE, SHARE_MARGIN
from subliminal_bench.scoring.verdict import PREVENTING, Verdict
from subliminal_bench.scoring.words import VerdictWord

_COMMAND = "subliminal-bench score-submission"


@dataclass(frozen=True)
class Standing:
    """What is known of an entry beyond its file.

    Attributes:
        record: of its verification; None if there is none for its current file.
        fresh: the entry on fresh seeds; None if there is none.
        hindrance: why it has no rank; empty if it is verified.
        broken: by the reader that finds most, if one finds more than the verdict's.
        tuned: how its settings were found; None if nothing is known to have been tuned.
    """

    record: VerifiedRecord | None
    fresh: Scorecard | None
    hindrance: str = ""
    broken: BreakRecord | None = None
    tuned: TunedRecord | None = None

    @property
    def refuted(self) -> list[str]:
        """The claims that do not hold."""
        return self.record.refuted if self.record else []

    @property
    def verdict(self) -> Verdict | None:
        """On the fresh seeds."""
        return self.fresh.verdict if self.fresh else None


def standings(root: Path, entries: Mapping[str, tuple[Path, Run]]) -> dict[str, Standing]:
    """The standing of every entry, by its label.

    Args:
        root: the leaderboard's folder.
        entries: files and runs by label.

    Raises:
        ResultError: a record is damaged.
    """
    breaks = read_breaks(root)
    return {
        label: _with_tuning(
            root, run, replace(_standing(root, path, run), broken=best_break(breaks, run))
        )
        for label, (path, run) in entries.items()
    }


def _with_tuning(root: Path, run: Run, standing: Standing) -> Standing:
    """The standing with how its settings were found: not on seeds that rank or verify."""
    try:
        tuned = tuned_record(root, run.mitigation)
    except ResultError:
        # A damaged source is a hindrance already.
        return standing
    why = standing.hindrance or (ranking_seeds(tuned.seeds) if tuned else "")
    return replace(standing, tuned=tuned, hindrance=why)


def word_after(word: VerdictWord, broken: BreakRecord | None) -> VerdictWord:
    """The word that is left once a reader is known that finds more; never a better one.

    Args:
        word: of the verdict.
        broken: what that reader found; None if there is none.
    """
    if broken is None or broken.share is None or word not in PREVENTING:
        return word
    if broken.share > 1 - SHARE_MARGIN:
        shown = broken.low is not None and broken.low >= HIDDEN_SHARE
        return VerdictWord.HIDES if shown else VerdictWord.HEAD_QUIETER
    if word is VerdictWord.REMOVES and broken.share >= SHARE_MARGIN:
        return VerdictWord.MITIGATES
    return word


def _standing(root: Path, path: Path, run: Run) -> Standing:
    record = read_verified(root, path)
    if record is None:
        why = (
            "its file changed after it was verified"
            if has_record(root, path)
            else f"nobody but its submitter ran it ({_COMMAND} does)"
        )
        return Standing(None, None, why)
    try:
        ours, baseline = _checked(root, record, run)
    except BenchmarkError as error:
        return Standing(record, None, f"its verification does not hold together: {error}")
    others = {} if run.mitigation.name == BASELINE else {BASELINE: baseline}
    fresh = build_scorecard(ours, others)
    refuted = record.refuted
    why = f"refuted on {record.date}: {'; '.join(refuted)}" if refuted else ""
    return Standing(record, fresh, why)


def _checked(root: Path, record: VerifiedRecord, run: Run) -> tuple[Run, Run]:
    """The runs on fresh seeds, if everything that the record names is here and unchanged."""
    digest = _source_here(root, record, run)
    if digest not in read_draw(root, record.draw).sources.values():
        raise ResultError(f"draw {record.draw} was made for other sources")
    for path, expected in (
        (fresh_file(root, record.draw, run), record.fresh_sha256),
        (fresh_file(root, record.draw), record.baseline_sha256),
    ):
        if not path.is_file() or file_digest(path) != expected:
            raise ResultError(f"{path} is missing or has changed since")
    ours, baseline = read_fresh(root, record.draw, run)
    if not is_built_in(baseline.mitigation):
        raise ResultError("the baseline of its draw is not this program's")
    return ours, baseline


def _source_here(root: Path, record: VerifiedRecord, run: Run) -> str:
    """The hash of the source that was fixed before the draw, read from the source itself."""
    if record.submission_sha256 is None:
        if not is_built_in(run.mitigation):
            raise ResultError("its source is not among this program's own plugins")
        return run.mitigation.source_sha256
    if record.isolation is None or not record.isolation.is_sandboxed:
        raise ResultError("it did not run in a sandbox")
    submission = read_submission(root / SUBMISSIONS / run.mitigation.name)
    if submission.sha256 != record.submission_sha256:
        raise ResultError("its source has changed since")
    if loading.sources(submission.spec).sha256 != run.mitigation.source_sha256:
        raise ResultError("its entry is from another source than its submission")
    return submission.sha256
