"""A scorecard with references, and text that would act if it were not escaped."""

import numpy as np

from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.results.run import Run
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from tests.support.runs import make_run

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)> \"'& {{ 7 * 7 }} $x^2$"
LEVELS = np.linspace(0.3, 0.7, 10)


def hostile(run: Run) -> Run:
    """The same run with text that would act if it were not escaped."""
    mitigation = run.mitigation.model_copy(
        update={
            "title": HOSTILE,
            "reference": HOSTILE,
            "settings": {"mode": HOSTILE},
            "changed": ["mode"],
        }
    )
    environment = run.environment.model_copy(update={"device_name": HOSTILE})
    return run.model_copy(update={"mitigation": mitigation, "environment": environment})


def make_card(entry: Run) -> Scorecard:
    count = len(entry.seeds)
    return build_scorecard(
        entry,
        {
            "baseline": make_run("baseline", list(LEVELS[:count]), protocol=MNIST_5K),
            "projection": make_run(
                "projection",
                [0.1] * count,
                access="trait-gradient",
                protocol=MNIST_5K,
                trait_loss_final=9.0,
            ),
            "liminal": make_run("liminal", list(LEVELS[:count] - 0.05), protocol=MNIST_5K),
        },
    )
