"""Proposals follow from the trials so far, and nothing else."""

from subliminal_bench.mitigation.card import Value
from subliminal_bench.running.study.optimiser import Told, propose
from subliminal_bench.running.study.space import Choices, Range, Space

SPACE = Space({"weight": Range(0.0, 1.0), "kind": Choices(("soft", "hard"))})
BEFORE = [
    Told({"weight": 0.1 * place, "kind": "soft"}, 0.02 * place, 1.0) for place in range(8)
]


def test_the_same_trials_give_the_same_proposal() -> None:
    assert propose(SPACE, {}, BEFORE, "key") == propose(SPACE, {}, BEFORE, "key")
    assert propose(SPACE, {}, BEFORE, "key") != propose(SPACE, {}, BEFORE[:-1], "key")


def test_the_first_settings_are_the_cards_if_they_are_in_the_space() -> None:
    own: dict[str, Value] = {"weight": 0.5, "kind": "hard", "other": 1}
    assert propose(SPACE, own, [], "key") == ({"weight": 0.5, "kind": "hard"}, "card")
    outside = propose(SPACE, {**own, "weight": 7.0}, [], "key")
    assert outside
    assert outside[1] == "drawn"


def test_running_and_failed_trials_are_not_proposed_again() -> None:
    small = Space({"weight": Range(1, 4, whole=True)})
    before = [
        Told({"weight": 1}, None, None),
        Told({"weight": 2}, None, None, failed=True),
        Told({"weight": 3}, 0.1, 1.0),
    ]
    found = propose(small, {}, before, "key")
    assert found
    assert found[0] == {"weight": 4}
    assert propose(small, {}, [*before, Told({"weight": 4}, 0.1, 1.0)], "key") is None
