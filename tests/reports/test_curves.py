"""A band is the mean and SD over seeds, of a run's own curves."""

from pathlib import Path

import numpy as np
import pytest

from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.reports.curves import curve_band, kept_curves
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from tests.support.reported import LEVELS
from tests.support.runs import keep, keep_curves, make_run


class TestCurves:
    def test_a_band_is_the_mean_and_the_sd_over_seeds(self) -> None:
        kept = {
            seed: {"trait_loss": np.array([seed, 2 * seed], np.float32)} for seed in (1, 2, 6)
        }
        found = curve_band(kept, "trait_loss", every=10)
        assert found
        assert found.steps.tolist() == [0, 10]
        assert found.mean.tolist() == [3, 6]
        assert found.sd == pytest.approx(np.std([[1, 2], [2, 4], [6, 12]], 0, ddof=1))

    def test_curves_of_other_numbers_are_not_taken(self, tmp_path: Path, entry: Run) -> None:
        keep_curves(keep(tmp_path, entry), entry)
        assert set(kept_curves(entry, entry.seed_numbers, Store(tmp_path))) == set(range(1, 11))
        moved = make_run("idea", list(LEVELS), protocol=MNIST_5K)
        assert kept_curves(moved, moved.seed_numbers, Store(tmp_path)) == {}
