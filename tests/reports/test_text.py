"""Terminal, markdown and JSON show one table."""

import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from subliminal_bench.experiment.metrics import METRICS
from subliminal_bench.reports import text
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from tests.support.runs import make_run


@pytest.fixture
def card() -> Scorecard:
    levels = np.linspace(0.3, 0.7, 10)
    return build_scorecard(
        make_run(
            "idea", list(levels - 0.0612 - 0.01 * np.sin(np.arange(10))), kl_fresh=0.00102
        ),
        {
            "baseline": make_run("baseline", list(levels)),
            "projection": make_run("projection", [0.1] * 10, access="trait-gradient"),
            "liminal": make_run("liminal", list(levels - 0.05)),
        },
    )


def printed(card: Scorecard, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(text.terminal(card, full=True))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_cell_of_the_terminal_is_in_the_markdown_and_the_json(card: Scorecard) -> None:
    terminal, markdown = printed(card, width=200), text.markdown(card, full=True)
    content = json.loads(text.as_json(card))
    for name, metric in METRICS.items():
        shown = [cell["shown"] for cell in content["metrics"][name].values()]
        row = [metric.heading, *shown]
        # The columns stand in as many tables as 80 characters need, in one order.
        cells = [
            r"[^\n]*".join((r"\n *" + re.escape(metric.heading), *map(re.escape, shown[:2])))
        ]
        cells += [re.escape(cell) for cell in shown[2:]]
        assert re.search(r".*".join(cells), terminal, re.DOTALL), row
        assert re.search(r"[\s|]+".join(map(re.escape, row)), markdown), row
    for comparison in content["comparisons"]:
        for cell in comparison["shown"].values():
            assert cell in terminal
            assert cell in markdown
    assert content["verdict"]["word"] in terminal
    assert re.search(rf"\| verdict +\| {content['verdict']['word']} +\|", markdown)


def test_less_trait_is_a_negative_difference_everywhere(card: Scorecard) -> None:
    content = json.loads(text.as_json(card))
    against_baseline = content["comparisons"][0]
    assert against_baseline["trait_accuracy"]["mean"] < 0
    assert against_baseline["shown"]["points"].startswith("-6.")


def test_four_columns_fit_eighty_characters(card: Scorecard) -> None:
    lines = printed(card).splitlines()
    assert max(map(len, lines)) <= 80
    # Nothing is folded: each metric keeps to one line.
    for metric in METRICS.values():
        assert any(line.strip().startswith(metric.heading) for line in lines), metric.heading


def test_json_carries_unscaled_numbers(card: Scorecard) -> None:
    metrics = json.loads(text.as_json(card))["metrics"]
    assert metrics["kl_fresh"]["idea"]["mean"] == pytest.approx(0.00102)
    assert metrics["kl_fresh"]["idea"]["shown"].startswith("1.02")
