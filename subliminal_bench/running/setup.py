"""The set-up of a run: everything that a user may choose.

The command line, Python and pytest all fill a `Setup`, so they offer the same choices.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path

from subliminal_bench.errors import EngineError, MitigationError, Setting
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.seed_ranges import parse_seeds
from subliminal_bench.experiment.tracks import measured_every, protocol_named
from subliminal_bench.mitigation.isolation.confinement import Limits
from subliminal_bench.mitigation.isolation.proxy import load_isolated
from subliminal_bench.mitigation.mitigation import (
    Mitigation,
    load_mitigation,
    refuse_built_in_names,
)
from subliminal_bench.mitigation.objects import MitigationSpec
from subliminal_bench.printable import brief
from subliminal_bench.results.store import Store, store_folder
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.cluster import ray_engine
from subliminal_bench.running.engine import Engine
from subliminal_bench.running.process_engine import ProcessEngine
from subliminal_bench.running.progress import SILENT, Watcher
from subliminal_bench.running.references import ReferencePlan
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from subliminal_bench.training.device import choose_device

ENGINES = ("local", "ray")
# The least and the most of each limit that systems can keep; the longest time is a week.
_SECONDS = (0.001, 604_800.0)
_GIBIBYTES = (0.5, 1_000_000.0)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The conditions of a run, as a user chooses them.

    Attributes:
        protocol: its name.
        measure_every: steps from one measurement of the alignment to the next.
        device: `auto`, `cpu` or `cuda`.
        engine: `local` or `ray`.
        store: of finished seeds.
        data_dir: folder with `MNIST/raw`; see `load_digits`.
        weights: whether the store keeps the students' weights.
        isolate: whether mitigations are isolated, each in its own process.
        isolate_timeout: seconds that one hook call of an isolated mitigation may take.
        isolate_memory: address space of an isolated mitigation's process, in GiB.

    Raises:
        ProtocolError, EngineError, MitigationError: a value is invalid.
    """

    protocol: str = "mnist-5k"
    measure_every: int = 1
    device: str = "auto"
    engine: str = "local"
    store: Store = field(default_factory=lambda: Store(store_folder(None)))
    data_dir: Path | None = None
    weights: bool = True
    isolate: bool = False
    isolate_timeout: float | None = None
    isolate_memory: float | None = None

    def __post_init__(self) -> None:
        # Checked here, so that a mistake is reported before anything is loaded or run.
        _ = self.chosen_protocol
        if self.engine not in ENGINES:
            raise EngineError(f"unknown engine {brief(self.engine)}; choose local or ray")
        limits = {
            "isolate_timeout": (self.isolate_timeout, *_SECONDS, "s"),
            "isolate_memory": (self.isolate_memory, *_GIBIBYTES, "GiB"),
        }
        for name, (value, least, most, unit) in limits.items():
            if isinstance(value, bool) or not isinstance(value, int | float | None):
                raise MitigationError(
                    f"the limit {brief(value)} is not a number", "give one with ", Setting(name)
                )
            if value is not None and not self.isolate:
                raise MitigationError(
                    "limits are given for a mitigation that is not isolated",
                    Setting(name),
                    " requires ",
                    Setting("isolate", switch=True),
                )
            if value is not None and not value >= least:
                raise MitigationError(
                    f"an isolated mitigation cannot run within {value} {unit}",
                    f"give {least:g} or more with ",
                    Setting(name),
                )
            if value is not None and value > most:
                raise MitigationError(
                    f"no system limits an isolated mitigation to so many {unit}",
                    f"give {most:.0f} or less with ",
                    Setting(name),
                )
        if self.isolate and self.engine != "local":
            raise MitigationError(
                "an isolated mitigation's process is started on this machine",
                "leave out ",
                Setting("engine"),
                " or ",
                Setting("isolate", switch=True),
            )

    @property
    def chosen_protocol(self) -> Protocol:
        """The protocol of that name, measured as often as chosen."""
        return measured_every(protocol_named(self.protocol), self.measure_every)

    def load(
        self,
        mitigation: MitigationSpec | Sequence[MitigationSpec],
        settings: Sequence[str],
        needs_sandbox: bool = False,
    ) -> Mitigation:
        """Load a mitigation, isolated if the user chose that.

        Args:
            mitigation: as `load_mitigation` takes it; a name or path if it is isolated.
            settings: `name=value` each.
            needs_sandbox: whether it is refused if it would be isolated without a sandbox.

        Raises:
            MitigationError: it does not exist, is not usable, or lacks a parameter that is set.
            DeviceError: the device, which decides the limits, does not exist.
        """
        if not self.isolate:
            return load_mitigation(mitigation, settings)
        if not isinstance(mitigation, str | PathLike):
            raise MitigationError(
                "another process loads an isolated mitigation: give its name or its .py file"
            )
        device = choose_device(self.device).type
        limits = Limits.of(device, self.isolate_timeout, self.isolate_memory)
        limits = replace(limits, needs_sandbox=needs_sandbox)
        return load_isolated(fspath(mitigation), settings, limits)

    @contextmanager
    def bench(self, watcher: Watcher = SILENT) -> Iterator[Bench]:
        """A bench on the chosen engine, which is disconnected at the end of `with`.

        Raises:
            EngineError: there is no such cluster.
            DeviceError: there is no such device.
        """
        with self._engine() as engine:
            device = engine.choose(self.device)
            protocol = self.chosen_protocol
            yield Bench(
                protocol,
                device,
                self.store,
                self.data_dir,
                watcher,
                engine,
                keep_weights=self.weights,
            )

    def _engine(self) -> AbstractContextManager[Engine]:
        return ray_engine.connected() if self.engine == "ray" else nullcontext(ProcessEngine())


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """A mitigation to run and score.

    Attributes:
        setup: the conditions.
        mitigation: as `load_mitigation` takes it.
        seeds: such as `1-10`, or numbers.
        settings: values of its parameters, `name=value` each.
        rerun_references: run the references, even if committed entries have their numbers.
    """

    setup: Setup
    mitigation: MitigationSpec | Sequence[MitigationSpec]
    seeds: str | int | Iterable[int] = "1-10"
    settings: Sequence[str] = ()
    rerun_references: bool = False

    def load(self) -> "LoadedScoring":
        """Read the seeds and load the mitigation; nothing is run yet.

        Raises:
            BenchmarkError: a choice is invalid; the error is one line.
        """
        seeds = parse_seeds(self.seeds, self.setup.chosen_protocol)
        mitigation = self.setup.load(self.mitigation, self.settings)
        refuse_built_in_names(mitigation)
        settings = mitigation.twin_settings
        twin = (
            self.setup.load(self.mitigation, [*self.settings, *settings]) if settings else None
        )
        return LoadedScoring(self, seeds, mitigation, twin)


@dataclass(frozen=True)
class LoadedScoring:
    """A `Scoring` with its seeds read, and its mitigation and that one's twin loaded."""

    chosen: Scoring
    seeds: tuple[int, ...]
    mitigation: Mitigation
    twin: Mitigation | None = None

    def run(self, watcher: Watcher = SILENT) -> Scorecard:
        """Run the mitigation and its references, and score it.

        Raises:
            BenchmarkError: see `Bench.run`.
        """
        with self.chosen.setup.bench(watcher) as bench:
            rerun = self.chosen.rerun_references
            plan = ReferencePlan.of(bench, self.mitigation, self.seeds, rerun, self.twin)
            return build_scorecard(*plan.run(bench, self.seeds))
