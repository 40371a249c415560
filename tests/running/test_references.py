"""What runs beside a mitigation is shown to be blind where the mitigation must be."""

from pathlib import Path

import pytest

from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.results.store import Store
from subliminal_bench.running.bench import Bench
from subliminal_bench.running.references import ReferencePlan
from tests.conftest import CPU, TINY


def test_scoring_under_the_canonical_protocol_shows_blindness(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("subliminal_bench.experiment.protocol.CANONICAL", TINY)
    bench, entry = Bench(TINY, CPU, Store(tmp_path)), load_mitigation("class_anchor")
    ours, theirs, _ = ReferencePlan.of(bench, entry, (1,)).run(bench, (1,))
    shown = {name: run.blindness for name, run in {entry.name: ours, **theirs}.items()}
    assert shown.pop("projection") is None
    assert {name for name, found in shown.items() if found and found.shown} == {
        *("class_anchor", "baseline", "liminal")
    }
