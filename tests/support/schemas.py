"""Files of an earlier schema: how a folder of them is written, and one seed made into one.

    python -m tests.support.schemas tests/fixtures/schema-2

writes every kind of file as the program at hand writes it, for the test protocol. It is to be
run by the last program of a schema version, from a clean checkout.
"""

import json
import shutil
import statistics
import sys
from pathlib import Path

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.experiment.protocol import PROBE
from subliminal_bench.experiment.tracks import PROTOCOLS
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.folders import HEADER, RunFolder
from subliminal_bench.results.jsonfile import SCHEMA, write_record
from subliminal_bench.results.locks import LOCK_FOLDER
from subliminal_bench.results.run import SeedResult, write_run
from subliminal_bench.results.store import Store
from subliminal_bench.results.tolerances import read_tolerances
from subliminal_bench.running.bench import Bench
from tests.conftest import CPU, TINY
from tests.support.runs import make_run

# Of the larger files, those of one student and of its teacher are enough.
_WEIGHTS_OF = 1


def write_files(target: Path) -> None:
    """Write a folder of files as this version of the program writes them."""
    assert target.name == f"schema-{SCHEMA}", target
    PROTOCOLS[TINY.name] = TINY
    names = ("baseline", "projection", "liminal")
    mitigations = [load_mitigation(name) for name in names]
    changed = load_mitigation("liminal", ["lambda0=2.0"])
    bench = Bench(TINY, CPU, Store(target / "store"))
    own, *runs = bench.run([changed, *mitigations], (1, 2), show_blind=mitigations[-1:])
    write_run(target / "run.json", own)
    for name in ("baseline", "liminal"):
        write_run(target / "entries" / f"{name}.json", make_run(name, [0.55, 0.5]))
    measured = read_tolerances(target.parent / "schema-1", PROBE)
    write_record(target / "tolerances" / "probe.json", measured)
    every = {"liminal*": own} | dict(zip(names, runs, strict=True))
    numbers = {
        metric: {
            name: {"mean": statistics.fmean(one or 0.0 for one in run.column(metric))}
            for name, run in every.items()
        }
        for metric in METRICS
    }
    text = json.dumps({"metrics": numbers}, indent=1) + "\n"
    (target / "numbers.json").write_text(text)
    for folder in list(target.rglob(LOCK_FOLDER)):
        shutil.rmtree(folder)
    for path in list(target.rglob("seed-*.safetensors")):
        owner = path.parent.name.rpartition("-")[0]
        if path.name != f"seed-{_WEIGHTS_OF:04d}.safetensors" or owner in names[1:2]:
            path.unlink()


def as_schema_1(folder: RunFolder) -> None:
    """Leave of a stored run what version 0.1 had measured."""
    for seed in folder.finished():
        result = folder.result(seed)
        first = {name: result.metrics[name] for name in METRICS if METRICS[name].since == 1}
        older = SeedResult(seed=seed, metrics=first, diverged_at=result.diverged_at)
        write_record(folder.path / f"seed-{seed:04d}.json", older)
    header = HEADER.read(folder.path)
    assert header
    HEADER.write(folder.path, header.model_copy(update={"schema_version": 1}))


if __name__ == "__main__":
    write_files(Path(sys.argv[1]))
