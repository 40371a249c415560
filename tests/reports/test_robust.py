"""The scorecard on several tracks: readable at 80 columns, and valid JSON."""

import json
from typing import Any

import pytest

from subliminal_bench.errors import ResultError
from subliminal_bench.experiment.tracks import BACKDOOR, ROBUST
from subliminal_bench.reports import robust as pages
from subliminal_bench.scoring.robust import TOLERANCES, RobustScorecard, TrackRow
from subliminal_bench.scoring.scorecard import build_scorecard
from tests.support.capable import capable
from tests.support.judged import BASELINE, DROPS, LEVELS, dropped

GOOD = build_scorecard(dropped(), {"baseline": BASELINE})
KEPT = build_scorecard(
    capable("idea", list(LEVELS - DROPS)), {"baseline": capable("baseline", list(LEVELS))}
)
BROKEN = build_scorecard(
    capable("idea", list(LEVELS - DROPS), skill=0.3, protocol=BACKDOOR),
    {"baseline": capable("baseline", list(LEVELS), protocol=BACKDOOR)},
)
DIVERGED = build_scorecard(
    capable("idea", [None] * len(LEVELS)), {"baseline": capable("baseline", list(LEVELS))}
)
# Hardly distilled: what is prevented cannot be judged, and shares have no end.
VAGUE = build_scorecard(dropped(kl_fresh=8.9e-3), {"baseline": BASELINE})
WHY = "no Fashion-MNIST file /somewhere/on/a/disk/raw/train-images: --data-dir must name it"


def robust(*rows: TrackRow, name: str = "idea (strength=0.5)") -> RobustScorecard:
    return RobustScorecard(name, rows)


FULL = robust(
    TrackRow("mnist", GOOD, None, {"other": 0.1, "vague": float("inf")}),
    TrackRow("skill", KEPT, None, {"other": 0.9, "vague": float("inf")}),
    TrackRow("backdoor", BROKEN, None, {"other": 0.5, "vague": 0.2}),
    TrackRow("fashion", None, WHY, {}),
    TrackRow("squared-error", DIVERGED, None, {"other": 0.5, "vague": 0.2}),
    TrackRow("blurred", VAGUE, None, {"other": 0.5, "vague": 0.2}),
)


def strictly(text: str) -> Any:
    """JSON as it is defined: without infinities, and without what is no number."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_every_line_fits_80_columns() -> None:
    every = robust(*(TrackRow(one.name, KEPT, None, {"another": 0.3}) for one in ROBUST))
    for found in (FULL, every):
        lines = pages.text(found, "terminal").splitlines()
        assert max(map(len, lines)) <= 80
        for row in found.rows:
            # Nothing in a table is folded.
            assert sum(line.startswith(f"{row.track} ") for line in lines) == 1


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_a_track_is_a_row_that_says_what_happened(form: str) -> None:
    lines = [line.strip("| ") for line in pages.text(FULL, form).splitlines()]
    rows = {
        row.track: next(one for one in lines if one.startswith(row.track)) for row in FULL.rows
    }
    assert "mitigates" in rows["mnist"]
    assert "96.50 of 96.70" in rows["skill"]
    assert "suppresses by" in rows["backdoor"]
    assert "30.00 of 96.70" in rows["backdoor"]
    assert "not run" in rows["fashion"]
    assert "nan" not in "".join(lines)


def test_sentences_name_the_worst_track_and_why_one_was_not_run() -> None:
    assert pages.sentences(FULL)[:2] == [
        "worst track: backdoor, suppresses by damage: no prevention can be judged there",
        f"not run on fashion: {WHY}",
    ]
    assert pages.sentences(robust(TrackRow("mnist", GOOD, None, {})))[1:] == [
        "it prevents something on every track"
    ]
    partly = robust(TrackRow("mnist", GOOD, None, {}), TrackRow("skill", BROKEN, None, {}))
    assert pages.sentences(partly)[1:] == ["it does not prevent something on every track"]
    assert pages.sentences(robust(TrackRow("fashion", None, WHY, {}))) == [
        f"not run on fashion: {WHY}"
    ]


def test_the_worst_track_has_the_prevention_that_its_row_shows() -> None:
    (said, _) = pages.sentences(robust(TrackRow("mnist", GOOD, None, {})))
    (shown,) = pages.rows(robust(TrackRow("mnist", GOOD, None, {}))).rows
    assert said == f"worst track: mnist, {shown[2]} prevented"


def test_the_baseline_is_the_reference() -> None:
    found = robust(TrackRow("mnist", build_scorecard(BASELINE, {}), None, {}), name="baseline")
    (row,) = pages.rows(found).rows
    assert row[:4] == ["mnist", "reference", "—", "—"]


class TestJson:
    def test_it_has_no_infinities(self) -> None:
        content = strictly(pages.as_json(FULL))
        assert content["tracks"]["mnist"]["other_shares"] == {"other": 0.1, "vague": None}
        assert content["tracks"]["squared-error"]["skill_accuracy"] is None

    def test_it_has_what_the_rows_have(self) -> None:
        content = strictly(pages.as_json(FULL))
        assert list(content["tracks"]) == [row.track for row in FULL.rows]
        assert content["worst"] == "backdoor"
        assert content["prevents_everywhere"] is False
        assert content["tracks"]["fashion"] == {"failed": WHY}
        skill = content["tracks"]["skill"]
        assert skill["skill_accuracy"] == pytest.approx(0.965)
        assert skill["skill_accuracy_initial"] == pytest.approx(0.967)
        assert KEPT.verdict
        assert KEPT.verdict.prevention
        assert skill["prevention"]["estimate"] == KEPT.verdict.prevention.estimate
        assert skill["seeds"] == list(range(1, len(LEVELS) + 1))
        assert "skill_accuracy" not in content["tracks"]["mnist"]
        assert content["tracks"]["backdoor"]["verdict"] == "suppresses by damage"
        assert content["tracks"]["backdoor"]["prevention"] is None
        assert content["profile"] == {
            "tolerances": list(TOLERANCES),
            "entries": FULL.profiles(),
        }

    def test_where_nothing_ran_it_is_still_whole(self) -> None:
        content = strictly(pages.as_json(robust(TrackRow("fashion", None, WHY, {}))))
        assert content["worst"] is None


def test_a_name_with_markup_stays_a_name() -> None:
    found = robust(TrackRow("mnist", GOOD, None, {"[red]x[/red]": 0.5}), name="[bold]*x*")
    assert "[bold]*x* on 1 track," in pages.text(found, "terminal")
    assert "[red]x[/red]" in pages.text(found, "terminal")
    assert r"\*x\*" in pages.markdown(found)


def test_the_profile_of_every_entry_is_a_row_of_shares_of_the_tracks() -> None:
    found = robust(TrackRow("mnist", GOOD, None, {"other": 0.1}))
    table = pages.profile(found)
    assert table.headings == [
        "within of the best",
        *(f"{one} points" for one in (0, 5, 10, 20, 50)),
    ]
    assert {row[0] for row in table.rows} == {found.name, "other"}
    assert table.rows[1][1:] == ["100 %"] * 5


def test_an_unknown_form_is_an_error() -> None:
    with pytest.raises(ResultError, match="sculpture"):
        pages.text(FULL, "sculpture")
