"""A valid file of every kind that a stranger may have written, and how it is read."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from subliminal_bench.results.array_files import (
    read_curves,
    read_weights,
    write_curves,
    write_weights,
)
from subliminal_bench.results.draws import Draw
from subliminal_bench.results.folders import TwinLink
from subliminal_bench.results.jsonfile import StrictRecord, _digest, read_record
from subliminal_bench.results.path_record import PathRecord
from subliminal_bench.results.run import Blindness, Run, RunHeader, SeedResult
from subliminal_bench.results.study_records import (
    CheckRecord,
    OutcomeRecord,
    StudyRecord,
    TrialRecord,
)
from subliminal_bench.results.submissions import parse_submission
from subliminal_bench.results.thinned import ThinnedCurves, read_thinned
from subliminal_bench.results.tolerances import Chaos, Tolerances
from subliminal_bench.results.tuned import TunedRecord, TunedSources
from subliminal_bench.results.verified import VerifiedRecord
from tests.support.runs import make_run
from tests.support.runs import path as whole_path
from tests.support.verified import DRAW, verify_by_hand

RUN = make_run("baseline", [0.5, None, 0.25])


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, how it is read, and a valid one."""

    name: str
    read: Callable[[Path], object]
    valid: bytes


def record(kind: type[StrictRecord], whole: StrictRecord) -> Kind:
    """A kind of record, which is JSON."""
    content = whole.model_dump()
    valid = json.dumps(content | {"digest": _digest(content)}).encode()
    return Kind("file.json", lambda path: read_record(kind, path), valid)


def _written(write: Callable[[Path], object], path: Path) -> bytes:
    write(path)
    return path.read_bytes()


def valid_files(folder: Path) -> dict[str, Kind]:
    """The kinds by name; their valid files are written into a folder first."""
    steps = {"trait_loss": torch.arange(4.0), "test_accuracy": torch.ones(2)}
    thin = ThinnedCurves.of(RUN, {1: {name: one.numpy() for name, one in steps.items()}})
    return {
        "run": record(Run, RUN),
        "header": record(
            RunHeader,
            RunHeader(**{name: getattr(RUN, name) for name in RunHeader.model_fields}),
        ),
        "seed": record(SeedResult, RUN.seeds[0]),
        "path": record(PathRecord, whole_path(0.5, 1e-3)),
        "blindness": record(Blindness, Blindness(seed=1, shown=True)),
        "twin": record(TwinLink, TwinLink(settings={"a": "word", "b": 0.5}, folder="idea-1")),
        "verified": Kind(
            "file.json",
            lambda path: read_record(VerifiedRecord, path),
            verify_by_hand(folder / "board", RUN, RUN).read_bytes(),
        ),
        "draw": Kind(
            "draw.json",
            lambda path: read_record(Draw, path),
            (folder / "board" / "fresh" / DRAW / "draw.json").read_bytes(),
        ),
        "tolerances": record(
            Tolerances,
            Tolerances(
                schema_version=1,
                protocol=RUN.protocol,
                chaos=[
                    Chaos(
                        variant="a", entry="liminal", metric="kl_mean", differences=[0.1, 0.2]
                    )
                ],
            ),
        ),
        "study": record(
            StudyRecord,
            StudyRecord(
                protocol=RUN.protocol,
                mitigation=RUN.mitigation,
                space={"weight": "0.01..1:log"},
                seeds=[1001, 1002],
                baseline="baseline-1",
                command="idea.py",
                fixed=["a=1"],
            ),
        ),
        "trial": record(
            TrialRecord, TrialRecord(number=1, settings={"weight": 0.5}, origin="card")
        ),
        "outcome": record(
            OutcomeRecord,
            OutcomeRecord(number=1, state="pruned", why="a", seeds=[1001], folder="idea-1"),
        ),
        "check": record(CheckRecord, CheckRecord(number=1, seeds=[2001], folder="idea-1")),
        "tuned": record(
            TunedSources,
            TunedSources(
                schema_version=1,
                sources={"0" * 64: TunedRecord(trials=3, space="weight", seeds="1-3")},
            ),
        ),
        "curves": Kind(
            "seed-0001.npz",
            read_curves,
            _written(lambda path: write_curves(path, steps), folder / "a.npz"),
        ),
        "thinned": Kind(
            "baseline.npz",
            lambda path: read_thinned(path.parents[1], RUN),
            _written(thin.write, folder / "b.npz"),
        ),
        "weights": Kind(
            "seed-0001.safetensors",
            read_weights,
            _written(lambda path: write_weights(path, torch.ones(3)), folder / "a.safetensors"),
        ),
        "submission": Kind(
            "submission.toml",
            lambda path: parse_submission(path.read_bytes(), path),
            b'name = "idea"\nmitigation = "idea.py"\n[settings]\na = 1\nb = "word"\n'
            b'[tuning]\ntrials = 3\nspace = "a"\nseeds = "1-3"\nlog = "a.csv"\n',
        ),
    }


NAMES = (
    *("run", "header", "seed", "path", "blindness", "twin", "verified", "draw", "tolerances"),
    *("study", "trial", "outcome", "check", "tuned"),
    *("curves", "thinned", "weights", "submission"),
)
JSON_NAMES = NAMES[:14]
