"""What a marker says is taken or refused in one line, before anything runs."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subliminal_bench.errors import BenchmarkError
from subliminal_bench.printable import unseen_character
from subliminal_bench.pytest_plugin import session
from subliminal_bench.pytest_plugin.session import (
    Scorecards,
    Wanted,
    check_bounds,
    check_marker,
)
from subliminal_bench.running.setup import LoadedScoring
from subliminal_bench.scoring.scorecard import build_scorecard
from tests.support.examples import many
from tests.support.judged import BASELINE, dropped
from tests.support.typed import words

NAMES = (
    *("mitigation", "protocol", "seeds", "settings"),
    *("max_trait_accuracy", "max_latent_accuracy", "min_prevention", "max_kl_ratio"),
)
ENDLESS: dict[str, Any] = {}
ENDLESS["temperature"] = ENDLESS
values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | words
    | st.binary(max_size=3)
    | st.lists(st.integers(1, 3), max_size=2)
    | st.dictionaries(words | st.just("temperature"), st.floats() | words, max_size=2)
    | st.sampled_from(["baseline", "liminal", "probe", "1-2", 10**5000, ENDLESS, object, ...])
    | st.sampled_from(["x" * 300 + ".py", "\0.py", "nowhere.py:\udcff", "liminal+x.py"])
)
markers = st.dictionaries(st.sampled_from(NAMES) | words, values, max_size=4)


class Config:
    """pytest's, where the command line names nothing."""

    rootpath = Path("nowhere")

    def getoption(self, name: str) -> Any:
        defaults: dict[str, Any] = {
            "--subliminal-mitigation": "baseline",
            "--subliminal-protocol": "probe",
            "--subliminal-seeds": "1",
            "--subliminal-device": "cpu",
            "--subliminal-engine": "local",
            "--subliminal-set": [],
            "--subliminal-isolate": False,
            "--subliminal-no-weights": False,
            "--subliminal-rerun-references": False,
            "--subliminal-measure-every": 1,
        }
        return defaults.get(name)


class MarkedTest:
    """A test with that marker, as pytest has collected it."""

    path = Path(__file__)

    def __init__(self, marker: pytest.Mark | None = None) -> None:
        self._marker = marker

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return self._marker


def wanted_by(marker: pytest.Mark | None = None) -> tuple[Scorecards, Wanted]:
    scorecards = Scorecards(Config())  # type: ignore[arg-type]
    return scorecards, scorecards.wanted(MarkedTest(marker))  # type: ignore[arg-type]


def said_of(arguments: dict[str, Any]) -> str:
    """What pytest says of a marker with these arguments; nothing is trained."""
    marker = pytest.Mark("subliminal", (), arguments, _ispytest=True)
    try:
        check_marker(marker, "test_mine.py::test_it")
        scorecards, wanted = wanted_by(marker)
        scorecards.load(wanted)
    except (pytest.UsageError, pytest.fail.Exception) as error:
        return str(error)
    return "loaded"


def is_one_line(said: str) -> bool:
    return bool(said.strip()) and unseen_character(said) is None


@many
@given(arguments=markers)
def test_any_arguments_are_taken_or_refused_in_one_line(arguments: dict[str, Any]) -> None:
    assert is_one_line(said_of(arguments))


def test_arguments_of_the_kinds_that_the_marker_documents_are_taken() -> None:
    known = {"mitigation": "liminal", "protocol": "probe", "seeds": "1-2"}
    settings = {"temperature": 3.0}
    bounds = {"max_trait_accuracy": 0.5, "max_kl_ratio": 2}
    assert said_of({**known, "settings": settings, **bounds}) == "loaded"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"settings": {"temperature": [3.0]}}, "temperature must be a number, a word"),
        ({"settings": {"temperature": ENDLESS}}, "temperature must be a number, a word"),
        ({"settings": {3: 1}}, "3 is not the name of a parameter"),
        ({"seeds": 10**5000}, "seeds must be text such as '1-10', or a seed, not <int>"),
        ({"mitigation": object}, "mitigation must be a name or a file"),
        ({"max_trait_accuracy": 10**5000}, "from 0 to 1"),
        ({"stop_early": True}, "does not accept stop_early"),
        ({"max_kl_ratio": "1\n2"}, "max_kl_ratio must be a number, not '1\\n2'"),
        ({"seeds": [1, 2]}, "seeds must be text such as '1-10', or a seed, not [1, 2]"),
    ],
    ids=lambda one: one if isinstance(one, str) else ascii(list(one)),
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], said: str) -> None:
    assert said in said_of(arguments)


def test_the_property_finds_a_planted_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(settings: object) -> list[str]:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(session, "written_settings", faulty)
    with pytest.raises(ZeroDivisionError):
        said_of({"settings": {}})


def test_a_failure_while_it_runs_fails_the_test_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def failing(self: LoadedScoring) -> None:
        raise BenchmarkError("a hook failed\nin two lines\x1b[31m")

    monkeypatch.setattr(LoadedScoring, "run", failing)
    monkeypatch.chdir(tmp_path)
    scorecards, wanted = wanted_by()
    with pytest.raises(pytest.fail.Exception) as caught:
        scorecards.of(wanted)
    assert str(caught.value) == "a hook failed in two lines\\x1b[31m"


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"min_prevention": 0.2, "max_latent_accuracy": 0.7}, ""),
        ({"min_prevention": 0.5}, "prevention 0.2"),
        ({"max_latent_accuracy": 0.4}, "latent trait 0.6"),
    ],
)
def test_a_marker_bounds_what_the_body_has_learned(bounds: dict[str, Any], said: str) -> None:
    card = build_scorecard(dropped(), {"baseline": BASELINE})
    marker = pytest.Mark("subliminal", (), bounds, _ispytest=True)
    if not said:
        check_bounds(card, marker)
        return
    with pytest.raises(pytest.fail.Exception, match=said):
        check_bounds(card, marker)


def test_a_prevention_that_cannot_be_judged_breaks_its_bound() -> None:
    card = build_scorecard(dropped().first(3), {"baseline": BASELINE})
    marker = pytest.Mark("subliminal", (), {"min_prevention": 0.0}, _ispytest=True)
    with pytest.raises(pytest.fail.Exception, match="not to be judged"):
        check_bounds(card, marker)


@pytest.mark.parametrize("is_off", [False, True])
def test_the_store_keeps_weights_unless_told_otherwise(
    is_off: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Config().getoption
    chosen = {"--subliminal-no-weights": is_off}
    config = Config()
    monkeypatch.setattr(config, "getoption", lambda name: chosen.get(name, asked(name)))
    setup = session.setup_of(config, "probe")  # type: ignore[arg-type]
    assert setup.weights is not is_off
