"""Every figure in the documents' prose is computed anew here, or is listed with its source.

What stands in a fenced block is held elsewhere: the scorecards of the README and the tutorial
are scored anew, and the Python of the findings is run.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
from pandas import DataFrame, Series

import subliminal_bench as sb
from subliminal_bench.reports import short
from subliminal_bench.reports.reproduction.published import HEADLINES
from subliminal_bench.running.study.trial import FAR
from subliminal_bench.scoring.comparison import ALPHA
from subliminal_bench.scoring.damage import DAMAGE_LOSS
from subliminal_bench.scoring.statistics import MARGIN, SHARE_MARGIN
from tests.support.documents import PAGES, ROOT, blocks, page
from tests.support.figures import figures, section
from tests.support.track_tables import tracks_table

# Pages and sections ("" is the whole page) whose figures a program measured, and which.
MEASURED: dict[str, dict[str, str]] = {
    "docs/performance.md": {"": "benchmarks/canonical_seed.py"},
    "docs/regression.md": {"": "benchmarks/float_chaos.py"},
    "docs/findings.md": {
        "The readers, evaluated as readers": "benchmarks/readers.py",
        "What the verdict says to tricks": "benchmarks/catalogue.py",
    },
    "docs/tracks.md": {
        "Measured: plain distillation on every track": "benchmarks/tracks.py",
        "Beside what others have published": "benchmarks/tracks.py",
    },
    "docs/verdict.md": {
        "Can the plan be trusted?": "tests/scoring/statistics/test_plan.py",
        "What hooks did to the weights": "benchmarks/weight_changes.py",
    },
}
# History, and a page that is written from the program's own definitions.
NOT_LOOKED_AT = {"CHANGELOG.md", "docs/glossary.md"}

RULE = "a rule of the protocol or of the plan"
EARLY = "early_stopping's `until`"
SIZE = "a new environment, and the wheels of torch 2.13.0 with all that they need"
CHAOS = "benchmarks/float_chaos.py, 50 seeds of the baseline under mnist"
SIMULATED = "tests/scoring/statistics/test_prevention.py, with its slow tests"
VERIFIED = "subliminal-bench verify leaderboard/entries/stroke_anchor.json"
# Figures that no committed file gives, and where each is from.
LISTED: Mapping[str, Mapping[str, str]] = {
    "README.md": {"1.5": SIZE, "5.5": SIZE},
    "docs/quick-start.md": {"1.5": SIZE, "5.5": SIZE, "2.7": SIZE, "0.2": SIZE},
    "docs/findings.md": {
        **{"60": EARLY, "80": EARLY, "0.59": CHAOS},
        **{"1.05": VERIFIED, "1.38": VERIFIED},
    },
    "docs/protocol.md": {
        **{"1": RULE, "100": RULE},
        **{"+0.14": CHAOS, "0.07": CHAOS, "0.59": CHAOS},
        "0.96": "50 seeds of the baseline with products rounded as TF32 rounds them",
    },
    "docs/readers.md": {"95": RULE, "2": RULE},
    "docs/report.md": {"95": RULE},
    "docs/tracks.md": {"1.5": RULE, "5": RULE, "95": RULE},
    "docs/verdict.md": {
        **{"95": RULE, "100": RULE},
        **dict.fromkeys(["97", "99", "11", "12", "2", "3", "20", "93", "15", "13"], SIMULATED),
        **dict.fromkeys(["4", "5"], SIMULATED),
    },
}


@cache
def entry(name: str, folder: str = "entries") -> DataFrame:
    """A committed run's metrics, one row per seed."""
    finished = sb.score(ROOT / "leaderboard" / folder / f"{name}.json", store="there-is-none")
    return finished.frame().set_index("seed")


def mean_ratio(left: Series, right: Series) -> float:
    """The geometric mean over the seeds of both."""
    return float(np.exp(np.log(left / right).mean()))


def readme() -> set[str]:
    """Its table is the leaderboard's, to the letter: `test_readme` compares them."""
    table = figures("\n".join(re.findall(r"^\|.*", page("README.md"), re.MULTILINE)))
    found = sb.score(
        ROOT / "leaderboard" / "entries" / "projection.json", store="there-is-none"
    )
    assert found.prevention is not None
    return {*table, short.percent(found.prevention).removesuffix(" %")}


def quick_start() -> set[str]:
    return {f"{MARGIN:.2f}"}


def tutorial() -> set[str]:
    # `test_tutorial` compares its table with the runs, to the letter.
    table = [line for line in page("docs/tutorial.md").splitlines() if line[:4] == "| 0."]
    return figures("\n".join(table))


def protocol() -> set[str]:
    """The page of the reproduction, which the tests hold to the committed entries."""
    reproduction = page("docs/reproduction/README.md")

    def row(heading: str, name: str) -> list[str]:
        lines = section(reproduction, heading).splitlines()
        (found,) = (line for line in lines if line.startswith(f"| {name}: trait accuracy"))
        return [cell.strip().partition(" ±")[0] for cell in found.strip("|").split("|")]

    _, published, here, *_ = row("Headline numbers", "baseline")
    apart = re.findall(r"\| ([+-]\d\.\d) +\|", section(reproduction, "Headline numbers"))
    assert len(apart) == len(HEADLINES)
    agreement = [
        row("Agreement seed by seed", name) for name in ("baseline", "liminal", "projection")
    ]
    difference = 100 * entry("baseline", "paper").trait_accuracy.mean() - float(published)
    return {
        *(published, here, f"{max(abs(float(one)) for one in apart)}", f"{difference:+.2f}"),
        *(one[column] for one in agreement for column in (4, 5, 7)),
        f"{entry('projection', 'paper').trait_loss_final.mean():.1f}",
    }


def verdict() -> set[str]:
    plain, liminal = (entry(name, "paper") for name in ("baseline", "liminal"))
    seeds = liminal.index
    assert list(seeds) == list(range(1, len(seeds) + 1))
    apart = liminal.trait_accuracy - plain.trait_accuracy
    return {
        *(f"{100 * one:.0f}" for one in plain.trait_accuracy.agg(["min", "max"])),
        f"{plain.trait_accuracy.corr(liminal.trait_accuracy):.2f}",
        *(f"{100 * one.trait_accuracy.std():.0f}" for one in (plain, liminal)),
        f"{100 * apart.std():.0f}",
        *(f"{MARGIN:.2f}", f"{DAMAGE_LOSS}", f"{ALPHA}"),
        # The smallest two-sided p of five seeds.
        f"{2 / 2**5:.2f}",
    }


def study() -> set[str]:
    """The rules of a study are the program's own."""
    return {f"{100 * SHARE_MARGIN:.0f}", f"{FAR:g}"}


def tracks() -> set[str]:
    """The table of the committed runs, which the page has to the letter."""
    table = tracks_table()
    assert table in page("docs/tracks.md")
    return figures(table)


COMPUTED: Mapping[str, Callable[[], set[str]]] = {
    "README.md": readme,
    "docs/quick-start.md": quick_start,
    "docs/tutorial.md": tutorial,
    "docs/protocol.md": protocol,
    "docs/verdict.md": verdict,
    "docs/tracks.md": tracks,
    "docs/study.md": study,
}
LOOKED_AT = [
    name
    for name in (path.relative_to(ROOT).as_posix() for path in PAGES)
    if name not in NOT_LOOKED_AT and "" not in MEASURED.get(name, {})
]


@cache
def known(name: str) -> frozenset[str]:
    """Every figure that a page may show."""
    computed = COMPUTED[name]() if name in COMPUTED else set()
    return frozenset(computed | set(LISTED.get(name, ())))


def looked_at(name: str, text: str) -> set[str]:
    """The figures of a page's text outside of what a program measured."""
    for heading in MEASURED.get(name, {}):
        text = text.replace(section(text, heading), "")
    return figures(text)


@pytest.mark.parametrize("name", LOOKED_AT)
def test_every_figure_is_computed_or_listed(name: str) -> None:
    assert looked_at(name, page(name)) - known(name) == set()


@pytest.mark.parametrize("name", LOOKED_AT)
def test_nothing_is_computed_or_listed_that_no_page_shows(name: str) -> None:
    assert known(name) - looked_at(name, page(name)) == set()


def moved(figure: str, others: frozenset[str]) -> str:
    """The figure with another last digit, which makes it none of the others."""
    return next(
        other for digit in range(10) if (other := f"{figure[:-1]}{digit}") not in others
    )


@pytest.mark.parametrize("name", COMPUTED)
def test_a_stale_figure_is_found(name: str) -> None:
    """Each figure in turn, as if the numbers had moved under the page."""
    text = page(name)
    shown = looked_at(name, text)
    assert shown
    for figure in shown:
        other = moved(figure, known(name))
        stale = re.sub(rf"(?<![\d.+-]){re.escape(figure)}(?!\.?\d)", other, text)
        assert looked_at(name, stale) - known(name) == {other}


def test_the_figure_that_once_was_stale_would_be_found() -> None:
    text = f"{page('docs/tutorial.md')}\nThe baseline ends at 51.54 %.\n"
    assert looked_at("docs/tutorial.md", text) - known("docs/tutorial.md") == {"51.54"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It fell from 51.2 to 20.9 %.", {"51.2", "20.9"}),
        ("between 26 % and 76 %, or 3 points, 2 nats", {"26", "76", "3", "2"}),
        ("stopped after 80 and 60 % of the steps", {"80", "60"}),
        ("x1.06, ×1.10 and 1.33 times", {"1.06", "1.10", "1.33"}),
        ("+0.21 points, p .0019", {"+0.21", ".0019"}),
        ("| 12.46 ± 2.56 | -43.00 (-48.17 to -37.82) |", {"12.46", "2.56", "-43.00"}),
        ("seeds 1-20, 3,500 digits, 20 seeds, 1e-5", set()),
        ("`1.5 %`, Python 3.11, [here](a.md#1.5), arXiv 2604.25779", set()),
        ("```text\n51.54 %\n```\n", set()),
    ],
)
def test_a_figure_is_a_number_with_decimals_or_a_unit(text: str, found: set[str]) -> None:
    assert figures(text) >= found
    assert found or not figures(text)


@pytest.mark.parametrize(
    ("name", "heading", "program"),
    [(name, *place) for name, places in MEASURED.items() for place in places.items()],
)
def test_what_was_measured_names_what_measured_it(
    name: str, heading: str, program: str
) -> None:
    assert (ROOT / program).is_file()
    text = section(page(name), heading) if heading else page(name)
    module = program.removesuffix(".py").replace("/", ".")
    assert program in text or module in text


def test_no_page_has_output_that_nothing_holds() -> None:
    with_output = {path.name for path in PAGES if blocks(path.read_text(), "text")}
    # The last shows file names.
    assert with_output == {"README.md", "findings.md", "tutorial.md", "store.md"}
