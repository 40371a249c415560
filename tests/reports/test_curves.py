"""A band is the mean and SD over seeds, of a run's own curves."""

from pathlib import Path

import numpy as np
import pytest

from subliminal_bench.experiment.protocol import MNIST_5K
from subliminal_bench.reports.curves import curve_band, kept_curves
from subliminal_bench.results.run import Run
from subliminal_bench.results.store import Store
from subliminal_bench.results.thinned import ThinnedCurves, thinned_file
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
        kept = kept_curves(entry, entry.seed_numbers, Store(tmp_path))
        assert set(kept.by_seed) == set(range(1, 11))
        assert not kept.is_thinned
        moved = make_run("idea", list(LEVELS), protocol=MNIST_5K)
        assert kept_curves(moved, moved.seed_numbers, Store(tmp_path)).by_seed == {}

    def test_thinned_ones_stand_in_for_those_that_the_store_lacks(self, tmp_path: Path) -> None:
        run = make_run("idea", list(LEVELS), protocol=MNIST_5K)
        keep_curves(keep(tmp_path / "whole", run), run, steps=40)
        whole = Store(tmp_path / "whole")
        ThinnedCurves.of(run, whole.curves(run)).write(thinned_file(tmp_path, run))
        full = kept_curves(run, run.seed_numbers, whole, tmp_path)
        assert not full.is_thinned
        # A store that has some of the seeds only.
        few = run.only([1, 2])
        keep_curves(keep(tmp_path / "few", few), few, steps=40)
        for store in (tmp_path / "none", tmp_path / "few"):
            found = kept_curves(run, run.seed_numbers, Store(store), tmp_path)
            assert found.every == 10
            assert set(found.by_seed) == set(range(1, 11))
            band = curve_band(found.by_seed, "trait_loss", found.every)
            assert band
            assert band.steps.tolist() == [0, 10, 20, 30]
            kept = curve_band(full.by_seed, "trait_loss")
            assert kept
            assert band.mean == pytest.approx(kept.mean[::10])
