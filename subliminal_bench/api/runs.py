"""The benchmark in a few lines of Python: run, score, compare, and results as pandas frames.

>>> import subliminal_bench as sb
>>> board = sb.leaderboard_frame()
>>> list(board[board.verdict == "reference"].entry)
['baseline']
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike

import pandas
from rich.console import Console

from subliminal_bench import shipped
from subliminal_bench.api.choices import Folder, chosen_scoring, kept_store, named_folder
from subliminal_bench.errors import BenchmarkError, ResultError
from subliminal_bench.experiment.metrics import STEP_CURVES
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.mitigation.card import Value
from subliminal_bench.mitigation.objects import MitigationSpec
from subliminal_bench.printable import brief
from subliminal_bench.reports import tables, text
from subliminal_bench.reports.export import readers_frame, run_frame
from subliminal_bench.results.lookup import find_run, find_runs, finished_references
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.running.progress import ConsoleWatcher
from subliminal_bench.scoring.comparison import Comparison
from subliminal_bench.scoring.ranking import rank_folder
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard, side_by_side


@dataclass(frozen=True, repr=False)
class Finished:
    """A scorecard and the runs behind it; a notebook shows it as tables.

    Attributes:
        scorecard: the verdict and the numbers behind it.
        store: where the runs' seeds and curves are kept.
    """

    scorecard: Scorecard
    store: Store

    @property
    def verdict(self) -> str | None:
        """The verdict word; None for the baseline and for a side-by-side comparison."""
        return self.scorecard.verdict.text if self.scorecard.verdict else None

    @property
    def prevention(self) -> float | None:
        """The share of plain distillation's trait that is prevented at equal distillation.

        By the reader that finds most; None if it cannot be judged.
        """
        verdict = self.scorecard.verdict
        return verdict.prevention.estimate if verdict and verdict.prevention else None

    @property
    def names(self) -> tuple[str, ...]:
        """The runs' names here; the scored run first."""
        return self.scorecard.names

    def run(self, name: str | None = None) -> Run:
        """One of the runs, as it is written to files; the first run by default.

        Raises:
            ResultError: no run has that name.
        """
        runs = dict(self.scorecard.runs())
        chosen = self.names[0] if name is None else name
        if not isinstance(chosen, str) or chosen not in runs:
            raise ResultError(f"no run {brief(chosen)} here; there are {', '.join(self.names)}")
        return runs[chosen]

    def frame(self, name: str | None = None) -> pandas.DataFrame:
        """A run with one row per seed: the seed, its metrics, and the step of divergence.

        Metrics are unscaled: fractions and nats; nan if the student diverged.
        """
        run = self.run(name)
        return run_frame(run.only(self.scorecard.seeds))

    def curves(self, name: str | None = None) -> pandas.DataFrame:
        """A run's curves with one row per seed and step: `trait_loss`, `cosine_pre` and so on.

        `test_accuracy` is nan between the steps at which it is measured. Seeds whose curves
        are not in the store, such as the seeds of committed entries, have no rows; if none are,
        a warning says so.
        """
        run = self.run(name)
        every = protocol_named(run.protocol.name).test_every
        kept = self.store.curves(run.only(self.scorecard.seeds))
        frames = []
        for seed, curves in sorted(kept.items()):
            rows = pandas.DataFrame({one: curves[one].numpy() for one in STEP_CURVES})
            rows.insert(0, "seed", seed)
            rows.insert(1, "step", rows.index)
            tests = pandas.Series(curves["test_accuracy"].numpy())
            rows["test_accuracy"] = tests.set_axis(tests.index * every)
            frames.append(rows)
        if not frames:
            warnings.warn(
                f"{run.mitigation.label} has no curves in {self.store.root}: its numbers are "
                "committed ones; rerun_references=True runs it here",
                stacklevel=2,
            )
            return pandas.DataFrame(columns=["seed", "step", *STEP_CURVES, "test_accuracy"])
        return pandas.concat(frames, ignore_index=True)

    def comparisons(self) -> pandas.DataFrame:
        """The paired comparisons, one per row; differences and shares are fractions.

        Columns: `entry`, `reference`; the `difference` in trait accuracy with the ends of its
        95 % interval, `low` and `high`; `p` after Holm; `lower_in`, the share of seeds with
        less trait; the final KL's `kl_ratio` and its upper bound `kl_at_most`; whether the
        `distillation` is kept; `training_kl_ratio`.
        """
        return pandas.DataFrame([_numbers(one) for one in self.scorecard.comparisons])

    def readers(self) -> pandas.DataFrame:
        """What every reader finds at equal distillation, one per row.

        Columns: `reader`, a metric's name; the means of the `student`, of `plain` distillation
        at the student's KL and of the `untrained` model; the `share` of plain distillation's
        gain with its 95 % interval, `low` and `high`; whether `enough` is distilled to judge.
        The last row is the fit on noise, an alarm and no reader. Empty if the run or its
        baseline was not read in the body.
        """
        return readers_frame(self.scorecard)

    def summary(self, form: str = "terminal", *, full: bool = False) -> str:
        """The scorecard as text.

        Args:
            form: `terminal` for 80 columns, `markdown` or `json`, which has everything.
            full: with every metric, comparison and reader.
        """
        return text.text(self.scorecard, form, full)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        verdict = f": {self.verdict}" if self.verdict else ""
        return f"<{', '.join(self.names)}; {tables.title(self.scorecard)}{verdict}>"

    def _repr_markdown_(self) -> str:
        """What a notebook shows."""
        return self.summary("markdown")


def run(
    mitigation: MitigationSpec | Sequence[MitigationSpec],
    *,
    protocol: str = "mnist-5k",
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
) -> Finished:
    """Run a mitigation and score it against the references on the same seeds.

    Finished seeds are kept and never run twice, as with the command `run`.

    Args:
        mitigation: a name, a `.py` file, `module:attribute`, several of these joined by `+`;
            or the class, the `mitigation` function or the module itself; or a list of any of
            these, applied in that order. A class or function from a notebook is run again
            from the source of its cell. The cell is treated as a file, so it must import
            everything that it uses.
        protocol: `mnist-5k` (embedded), `mnist` (canonical) or `probe`.
        seeds: such as `"1-10"` or `[1, 3, 5]`.
        measure_every: steps from one measurement of the alignment to the next. With more than
            1, the same students take less time, and their results are kept apart.
        settings: values of its parameters.
        device: `auto`, `cpu` or `cuda`.
        engine: `local` (this process) or `ray` (the cluster of `$RAY_ADDRESS`).
        store: folder of results; `$SUBLIMINAL_BENCH_STORE`, else `subliminal-results`.
        data_dir: folder with `MNIST/raw`; `$SUBLIMINAL_BENCH_DATA`, else a cache folder.
        weights: keep the students' weights in the store.
        rerun_references: run the references here, even if committed entries have their numbers.
        isolate: run the mitigation in its own process; it must be given by name or path.
        isolate_timeout: seconds that one hook call of it may take; 60 by default.
        isolate_memory: address space of its process in GiB; 8 by default, no limit on a GPU.
        quiet: show no progress.

    Raises:
        BenchmarkError: the caller made a mistake, or a hook failed; the error is one line.
    """
    chosen = chosen_scoring(
        mitigation,
        protocol=protocol,
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
    scoring, kept = chosen.load(), chosen.setup.store
    if quiet:
        return Finished(scoring.run(), kept)
    with ConsoleWatcher(Console(stderr=True)) as watcher:
        return Finished(scoring.run(watcher), kept)


def score(
    finished: Finished | Run | Folder,
    *,
    protocol: str | None = None,
    store: Folder | Store | None = None,
) -> Finished:
    """Score a finished run against the references, without running anything.

    Args:
        finished: a name in the store or of a committed entry, the file of a run, or the run.
        protocol: required if the name has runs under several protocols.
        store: folder of results.

    Raises:
        ResultError: there is no such run, or a reference has not run on its seeds.

    >>> score("liminal", protocol="mnist", store="none-here").verdict
    'slows'
    """
    kept = kept_store(store)
    found = _found(finished, protocol, kept)
    return Finished(build_scorecard(found, *finished_references(found, kept)), kept)


def compare(
    *finished: Finished | Run | Folder,
    protocol: str | None = None,
    store: Folder | Store | None = None,
) -> Finished:
    """Compare runs pair by pair, on the seeds that all of them have.

    Args:
        finished: two or more: names, files of runs, or runs.
        protocol: required if the names have runs under several protocols.
        store: folder of results.

    Raises:
        ResultError: there are fewer than two runs, one does not exist, or they share no seed.
        ProtocolError: they ran under different protocols.

    >>> pair = compare("baseline", "liminal", protocol="mnist", store="none-here")
    >>> bool(pair.comparisons().difference[0] > 0.05)
    True
    """
    kept = kept_store(store)
    names = [_name(one) for one in finished if not isinstance(one, Finished | Run)]
    if len(names) == len(finished):
        found, committed = find_runs(names, protocol, kept)
        return Finished(side_by_side(found, committed), kept)
    if len(finished) < 2:
        raise ResultError("name at least two runs to compare")
    runs: dict[str, Run] = {}
    for one in finished:
        run = _found(one, protocol, kept)
        name = run.mitigation.label
        while name in runs:
            name += "*"
        runs[name] = run
    return Finished(side_by_side(runs), kept)


def leaderboard_frame(folder: Folder | None = None) -> pandas.DataFrame:
    """The leaderboard as a frame, one row per entry: blind entries first, best first.

    Args:
        folder: the leaderboard's folder; by default the one that ships with the package.

    Returns:
        Columns `rank` (empty if the entry has none), `tied`, `entry`, `access`, `verdict`,
        `hindrance` (why an entry that is not verified has no rank), `pareto`, `seeds`,
        `prevention` at equal distillation with the ends of its 95 % interval,
        `prevention_low` and `prevention_high`, and the `reader` that decides it;
        `trait_accuracy` with its `sd`, and the columns of `Finished.comparisons` against the
        baseline.
    """
    root = shipped.folder("leaderboard") if folder is None else named_folder("folder", folder)
    levels = rank_folder(root)
    rows = []
    for level in levels:
        for row in level.rows:
            trait, against = row.summary("trait_accuracy"), row.card.against_baseline
            verdict = row.card.verdict
            found = verdict.prevention if verdict else None
            rows.append(
                {
                    "rank": row.rank,
                    "tied": row.tied,
                    "entry": row.run.mitigation.label,
                    "access": level.access,
                    "verdict": row.word.value if verdict else "reference",
                    "hindrance": row.hindrance,
                    "pareto": row.pareto,
                    "seeds": len(row.card.seeds),
                    "prevention": row.prevention if found else None,
                    "prevention_low": found.low if found else None,
                    "prevention_high": found.high if found else None,
                    "reader": found.deciding if found else None,
                    "trait_accuracy": trait.mean,
                    "sd": trait.sd,
                    **(_numbers(against, names=False) if against else {}),
                }
            )
    return pandas.DataFrame(rows).astype({"rank": "Int64"})


def _numbers(one: Comparison, names: bool = True) -> dict[str, object]:
    """A comparison's numbers, unscaled."""
    kept = one.distillation
    return ({"entry": one.entry, "reference": one.reference} if names else {}) | {
        "difference": one.trait.mean,
        "low": one.trait.low,
        "high": one.trait.high,
        "p": one.adjusted_p,
        "lower_in": one.lower_in,
        "kl_ratio": kept.ratio if kept else None,
        "kl_at_most": kept.high if kept else None,
        "distillation": kept.verdict if kept else "diverged",
        "training_kl_ratio": one.training_ratio,
    }


def _found(finished: Finished | Run | Folder, protocol: str | None, store: Store) -> Run:
    if isinstance(finished, Finished):
        return finished.run()
    if isinstance(finished, Run):
        return finished
    return find_run(_name(finished), protocol, store)


def _name(finished: object) -> str:
    if not isinstance(finished, str | PathLike):
        raise BenchmarkError(
            f"a finished run is its name, its file or a Run, not {brief(finished)}"
        )
    return str(finished)
