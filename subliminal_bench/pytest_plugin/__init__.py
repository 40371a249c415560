"""The pytest plugin: options, marker, fixtures and summary. What runs is in `session`.

Every pytest run in an environment with this package loads the plugin, so it imports nothing
heavy until a test needs a scorecard.
"""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from subliminal_bench.mitigation.builtin import REFERENCES
from subliminal_bench.pytest_plugin.session import (
    Regressions,
    Scorecards,
    check_bounds,
    check_marker,
)
from subliminal_bench.pytest_plugin.tracks import Tracks
from subliminal_bench.threads import sleep_soon

if TYPE_CHECKING:
    from subliminal_bench.mitigation.mitigation import Mitigation
    from subliminal_bench.scoring.robust import TrackRow
    from subliminal_bench.scoring.scorecard import Scorecard

_KEY = pytest.StashKey[Scorecards]()
_TRACKS = pytest.StashKey[Tracks]()
_SUITE = Path(__file__).parents[1] / "suite"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options, all under one prefix."""
    group = parser.getgroup("subliminal", "subliminal-bench: score a mitigation")
    group.addoption(
        "--subliminal-mitigation",
        metavar="NAME",
        help="mitigation to score: a name, a .py file or module:attribute",
    )
    group.addoption("--subliminal-protocol", metavar="NAME", default="mnist-5k")
    group.addoption(
        "--subliminal-track",
        metavar="NAMES",
        help="run the mitigation on several tracks: robust, or protocols' names with commas",
    )
    group.addoption(
        "--subliminal-seeds",
        metavar="SEEDS",
        help="such as 1-10, the default; the default with --subliminal-regress is 1-3",
    )
    group.addoption(
        "--subliminal-regress",
        action="store_true",
        help="rerun seeds of the references and compare them with their committed numbers",
    )
    group.addoption(
        "--subliminal-entries",
        metavar="NAMES",
        default=",".join(REFERENCES),
        help="entries to rerun with --subliminal-regress",
    )
    group.addoption(
        "--subliminal-leaderboard", metavar="DIR", help="folder of the committed numbers"
    )
    group.addoption(
        "--subliminal-isolate",
        action="store_true",
        help="isolate the mitigation in its own process",
    )
    group.addoption(
        "--subliminal-isolate-timeout",
        metavar="SECONDS",
        type=float,
        help="limit for one hook call of an isolated mitigation",
    )
    group.addoption(
        "--subliminal-isolate-memory",
        metavar="GIB",
        type=float,
        help="address space of an isolated mitigation's process",
    )
    group.addoption(
        "--subliminal-measure-every",
        metavar="STEPS",
        type=int,
        default=1,
        help="measure the alignment only at every so many steps",
    )
    group.addoption("--subliminal-device", metavar="NAME", default="auto")
    group.addoption("--subliminal-engine", metavar="NAME", default="local", help="local or ray")
    group.addoption(
        "--subliminal-rerun-references",
        action="store_true",
        help="run the references here, even if committed entries have their numbers",
    )
    group.addoption("--subliminal-data-dir", metavar="DIR", help="folder with MNIST/raw")
    group.addoption("--subliminal-store", metavar="DIR", help="folder of finished seeds")
    group.addoption(
        "--subliminal-no-weights",
        action="store_true",
        help="keep no weights of the students in the store",
    )
    group.addoption(
        "--subliminal-set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="set a parameter of the mitigation",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and this run's scorecards."""
    config.addinivalue_line(
        "markers",
        "subliminal(mitigation, protocol, seeds, settings, max_trait_accuracy, "
        "max_latent_accuracy, min_prevention, max_kl_ratio): "
        "score a mitigation for the scorecard fixture and test the bounds",
    )
    cards = config.stash[_KEY] = Scorecards(config)
    config.stash[_TRACKS] = Tracks(config, cards.texts)
    if any(_asked(config).values()):
        # Collecting the suite loads torch.
        sleep_soon()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse wrong markers before anything runs; a marker alone requests the scorecard."""
    for item in items:
        marker = item.get_closest_marker("subliminal")
        if marker:
            sleep_soon()
            check_marker(marker, item.nodeid)
            if [one.name for one in item.own_markers].count("subliminal") > 1:
                raise pytest.UsageError(
                    f"{item.nodeid} has several @pytest.mark.subliminal, and only one would "
                    "count: write one with all arguments"
                )
            if isinstance(item, pytest.Function) and "scorecard" not in item.fixturenames:
                item.fixturenames.append("scorecard")
    if not any(_asked(config).values()):
        for item in items:
            if item.path in _asked(config):
                raise pytest.UsageError(
                    "say what to test: --subliminal-mitigation NAME_OR_FILE, or "
                    "--subliminal-regress"
                )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out those of the suite's two files that the command line does not request."""
    asked = _asked(config)
    return True if any(asked.values()) and not asked.get(collection_path, True) else None


def _asked(config: pytest.Config) -> dict[Path, bool]:
    """The suite's files, and whether the command line requests them."""
    mitigation, tracks = (
        bool(config.getoption(f"--subliminal-{name}")) for name in ("mitigation", "track")
    )
    return {
        _SUITE / "test_mitigation.py": mitigation and not tracks,
        _SUITE / "test_tracks.py": mitigation and tracks,
        _SUITE / "test_regression.py": bool(config.getoption("--subliminal-regress")),
    }


@pytest.fixture
def scorecard(request: pytest.FixtureRequest) -> "Scorecard":
    """The scorecard of the marker's mitigation, else of the command line's; run once."""
    scorecards = request.config.stash[_KEY]
    return scorecards.of(scorecards.wanted(request.node))


@pytest.fixture
def track_row(request: pytest.FixtureRequest, track: str) -> "TrackRow":
    """What the command line's mitigation does on one of its tracks; all are run once."""
    tracks: Tracks = request.config.stash[_TRACKS]
    return tracks.row(track)


@pytest.fixture
def mitigation(request: pytest.FixtureRequest) -> "Mitigation":
    """The mitigation behind `scorecard`, loaded."""
    scorecards: Scorecards = request.config.stash[_KEY]
    wanted = scorecards.wanted(request.node)
    return scorecards.load(wanted)


@pytest.fixture(scope="session")
def regressions(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Regressions:
    """The references, rerun once per test run."""
    folder = tmp_path_factory.getbasetemp()
    # Each worker of pytest-xdist has its own folder inside the folder of the test run.
    run = folder.parent if hasattr(request.config, "workerinput") else folder
    return Regressions(request.config, run / "subliminal-regress")


@pytest.fixture
def named_after_the_suite(
    request: pytest.FixtureRequest, record_xml_attribute: Callable[[str, object], None]
) -> None:
    """Give a test the suite's module as its class name in JUnit reports.

    pytest names it after its path below the root folder, which an installed suite is not in.
    """
    record_xml_attribute("classname", request.node.module.__name__)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Test a marked test's scorecard against the marker's bounds."""
    marker = item.get_closest_marker("subliminal")
    if marker:
        scorecards = item.config.stash[_KEY]
        check_bounds(scorecards.of(scorecards.wanted(item)), marker)
    return (yield)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the scorecards of a pytest-xdist worker to the main process."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["subliminal_scorecards"] = session.config.stash[_KEY].texts


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take a worker's scorecards."""
    texts = getattr(node, "workeroutput", {}).get("subliminal_scorecards", {})
    node.config.stash[_KEY].texts.update(texts)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print every scorecard once."""
    texts = terminalreporter.config.stash[_KEY].texts
    for text in texts.values():
        terminalreporter.section("subliminal-bench")
        terminalreporter.write_line(text)
