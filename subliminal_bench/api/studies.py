"""Studies, ablations and grids from Python, with their results as pandas frames."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pandas
from rich.console import Console

from subliminal_bench.api.choices import Folder, kept_store, named_folder
from subliminal_bench.experiment.home import expanded
from subliminal_bench.experiment.tracks import protocol_named
from subliminal_bench.mitigation.card import Value, written_settings
from subliminal_bench.mitigation.objects import MitigationSpec
from subliminal_bench.reports.study.ablation_text import ablation_frame
from subliminal_bench.reports.study.front import study_svg
from subliminal_bench.reports.study.grid_text import grid_frame
from subliminal_bench.reports.study.study_text import study_text
from subliminal_bench.reports.study.trials_frame import trials_frame
from subliminal_bench.results.store import Store
from subliminal_bench.running.grid import Grid
from subliminal_bench.running.progress import SILENT, ConsoleWatcher, Watcher
from subliminal_bench.running.set_file import read_set
from subliminal_bench.running.setup import Setup
from subliminal_bench.running.study.ablation import run_ablation
from subliminal_bench.running.study.finding_studies import shown_study
from subliminal_bench.running.study.findings import Findings
from subliminal_bench.running.study.study import DEFAULT_SEEDS, Study, coarse


@dataclass(frozen=True, repr=False)
class Studied:
    """What a study found; a notebook shows its table.

    Attributes:
        findings: the trials and their scorecards.
    """

    findings: Findings

    @property
    def best(self) -> dict[str, Value] | None:
        """The settings that are shown to prevent most of those that keep the final KL."""
        found = self.findings.best
        return dict(found.settings) if found else None

    @property
    def recommended(self) -> dict[str, Value] | None:
        """The best settings, if they are shown to prevent more than a tenth."""
        found = self.findings.recommended
        return dict(found.settings) if found else None

    def frame(self) -> pandas.DataFrame:
        """The trials, one per row: settings, numbers, and what became of each."""
        return trials_frame(self.findings)

    def svg(self) -> str | None:
        """The picture of the front, as an SVG document; None without a trial that has run."""
        return study_svg(self.findings)

    def summary(self) -> str:
        """The table and what follows from it, for a terminal of 80 columns."""
        return study_text(self.findings)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        name = self.findings.record.mitigation.label
        return f"<study of {name}: {len(self.findings.trials)} trials, best {self.best}>"

    def _repr_svg_(self) -> str | None:
        """What a notebook shows."""
        return self.svg()


def study(
    mitigation: MitigationSpec | Sequence[MitigationSpec],
    *,
    space: Sequence[str] | Mapping[str, str] = (),
    trials: int = 20,
    seeds: str | Sequence[int] = DEFAULT_SEEDS,
    protocol: str = "mnist-5k",
    measure_every: int | None = None,
    settings: Mapping[str, Value] | None = None,
    check: bool = True,
    store: Folder | Store | None = None,
    device: str = "auto",
    engine: str = "local",
    data_dir: Folder | None = None,
    quiet: bool = False,
) -> Studied:
    """Look for a mitigation's best settings, as the command `study` does.

    Args:
        mitigation: as `run` takes it.
        space: what to try, such as `{"weight": "0.01..1:log"}`; by default what the card says.
        trials: how many settings to try, with those that the store has.
        seeds: on which to try them, from 1001 to 2000.
        protocol: its name.
        measure_every: steps from one measurement of the alignment to the next; 10 by default.
        settings: that all trials share.
        check: run the best settings on fresh seeds at the end.
        store: folder of results.
        device: `auto`, `cpu` or `cuda`.
        engine: `local` or `ray`.
        data_dir: folder with `MNIST/raw`.
        quiet: show no progress.

    Raises:
        BenchmarkError: the caller made a mistake; the error is one line.
    """
    written = (
        [f"{n}={one}" for n, one in space.items()] if isinstance(space, Mapping) else space
    )
    chosen = Study(
        setup=_setup(protocol, measure_every, store, device, engine, data_dir),
        mitigation=mitigation,
        space=list(written),
        settings=[] if settings is None else written_settings(settings),
        seeds=seeds,
        trials=trials,
        check=check,
    ).load()
    with _watching(quiet) as watcher:
        return Studied(chosen.run(watcher))


def find_study(
    name: str, *, protocol: str | None = None, store: Folder | Store | None = None
) -> Studied:
    """The latest study of a mitigation in a store; nothing is run.

    Args:
        name: of the mitigation, or of the study's folder.
        protocol: its name; by default any.
        store: folder of results.

    Raises:
        ResultError: there is none.
    """
    return Studied(shown_study(kept_store(store), name, protocol))


def ablate(
    mitigation: MitigationSpec | Sequence[MitigationSpec],
    *,
    seeds: str | Sequence[int] = DEFAULT_SEEDS,
    protocol: str = "mnist-5k",
    measure_every: int | None = None,
    settings: Mapping[str, Value] | None = None,
    store: Folder | Store | None = None,
    device: str = "auto",
    engine: str = "local",
    data_dir: Folder | None = None,
    quiet: bool = False,
) -> pandas.DataFrame:
    """Switch each part of a composition and each mechanism of a card off in turn.

    Args:
        mitigation: as `run` takes it.
        seeds: to run on, from 1001 to 2000.
        protocol: its name.
        measure_every: steps from one measurement of the alignment to the next; 10 by default.
        settings: of all variants.
        store: folder of results.
        device: `auto`, `cpu` or `cuda`.
        engine: `local` or `ray`.
        data_dir: folder with `MNIST/raw`.
        quiet: show no progress.

    Returns:
        One row per variant, the whole mitigation first: `variant`, `prevention` with the ends
        of its 95 % interval, `kl_ratio`, whether the KL is `kept`, `expressed`, `latent`.

    Raises:
        BenchmarkError: there is nothing to switch off, or the caller made a mistake.
    """
    chosen = Study(
        setup=_setup(protocol, measure_every, store, device, engine, data_dir),
        mitigation=mitigation,
        settings=[] if settings is None else written_settings(settings),
        seeds=seeds,
    )
    with _watching(quiet) as watcher:
        return ablation_frame(run_ablation(chosen, watcher))


def grid(
    file: Folder,
    *,
    run: bool = True,
    measure_every: int = 1,
    store: Folder | Store | None = None,
    device: str = "auto",
    engine: str = "local",
    data_dir: Folder | None = None,
    quiet: bool = False,
) -> pandas.DataFrame:
    """Run many mitigations, settings and protocols from a file, as the command `grid` does.

    Args:
        file: a `.toml` file with `protocols`, `seeds` and `[[run]]` tables.
        run: whether what is missing is run; otherwise the frame shows what the store has.
        measure_every: steps from one measurement of the alignment to the next.
        store: folder of results.
        device: `auto`, `cpu` or `cuda`.
        engine: `local` or `ray`.
        data_dir: folder with `MNIST/raw`.
        quiet: show no progress.

    Returns:
        One row per mitigation, choice of settings and protocol: `verdict`, `prevention` and so
        on; `missing` seeds; and the `failure` of what cannot run.

    Raises:
        ResultError: the file cannot be read.
    """
    setup = Setup(
        measure_every=measure_every,
        store=kept_store(store),
        device=device,
        engine=engine,
        data_dir=None if data_dir is None else named_folder("data_dir", data_dir),
    )
    chosen = Grid(setup, read_set(expanded(Path(file))))
    if not run:
        return grid_frame(chosen.look())
    with _watching(quiet) as watcher:
        return grid_frame(chosen.run(watcher))


def _setup(
    protocol: str,
    measure_every: int | None,
    store: Folder | Store | None,
    device: str,
    engine: str,
    data_dir: Folder | None,
) -> Setup:
    return Setup(
        protocol=protocol,
        measure_every=coarse(protocol_named(protocol))
        if measure_every is None
        else measure_every,
        store=kept_store(store),
        device=device,
        engine=engine,
        data_dir=None if data_dir is None else named_folder("data_dir", data_dir),
    )


def _watching(quiet: bool) -> "nullcontext[Watcher] | ConsoleWatcher":
    return nullcontext(SILENT) if quiet else ConsoleWatcher(Console(stderr=True))
