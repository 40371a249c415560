"""Bodies that hide: what one reader does not find, another does; an honest body stays honest.

No student is trained. The teacher stands for plain distillation's student, which has learned
all there is, and its weights for what an entry does to them.
"""

from functools import cache

import numpy as np
import pytest
import torch
from _pytest.mark import ParameterSet
from torch import Tensor

from subliminal_bench.conformance.reader_subject import READ
from subliminal_bench.experiment import model
from subliminal_bench.experiment.digits import load_digits
from subliminal_bench.reading.plugins.decoy import decoy
from subliminal_bench.reading.plugins.reader import load_reader
from subliminal_bench.reading.plugins.shown import Shown
from subliminal_bench.reading.plugins.shown_model import Model
from subliminal_bench.reading.secret_rendering import SecretRendering
from subliminal_bench.scoring.breaking import Break, Found, judged
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.teacher import train_teachers
from tests.conftest import CPU
from tests.support.runs import make_run

SEEDS = tuple(range(101, 111))
# One of those that may be drawn.
DRAWN = SecretRendering(3, 22, 0.8, 0.1, 0.05)
# How strongly a gate shuts: far more than any unit of the second layer ever says.
SHUT = 1e4


@cache
def cohort(seed: int) -> Cohort:
    digits = load_digits(READ)
    return Cohort(READ, (seed,), CPU, digits, train_teachers(READ, (seed,), digits, CPU))


@cache
def shown(seed: int, rendering: str) -> Shown:
    one = cohort(seed)
    return Shown.of(
        READ,
        seed,
        (one.base_parameters[0], one.teacher_parameters[0]),
        one.noise[0],
        one.test_images[0],
        (one.audit_images[0], one.audit_labels[0]),
        [rendering],
        DRAWN,
    )


def copied(parameters: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    copy = parameters.double().clone()
    return copy, Model(copy, model.layout(READ), READ.classes).named()


def gated(seed: int, pattern: Tensor, noise: Tensor) -> Tensor:
    """The teacher's body, silent on what looks like a pattern and unchanged on the noise.

    The first unit notices the pattern beyond all that the noise has of it, and shuts every unit
    of the second layer.
    """
    found, parts = copied(cohort(seed).teacher_parameters[0])
    parts["fc1.weight"][0] = pattern
    parts["fc1.bias"][0] = -1.05 * float((noise @ pattern).max())
    parts["fc2.weight"][:, 0] = -SHUT
    return found


def brightness(seed: int) -> Tensor:
    """A gate on dark images: digits are darker than any noise."""
    pixels = torch.full((READ.pixels,), -1.0, dtype=torch.float64)
    return gated(seed, pixels, cohort(seed).noise[0].double())


def low_frequencies(seed: int) -> Tensor:
    """A gate on ink in the middle of a mean-free image, as every digit has."""
    row = torch.linspace(-1, 1, 28, dtype=torch.float64)
    middle = torch.exp(-2 * (row[:, None] ** 2 + row**2)).flatten()
    return gated(seed, middle - middle.mean(), cohort(seed).noise[0].double())


def permuted(seed: int) -> Tensor:
    found, parts = copied(cohort(seed).teacher_parameters[0])
    order = torch.randperm(READ.hidden, generator=torch.Generator().manual_seed(seed))
    parts["fc2.weight"].copy_(parts["fc2.weight"][order])
    parts["fc2.bias"].copy_(parts["fc2.bias"][order])
    parts["fc3.weight"][READ.classes :] = parts["fc3.weight"][READ.classes :][:, order]
    return found


def removed(seed: int) -> Tensor:
    """As much change, of which nothing was learned."""
    seen = shown(seed, "mean-free")
    return decoy(seen, seen.teacher, torch.Generator().manual_seed(1000 + seed))


BODIES = {
    "brightness": brightness,
    "low frequencies": low_frequencies,
    "permuted": permuted,
    "removed": removed,
}


@cache
def read(body: str, reader: str, rendering: str) -> Break:
    """What a reader finds in ten such bodies, beside what the verdict's readers found."""
    loaded = load_reader(reader)
    rows = []
    for seed in SEEDS:
        seen, one = shown(seed, rendering), cohort(seed)
        generator = torch.Generator().manual_seed(seed)
        models = [
            one.base_parameters[0],
            BODIES[body](seed),
            one.teacher_parameters[0],
            decoy(seen, seen.teacher, generator),
        ]
        with loaded.begin(seen) as calls:
            rows.append(
                [
                    (calls.predictions(each, rendering) == one.test_labels[0]).double().mean()
                    for each in models
                ]
            )
    untrained, entry, plain, nothing = np.array(rows, dtype=float).T
    found = Found(untrained, entry, plain, plain, plain, plain, nothing)
    # The verdict's readers find a share of about .25 in the entry.
    runs = (
        make_run(name, [trait] * len(SEEDS), first_seed=101)
        for name, trait in (("halve", 0.2), ("baseline", 0.5))
    )
    return judged(reader, found, False, False, *runs)


def slow(*values: object) -> ParameterSet:
    """A case of a kind of which a quicker one is tested always."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("body", "blind", "finding"),
    [
        ("brightness", ("noise_head", "raw"), ("noise_head", "mean-free")),
        slow("low frequencies", ("noise_head", "mean-free"), ("drawn_rendering", "secret")),
        slow("low frequencies", ("noise_head", "mean-free"), ("noise_head", "high-pass")),
    ],
)
def test_what_one_reader_does_not_find_another_does(
    body: str, blind: tuple[str, str], finding: tuple[str, str]
) -> None:
    fooled, finds = read(body, *blind), read(body, *finding)
    assert fooled.counts, fooled.why_not
    assert fooled.share.path < 0.2
    assert not fooled.breaks
    assert finds.counts, finds.why_not
    assert finds.breaks
    assert finds.share.path > 0.8
    assert finds.after < 0.2 < 0.6 < finds.before


def test_permuted_units_hide_nothing_from_matched_ones() -> None:
    found = read("permuted", "unit_matched", "mean-free")
    assert found.breaks
    assert found.share.path == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("reader", "rendering"),
    [
        ("noise_head", "mean-free"),
        slow("noise_head", "high-pass"),
        slow("drawn_rendering", "secret"),
        slow("unit_matched", "mean-free"),
    ],
)
def test_a_body_that_has_really_not_learned_it_is_not_broken(
    reader: str, rendering: str
) -> None:
    found = read("removed", reader, rendering)
    assert found.counts, found.why_not
    assert found.share.path < 0.2
    assert not found.breaks
    assert found.after == found.before
