"""Our numbers agree with the published ones, seed by seed."""

from pathlib import Path

import pytest

from subliminal_bench.reports.reproduction import agreement
from subliminal_bench.reports.reproduction.folder import _markdown
from subliminal_bench.reports.reproduction.published import HEADLINES, Published, read_published
from subliminal_bench.results.run import Run
from tests.support.documents import page
from tests.support.runs import make_run


class TestTables:
    def test_the_headline_table_has_the_papers_numbers(self, runs: dict[str, Run]) -> None:
        shown = {row[0]: row[1] for row in agreement.headline(runs).rows}
        assert shown["teacher: teacher accuracy [%]"] == "93.76 ± 0.21"
        assert shown["baseline: trait accuracy [%]"] == "55.28 ± 10.48"
        assert shown["projection: trait accuracy [%]"] == "10.14 ± 1.33"
        assert shown["liminal: trait accuracy [%]"] == "48.97 ± 9.63"

    def test_every_mean_of_ours_lies_within_a_standard_error_of_the_published_one(
        self, runs: dict[str, Run]
    ) -> None:
        assert {len(run.seeds) for run in runs.values()} == {100}
        for row, one in zip(agreement.headline_rows(runs), HEADLINES, strict=True):
            assert isinstance(row["mean"], float)
            apart = (row["mean"] - one.mean) / (one.sd / 10)
            assert row["standard_errors"] == pytest.approx(apart)
            assert abs(apart) < 1, one

    def test_the_committed_page_shows_the_committed_entries(self, runs: dict[str, Run]) -> None:
        assert _markdown(agreement.headline(runs)) in page("docs/reproduction/README.md")

    def test_agreement_pairs_the_seeds_that_both_have(self) -> None:
        ours = {"baseline": make_run("baseline", [0.4, None, 0.6], first_seed=2)}
        there = {("baseline", "trait_accuracy"): {1: 0.1, 2: 0.41, 3: 0.5, 4: 0.59}}
        (found,) = agreement.agreements(ours, Published(there, {}))
        assert found.seeds == (2, 4)
        assert found.difference.mean == pytest.approx(0)
        assert found.difference.correlation == pytest.approx(1)

    def test_the_committed_entries_agree_with_the_published_seeds(
        self, runs: dict[str, Run], published: Path
    ) -> None:
        found = agreement.agreements(runs, read_published(published))
        for one in found:
            assert len(one.seeds) == 50
            assert abs(one.difference.mean) < 0.0025, one.entry
            if one.metric == "trait_accuracy" and one.entry != "projection":
                assert one.difference.correlation
                assert one.difference.correlation > 0.995
                assert one.difference.sd
                assert one.difference.sd < 0.01
        shown = _markdown(agreement.agreement(found))
        assert shown in page("docs/reproduction/README.md")
