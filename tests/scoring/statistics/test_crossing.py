"""The crossing probability gives the published boundaries."""

import math

import pytest

from subliminal_bench.scoring.statistics.crossing import crossing_probability


def test_it_knows_the_published_boundaries() -> None:
    # Jennison & Turnbull (2000), Group Sequential Methods, tables 2.1 and 2.3, 5 looks.
    looks = range(1, 6)
    pocock = [2.413] * 5
    obrien_fleming = [2.040 * math.sqrt(5 / look) for look in looks]
    for quantiles in (pocock, obrien_fleming):
        assert crossing_probability(quantiles, looks) == pytest.approx(0.05, abs=5e-5)
