"""One mitigation on several tracks, from Python."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas
from rich.console import Console

from subliminal_bench.api.choices import Folder, chosen_scoring
from subliminal_bench.mitigation.card import Value
from subliminal_bench.mitigation.objects import MitigationSpec
from subliminal_bench.reports import robust
from subliminal_bench.results.store import Store
from subliminal_bench.running.progress import ConsoleWatcher
from subliminal_bench.running.tracks import TrackScorings, tracks_named
from subliminal_bench.scoring.robust import TOLERANCES, RobustScorecard


@dataclass(frozen=True, repr=False)
class FinishedTracks:
    """The scorecard of one mitigation on several tracks; a notebook shows it as tables.

    Attributes:
        scorecard: a row per track.
        store: where the runs' seeds and curves are kept.
    """

    scorecard: RobustScorecard
    store: Store

    @property
    def worst(self) -> str | None:
        """The track on which least is prevented; None if none was run."""
        found = self.scorecard.worst
        return found.track if found else None

    def frame(self) -> pandas.DataFrame:
        """The tracks, one per row.

        Columns: `track`, `verdict`, `prevention` with the ends of its 95 % interval, `low` and
        `high`, the final KL's `kl_ratio`, the `skill` that is kept and that of the `base` (nan
        where there is none), the number of `seeds`, and why it `failed`, if it did.
        """
        table = []
        for row in self.scorecard.rows:
            card = row.card
            verdict = card.verdict if card else None
            found, kept = (card.prevention, card.distillation) if card else (None, None)
            values = card.columns[0].values if card else {}
            skill, base = (
                card.columns[0].mean(name) if card and name in values else float("nan")
                for name in ("skill_accuracy", "skill_accuracy_initial")
            )
            table.append(
                {
                    "track": row.track,
                    "verdict": verdict.text if verdict else None,
                    "prevention": found.estimate if found else float("nan"),
                    "low": found.low if found else float("nan"),
                    "high": found.high if found else float("nan"),
                    "kl_ratio": kept.ratio if kept else float("nan"),
                    "skill": skill,
                    "base": base,
                    "seeds": len(card.seeds) if card else 0,
                    "failed": row.failed,
                }
            )
        return pandas.DataFrame(table)

    def profile(self) -> pandas.DataFrame:
        """Performance profiles: the share of tracks within each tolerance of the best entry.

        One row per entry, one column per tolerance.
        """
        profiles = self.scorecard.profiles()
        return pandas.DataFrame.from_dict(profiles, orient="index", columns=list(TOLERANCES))

    def summary(self, form: str = "terminal") -> str:
        """As text.

        Args:
            form: `terminal` for 80 columns, `markdown` or `json`.
        """
        return robust.text(self.scorecard, form)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"<{self.scorecard.name} on {len(self.scorecard.rows)} tracks>"

    def _repr_markdown_(self) -> str:
        """What a notebook shows."""
        return self.summary("markdown")


def run_on_tracks(
    mitigation: MitigationSpec | Sequence[MitigationSpec],
    tracks: str | Iterable[str] = "robust",
    *,
    seeds: str | int | Iterable[int] = "1-10",
    measure_every: int = 1,
    settings: Mapping[str, Value] | None = None,
    device: str = "auto",
    engine: str = "local",
    store: Folder | Store | None = None,
    data_dir: Folder | None = None,
    weights: bool = True,
    rerun_references: bool = False,
    isolate: bool = False,
    isolate_timeout: float | None = None,
    isolate_memory: float | None = None,
    quiet: bool = False,
) -> FinishedTracks:
    """Run a mitigation with one setting on several tracks, and score it on each.

    A track whose data is missing, or on which the mitigation fails, is a row that says so.

    Args:
        mitigation: see `run`.
        tracks: `robust`, or protocols' names in a sequence or separated by commas.
        seeds: as in `run`, as are all that follow.
        measure_every: of those tracks that are measured at every step as they are.
        settings: the same on every track.
        device: where to train.
        engine: that trains.
        store: of finished seeds.
        data_dir: folder with `MNIST/raw` and `FashionMNIST/raw`, or several as in `PATH`.
        weights: whether they are kept.
        rerun_references: whether committed numbers are ignored.
        isolate: whether the mitigation runs in its own process.
        isolate_timeout: of a hook call.
        isolate_memory: of that process.
        quiet: show no progress.

    Raises:
        BenchmarkError: the caller made a mistake; the error is one line.
    """
    chosen = chosen_scoring(
        mitigation,
        protocol="mnist-5k",
        seeds=seeds,
        measure_every=measure_every,
        settings=settings,
        device=device,
        engine=engine,
        store=store,
        data_dir=data_dir,
        weights=weights,
        rerun_references=rerun_references,
        isolate=isolate,
        isolate_timeout=isolate_timeout,
        isolate_memory=isolate_memory,
        quiet=quiet,
    )
    loaded = TrackScorings(chosen, tracks_named(tracks)).load()
    if quiet:
        return FinishedTracks(loaded.run(), chosen.setup.store)
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        return FinishedTracks(loaded.run(watcher), chosen.setup.store)
