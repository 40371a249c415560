"""The suite on several tracks, run by pytest itself."""

from pathlib import Path

import pytest

from subliminal_bench.experiment.tracks import ROBUST
from subliminal_bench.pytest_plugin.tracks import track_names

pytest_plugins = ["pytester"]

KNOWS_SHORT = """
import sys

sys.path.insert(0, {root!r})
import torch

from subliminal_bench.experiment.tracks import PROTOCOLS
from tests.support.varied import SHORT_TRACKS

torch.set_num_threads(1)
PROTOCOLS.update(SHORT_TRACKS)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    root = str(Path(__file__).parents[2])
    pytester.makepyfile(knows_short=KNOWS_SHORT.format(root=root))
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path}:{root}")
    return pytester


def suite(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess(
        *("-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(project.path)),
        *("-p", "knows_short", "--pyargs", "subliminal_bench.suite", *options),
    )


def test_a_mitigation_gets_two_claims_a_track_and_one_scorecard(
    project: pytest.Pytester,
) -> None:
    result = suite(
        project,
        *("--subliminal-mitigation", "baseline", "--subliminal-seeds", "1", "-v"),
        *("--subliminal-track", "short,short-fashion,short-skill"),
        *("--subliminal-data-dir", "nothing"),
    )
    text = result.stdout.str()
    # The baseline is the reference; what has no data fails, and says why, once.
    result.assert_outcomes(failed=1, skipped=5)
    for track in ("short", "short-fashion", "short-skill"):
        assert f"test_it_prevents_the_trait[{track}]" in text
        assert f"test_it_distils_as_well_as_the_baseline[{track}]" in text
    assert "not run: no Fashion-MNIST file" in text
    assert "--subliminal-data-dir must name" in " ".join(text.split())
    assert text.count("baseline on 3 tracks, with one setting") == 1
    assert "Traceback" not in text
    assert result.ret == pytest.ExitCode.TESTS_FAILED


class Typed:
    """A command line with these tracks."""

    def __init__(self, tracks: str) -> None:
        self._tracks = tracks

    def getoption(self, name: str) -> str:
        assert name == "--subliminal-track"
        return self._tracks


@pytest.mark.parametrize(
    ("names", "said"),
    [("mnist,mnits", "unknown protocol 'mnits'"), ("sgd,sgd", "'sgd' is named twice")],
)
def test_a_wrong_track_stops_the_collection_with_one_line(names: str, said: str) -> None:
    with pytest.raises(pytest.Collector.CollectError) as caught:
        track_names(Typed(names))  # type: ignore[arg-type]
    (line,) = str(caught.value).splitlines()
    assert said in line


def test_there_is_a_test_per_track_of_the_robust_set() -> None:
    assert track_names(Typed("robust")) == [track.name for track in ROBUST]  # type: ignore[arg-type]
