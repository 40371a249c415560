"""Scoring a submission: run its source, on published and on fresh seeds, and test it.

Nothing that a submitter claims goes into it. The source is all there is; whoever runs this
makes the numbers, and the fresh seeds are drawn after the source was fixed.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from subliminal_bench.errors import HookError, ResultError, Setting
from subliminal_bench.experiment.seed_ranges import seeds_phrase
from subliminal_bench.mitigation.builtin import BASELINE, built_in_names
from subliminal_bench.mitigation.mitigation import (
    Mitigation,
    load_mitigation,
    refuse_built_in_names,
)
from subliminal_bench.results.draws import Draw, fresh_file
from subliminal_bench.results.entries import (
    check_eligible,
    entry_file_name,
    needs_blindness,
    read_entries,
)
from subliminal_bench.results.entry_names import check_origin
from subliminal_bench.results.run import (
    MitigationRecord,
    Run,
    read_run,
    write_run,
)
from subliminal_bench.results.submissions import Submission, read_submission
from subliminal_bench.results.thinned import ThinnedCurves, thinned_file
from subliminal_bench.results.tolerances import read_tolerances
from subliminal_bench.results.verified import (
    ClaimRecord,
    VerifiedRecord,
    file_digest,
    write_verified,
)
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.pairs import Pairs
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.scoring.statistics import bias_between
from subliminal_bench.verification.claims import Claim, blind_claim
from subliminal_bench.verification.cohorts import SingleCohorts
from subliminal_bench.verification.memory import (
    JUDGED,
    claim_of,
    differences,
    memory_claims,
)
from subliminal_bench.verification.secret_track import secret_track_claim

# Seeds on which memory is tested, for each of three questions.
MEMORY_SEEDS = 8
# Seeds on the secret track; fewer could show nothing.
SECRET_TRACK_SEEDS = 6

Load = Callable[[str, Sequence[str]], Mitigation]


@dataclass(frozen=True)
class Source:
    """What is scored: a submission, or one of this program's own plugins.

    Attributes:
        mitigation: loaded; isolated if it is a submission.
        twin: the same with its mechanism switched off; None if its card names none.
        submission_sha256: of the folder; None for an own plugin.
    """

    mitigation: Mitigation
    twin: Mitigation | None
    submission_sha256: str | None = None

    @property
    def label(self) -> str:
        """The mitigation's name, with the settings that differ from their defaults."""
        return MitigationRecord.of(self.mitigation).label

    @property
    def digest(self) -> str:
        """The hash of what was fixed before the draw."""
        return self.submission_sha256 or self.mitigation.source_sha256

    @classmethod
    def own(cls, name: str, settings: Sequence[str]) -> "Source":
        """One of this program's own plugins, which runs in this process.

        Raises:
            ResultError: it is none.
        """
        if name not in built_in_names():
            raise ResultError(
                f"{name} is neither a submission's folder nor one of this program's own "
                "plugins: `subliminal-bench submit` makes a folder of your file"
            )
        return cls.loaded(load_mitigation, name, settings)

    @classmethod
    def submitted(cls, submission: Submission, load: Load, workplace: Path) -> "Source":
        """A submission.

        Args:
            submission: as it was read.
            load: loads it isolated.
            workplace: a folder of this user's alone: what is run is a copy of what was read,
                whatever happens to the folder meanwhile.

        Raises:
            ResultError: the folder's name is not the mitigation's.
            MitigationError: it cannot be loaded, or has a built-in's name.
        """
        settings = [f"{name}={value}" for name, value in submission.settings.items()]
        copied = submission.copied_to(workplace / submission.sha256)
        found = cls.loaded(load, copied.spec, settings, submission.sha256)
        if found.mitigation.untold:
            raise ResultError(
                f"{submission.folder}: {found.mitigation.untold[0]}, may load what its source "
                "does not tell; a submission is all that it loads"
            )
        refuse_built_in_names(found.mitigation)
        if not found.mitigation.name == submission.name == submission.folder.name:
            raise ResultError(
                f"{submission.folder}: the folder, the name in submission.toml and the name on "
                f"the card ({found.mitigation.name}) must be the same"
            )
        return found

    @classmethod
    def loaded(
        cls, load: Load, spec: str, settings: Sequence[str], submission: str | None = None
    ) -> "Source":
        """A source and its twin.

        Args:
            load: loads them.
            spec: the mitigation.
            settings: `name=value` each.
            submission: the hash of the folder, if it is one.
        """
        mitigation = load(spec, settings)
        other = mitigation.twin_settings
        twin = load(spec, [*settings, *other]) if other else None
        return cls(mitigation, twin, submission)


def loaded_sources(
    named: Sequence[str],
    settings: Sequence[str],
    load: Load,
    workplace: Path,
) -> list[Source]:
    """The sources that a maintainer names, loaded.

    Args:
        named: folders of submissions, or names of this program's own plugins.
        settings: of the own plugins, `name=value` each; submissions bring theirs.
        load: loads a submission isolated.
        workplace: see `Source.submitted`; it must last as long as they are run.

    Raises:
        ResultError: one is neither.
        MitigationError: one cannot be loaded.
    """
    found = []
    for one in named:
        if Path(one).is_dir():
            if settings:
                raise ResultError(
                    f"{one}: a submission's settings are in its submission.toml: leave out ",
                    Setting("settings"),
                )
            source = Source.submitted(read_submission(Path(one)), load, workplace)
        else:
            source = Source.own(one, settings)
        found.append(source)
    return found


@dataclass(frozen=True)
class Scored:
    """A submission's results.

    Attributes:
        published: its run on the published seeds.
        fresh: its run on the fresh ones.
        baseline: plain distillation on the fresh ones.
        card: the entry on the fresh seeds.
        claims: everything that was tested.
    """

    published: Run
    fresh: Run
    baseline: Run
    card: Scorecard
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Scorer:
    """Scores sources on the same seeds.

    Attributes:
        bench: runs them.
        root: the leaderboard's folder, with the tolerances.
        published: the seeds that all entries have.
        draw: the fresh seeds.
        say: receives a line about what has been found.
    """

    bench: Bench
    root: Path
    published: tuple[int, ...]
    draw: Draw
    say: Callable[[str], None]

    def scored(self, source: Source) -> Scored:
        """Run a source and test it; nothing is written but to the store.

        Raises:
            HookError: a hook failed.
            ResultError: no tolerances were measured under the protocol.
        """
        published, reference = self._run(source, self.published)
        fresh, baseline = self._run(source, tuple(self.draw.seeds))
        claims = []
        for claim in self._claims(source, (published, reference), (fresh, baseline)):
            self.say(claim.line)
            claims.append(claim)
        others = {} if source.mitigation.name == BASELINE else {BASELINE: baseline}
        return Scored(published, fresh, baseline, build_scorecard(fresh, others), tuple(claims))

    def _run(self, source: Source, seeds: tuple[int, ...]) -> tuple[Run, Run]:
        """The source's and plain distillation's run on some seeds."""
        bench, mitigation = self.bench, source.mitigation
        plain = load_mitigation(BASELINE)
        others = [] if mitigation.same_as(plain) else [mitigation]
        twins = [source.twin] if source.twin else []
        is_shown = seeds == self.published and needs_blindness(bench.protocol, mitigation)
        runs = bench.run(
            [plain, *others, *twins],
            seeds,
            [mitigation] if is_shown else [],
            Pairs(mitigation.name, BASELINE, {}, bench.watcher.say),
        )
        ours = runs[len(others)]
        if source.twin:
            ours = bench.with_twin(ours, mitigation, source.twin, runs[-1])
        return ours, runs[0]

    def _claims(
        self, source: Source, published: tuple[Run, Run], fresh: tuple[Run, Run]
    ) -> Iterator[Claim]:
        blindness = published[0].blindness
        if blindness:
            access = source.mitigation.access
            yield blind_claim(access, blindness.seed, blindness.shown)
        if source.mitigation.name != BASELINE:
            yield self._same_on_fresh_seeds(published, fresh)
        measured = read_tolerances(self.root, self.bench.protocol)
        seeds = self.draw.seeds[:MEMORY_SEEDS]
        secret = secrets.randbelow(2**30)
        try:
            yield from memory_claims(
                source.mitigation, fresh[0], seeds, self._cohort, measured, secret
            )
        except HookError as error:
            yield Claim("rerun", False, str(error))
        if source.mitigation.name != BASELINE:
            card = build_scorecard(fresh[0], {BASELINE: fresh[1]})
            chosen = self.draw.seeds[:SECRET_TRACK_SEEDS]
            yield secret_track_claim(
                self.bench, source.mitigation, source.twin, card, chosen, secret
            )

    def _same_on_fresh_seeds(self, published: tuple[Run, Run], fresh: tuple[Run, Run]) -> Claim:
        """The difference from plain distillation must not depend on who knows the seeds."""
        found = {}
        for metric in JUDGED:
            theirs, ours = _against(metric, *published), _against(metric, *fresh)
            if min(len(theirs), len(ours)) > 1:
                found[metric] = bias_between(ours, theirs, len(JUDGED))
        seeds = seeds_phrase(published[0].seed_numbers)
        what = f"{len(self.draw.seeds)} fresh seeds against {seeds}, both less the baseline's"
        return claim_of("published seeds", what, found)

    @cached_property
    def _cohort(self) -> SingleCohorts:
        return SingleCohorts(self.bench)


def _against(metric: str, run: Run, baseline: Run) -> list[float]:
    """A run's differences from plain distillation, one per seed."""
    return differences(
        metric,
        [
            (plain.metrics, ours.metrics)
            for ours, plain in zip(run.seeds, baseline.seeds, strict=True)
        ],
    )


def write_scored(
    bench: Bench, root: Path, draw: str, source: Source, scored: Scored
) -> list[Path]:
    """Write an entry, its curves, its results on fresh seeds, and the record about them.

    Args:
        bench: that ran it.
        root: the leaderboard's folder.
        draw: the name of the draw.
        source: that was scored.
        scored: its results.

    Returns:
        The files of the entry and of the record.

    Raises:
        ProtocolError, ResultError: the entry is not eligible, its name belongs to another
            source, or the draw has another baseline; nothing is written.
    """
    check_eligible(scored.published)
    folder = root / "entries"
    present = {label: one.mitigation for label, one in read_entries(folder).items()}
    is_own = source.submission_sha256 is None
    check_origin(scored.published.mitigation, present, replace=is_own)
    entry = folder / entry_file_name(scored.published)
    fresh, baseline = fresh_file(root, draw, scored.fresh), fresh_file(root, draw)
    if baseline.is_file() and read_run(baseline, root).seeds != scored.baseline.seeds:
        raise ResultError(
            f"{baseline} has other numbers than plain distillation has here: the sources of a "
            "draw are scored on one machine"
        )
    write_run(entry, scored.published, kept=True)
    write_run(baseline, scored.baseline, kept=True)
    write_run(fresh, scored.fresh, kept=True)
    curves = ThinnedCurves.of(scored.published, bench.store.curves(scored.published))
    curves.write(thinned_file(root, scored.published))
    record = VerifiedRecord(
        schema_version=2,
        entry_sha256=file_digest(entry),
        submission_sha256=source.submission_sha256,
        draw=draw,
        fresh_sha256=file_digest(fresh),
        baseline_sha256=file_digest(baseline),
        claims=[ClaimRecord(**vars(claim)) for claim in scored.claims],
        environment=bench.environment,
        isolation=scored.fresh.isolation,
        date=datetime.now(UTC).date().isoformat(),
    )
    return [entry, write_verified(root, entry, record)]
