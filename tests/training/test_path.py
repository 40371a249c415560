"""Plain distillation's path is the baseline's own run, and its continuation."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from subliminal_bench.experiment.metrics import PATH_READINGS
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.outcome import PlainPath
from subliminal_bench.training.path import path_steps, plain_paths
from subliminal_bench.training.student import train_students
from tests.conftest import TINY

SEEDS = (1, 2)


@pytest.fixture(scope="module")
def cohort(tiny_cohort: Callable[..., Cohort]) -> Cohort:
    return tiny_cohort(*SEEDS)


@pytest.fixture(scope="module")
def paths(cohort: Cohort) -> list[PlainPath]:
    return plain_paths(cohort)


def test_it_passes_through_the_baselines_end_bit_for_bit(
    cohort: Cohort, paths: list[PlainPath]
) -> None:
    for path, outcome in zip(
        paths, train_students(cohort, load_mitigation("baseline")), strict=True
    ):
        end = path.steps.index(TINY.student_steps)
        assert path.kl_fresh[end] == outcome.metrics["kl_fresh"]
        for name in PATH_READINGS:
            assert path.readings[name][end] == outcome.metrics[name], name


def test_it_begins_with_the_untrained_model(cohort: Cohort, paths: list[PlainPath]) -> None:
    for path, outcome in zip(
        paths, train_students(cohort, load_mitigation("frozen")), strict=True
    ):
        assert path.kl_fresh[0] == outcome.metrics["kl_initial"]
        for name in PATH_READINGS:
            assert path.readings[name][0] == outcome.metrics[name], name


def test_its_second_half_is_what_a_longer_protocol_would_train(
    cohort: Cohort, paths: list[PlainPath]
) -> None:
    longer = replace(TINY, student_epochs=2 * TINY.student_epochs)
    (outcome,) = train_students(
        replace(cohort.subset((2,)), protocol=longer), load_mitigation("baseline")
    )
    assert paths[1].kl_fresh[-1] == outcome.metrics["kl_fresh"]
    assert paths[1].readings["latent_accuracy"][-1] == outcome.metrics["latent_accuracy"]


def test_seeds_read_alone_and_together_are_the_same(
    cohort: Cohort, paths: list[PlainPath]
) -> None:
    assert plain_paths(cohort.subset((2,))) == [paths[1]]


def test_points_lie_ten_steps_apart_and_then_twenty(paths: list[PlainPath]) -> None:
    assert path_steps(295)[:3] == [0, 10, 20]
    assert path_steps(295)[28:33] == [280, 290, 295, 315, 335]
    assert path_steps(295)[-2:] == [575, 590]
    for path in paths:
        assert path.steps == path_steps(TINY.student_steps)
        assert path.readings.keys() == set(PATH_READINGS)
        assert all(len(values) == len(path.steps) for values in path.readings.values())


def test_it_tells_how_far_it_is(cohort: Cohort) -> None:
    done: list[int] = []
    plain_paths(cohort.subset((1,)), done.append)
    assert sum(done) == 2 * TINY.student_steps
    assert torch.get_num_threads() == 1
