"""An entry is taken where it is eligible, and read back as it was."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from subliminal_bench.errors import BenchmarkError, ResultError
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K, Protocol
from subliminal_bench.mitigation.mitigation import Mitigation, load_mitigation
from subliminal_bench.results.entries import (
    check_eligible,
    entry_file_name,
    needs_blindness,
    read_entries,
)
from subliminal_bench.results.run import Run, write_run
from tests.support.leaderboards import around, page
from tests.support.plugins_for_tests import plugin
from tests.support.runs import make_run

NOT_ELIGIBLE: dict[str, tuple[Callable[[], Run], str]] = {
    "other protocol": (
        lambda: make_run("x", around(0), protocol=MNIST_5K),
        "the leaderboard needs mnist-v1",
    ),
    "other version": (
        lambda: make_run("x", around(0), protocol=replace(MNIST, version=2)),
        "is from mnist-v2",
    ),
    "other numbers under the same version": (
        lambda: make_run("x", around(0), protocol=replace(MNIST, learning_rate=3.1e-4)),
        "with another fingerprint",
    ),
    "missing seeds": (lambda: make_run("x", around(0), first_seed=3), "lacks seeds 1-2"),
    "too few seeds": (lambda: make_run("x", around(0)[:6]), "needs at least 20"),
}


@pytest.mark.parametrize("case", NOT_ELIGIBLE)
def test_what_is_not_eligible_is_refused_in_one_line(case: str) -> None:
    make, expected = NOT_ELIGIBLE[case]
    with pytest.raises(BenchmarkError, match=expected) as refused:
        check_eligible(make())
    assert "\n" not in str(refused.value)
    with pytest.raises(BenchmarkError, match=expected):
        page(make())


def test_other_settings_make_another_entry(tmp_path: Path) -> None:
    run = make_run("idea", around(-0.1))
    stronger = run.model_copy(
        update={
            "mitigation": run.mitigation.model_copy(
                update={"settings": {"weight": 2.0}, "changed": ["weight"]}
            )
        }
    )
    for one in (run, stronger):
        write_run(tmp_path / entry_file_name(one), one)
    assert set(read_entries(tmp_path)) == {"idea", "idea (weight=2.0)"}


def tampered(content: dict[str, object]) -> dict[str, object]:
    content["seeds"][0]["metrics"]["trait_accuracy"] = 0.01  # type: ignore[index]
    return content


BROKEN_FILES: dict[str, tuple[Callable[[dict[str, object]], object], str]] = {
    "a number changed": (tampered, "changed after it was written"),
    "a hash changed": (lambda content: content | {"digest": "0" * 64}, "changed after"),
    "an unknown schema": (
        lambda content: content | {"schema_version": 99},
        "schema version is 99",
    ),
    "an unknown field": (lambda content: content | {"extra": 1}, "extra"),
    "a list": (lambda content: [content], "schema version is None"),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_a_damaged_entry_is_refused_in_one_line_that_names_it(
    case: str, tmp_path: Path
) -> None:
    change, expected = BROKEN_FILES[case]
    path = tmp_path / "idea.json"
    write_run(path, make_run("idea", around(0)))
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(BenchmarkError, match=expected) as refused:
        read_entries(tmp_path)
    assert "idea.json" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_two_files_of_one_entry_are_refused(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        write_run(tmp_path / name, make_run("idea", around(0)))
    with pytest.raises(BenchmarkError, match=r"b\.json and a\.json both contain"):
        read_entries(tmp_path)


def test_an_entry_that_was_not_shown_to_be_blind_is_refused() -> None:
    unshown = make_run("idea", [0.4] * 20, blindness=None)
    with pytest.raises(ResultError, match="was not shown to be blind"):
        check_eligible(unshown)
    seeing = make_run("idea", [0.4] * 20, blindness=False)
    with pytest.raises(ResultError, match="other audit and test digits or class logits"):
        check_eligible(seeing)
    check_eligible(make_run("idea", [0.4] * 20))


@pytest.mark.parametrize(
    ("protocol", "name", "needed"),
    [
        (MNIST, "liminal", True),
        (MNIST, "projection", False),
        (MNIST_5K, "liminal", False),
    ],
)
def test_only_what_may_become_a_blind_entry_needs_to_be_shown_blind(
    protocol: Protocol, name: str, needed: bool
) -> None:
    assert needs_blindness(protocol, load_mitigation(name)) is needed


def test_one_that_sees_the_teachers_classes_must_be_shown_to_see_no_labels() -> None:
    seeing = Mitigation((plugin("seeing", "teacher-classes"),))
    assert needs_blindness(MNIST, seeing)
    unshown = make_run("idea", [0.4] * 20, access="teacher-classes", blindness=None)
    with pytest.raises(ResultError, match="was not shown to be blind"):
        check_eligible(unshown)
    refuted = make_run("idea", [0.4] * 20, access="teacher-classes", blindness=False)
    said = "declares access 'teacher-classes', but other audit and test digits change"
    with pytest.raises(ResultError, match=said):
        check_eligible(refuted)
