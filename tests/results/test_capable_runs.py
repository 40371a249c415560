"""Results of tracks whose base can do something: with a skill, or without few-shot readers."""

from pathlib import Path
from typing import Any

import pydantic
import pytest

from subliminal_bench.experiment.metrics import METRICS, PATH_READINGS, SKILL_METRICS
from subliminal_bench.experiment.tracks import BACKDOOR, SKILL
from subliminal_bench.results.path_record import PathRecord
from subliminal_bench.results.run import SeedResult, read_run, write_run
from tests.support.capable import capable
from tests.support.runs import PLAIN, make_run

FEW_SHOT = {name for name in METRICS if name.startswith("few_shot")}
TRACKS = pytest.mark.parametrize("protocol", [SKILL, BACKDOOR], ids=lambda one: one.name)


def changed(seed: SeedResult, drop: set[str], **more: float) -> SeedResult:
    content: dict[str, Any] = seed.model_dump()
    content["metrics"] = {
        name: value for name, value in (seed.metrics | more).items() if name not in drop
    }
    return SeedResult.model_validate(content)


@TRACKS
def test_a_run_is_read_as_it_was_written(protocol: Any, tmp_path: Path) -> None:
    run = capable("baseline", [0.3, None, 0.5], protocol=protocol)
    write_run(tmp_path / "run.json", run)
    assert read_run(tmp_path / "run.json") == run


@TRACKS
def test_it_says_what_is_measured_and_what_students_start_from(protocol: Any) -> None:
    run = capable("idea", [0.3, 0.4], protocol=protocol)
    lacking = FEW_SHOT if protocol is BACKDOOR else set()
    assert set(run.measured) == METRICS.keys() - lacking | SKILL_METRICS.keys()
    assert set(run.columns([1, 2])) == set(run.measured)
    assert run.start == "base"
    assert all(seed.is_read for seed in run.seeds)
    assert PLAIN.start == "untrained"
    assert set(PLAIN.measured) == set(METRICS)


def test_a_skill_is_whole_or_not_there() -> None:
    (seed,) = capable("idea", [0.3]).seeds
    for name in SKILL_METRICS:
        with pytest.raises(pydantic.ValidationError, match=name):
            changed(seed, {name})
    (plain,) = make_run("idea", [0.3]).seeds
    assert changed(seed, set(SKILL_METRICS)).metrics == plain.metrics


def test_few_shot_readers_are_all_there_or_none_of_them() -> None:
    (seed,) = capable("idea", [0.3]).seeds
    assert changed(seed, FEW_SHOT).metrics.keys() == seed.metrics.keys() - FEW_SHOT
    for name in FEW_SHOT:
        with pytest.raises(pydantic.ValidationError, match="missing"):
            changed(seed, {name})


def test_without_a_capable_base_none_may_be_missing() -> None:
    (seed,) = make_run("idea", [0.3]).seeds
    with pytest.raises(pydantic.ValidationError, match="missing"):
        changed(seed, FEW_SHOT)


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_skill_is_a_share(value: float) -> None:
    (seed,) = capable("idea", [0.3]).seeds
    with pytest.raises(pydantic.ValidationError, match="skill_accuracy"):
        changed(seed, set(), skill_accuracy=value)


def path(without: set[str]) -> PathRecord:
    readings = {name: [0.1, 0.2] for name in PATH_READINGS if name not in without}
    return PathRecord(steps=[0, 10], kl_fresh=[0.1, 0.01], readings=readings)


def test_a_backdoors_path_has_no_few_shot_readings_and_any_other_path_has_all() -> None:
    along = FEW_SHOT.intersection(PATH_READINGS)
    assert len(along) == 2
    assert path(along).readings.keys() == set(PATH_READINGS) - along
    assert path(set()).readings.keys() == set(PATH_READINGS)
    for name in PATH_READINGS:
        with pytest.raises(pydantic.ValidationError, match="a path needs the readings"):
            path({name})
