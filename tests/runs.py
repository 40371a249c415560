"""Runs made by hand, for the tests of everything that reads results."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache

from subliminal_bench import shipped
from subliminal_bench.access import Access
from subliminal_bench.metrics import METRICS
from subliminal_bench.protocol import MNIST, Protocol
from subliminal_bench.results import (
    SCHEMA,
    Blindness,
    Environment,
    MitigationRecord,
    ProtocolRecord,
    Run,
    SeedResult,
)

# A healthy, undamaged student of plain distillation.
ORDINARY: Mapping[str, float] = dict.fromkeys(METRICS, 0.0) | {
    "teacher_accuracy": 0.93,
    "initial_accuracy": 0.09,
    "classes_predicted": 8.0,
    "classes_predicted_initial": 4.0,
    "trait_loss_initial": 2.4,
    "trait_loss_final": 1.6,
    "kl_mean": 1e-3,
    "kl_initial": 9e-3,
    "kl_final": 2e-4,
    "kl_fresh": 1e-3,
}


@cache
def _environment() -> Environment:
    """Asked of git once: a simulation makes thousands of runs."""
    return Environment.here("cpu", "a processor", engine=1)


def source_of(name: str) -> str:
    """The hash of the built-in mitigation of that name, else one of the name."""
    built_in = shipped.folder("plugins") / f"{name}.py"
    content = built_in.read_bytes() if built_in.is_file() else name.encode()
    return hashlib.sha256(content).hexdigest()


def make_run(
    name: str,
    trait: Sequence[float | None],
    *,
    access: Access = "blind",
    protocol: Protocol = MNIST,
    first_seed: int = 1,
    blindness: bool | None = True,
    **metrics: float | Sequence[float],
) -> Run:
    """A run with these trait accuracies; None is a seed that diverged."""
    seeds = []
    for position, accuracy in enumerate(trait):
        values: dict[str, float | None] = dict(ORDINARY)
        values["trait_accuracy"] = values["initial_head_accuracy"] = accuracy
        for metric, value in metrics.items():
            values[metric] = value if isinstance(value, float) else list(value)[position]
        if accuracy is None:
            kept = ("teacher_accuracy", "initial_accuracy", "trait_loss_initial", "kl_initial")
            values = {key: value if key in kept else None for key, value in values.items()}
        seeds.append(
            SeedResult(
                seed=first_seed + position,
                metrics=values,
                diverged_at=None if accuracy is not None else 7,
            )
        )
    return Run(
        schema_version=SCHEMA,
        protocol=ProtocolRecord.of(protocol),
        mitigation=MitigationRecord(
            name=name,
            title=name.title(),
            access=access,
            reference="",
            settings={},
            source_sha256=source_of(name),
        ),
        environment=_environment(),
        seeds=seeds,
        blindness=None
        if blindness is None or access != "blind"
        else Blindness(seed=first_seed, shown=blindness),
    )
