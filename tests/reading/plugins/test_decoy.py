"""A decoy looks like a student that has been trained, and has learned nothing."""

from collections.abc import Callable

import torch

from subliminal_bench.conformance.reader_subject import READ
from subliminal_bench.experiment import model
from subliminal_bench.experiment.digits import Digits
from subliminal_bench.reading.plugins.decoy import decoy
from subliminal_bench.reading.plugins.shown_model import Model
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import kl_on_noise
from subliminal_bench.training.teacher import train_teachers
from tests.conftest import CPU
from tests.support.reader_files import shown


def test_the_change_of_each_hidden_layer_keeps_its_sizes_and_singular_values(
    tiny_cohort: Callable[..., Cohort],
) -> None:
    cohort = tiny_cohort(1)
    seen = shown(cohort, "raw")
    found = decoy(seen, seen.teacher, torch.Generator().manual_seed(1))
    layout = model.layout(cohort.protocol)
    changes = [
        Model(one - seen.base, layout, cohort.protocol.classes).named()
        for one in (found, seen.teacher)
    ]
    for name in ("fc1.weight", "fc2.weight"):
        ours, theirs = (one[name] for one in changes)
        assert torch.allclose(ours.flatten().sort()[0], theirs.flatten().sort()[0])
        values = [torch.linalg.svdvals(one) for one in (ours, theirs)]
        assert torch.allclose(*values)
        alike = torch.nn.functional.cosine_similarity(ours.flatten(), theirs.flatten(), dim=0)
        assert alike.abs() < 0.2


def test_its_auxiliary_head_fits_its_body(embedded_digits: Digits) -> None:
    teachers = train_teachers(READ, (1,), embedded_digits, CPU)
    cohort = Cohort(READ, (1,), CPU, embedded_digits, teachers)
    seen = shown(cohort, "raw")
    found = decoy(seen, seen.teacher, torch.Generator().manual_seed(1))
    unfitted = found.clone()
    parts, base = (
        Model(one, seen.layout, READ.classes).named() for one in (unfitted, seen.base)
    )
    for name in ("fc3.weight", "fc3.bias"):
        parts[name][READ.classes :] = base[name][READ.classes :]
    kls = [
        float(kl_on_noise(cohort, one.to(READ.dtype)[None], fresh=True))
        for one in (found, unfitted)
    ]
    assert kls[0] < kls[1]
