"""What to try next: the card's settings, some that cover the space, then optuna's proposals.

Nothing of the optimiser is kept between two proposals. It is told every trial anew, so a study
that was killed, or that several processes share, goes on from what is written down.
"""

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial
from scipy.stats import qmc

from subliminal_bench.mitigation.card import Value
from subliminal_bench.running.study.space import Choices, Dimension, Range, Space

Origin = Literal["card", "drawn", "optimiser"]

# Settings that cover the space before the optimiser has something to go by.
_DRAWN = 6
# Proposals that were tried before are asked for again, so many times.
_ATTEMPTS = 50
# A space with so few settings can be tried completely.
_FEW = 1000


@dataclass(frozen=True)
class Told:
    """A trial as the optimiser is told of it.

    Attributes:
        settings: that were tried.
        prevention: what they prevent; None while they run, and if they failed.
        ratio: their final KL over plain distillation's; None likewise.
        failed: whether a hook failed.
    """

    settings: Mapping[str, Value]
    prevention: float | None
    ratio: float | None
    failed: bool = False


def propose(
    space: Space, own: Mapping[str, Value], before: Sequence[Told], key: str
) -> tuple[dict[str, Value], Origin] | None:
    """Settings to try next; None if all of the space was tried.

    The same trials before give the same proposal.

    Args:
        space: that they are from.
        own: the settings of the card, which are tried first if they are in the space.
        before: the trials so far, in order.
        key: of the study, which decides what is random.

    >>> space = Space({"weight": Range(0.0, 1.0)})
    >>> propose(space, {"weight": 0.5}, [], "key")
    ({'weight': 0.5}, 'card')
    """
    tried = [dict(one.settings) for one in before]
    if not before and space.includes(own):
        return {name: own[name] for name in space.dimensions}, "card"
    every = space.all_settings(_FEW)
    left = None if every is None else [one for one in every if one not in tried]
    if left is not None and not left:
        return None
    seed = int(hashlib.sha256(f"{key} {len(before)}".encode()).hexdigest()[:8], 16)
    if len(before) <= _DRAWN:
        drawn = _drawn(space, key, len(before))
        if drawn not in tried:
            return drawn, "drawn"
    study = _told(space, before, seed)
    for _ in range(_ATTEMPTS):
        found = _asked(study, space)
        if found not in tried:
            return found, "optimiser"
    # It keeps proposing what was tried: whatever is left is as good.
    return (left[0] if left else found), "optimiser"


def _drawn(space: Space, key: str, place: int) -> dict[str, Value]:
    """The next point of a sequence that covers the space evenly."""
    seed = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16)
    points = qmc.Halton(len(space.dimensions), rng=seed).random(place + 1)
    return space.at([float(share) for share in points[-1]])


def _told(space: Space, before: Sequence[Told], seed: int) -> optuna.Study:
    """A study of optuna's that knows the trials before."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        # That an option is new, which its pinned version settles.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            multivariate=True, constant_liar=True, n_startup_trials=1, seed=seed
        )
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    named = {name: _distribution(one) for name, one in space.dimensions.items()}
    for one in before:
        if not space.includes(one.settings):
            continue
        values = None
        state = TrialState.FAIL if one.failed else TrialState.RUNNING
        if one.prevention is not None and one.ratio is not None:
            values, state = [one.prevention, one.ratio], TrialState.COMPLETE
        study.add_trial(
            create_trial(
                state=state, values=values, params=dict(one.settings), distributions=named
            )
        )
    return study


def _asked(study: optuna.Study, space: Space) -> dict[str, Value]:
    """What optuna proposes, in numbers that can be read."""
    trial = study.ask({name: _distribution(one) for name, one in space.dimensions.items()})
    return {
        name: one.rounded(trial.params[name]) if isinstance(one, Range) else trial.params[name]
        for name, one in space.dimensions.items()
    }


def _distribution(one: Dimension) -> BaseDistribution:
    if isinstance(one, Choices):
        return CategoricalDistribution(one.values)
    if one.whole:
        return IntDistribution(round(one.low), round(one.high), log=one.log)
    return FloatDistribution(one.low, one.high, log=one.log)
