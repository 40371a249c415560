"""The committed entries of the references."""

import pytest

from subliminal_bench.experiment.protocol import MNIST
from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.results.entries import committed_entry
from subliminal_bench.results.run import Run


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    """The committed entries."""
    found = {name: committed_entry(name, MNIST) for name in REFERENCES}
    return {name: run for name, run in found.items() if run is not None}
