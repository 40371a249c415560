"""The short scorecard, and the tables, of tracks whose base can already do something."""

import json

import pytest

from subliminal_bench.experiment.metrics import METRICS, SKILL_METRICS
from subliminal_bench.experiment.protocol import Protocol
from subliminal_bench.experiment.tracks import BACKDOOR, SKILL
from subliminal_bench.reports import short, text
from subliminal_bench.scoring.scorecard import Scorecard, build_scorecard
from tests.support.capable import capable
from tests.support.judged import BASELINE, DROPS, LEVELS, dropped


def scored(protocol: Protocol) -> Scorecard:
    return build_scorecard(
        capable("idea", list(LEVELS - DROPS), protocol=protocol),
        {"baseline": capable("baseline", list(LEVELS), protocol=protocol)},
    )


CAPABLE = pytest.mark.parametrize("protocol", [SKILL, BACKDOOR], ids=lambda one: one.name)
UNTRAINED = build_scorecard(dropped(), {"baseline": BASELINE})


@CAPABLE
def test_a_capable_track_has_a_row_for_its_skill(protocol: Protocol) -> None:
    assert dict(short.rows(scored(protocol)))["skill"] == "96.5 %; base 96.7 %, teacher 91.0 %"
    assert "skill" not in dict(short.rows(UNTRAINED))


def test_its_row_says_so_if_every_student_diverged() -> None:
    lost = capable("idea", [None] * 3)
    assert short.skill(build_scorecard(lost, {})) == "every student diverged"


@CAPABLE
def test_what_students_start_from_is_a_base(protocol: Protocol) -> None:
    rows = dict(short.rows(scored(protocol)))
    for row in ("expressed trait", "latent trait"):
        assert "base 9.0 %" in rows[row] or "base 38.0 %" in rows[row]
    assert "untrained 9.0 %" in dict(short.rows(UNTRAINED))["expressed trait"]


@CAPABLE
@pytest.mark.parametrize("full", [False, True])
def test_no_page_calls_it_untrained(protocol: Protocol, full: bool) -> None:
    card = scored(protocol)
    for form in ("terminal", "markdown"):
        said = text.text(card, form, full)
        assert "untrained" not in said
        assert "base" in said


@CAPABLE
def test_every_metric_that_it_has_is_in_the_full_scorecard(protocol: Protocol) -> None:
    found = text.markdown(scored(protocol), full=True)
    content = json.loads(text.as_json(scored(protocol)))
    for metric in SKILL_METRICS.values():
        assert f"{metric.title} [%]" in found
        assert metric.name in content["metrics"]
    lacking = {name for name in METRICS if name not in content["metrics"]}
    few_shot = {name for name in METRICS if name.startswith("few_shot")}
    assert lacking == (few_shot if protocol is BACKDOOR else set())
