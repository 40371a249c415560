"""Results as they are written and read: one schema for runs and leaderboard entries."""

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import pydantic
from pydantic import Field, FiniteFloat

from subliminal_bench.errors import ProtocolError
from subliminal_bench.experiment.metrics import (
    EVERY_METRIC,
    METRICS,
    SKILL_METRICS,
)
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.mitigation.card import Access
from subliminal_bench.mitigation.separation import Network, Sandbox, Separation

if TYPE_CHECKING:
    from subliminal_bench.mitigation.mitigation import Mitigation
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.jsonfile import (
    Line,
    SettingValues,
    StrictRecord,
    read_record,
    write_record,
)
from subliminal_bench.results.path_record import FEW_SHOT, PathRecord
from subliminal_bench.results.weight_change import WeightChangeRecord

# Cached, because a leaderboard of a thousand entries checks millions of values.
_LATER = {name for name, metric in METRICS.items() if metric.since > 1}
_RANGES = {name: (metric.lowest, metric.highest) for name, metric in EVERY_METRIC.items()}

_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Name = Annotated[Line, Field(min_length=1, max_length=200)]


class ProtocolRecord(StrictRecord):
    """The experiment that a result is from."""

    name: _Name
    version: int
    fingerprint: _Digest

    @classmethod
    def of(cls, protocol: Protocol) -> "ProtocolRecord":
        """The record of a protocol."""
        return cls(
            name=protocol.name, version=protocol.version, fingerprint=protocol.fingerprint
        )

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.name}-v{self.version}"


class MitigationRecord(StrictRecord):
    """The mitigation that ran: its card, its parameter values and the hash of its source."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$")]
    title: Line
    access: Access
    reference: Line
    settings: SettingValues
    source_sha256: _Digest
    # The object in that source, if the user chose one of several.
    attribute: Line = ""
    # The names of the settings that differ from their defaults.
    changed: list[str] = Field(default_factory=list)
    # What it presumes about the data; written only if it presumes anything.
    prior: Line = Field(default="", exclude_if=lambda found: not found)

    @pydantic.model_validator(mode="after")
    def _changed_are_settings(self) -> "MitigationRecord":
        unknown = sorted(set(self.changed) - self.settings.keys())
        if unknown:
            raise ValueError(f"changed settings {unknown} are not among the settings")
        return self

    @classmethod
    def of(cls, mitigation: "Mitigation") -> "MitigationRecord":
        """The record of a loaded mitigation."""
        return cls(
            name=mitigation.name,
            title=mitigation.title,
            access=mitigation.access,
            reference=mitigation.reference,
            settings=mitigation.settings,
            source_sha256=mitigation.source_sha256,
            attribute=mitigation.attribute,
            changed=mitigation.changed,
            prior=mitigation.prior,
        )

    @property
    def changed_settings(self) -> list[str]:
        """The settings that differ from their defaults, `name=value` each."""
        return [f"{name}={self.settings[name]}" for name in self.changed]

    @property
    def file_stem(self) -> str:
        """The name of an entry's file: its own, with a hash of its settings if any differ."""
        if not self.changed:
            return self.name
        settings = json.dumps(self.settings, sort_keys=True)
        return f"{self.name}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"

    @property
    def label(self) -> str:
        """The name, with the settings that differ from their defaults."""
        shown = ", ".join(self.changed_settings)
        return f"{self.name} ({shown})" if shown else self.name


class SeedResult(StrictRecord):
    """One seed's metrics; None if the student diverged.

    Results of schema 1 lack the metrics that came later: all of them, or none. Those of tracks
    with a capable base have its skill too; those of a backdoor have no few-shot readers.
    """

    seed: Annotated[int, Field(ge=1)]
    metrics: dict[str, FiniteFloat | None]
    diverged_at: Annotated[int, Field(ge=0)] | None
    # Only of plain distillation.
    path: PathRecord | None = Field(default=None, exclude_if=lambda found: found is None)
    # Of students that did not diverge; earlier files have none.
    weight_change: WeightChangeRecord | None = Field(
        default=None, exclude_if=lambda found: found is None
    )

    @pydantic.field_validator("metrics")
    @classmethod
    def _every_metric(cls, metrics: dict[str, float | None]) -> dict[str, float | None]:
        missing, extra = METRICS.keys() - metrics.keys(), metrics.keys() - METRICS.keys()
        has_skill = extra == SKILL_METRICS.keys()
        without: tuple[set[str], ...] = (set(), FEW_SHOT) if has_skill else (set(), _LATER)
        if (extra and not has_skill) or missing not in without:
            if extra & SKILL_METRICS.keys():
                missing, extra = (
                    missing | SKILL_METRICS.keys() - extra,
                    extra - SKILL_METRICS.keys(),
                )
            raise ValueError(f"metrics missing {sorted(missing)}, unknown {sorted(extra)}")
        for name, value in metrics.items():
            lowest, highest = _RANGES[name]
            if value is not None and not lowest <= value <= highest:
                raise ValueError(f"{name} is {value}, outside {lowest} to {highest}")
        return {name: metrics[name] for name in EVERY_METRIC if name in metrics}

    @pydantic.model_validator(mode="after")
    def _empty_where_diverged(self) -> "SeedResult":
        if (None in self.metrics.values()) != (self.diverged_at is not None):
            raise ValueError("metrics must be empty if and only if the student diverged")
        if self.weight_change and self.diverged_at is not None:
            raise ValueError("the weights of a student that diverged have no change")
        return self

    @property
    def is_read(self) -> bool:
        """Whether it has everything that this version measures."""
        return self.metrics.keys() >= _LATER - FEW_SHOT


class Blindness(StrictRecord):
    """Whether a student was bit-identical with other audit and test digits.

    Attributes:
        seed: of the student.
        shown: whether it was bit-identical.
    """

    seed: Annotated[int, Field(ge=1)]
    shown: bool


class Isolation(StrictRecord):
    """How a mitigation was isolated in its own process.

    Attributes:
        network: the network that its process had left.
        sandbox: that its process ran in; files from before there was one do not say.
    """

    network: Network
    # Written only if there was one, so that the files of other runs do not change.
    sandbox: Sandbox = Field(default="none", exclude_if=lambda found: found == "none")

    @classmethod
    def of(cls, separation: Separation) -> "Isolation":
        """The record of what kept a process apart."""
        return cls(network=separation.network, sandbox=separation.sandbox)

    @property
    def is_sandboxed(self) -> bool:
        """Whether its process saw no files but its own, and no network."""
        return self.sandbox != "none" and self.network == "none"

    @property
    def text(self) -> str:
        """In words.

        >>> Isolation(network="none", sandbox="bubblewrap").text
        'in a sandbox of its own, without files and network'
        >>> Isolation(network="none").text
        'in a process of its own, without a network, NOT in a sandbox'
        """
        if self.is_sandboxed:
            return "in a sandbox of its own, without files and network"
        network = "without a network" if self.network == "none" else "with the network"
        return f"in a process of its own, {network}, NOT in a sandbox"

    @property
    def key(self) -> str:
        """A part of the store's key; without a sandbox as before there was one."""
        if self.is_sandboxed:
            return self.text
        return self.text.removesuffix(", NOT in a sandbox")


class Twin(StrictRecord):
    """The same mitigation with its mechanism switched off, on the same seeds.

    Attributes:
        settings: its settings that differ from the mitigation's own.
        seeds: its results.
    """

    settings: SettingValues
    seeds: Annotated[list[SeedResult], Field(min_length=1)]


class RunHeader(StrictRecord):
    """The facts that all seeds of an entry have in common."""

    schema_version: Literal[1, 2]
    protocol: ProtocolRecord
    mitigation: MitigationRecord
    environment: Environment
    # Written only if it is set, so that the files of other runs do not change.
    isolation: Isolation | None = Field(default=None, exclude_if=lambda found: found is None)


class Run(RunHeader):
    """All finished seeds of one mitigation; `run` writes it to a file and `export` reads it."""

    # One with plain distillation's path has 12 kB for each seed: some 2900 seeds.
    most_bytes: ClassVar[int] = 2**25

    seeds: Annotated[list[SeedResult], Field(min_length=1)]
    # Only for runs for the leaderboard, and not for oracles.
    blindness: Blindness | None = None
    # Only if the card names one.
    twin: Twin | None = Field(default=None, exclude_if=lambda found: found is None)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _without_looks(cls, content: object) -> object:
        # Version 0.1 wrote `looks`: null, or the interim looks of a run that stopped early.
        if not isinstance(content, dict) or "looks" not in content:
            return content
        if content["looks"] is not None:
            raise ValueError(
                "it was run with interim looks, which this version no longer reads"
            )
        return {name: value for name, value in content.items() if name != "looks"}

    @pydantic.field_validator("seeds")
    @classmethod
    def _sorted_once(cls, seeds: list[SeedResult]) -> list[SeedResult]:
        numbers = [result.seed for result in seeds]
        if numbers != sorted(set(numbers)):
            raise ValueError("seeds must be ascending and unique")
        return seeds

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The seeds, ascending."""
        return tuple(result.seed for result in self.seeds)

    def has(self, seeds: Sequence[int]) -> bool:
        """Whether it has all of these seeds."""
        return set(seeds) <= set(self.seed_numbers)

    def first(self, count: int) -> "Run":
        """The same run with its first `count` seeds only."""
        return self.model_copy(update={"seeds": self.seeds[:count]})

    def only(self, seeds: Collection[int]) -> "Run":
        """The same run with only these of its seeds."""
        kept = [result for result in self.seeds if result.seed in seeds]
        return self.model_copy(update={"seeds": kept})

    def columns(self, seeds: Sequence[int]) -> dict[str, list[float | None]]:
        """Every metric's values, in the order of `seeds`; None where it was not measured."""
        by_seed = {result.seed: result.metrics for result in self.seeds}
        rows = [by_seed[seed] for seed in seeds]
        return {metric: [row.get(metric) for row in rows] for metric in self.measured}

    @property
    def start(self) -> str:
        """What a student starts from, in a word: `untrained`, or a `base` with a skill."""
        return "base" if SKILL_METRICS.keys() <= self.seeds[0].metrics.keys() else "untrained"

    @property
    def measured(self) -> list[str]:
        """The names of what is measured under its protocol, in the order of tables."""
        own = self.seeds[0].metrics
        lacks = FEW_SHOT if own.keys() >= SKILL_METRICS.keys() else set()
        return [
            name
            for name in EVERY_METRIC
            if name in own or (name in METRICS and name not in lacks)
        ]

    def column(self, metric: str, seeds: Sequence[int] | None = None) -> list[float | None]:
        """One metric's values, in the order of `seeds` (by default all seeds of the run)."""
        if seeds is None or tuple(seeds) == self.seed_numbers:
            return [result.metrics.get(metric) for result in self.seeds]
        by_seed = {result.seed: result.metrics.get(metric) for result in self.seeds}
        return [by_seed[seed] for seed in seeds]


def same_protocol(runs: Sequence[Run]) -> ProtocolRecord:
    """The protocol that all runs share.

    Raises:
        ProtocolError: they are from different protocols, or from different versions of one.
    """
    first = runs[0].protocol
    for run in runs[1:]:
        other = run.protocol
        if other != first:
            detail = "" if other.label != first.label else " with another fingerprint"
            raise ProtocolError(
                f"{runs[0].mitigation.name} ran under {first.label} and {run.mitigation.name} "
                f"under {other.label}{detail}: different protocols are never compared"
            )
    return first


def read_run(path: Path, root: Path | None = None) -> Run:
    """Read a run or an entry.

    Args:
        path: of the file.
        root: the folder below which no link is followed; None if the user named the file.

    Raises:
        NoSuchFileError: there is no such file.
        ResultError: the file is not JSON, does not match the schema, or was changed after it
            was written.
    """
    return read_record(Run, path, root=root)


def write_run(path: Path, run: Run, *, kept: bool = False) -> None:
    """Write a run with the digest of its content, atomically.

    Args:
        path: of the file.
        run: its content.
        kept: whether it is in a leaderboard; see `files.write_atomically`.
    """
    write_record(path, run, kept=kept)
