"""An entry whose text would act, and its scorecard."""

import numpy as np
import pytest

from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.scorecard import Scorecard
from tests.support.reported import LEVELS, hostile, make_card
from tests.support.runs import make_run


@pytest.fixture(scope="module")
def entry() -> Run:
    better = list(LEVELS - 0.0612 - 0.01 * np.sin(np.arange(10)))
    return hostile(make_run("idea", better, protocol=MNIST_5K, kl_fresh=0.00102))


@pytest.fixture(scope="module")
def card(entry: Run) -> Scorecard:
    return make_card(entry)
