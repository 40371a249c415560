"""Plain distillation's path: what readers find along the way of the unmitigated student.

A student that distils less also has less of the trait. So an entry is compared with plain
distillation where that has distilled as far as the entry, and this is measured here: along the
baseline's own run, and for as many steps again.
"""

from collections.abc import Callable, Collection, Iterator

import torch
from torch import Tensor

from subliminal_bench.experiment import model, streams
from subliminal_bench.experiment.metrics import PATH_READINGS, SMALLEST_KL
from subliminal_bench.experiment.objective import distillation_loss, student_optimiser
from subliminal_bench.experiment.readers import EXPRESSED
from subliminal_bench.experiment.tensors import own_rows
from subliminal_bench.experiment.torch_state import pinned_torch
from subliminal_bench.reading.readings import read
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import accuracy, kl_on_noise
from subliminal_bench.training.outcome import PlainPath

# Steps from one point of the path to the next: up to the baseline's end, and beyond it.
_EVERY = 10
_EVERY_BEYOND = 20


def path_steps(student_steps: int) -> list[int]:
    """The steps at which the path has a point.

    >>> path_steps(25)
    [0, 10, 20, 25, 45, 50]
    """
    end = 2 * student_steps
    within = [*range(0, student_steps, _EVERY), student_steps]
    return [*within, *range(student_steps + _EVERY_BEYOND, end, _EVERY_BEYOND), end]


@pinned_torch()
def plain_paths(
    cohort: Cohort, advance: Callable[[int], None] = lambda steps: None
) -> list[PlainPath]:
    """Distil the cohort's students without any mitigation, twice as long as the protocol does.

    The second half has the next epochs of the same orders. Up to the first half's end, the
    students are the baseline's, bit for bit.

    Args:
        cohort: the students.
        advance: called with the number of steps done since the last call.

    Returns:
        One path per seed, in the cohort's order.
    """
    wanted = set(path_steps(cohort.protocol.student_steps))
    points: dict[int, Tensor] = {}
    for step, parameters in plain_students(cohort):
        if step in wanted:
            points[step] = parameters
        if step:
            advance(1)
    return [_read_along(cohort, row, points) for row in range(len(cohort.seeds))]


def plain_students(cohort: Cohort, offset: int | None = None) -> Iterator[tuple[int, Tensor]]:
    """Plain distillation: the steps done, and the parameters `[students, parameters]` then.

    Args:
        cohort: the students.
        offset: seed of the orders of the noise, relative to the run's; the protocol's by
            default.
    """
    protocol = cohort.protocol
    parameters = cohort.start_parameters.clone()
    optimiser = student_optimiser(protocol, parameters)
    yield 0, parameters.clone()
    step = 0
    offset = protocol.noise_order_offset if offset is None else offset
    for order in _orders(cohort, offset).unbind(1):
        for batch in order.split(protocol.batch, 1):
            shown = parameters.clone().requires_grad_()
            logits = model.forward(cohort.layout, shown, own_rows(cohort.noise, batch))
            targets = own_rows(cohort.auxiliary_logits, batch)
            loss = distillation_loss(protocol, logits, targets)
            (parameters.grad,) = torch.autograd.grad(loss.sum(), shown)
            optimiser.step()
            step += 1
            yield step, parameters.clone()


@pinned_torch()
def plain_at(
    cohort: Cohort, steps: Collection[int], offset: int | None = None
) -> dict[int, Tensor]:
    """Plain distillation's weights after some numbers of steps, `[students, parameters]` each.

    Args:
        cohort: the students.
        steps: numbers of steps, at most twice the protocol's.
        offset: as in `plain_students`.
    """
    found: dict[int, Tensor] = {}
    for step, parameters in plain_students(cohort, offset):
        if step in steps:
            found[step] = parameters
        if len(found) == len(set(steps)):
            break
    return found


def _orders(cohort: Cohort, offset: int) -> Tensor:
    """Order of the noise images, int64 `[students, twice the epochs, images]`."""
    protocol = cohort.protocol
    return torch.stack(
        [
            streams.orders(
                seed + offset,
                protocol.noise_images,
                2 * protocol.student_epochs,
            )
            for seed in cohort.seeds
        ]
    ).to(cohort.device)


def _read_along(cohort: Cohort, row: int, points: dict[int, Tensor]) -> PlainPath:
    """The path of one student, from the parameters of all students at each point."""
    alone = cohort.subset((cohort.seeds[row],))
    evidence = alone.evidence(0)
    kls, readings = [], []
    for parameters in points.values():
        own = parameters[row : row + 1]
        kls.append(kl_on_noise(alone, own, fresh=True).clamp_min(SMALLEST_KL))
        found = read(evidence, own[0]) | {EXPRESSED: accuracy(alone, own)[0]}
        readings.append({name: found[name] for name in PATH_READINGS if name in found})
    return PlainPath(
        list(points),
        torch.cat(kls).tolist(),
        {name: torch.stack([one[name] for one in readings]).tolist() for name in readings[0]},
    )
