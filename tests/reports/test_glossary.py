"""Every word of a scorecard has a meaning that can be looked up."""

import pytest

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.experiment.metrics import METRICS, Metric
from subliminal_bench.reports.glossary import TERMS, as_page, explain, glossary
from subliminal_bench.scoring.words import VerdictWord
from tests.support.documents import page
from tests.support.terminal import Terminal


@pytest.mark.parametrize("word", [*TERMS, *(one.value for one in VerdictWord)])
def test_every_term_and_verdict_explains_itself(word: str) -> None:
    assert explain(word) == {word: glossary()[word]}


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_a_metric_is_found_by_its_heading_and_by_its_name(metric: Metric) -> None:
    for word in (metric.heading, metric.heading.upper(), metric.name):
        (meaning,) = explain(word).values()
        assert metric.about in meaning


@pytest.mark.parametrize(
    ("word", "found"),
    [("Student", "teacher, student"), ("KL", "KL, fresh noise"), (" resolves: ", "resolves")],
)
def test_a_part_of_a_word_is_enough(word: str, found: str) -> None:
    assert found in explain(word)


@pytest.mark.parametrize("word", ["", "zzz", "resolvs", "💥"])
def test_an_unknown_word_is_one_line(word: str) -> None:
    with pytest.raises(BenchmarkError, match="the glossary has no word"):
        explain(word)


def test_a_typing_error_gets_a_suggestion() -> None:
    with pytest.raises(BenchmarkError, match="did you mean resolves"):
        explain("resolvs")


def test_the_page_is_what_the_program_says() -> None:
    assert page("docs/glossary.md") == as_page()


def test_the_command_fits_a_terminal(type_in: Terminal) -> None:
    done = type_in("explain", "inner", "post", "ep.1")
    assert done.code == 0
    assert done.out.startswith("inner post ep.1: mean inner product")
    assert max(map(len, done.out.splitlines())) <= 80
