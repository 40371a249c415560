"""How far a student's weights are from where training began, and what moved them.

Nothing here looks at what the student has learned. It tells a student that was distilled from
one whose hidden units were put in other places or given other sizes, which a network's function
need not show, and a change that the optimiser made from one that a hook made.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from subliminal_bench.experiment.model import Layout
from subliminal_bench.experiment.weight_parts import HIDDEN, PARTS
from subliminal_bench.training.outcome import WeightChange

# A unit has changed places if the weights that lead to it are nearer to another unit's, by this
# much of a cosine. Different units of a layer that was drawn at random have cosines near 0.
_NEARER = 0.5
# And if it is nearly that unit's.
_ALIKE = 0.75
# What only a course that was seen step by step tells.
_KNOWN = ("hook_updates", "finish")


@dataclass
class UpdateTally:
    """What the optimiser applied, and what a hook made of it, added up over the steps.

    Attributes:
        updates: the sum of the optimiser's own updates, `[students, parameters]`.
        own: the sum of their lengths, `[students]`.
        added: the sum of the lengths of what the hook changed about them,
            `[students]`.
    """

    updates: Tensor
    own: Tensor
    added: Tensor

    @classmethod
    def empty(cls, parameters: Tensor) -> "UpdateTally":
        """Of students that have made no step; their parameters are `[students, parameters]`."""
        nothing = torch.zeros(len(parameters), device=parameters.device, dtype=torch.float64)
        return cls(torch.zeros_like(parameters), nothing, nothing.clone())

    def add(self, update: Tensor, changed: Tensor) -> None:
        """One step: the optimiser's update and what was applied, `[students, parameters]`."""
        # In the precision that they have: it is done at every step.
        self.updates += update
        self.own += torch.linalg.vector_norm(update, dim=1)
        if changed is not update:
            self.added += torch.linalg.vector_norm(changed - update, dim=1)


@dataclass(frozen=True)
class Course:
    """Students where training began and where it ended, `[students, parameters]` each.

    Attributes:
        began: what the hook `start` returned.
        ended: what the hook `finish` returned.
        stepped: after the last step, before `finish`; None if only weights are known.
        tally: of the steps, if a hook for the update was there.
    """

    began: Tensor
    ended: Tensor
    stepped: Tensor | None = None
    tally: UpdateTally | None = None

    @property
    def updates(self) -> Tensor | None:
        """The sum of the optimiser's own updates; None if only weights are known."""
        if self.tally:
            return self.tally.updates
        return None if self.stepped is None else self.stepped - self.began

    @property
    def hook_updates(self) -> Tensor | None:
        """The part of the update's hook in all that was done step by step."""
        if self.tally:
            return _ratio(self.tally.added, self.tally.own + self.tally.added)
        return None if self.stepped is None else _length(self.stepped) * 0.0

    @property
    def finish(self) -> Tensor | None:
        """The part of `finish` in how far the steps and `finish` moved the weights."""
        if self.stepped is None:
            return None
        last, steps = _length(self.ended - self.stepped), _length(self.stepped - self.began)
        return _ratio(last, steps + last)


def weight_changes(layout: Layout, classes: int, course: Course) -> list[WeightChange | None]:
    """Every student's change; None where it is not finite.

    Models of another depth than two hidden layers have none.

    Args:
        layout: of the model.
        classes: the number of class logits, which come first.
        course: of the students.

    >>> from subliminal_bench.experiment.model import initial_parameters, layout
    >>> from subliminal_bench.experiment.protocol import MNIST
    >>> began = initial_parameters(MNIST, (1,), torch.device("cpu"))
    >>> (found,) = weight_changes(layout(MNIST), 10, Course(began, 2 * began))
    >>> found.displacement == found.size, found.exchanged
    (True, {'layer1': 0.0, 'layer2': 0.0})
    """
    if len(layout.names) != 2 * (len(HIDDEN) + 1):
        return [None] * len(course.began)
    began, ended = course.began.double(), course.ended.double()
    moved, first = _parts(layout, classes, ended - began), _parts(layout, classes, began)
    columns = {
        **{("displacement", name): _length(moved[name]) for name in PARTS},
        **{("size", name): _length(first[name]) for name in PARTS},
        **_units(layout, classes, began, ended),
    }
    known: dict[str, Tensor | None] = {name: getattr(course, name) for name in _KNOWN}
    known["unexplained"] = None
    if course.updates is not None:
        updates = _parts(layout, classes, course.updates.double())
        known["unexplained"] = _unexplained(moved, updates)
    columns |= {(name, ""): one for name, one in known.items() if one is not None}
    # Read at once, because each read waits for the device.
    rows = torch.stack(list(columns.values()), 1).tolist()
    return [_change(dict(zip(columns, row, strict=True))) for row in rows]


def _change(values: dict[tuple[str, str], float]) -> WeightChange | None:
    """One student's change, by field and part; None if a value is not finite."""
    if not all(map(isfinite, values.values())):
        return None
    fields: dict[str, Any] = dict.fromkeys((*_KNOWN, "unexplained"))
    for (field, part), value in values.items():
        if part:
            fields.setdefault(field, {})[part] = value
        else:
            fields[field] = value
    return WeightChange(**fields)


def _parts(layout: Layout, classes: int, flat: Tensor) -> dict[str, Tensor]:
    """The parts of `[students, parameters]` by their names in `PARTS`, `[students, ·]`."""
    named = layout.named(flat)
    head = torch.cat([named["fc3.weight"], named["fc3.bias"].unsqueeze(2)], 2)
    return {
        "layer1": torch.cat([named["fc1.weight"].flatten(1), named["fc1.bias"]], 1),
        "layer2": torch.cat([named["fc2.weight"].flatten(1), named["fc2.bias"]], 1),
        "auxiliary_head": head[:, classes:].flatten(1),
        "class_head": head[:, :classes].flatten(1),
    }


def _unexplained(moved: dict[str, Tensor], updates: dict[str, Tensor]) -> Tensor:
    """The share of the squared change that lies along no part's updates, `[students]`.

    A part may have followed its updates at any rate: that is the optimiser's doing, slowed
    down or sped up.
    """
    whole = torch.stack([moved[name].square().sum(1) for name in PARTS]).sum(0)
    along = [
        _ratio(
            (moved[name] * updates[name]).sum(1).clamp_min(0).square(),
            updates[name].square().sum(1),
        )
        for name in PARTS
    ]
    return _ratio((whole - torch.stack(along).sum(0)).clamp_min(0), whole)


def _units(
    layout: Layout, classes: int, began: Tensor, ended: Tensor
) -> dict[tuple[str, str], Tensor]:
    """What became of the hidden units, by field and layer, `[students]` each.

    A unit of the second layer is compared after undoing what was found in the first.
    """
    before, after = layout.named(began), layout.named(ended)
    layer1 = _Matched.of(
        _with_bias(after["fc1.weight"], after["fc1.bias"]),
        _with_bias(before["fc1.weight"], before["fc1.bias"]),
    )
    weight2 = _columns(before["fc2.weight"], layer1.partner)
    layer2 = _Matched.of(
        _with_bias(after["fc2.weight"] * layer1.growth.exp().unsqueeze(1), after["fc2.bias"]),
        _with_bias(weight2, before["fc2.bias"]),
    )
    # Distillation sees the auxiliary logits alone, so what leads to them must make up for it.
    weight3 = _columns(before["fc3.weight"][:, classes:], layer2.partner)
    onwards = _growth(after["fc3.weight"][:, classes:], weight3, 1)
    scale2 = _rescaled(layer2.growth, onwards)
    undone = after["fc2.weight"] / scale2.exp().unsqueeze(2)
    scales = _rescaled(layer1.growth, _growth(undone, weight2, 1)), scale2
    found: dict[tuple[str, str], Tensor] = {}
    for name, one, scale in zip(HIDDEN, (layer1, layer2), scales, strict=True):
        found["exchanged", name] = one.exchanged.double().mean(1)
        found["rescaled", name] = scale.abs().median(1).values.exp()
        found["rescaled_most", name] = scale.abs().amax(1).exp()
    return found


@dataclass(frozen=True)
class _Matched:
    """The units of a layer, and the units of the beginning that they resemble.

    Attributes:
        partner: the unit of the beginning, int64 `[students, units]`.
        exchanged: whether that is another unit, bool `[students, units]`.
        growth: of its incoming weights against its partner's; see `_growth`.
    """

    partner: Tensor
    exchanged: Tensor
    growth: Tensor

    @classmethod
    def of(cls, incoming: Tensor, first: Tensor) -> "_Matched":
        """From incoming weights with their biases, `[students, units, inputs + 1]`."""
        ours, theirs = (torch.nn.functional.normalize(one, dim=2) for one in (incoming, first))
        cosines = ours @ theirs.transpose(1, 2)
        own = cosines.diagonal(dim1=1, dim2=2).clamp_min(0)
        # The nearest may be the unit itself, which is not above its own.
        best, place = cosines.max(2)
        exchanged = (best > own + _NEARER) & (best > _ALIKE)
        itself = torch.arange(cosines.shape[1], device=cosines.device)
        partner = torch.where(exchanged, place, itself)
        return cls(partner, exchanged, _growth(incoming, _rows(first, partner), 2))


def _with_bias(weight: Tensor, bias: Tensor) -> Tensor:
    return torch.cat([weight, bias.unsqueeze(2)], 2)


def _rows(weight: Tensor, partner: Tensor) -> Tensor:
    """A layer's weights `[students, units, inputs]` with each unit's partner in its place."""
    return weight.gather(1, partner.unsqueeze(2).expand(-1, -1, weight.shape[2]))


def _columns(weight: Tensor, partner: Tensor) -> Tensor:
    """A layer's weights `[students, outputs, units]` with each unit's partner in its place."""
    return weight.gather(2, partner.unsqueeze(1).expand(-1, weight.shape[1], -1))


def _growth(after: Tensor, before: Tensor, along: int) -> Tensor:
    """Logarithm of the growth of norms along a dimension; 0 where either has none."""
    now, then = (torch.linalg.vector_norm(one, dim=along).log() for one in (after, before))
    return torch.where(now.isfinite() & then.isfinite(), now - then, 0.0)


def _rescaled(growth: Tensor, onwards: Tensor) -> Tensor:
    """The factor by which units were rescaled, as a logarithm, `[students, units]`.

    A unit that grew `c` times while what leads on from it shrank as much was rescaled by `c`.
    One that grew or shrank on both sides, or on one alone, was not: that changes what the
    student computes.

    Args:
        growth: of the incoming weights, `[students, units]`.
        onwards: of the weights that lead on from it.
    """
    both = torch.minimum(growth.abs(), onwards.abs()) * growth.sign()
    return both.where(growth * onwards < 0, 0.0)


def _length(rows: Tensor) -> Tensor:
    """Euclidean norm of every row, float64 `[students]`."""
    norms: Tensor = torch.linalg.vector_norm(rows, dim=1, dtype=torch.float64)
    return norms


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """`part / whole`, and 0 where both are 0."""
    return torch.where(part == 0, torch.zeros_like(part), part / whole)
