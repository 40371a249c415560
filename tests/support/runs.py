"""Runs made by hand, for the tests of everything that reads results."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from subliminal_bench import shipped
from subliminal_bench.experiment.metrics import CURVES, EVERY_METRIC, METRICS, PATH_READINGS
from subliminal_bench.experiment.protocol import MNIST, Protocol
from subliminal_bench.mitigation.card import Access, sees_labels
from subliminal_bench.results.environment import Environment
from subliminal_bench.results.jsonfile import SCHEMA, write_record
from subliminal_bench.results.path_record import PathRecord
from subliminal_bench.results.run import (
    Blindness,
    MitigationRecord,
    ProtocolRecord,
    Run,
    RunHeader,
    SeedResult,
)

# A healthy, undamaged student of plain distillation.
_UNTRAINED = 0.09
# Each reading of the untrained model, and what plain distillation adds to it where it adds .41
# to the trait accuracy: about as measured on mnist.
READINGS: Mapping[str, tuple[float, float]] = {
    "trait_accuracy": (_UNTRAINED, 0.41),
    "expressed_meanfree": (0.11, 0.36),
    "latent_accuracy": (0.38, 0.34),
    "latent_on_noise": (0.21, 0.20),
    "latent_high_pass": (0.38, 0.22),
    "latent_layer1_on_noise": (0.28, 0.17),
    "latent_layer1_high_pass": (0.48, 0.15),
    "few_shot_layer1": (0.68, 0.07),
    "few_shot_layer2": (0.63, 0.12),
    "noise_fit": (0.52, 0.26),
}
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
    "ceiling_accuracy": 0.92,
    **{
        f"{name}_initial": untrained
        for name, (untrained, _) in READINGS.items()
        if f"{name}_initial" in METRICS
    },
}
# Of tracks with a capable base, which keeps what it can do.
SKILL: Mapping[str, float] = {
    "skill_accuracy": 0.96,
    "skill_accuracy_initial": 0.97,
    "skill_accuracy_teacher": 0.95,
}


def reading(name: str, trait: float) -> float:
    """What a reader finds in a body that has learned as much as its class head expresses."""
    untrained, gain = READINGS[name]
    return min(1.0, max(0.0, untrained + gain * (trait - _UNTRAINED) / 0.41))


def path(trait: float, kl: float) -> PathRecord:
    """A path through a baseline's end, with trait that is linear in the logarithm of the KL."""
    kls = np.geomspace(ORDINARY["kl_initial"], kl, 6)
    beyond = np.geomspace(kl, 0.8 * kl, 4)[1:]
    slope = (trait - _UNTRAINED) / np.log(kls[0] / kl)
    every = [*map(float, kls[:-1]), kl, *map(float, beyond)]
    traits = [trait if one == kl else float(trait + slope * np.log(kl / one)) for one in every]
    return PathRecord(
        steps=[10 * place for place in range(len(every))],
        kl_fresh=every,
        readings={name: [reading(name, one) for one in traits] for name in PATH_READINGS},
    )


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
    """A run with these trait accuracies; None is a seed that diverged.

    It has what its protocol measures: the skill of a capable base; no few-shot readers of a
    backdoor.
    """
    seeds = []
    skill = SKILL if protocol.has_capable_base else {}
    is_backdoor = protocol.trait_task.trigger is not None
    lacking = [one for one in METRICS if is_backdoor and one.startswith("few_shot")]
    for position, accuracy in enumerate(trait):
        values: dict[str, float | None] = {**ORDINARY, **skill}
        values["trait_accuracy"] = values["initial_head_accuracy"] = accuracy
        if accuracy is not None:
            values |= {name: reading(name, accuracy) for name in READINGS}
        for metric, value in metrics.items():
            values[metric] = value if isinstance(value, float) else list(value)[position]
        if accuracy is None:
            values = {
                key: None if EVERY_METRIC[key].when == "at the end" else value
                for key, value in values.items()
            }
        way = None
        if name == "baseline" and accuracy is not None:
            way = _without(path(accuracy, values["kl_fresh"] or 1e-3), lacking)
        seeds.append(
            SeedResult(
                seed=first_seed + position,
                metrics={key: value for key, value in values.items() if key not in lacking},
                diverged_at=None if accuracy is not None else 7,
                path=way,
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
        if blindness is None or sees_labels(access)
        else Blindness(seed=first_seed, shown=blindness),
    )


def _without(way: PathRecord, unread: Sequence[str]) -> PathRecord:
    """A path without what nobody reads."""
    kept = {name: values for name, values in way.readings.items() if name not in unread}
    return way.model_copy(update={"readings": kept})


def unread(run: Run) -> Run:
    """The run as version 0.1 wrote it."""
    seeds = [
        one.model_copy(
            update={
                "metrics": {
                    name: value
                    for name, value in one.metrics.items()
                    if METRICS[name].since == 1
                },
                "path": None,
            }
        )
        for one in run.seeds
    ]
    return run.model_copy(update={"seeds": seeds})


# Its second seed diverged.
PLAIN = make_run("halve", [0.5, None, 0.25], kl_mean=[0.1, 0.2, 0.3])


def keep(root: Path, run: Run, key: str = "0123456789") -> Path:
    """Lay a run into a store."""
    folder = root / run.protocol.label / f"{run.mitigation.name}-{key}"
    header = RunHeader(
        schema_version=1,
        protocol=run.protocol,
        mitigation=run.mitigation,
        environment=run.environment,
    )
    write_record(folder / "entry.json", header)
    for result in run.seeds:
        alone = result.model_copy(update={"path": None})
        write_record(folder / f"seed-{result.seed:04d}.json", alone)
        if result.path:
            write_record(folder / f"path-{result.seed:04d}.json", result.path)
    if run.blindness:
        write_record(folder / "blindness.json", run.blindness)
    return folder


def keep_curves(folder: Path, run: Run, steps: int = 30, test_every: int = 10) -> None:
    """Lay curves beside a run's seeds, each falling, higher for higher seeds."""
    for result in run.seeds:
        shape = (1 + 0.1 * result.seed) * (
            0.5 + np.exp(-np.arange(steps, dtype=np.float32) / 10)
        )
        rows = {
            name: shape[::test_every] if name == "test_accuracy" else shape for name in CURVES
        }
        np.savez(folder / f"seed-{result.seed:04d}.npz", allow_pickle=False, **rows)
