"""The checks: a claim each, why it matters, and what to do where it fails."""

import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy import stats

from subliminal_bench.conformance.small import SMALL, cohort, differing, digits, students
from subliminal_bench.conformance.subject import Subject
from subliminal_bench.conformance.surroundings import (
    global_generators,
    global_state,
    opened_files,
    other_global_seeds,
)
from subliminal_bench.experiment.metrics import STEP_CURVES, under_permutations
from subliminal_bench.mitigation.mitigation import load_mitigation
from subliminal_bench.training.blindness import is_blind, renamed_digits
from subliminal_bench.training.cohort import Cohort
from subliminal_bench.training.measurement import Outcome
from subliminal_bench.training.student import train_students
from subliminal_bench.training.teacher import train_teachers

# Side by side and alone agree to float tolerance over the first steps, before rounding grows.
_FIRST_STEPS = 4
_RELATIVE, _ABSOLUTE = 1e-3, 1e-4
# Of the renamed digits: seeds on each side, and how unlikely a difference must be.
_RENAMED_SEEDS = tuple(range(1, 21))
_RENAMED_LEVEL = 1e-4
_RENAMED_METRICS = under_permutations("conformance")


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: as on the command line.
        claim: what holds where it passes.
        why: the reason for it.
        fix: what to do where it fails.
        find: what is wrong with a subject; None where nothing is.
        skip: why it does not apply to a subject; None where it does.
        needs: checks without which it tells nothing.
    """

    name: str
    claim: str
    why: str
    fix: str
    find: Callable[[Subject], str | None]
    skip: Callable[[Subject], str | None] = lambda subject: None
    needs: tuple[str, ...] = ()


def _loads(subject: Subject) -> str | None:
    subject.load()
    return None


def _hooks(subject: Subject) -> str | None:
    without = [one.card.name for one in subject.mitigation.plugins if not one.hooks]
    if without and not subject.mitigation.same_as(load_mitigation("baseline")):
        return f"{', '.join(without)} implements no hook besides its card: it changes nothing"
    return None


def _shapes(subject: Subject) -> str | None:
    for seeds in ((1,), (1, 2), (1, 2, 3, 4, 5)):
        subject.outcomes(*seeds)
    return None


def _finite(subject: Subject) -> str | None:
    ended = subject.outcomes(1, 2, 3, 4, 5)
    lost = [str(one.seed) for one in ended if one.diverged_at is not None]
    steps = SMALL.student_steps
    return f"students of seeds {', '.join(lost)} diverge within {steps} steps" if lost else None


def _independent(subject: Subject) -> str | None:
    first, second = subject.outcomes(1, 2)
    touched = differing(first, students(subject.mitigation, 1, 3)[0])
    touched += differing(second, students(subject.mitigation, 3, 2)[1])
    found = ", ".join(dict.fromkeys(touched))
    return f"another neighbour changes {found}" if touched else None


def _any_cohort(subject: Subject) -> str | None:
    (alone,) = subject.outcomes(1)
    for together in (subject.outcomes(1, 2), subject.outcomes(1, 2, 3, 4, 5)):
        for name in STEP_CURVES:
            ours, theirs = (one.curves[name][:_FIRST_STEPS] for one in (alone, together[0]))
            if not torch.allclose(ours, theirs, _RELATIVE, _ABSOLUTE, equal_nan=True):
                return f"{name} of seed 1 differs alone and among {len(together)}"
    return None


def _rerun(subject: Subject) -> str | None:
    def find() -> str | None:
        with other_global_seeds(20):
            (again,) = students(subject.mitigation, 1)
        changed = differing(subject.outcomes(1)[0], again)
        return f"a second run changes {', '.join(changed)}" if changed else None

    # Asked for by all checks that compare two runs.
    return subject.once("rerun", find)


def _fresh_load(subject: Subject) -> str | None:
    (anew,) = students(subject.loaded_again(), 1)
    changed = differing(subject.outcomes(1)[0], anew)
    return f"loaded anew it changes {', '.join(changed)}" if changed else None


def _seed_numbers(subject: Subject) -> str | None:
    (known,) = subject.outcomes(1)
    (unknown,) = train_students(cohort(1), subject.mitigation, shown_seeds=(20_011,))
    changed = differing(known, unknown)
    return f"under another seed number it changes {', '.join(changed)}" if changed else None


def _blind(subject: Subject) -> str | None:
    if is_blind(cohort(1), subject.mitigation, subject.secret):
        return None
    return (
        "other audit and test digits change the student: it sees what access 'blind' does not "
        "give"
    )


def _by_heart(subject: Subject) -> str | None:
    plain, other = (_on_renamed(subject, secret) for secret in (None, subject.secret))
    level = _RENAMED_LEVEL / len(_RENAMED_METRICS)
    for metric in _RENAMED_METRICS:
        ours, theirs = ([one.metrics[metric] or 0.0 for one in side] for side in (plain, other))
        if max(ours) == min(ours) and max(theirs) == min(theirs):
            continue
        p = stats.ttest_ind(ours, theirs, equal_var=False).pvalue
        if math.isfinite(p) and p < level:
            here, there = (sum(side) / len(side) for side in (ours, theirs))
            return (
                f"under secret permutations of pixels and classes {metric} goes from "
                f"{here:.4g} to {there:.4g} (p = {p:.0e}): it knows MNIST by heart"
            )
    return None


def _on_renamed(subject: Subject, secret: int | None) -> list[Outcome]:
    found = []
    for seed in _RENAMED_SEEDS:
        shown = digits() if secret is None else renamed_digits(SMALL, digits(), secret + seed)
        device = torch.device("cpu")
        teachers = train_teachers(SMALL, (seed,), shown, device)
        found += train_students(
            Cohort(SMALL, (seed,), device, shown, teachers), subject.mitigation
        )
    return found


def _inputs(subject: Subject) -> str | None:
    # The harness looks after every hook; what it finds ends the run.
    subject.outcomes(1, 2)
    return None


def _surroundings(subject: Subject) -> str | None:
    # Somewhere else than before: a generator seeded anew would otherwise stand where it did.
    with other_global_seeds(21):
        before = subject.surroundings | global_generators()
        students(subject.loaded_again(), 1)
        after = global_state()
    changed = [name for name in before if before[name] != after[name]]
    return f"it changes {', '.join(changed)}" if changed else None


def _files(subject: Subject) -> str | None:
    with opened_files() as found:
        students(subject.loaded_again(), 1)
    return f"it opens {', '.join(sorted(found))}" if found else None


def _harness(subject: Subject) -> str | None:
    subject.outcomes(1)
    changed = subject.harness.changed()
    return f"it exchanges {', '.join(changed)}" if changed else None


def _picklable(subject: Subject) -> str | None:
    for plugin in subject.mitigation.plugins:
        for what, value in (("card", plugin.card), ("settings", dict(plugin.settings))):
            try:
                same = pickle.loads(pickle.dumps(value)) == value
            except Exception as error:
                return f"the {what} of {plugin.card.name} cannot be pickled: {error}"
            if not same:
                return f"the {what} of {plugin.card.name} changes when it is pickled"
    return None


def _not_blind(subject: Subject) -> str | None:
    access = subject.mitigation.access
    return None if access == "blind" else f"its card declares access {access!r}"


_RANDOMNESS = "draw random numbers from step.normal() or step.generators only"
_REPEATABLE = ("rerun_is_the_same",)
_OWN_ROW = "keep the first dimension: one row a student, no mean or norm across rows"

CHECKS: dict[str, Check] = {
    check.name: check
    for check in [
        Check(
            "loads",
            "it loads, declares a card, and its hooks and their arguments are known",
            "a misspelled hook would silently never run",
            "see the message; hooks and arguments stand in docs/hooks.md",
            _loads,
        ),
        Check(
            "has_hooks",
            "it implements a hook",
            "a mitigation without one is plain distillation under another name",
            "implement one, and mark it with @hookimpl",
            _hooks,
        ),
        Check(
            "right_shapes",
            "shapes, dtypes and devices are right for 1, 2 and 5 students",
            "on a GPU a hundred students train side by side",
            _OWN_ROW,
            _shapes,
        ),
        Check(
            "inputs_untouched",
            "what the hooks are shown is not changed in place",
            "what is measured is measured on the same tensors",
            "work on a clone, and return the result",
            _inputs,
        ),
        Check(
            "finite",
            "no student diverges on the small experiment",
            "a diverged student counts as the worst",
            "guard divisions and logarithms; lower the strength",
            _finite,
        ),
        Check(
            "rerun_is_the_same",
            "a rerun gives the same to the bit, wherever the global generators stand",
            "a number that nobody can repeat is no result",
            _RANDOMNESS,
            _rerun,
        ),
        Check(
            "students_independent",
            "a student comes out the same to the bit, whoever is trained beside it",
            "seeds are compared as independent ones",
            _OWN_ROW,
            _independent,
            needs=_REPEATABLE,
        ),
        Check(
            "any_cohort_size",
            "a student comes out the same to float tolerance, alone or among others",
            "a laptop trains one student at a time and a GPU a hundred",
            _OWN_ROW,
            _any_cohort,
            needs=_REPEATABLE,
        ),
        Check(
            "fresh_load_is_the_same",
            "loaded anew it gives the same to the bit",
            "what is left in a module from an earlier run would decide a later one",
            "keep what must last in step.state, not in globals or on self",
            _fresh_load,
            needs=_REPEATABLE,
        ),
        Check(
            "seed_numbers_unused",
            "the number of a seed does not matter",
            "a mitigation could be tuned to the seeds that are looked at",
            f"do not compute with step.seeds; {_RANDOMNESS}",
            _seed_numbers,
            needs=_REPEATABLE,
        ),
        Check(
            "blind",
            "other audit and test digits leave the student the same to the bit",
            "a distiller has neither labels nor real digits",
            "compute from what step shows, or declare access='trait-gradient'",
            _blind,
            _not_blind,
            _REPEATABLE,
        ),
        Check(
            "nothing_by_heart",
            "results keep their distribution under secret permutations of pixels and classes",
            "a mitigation could load MNIST by itself",
            "use nothing but what the hooks are given",
            _by_heart,
        ),
        Check(
            "opens_no_files",
            "it opens no files, connections or processes",
            "the digits and their labels lie on this disk",
            "put numbers that it needs into its source",
            _files,
        ),
        Check(
            "harness_untouched",
            "functions of this package and of torch are what they were",
            "an exchanged loss or optimiser would make every measurement meaningless",
            "change training through the hooks only",
            _harness,
        ),
        Check(
            "surroundings_untouched",
            "global generators, precision, threads and gradient mode are what they were",
            "the next student would be trained under other conditions",
            f"{_RANDOMNESS}; leave torch's settings alone",
            _surroundings,
        ),
        Check(
            "picklable",
            "card and settings survive pickling",
            "they travel to worker processes and machines",
            "use plain numbers and words",
            _picklable,
        ),
    ]
}
