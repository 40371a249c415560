"""Each part of a composition, and each mechanism of a card, is switched off in turn."""

from pathlib import Path

import pytest

from subliminal_bench.errors import MitigationError
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.running.study.ablation import mechanisms, run_ablation
from subliminal_bench.scoring.scorecard import Scorecard
from tests.support.studies import by_hand, holds, study, write_source

pytestmark = pytest.mark.usefixtures("tiny")


def latent_share(card: Scorecard) -> float:
    assert card.equal
    return card.equal.share("latent_accuracy").path


def test_a_declared_mechanism_is_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_source(tmp_path, parameter="off=0.0001")
    with by_hand(monkeypatch, holds):
        whole, without = run_ablation(study(tmp_path, path, settings=["weight=0.2"]))
    assert (whole.name, without.name) == ("all of it", "weight=0.0001")
    shares = [latent_share(one.card) for one in (whole, without)]
    assert shares[0] < 0.7 < 0.9 < shares[1]


def test_each_part_of_a_composition_is_left_out(tmp_path: Path) -> None:
    both = f"{write_source(tmp_path, 'one')}+{write_source(tmp_path, 'two')}"
    chosen = study(tmp_path, both, seeds="1001-1002", settings=["one.weight=0.3"])
    found = run_ablation(chosen)
    assert [one.name for one in found] == ["all of it", "without one", "without two"]
    assert [one.card.entry.mitigation.label for one in found] == [
        "one+two (one.weight=0.3)",
        "two",
        "one (weight=0.3)",
    ]


def test_a_twin_says_what_is_off_and_what_is_off_already_is_left_out() -> None:
    assert mechanisms(load_mitigation("stroke_anchor", ["weight=0"])) == {"noise_weight": 0.0}


def test_a_mitigation_with_nothing_to_switch_off_says_so(tmp_path: Path) -> None:
    with pytest.raises(MitigationError, match="holds has nothing to switch off"):
        run_ablation(study(tmp_path, write_source(tmp_path)))
