"""The committed entries of the references."""

from pathlib import Path

import pytest

from subliminal_bench.experiment.protocol import MNIST
from subliminal_bench.results.lookup import longest_references
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    """The committed runs that are compared with the paper."""
    return longest_references(MNIST, Store(Path("there-is-none")))
