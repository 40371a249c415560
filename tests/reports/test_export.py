"""An export has one row a seed, and every number to the last bit."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.reports.export import EXPORT_FORMATS, export_text
from tests.support.examples import modest
from tests.support.plugins_for_tests import one_line
from tests.support.runs import make_run

# Its second seed diverged.
HALVED = make_run("halve", [0.5, None, 0.25], first_seed=4, kl_mean=[0.1, 0.2, 1 / 3])

COLUMNS = (
    "seed",
    "teacher_accuracy",
    "trait_accuracy",
    "initial_head_accuracy",
    "trait_loss_initial",
    "trait_loss_final",
    "kl_mean",
    "kl_final",
    "cosine_mean_pre",
    "cosine_mean_post",
    "positive_fraction_pre",
    "positive_fraction_post",
)


class TestRender:
    def test_a_csv_has_a_row_a_seed_and_the_columns_promised(self) -> None:
        rows = list(csv.DictReader(io.StringIO(export_text(HALVED, "csv"))))
        assert [row["seed"] for row in rows] == ["4", "5", "6"]
        assert next(iter(rows[0])) == "seed"
        assert set(COLUMNS) <= set(rows[0])
        assert set(METRICS) <= set(rows[0])

    def test_every_row_says_which_run_it_is_from(self) -> None:
        run = HALVED.model_copy(
            update={
                "mitigation": HALVED.mitigation.model_copy(
                    update={"settings": {"factor": 0.25, "how": "a, b"}}
                )
            }
        )
        for row in csv.DictReader(io.StringIO(export_text(run, "csv"))):
            assert row["mitigation"] == "halve"
            assert json.loads(row["settings"]) == {"factor": 0.25, "how": "a, b"}
            assert row["protocol"] == "mnist-v1"
        (first, *_) = json.loads(export_text(run, "json"))
        assert first["settings"] == {"factor": 0.25, "how": "a, b"}

    def test_what_a_diverged_seed_lacks_is_empty_or_null(self) -> None:
        diverged = list(csv.DictReader(io.StringIO(export_text(HALVED, "csv"))))[1]
        assert diverged["trait_accuracy"] == ""
        assert diverged["teacher_accuracy"] == "0.93"
        assert float(diverged["diverged_at"]) == 7
        row = json.loads(export_text(HALVED, "json"))[1]
        assert row["trait_accuracy"] is None
        assert row["diverged_at"] == 7

    def test_whole_numbers_stay_whole_beside_an_empty_cell(self) -> None:
        rows = list(csv.DictReader(io.StringIO(export_text(HALVED, "csv"))))
        assert [row["diverged_at"] for row in rows] == ["", "7", ""]

    @modest
    @given(
        st.lists(st.floats(1e-12, allow_infinity=False), min_size=1, max_size=5),
        st.sampled_from(EXPORT_FORMATS),
    )
    def test_every_number_is_written_to_the_last_bit(
        self, numbers: list[float], form: str
    ) -> None:
        run = make_run("halve", [0.5] * len(numbers), kl_mean=numbers)
        text = export_text(run, form)
        rows = json.loads(text) if form == "json" else csv.DictReader(io.StringIO(text))
        assert [float(row["kl_mean"]) for row in rows] == numbers

    @pytest.mark.parametrize("form", ["xlsx", "", "CSV"])
    def test_an_unknown_format_is_refused_with_the_known_ones(self, form: str) -> None:
        with pytest.raises(ResultError, match="csv, json") as caught:
            export_text(HALVED, form)
        one_line(caught.value)
